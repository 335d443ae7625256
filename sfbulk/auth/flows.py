"""The settings of each sign-in flow, and which flow fits given settings; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from sfbulk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Flow:
    """The settings of one flow, by name."""

    needs: tuple[tuple[str, ...], ...]
    """One setting of each group must be given."""
    optional: tuple[str, ...] = ()
    """Optional settings."""

    @property
    def settings(self) -> tuple[str, ...]:
        """All of them, required ones first."""
        return (*chain.from_iterable(self.needs), *self.optional)

    def missing(self, given: Collection[str]) -> list[str]:
        """The required settings that are not given."""
        groups = (g for g in self.needs if not any(name in given for name in g))
        return [" or ".join(group) for group in groups]

    def used(self, given: Collection[str]) -> set[str]:
        """The settings of the flow that are given."""
        return {name for name in self.settings if name in given}


_KEY = ("private_key", "private_key_path")

FLOWS: Mapping[str, Flow] = {
    "access_token": Flow((("instance_url",), ("access_token",))),
    "client_credentials": Flow((("client_id",), ("client_secret",))),
    "jwt_bearer": Flow(
        (("client_id",), ("username",), _KEY),
        ("private_key_passphrase",),
    ),
    "refresh_token": Flow(
        (("client_id",), ("refresh_token", "refresh_token_path")),
        ("client_secret",),
    ),
    "salesforce_cli": Flow((("sf_org",),)),
    "soap_login": Flow((("username",), ("password",)), ("security_token",)),
    "oauth_password": Flow(
        (("client_id",), ("username",), ("password",)),
        ("client_secret", "security_token"),
    ),
}
"""Each flow by its name in `auth_flow`; errors name them in this order."""

# Settings that show which flow is intended. client_id, client_secret and instance_url are not
# among them: they belong to several flows.
_DISTINCTIVE = frozenset(chain.from_iterable(f.settings for f in FLOWS.values())) - {
    "instance_url",
    "client_id",
    "client_secret",
}


def choose_flow(given: Mapping[str, str]) -> str:
    """The name of the flow that the settings fit.

    Args:
        given: the sign-in settings that have a value.

    Raises:
        ConfigError: they fit no flow or several, or a setting is missing or not used; names all
            problems.
    """
    named = given.get("auth_flow")
    if named is not None and named not in FLOWS:
        raise ConfigError([f'auth_flow must be one of {", ".join(FLOWS)}, not "{named}".'])
    fitting = [named] if named else _fitting(given)
    if not fitting:
        raise ConfigError([_incomplete(given)])
    if len(fitting) > 1:
        both = " and ".join(fitting)
        raise ConfigError([f"The settings fit {both}; set auth_flow to one of them."])
    name = fitting[0]
    if missing := FLOWS[name].missing(given):
        raise ConfigError([f"{', '.join(missing)} missing for the {name} sign-in."])
    problems = [*_given_twice(name, given), *([] if named else _unused(name, given))]
    if problems:
        raise ConfigError(problems)
    return name


def _fitting(given: Collection[str]) -> list[str]:
    """The flows whose required settings are all given.

    A flow is left out if another one uses the same settings and more: client_id with a username
    and a password is oauth_password, not soap_login.
    """
    used = {name: flow.used(given) for name, flow in FLOWS.items() if not flow.missing(given)}
    return [name for name, mine in used.items() if not any(mine < other for other in used.values())]


def _given_twice(flow: str, given: Collection[str]) -> list[str]:
    groups = ([n for n in group if n in given] for group in FLOWS[flow].needs)
    return [
        f"{' and '.join(names)} are both given: leave one out." for names in groups if names[1:]
    ]


def _unused(flow: str, given: Collection[str]) -> list[str]:
    """Problems with settings of other flows, which suggest that another flow is intended."""
    names = sorted(_DISTINCTIVE & (set(given) - set(FLOWS[flow].settings)))
    if not names:
        return []
    others = [o for o in FLOWS if o != flow and set(names) & set(FLOWS[o].settings)]
    needs = " or ".join(
        f"{', '.join(FLOWS[o].missing(given)) or 'nothing'} for {o}" for o in others
    )
    unused = f"The settings fit {flow}, which does not use {', '.join(names)}."
    return [f"{unused} Leave that out, set auth_flow to {flow}, or add what is missing: {needs}."]


def _incomplete(given: Collection[str]) -> str:
    started = [name for name, flow in FLOWS.items() if flow.used(given)]
    missing = {name: FLOWS[name].missing(given) for name in started}
    # The flow that is nearest to complete is the most likely one.
    started.sort(key=lambda name: len(missing[name]))
    if started:
        each = "; or ".join(f"{', '.join(missing[name])} for {name}" for name in started)
        return f"Sign-in settings are incomplete. Missing: {each}."
    every = (f"{' + '.join(flow.missing(()))} ({name})" for name, flow in FLOWS.items())
    return f"Sign-in settings are missing. Give one of: {'; '.join(every)}."

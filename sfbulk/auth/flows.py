"""The sign-in flows: which settings each takes, and which flow a set of settings means; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Flow:
    """The settings of one flow, by name."""

    needs: tuple[tuple[str, ...], ...]
    """One of each group."""
    takes: tuple[str, ...] = ()
    """What may be given besides."""

    @property
    def settings(self) -> tuple[str, ...]:
        """All of them."""
        return (*chain.from_iterable(self.needs), *self.takes)

    def missing(self, given: Collection[str]) -> list[str]:
        """What is needed and not given."""
        groups = (g for g in self.needs if not any(name in given for name in g))
        return [" or ".join(group) for group in groups]

    def used(self, given: Collection[str]) -> set[str]:
        """What is given of its settings."""
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
"""Each flow by its name in `auth_flow`, in the order of advice."""

# Settings without which nobody means a flow that has them; client_id and instance_url go
# along with several, login_url with all.
_TELLING = frozenset(chain.from_iterable(f.settings for f in FLOWS.values())) - {
    "instance_url",
    "client_id",
    "client_secret",
}


def meant_flow(given: Mapping[str, str]) -> str:
    """The flow that settings without `flow_problems` mean."""
    return given.get("auth_flow") or _fitting(given)[0]


def flow_problems(given: Mapping[str, str]) -> list[str]:
    """Why the settings name no flow, or not all that it needs; empty when they do."""
    named = given.get("auth_flow")
    if named is not None and named not in FLOWS:
        return [f'auth_flow must be one of {", ".join(FLOWS)}, not "{named}".']
    fitting = [named] if named else _fitting(given)
    if not fitting:
        return [_nothing_fits(given)]
    if len(fitting) > 1:
        return [f"The settings fit {' and '.join(fitting)}; set auth_flow to one of them."]
    name = fitting[0]
    if missing := FLOWS[name].missing(given):
        return [f"{', '.join(missing)} missing for the {name} sign-in."]
    return [*_given_twice(name, given), *([] if named else _left_over(name, given))]


def _fitting(given: Collection[str]) -> list[str]:
    """The flows that all is given for, without those that one of the others contains."""
    used = {name: flow.used(given) for name, flow in FLOWS.items() if not flow.missing(given)}
    return [name for name, mine in used.items() if not any(mine < other for other in used.values())]


def _given_twice(flow: str, given: Collection[str]) -> list[str]:
    groups = ([n for n in group if n in given] for group in FLOWS[flow].needs)
    return [
        f"{' and '.join(names)} are both given: leave one out." for names in groups if names[1:]
    ]


def _left_over(flow: str, given: Collection[str]) -> list[str]:
    """Settings that show that another flow may be meant."""
    names = sorted(_TELLING & (set(given) - set(FLOWS[flow].settings)))
    if not names:
        return []
    others = [o for o in FLOWS if o != flow and set(names) & set(FLOWS[o].settings)]
    needs = " or ".join(
        f"{', '.join(FLOWS[o].missing(given)) or 'nothing'} for {o}" for o in others
    )
    told = f"The settings fit {flow}, which does not use {', '.join(names)}."
    return [f"{told} Leave that out, set auth_flow to {flow}, or add what is missing: {needs}."]


def _nothing_fits(given: Collection[str]) -> str:
    begun = [name for name, flow in FLOWS.items() if flow.used(given)]
    missing = {name: FLOWS[name].missing(given) for name in begun}
    # The flow that is nearest to complete is the likeliest to be meant.
    begun.sort(key=lambda name: len(missing[name]))
    if begun:
        told = "; or ".join(f"{', '.join(missing[name])} for {name}" for name in begun)
        return f"Sign-in settings are incomplete. Missing: {told}."
    every = (f"{' + '.join(flow.missing(()))} ({name})" for name, flow in FLOWS.items())
    return f"Sign-in settings are missing. Give one of: {'; '.join(every)}."

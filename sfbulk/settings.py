"""Sign-in settings: which there are, and what is wrong with a given set; no I/O.

The flow follows from what is given; `auth_flow` names it when two fit:

- `access_token`: `instance_url` and `access_token`
- `client_credentials`: `client_id` and `client_secret`
- `refresh_token`: `client_id`, `client_secret` and `refresh_token`
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sfbulk.errors import ConfigError
from sfbulk.urls import origin, origin_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LOGIN_URL = "https://login.salesforce.com"
DEFAULT_API_VERSION = "68.0"

FLOWS = {
    "access_token": ("instance_url", "access_token"),
    "client_credentials": ("client_id", "client_secret"),
    "refresh_token": ("client_id", "client_secret", "refresh_token"),
}
"""Each flow and the settings it needs."""

SIGN_IN_SCHEMA: dict[str, dict[str, Any]] = {
    "login_url": {
        "type": ["string", "null"],
        "default": DEFAULT_LOGIN_URL,
        "title": "Login URL",
        "description": "Where to sign in: a My Domain (client credentials need it), "
        "https://test.salesforce.com, or http://127.0.0.1:PORT for a local org.",
    },
    "instance_url": {
        "type": ["string", "null"],
        "title": "Instance URL",
        "description": "The org's own host, given together with `access_token`.",
    },
    "access_token": {
        "type": ["string", "null"],
        "secret": True,
        "writeOnly": True,
        "title": "Access Token",
        "description": "A session that exists already, used with `instance_url`.",
    },
    "client_id": {
        "type": ["string", "null"],
        "title": "Client ID",
        "description": "Consumer key of the connected app.",
    },
    "client_secret": {
        "type": ["string", "null"],
        "secret": True,
        "writeOnly": True,
        "title": "Client Secret",
        "description": "Consumer secret of the connected app.",
    },
    "refresh_token": {
        "type": ["string", "null"],
        "secret": True,
        "writeOnly": True,
        "title": "Refresh Token",
        "description": "Refresh token of a user, with `client_id` and `client_secret`.",
    },
    "auth_flow": {
        "type": ["string", "null"],
        "enum": [*FLOWS, None],
        "title": "Sign-in Flow",
        "description": "Which flow is meant when the given settings fit two.",
    },
    "api_version": {
        "type": ["string", "null"],
        "default": DEFAULT_API_VERSION,
        "title": "API Version",
        "description": "Salesforce API version, as NN.0.",
    },
}
"""JSON Schema of every setting that `Salesforce.from_settings` reads."""

SIGN_IN_SETTINGS = tuple(SIGN_IN_SCHEMA)
"""Their names."""

SECRET_SETTINGS = tuple(name for name, schema in SIGN_IN_SCHEMA.items() if schema.get("secret"))
"""Those of them that must never be shown."""

# Bulk API 2.0 queries begin with 47.0 (Bulk API guide).
_OLDEST_API_VERSION = 47.0

# The client credentials flow is refused there (Help: OAuth 2.0 Client Credentials Flow).
_COMMON_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")


@dataclass(frozen=True)
class Credentials:
    """What one sign-in flow needs; fields it does not use are None."""

    flow: str
    login_url: str
    instance_url: str | None = None
    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Settings:
    """The sign-in settings, checked."""

    credentials: Credentials
    api_version: str


def parse_settings(settings: Mapping[str, Any]) -> Settings:
    """The sign-in settings among `settings`; other keys are ignored.

    Raises:
        ConfigError: names all problems at once.
    """
    problems = credentials_problems(settings)
    if problems:
        raise ConfigError(problems)
    given = _given(settings)
    flow = given.get("auth_flow") or _fitting(given)[0]
    used = {name: given[name] for name in FLOWS[flow]}
    if "instance_url" in given:
        used["instance_url"] = origin(given["instance_url"])
    return Settings(
        credentials=Credentials(
            flow=flow, login_url=origin(given.get("login_url", DEFAULT_LOGIN_URL)), **used
        ),
        api_version=given.get("api_version", DEFAULT_API_VERSION),
    )


def credentials_problems(settings: Mapping[str, Any]) -> list[str]:
    """What is missing or contradictory among the sign-in settings; empty when nothing is."""
    not_text = [
        f"{name} must be text." + (f' Write "{settings[name]}".' if name == "api_version" else "")
        for name in SIGN_IN_SETTINGS
        if not isinstance(settings.get(name), (str, type(None)))
    ]
    given = _given(settings)
    return [
        *not_text,
        *(f"{name} {problem}." for name, problem in _url_problems(given)),
        *(f"{name} holds a space, a line break or a letter like é." for name in _broken(given)),
        *_version_problems(given),
        *_flow_problems(given),
    ]


def _given(settings: Mapping[str, Any]) -> dict[str, str]:
    # Meltano hands over an unset setting as an empty text.
    values = {name: settings.get(name) for name in SIGN_IN_SETTINGS}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _broken(given: Mapping[str, str]) -> list[str]:
    # A line break read from a file along with the token would make the header invalid.
    return [name for name in SECRET_SETTINGS if re.search("[^!-~]", given.get(name, ""))]


def _url_problems(given: Mapping[str, str]) -> list[tuple[str, str]]:
    checked = [(n, origin_problem(given[n])) for n in ("login_url", "instance_url") if n in given]
    return [(name, problem) for name, problem in checked if problem]


def _version_problems(given: Mapping[str, str]) -> list[str]:
    version = given.get("api_version", DEFAULT_API_VERSION)
    if not re.fullmatch(r"[1-9][0-9]{1,2}\.0", version):
        return [f'api_version must look like "{DEFAULT_API_VERSION}", not "{version}".']
    if float(version) < _OLDEST_API_VERSION:
        return [f"api_version {version} is too old: Bulk API 2.0 needs {_OLDEST_API_VERSION}."]
    return []


def _flow_problems(given: Mapping[str, str]) -> list[str]:
    flow = given.get("auth_flow")
    if flow is not None and flow not in FLOWS:
        return [f'auth_flow must be one of {", ".join(FLOWS)}, not "{flow}".']
    fitting = [flow] if flow else _fitting(given)
    if not fitting:
        return [_nothing_fits(given)]
    if len(fitting) > 1:
        return [f"The settings fit {' and '.join(fitting)}; set auth_flow to one of them."]
    missing = [name for name in FLOWS[fitting[0]] if name not in given]
    if missing:
        return [f"{', '.join(missing)} missing for the {fitting[0]} sign-in."]
    if flow is None and "access_token" in given and fitting != ["access_token"]:
        return ["access_token is given without instance_url: add that, or set auth_flow."]
    return _login_host_problems(fitting[0], given)


def _fitting(given: Mapping[str, str]) -> list[str]:
    fitting = [flow for flow, names in FLOWS.items() if all(name in given for name in names)]
    # The refresh token flow needs what client credentials need; its token tells them apart.
    if "refresh_token" in fitting:
        fitting.remove("client_credentials")
    return fitting


def _nothing_fits(given: Mapping[str, str]) -> str:
    def needs(flow: str) -> str:
        return f"{' + '.join(FLOWS[flow])} ({flow})"

    begun = [flow for flow, names in FLOWS.items() if any(name in given for name in names)]
    missing = [
        f"{', '.join(name for name in FLOWS[flow] if name not in given)} for {flow}"
        for flow in begun
    ]
    if missing:
        return f"Sign-in settings are incomplete. Missing: {'; or '.join(missing)}."
    return f"Sign-in settings are missing. Give one of: {'; '.join(map(needs, FLOWS))}."


def _login_host_problems(flow: str, given: Mapping[str, str]) -> list[str]:
    host = urlsplit(given.get("login_url", DEFAULT_LOGIN_URL)).hostname
    if flow == "client_credentials" and host in _COMMON_LOGIN_HOSTS:
        problem = f"{host} refuses the client_credentials sign-in"
        return [f"login_url must be your My Domain (https://….my.salesforce.com): {problem}."]
    return []

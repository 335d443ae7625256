"""The client's settings: their JSON Schema, and one parse that finds all problems; no network.

The settings that are given decide the sign-in flow; `auth_flow` names it if they fit two.
`sfbulk.auth.flows` lists the flows with their settings. Parsing opens the files that settings
name, so that a key that cannot sign is reported like any other wrong setting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.auth.flows import FLOWS
from sfbulk.auth.parse import DEFAULT_LOGIN_URL, parse_credentials
from sfbulk.errors import ConfigError
from sfbulk.problems import collecting
from sfbulk.quota.limits import QUOTA_SCHEMA, Quota
from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.auth.credentials import Credentials

__all__ = [
    "CLIENT_SETTINGS",
    "DEFAULT_API_VERSION",
    "JOB_SCHEMA",
    "NUMBER_SETTINGS",
    "SECRET_SETTINGS",
    "SIGN_IN_SCHEMA",
    "SIGN_IN_SETTINGS",
    "Settings",
    "parse_settings",
]

DEFAULT_API_VERSION = "68.0"

# Bulk API 2.0 has query jobs since 47.0 (Bulk API guide).
_OLDEST_API_VERSION = 47.0
# 31 years: a larger number may be too large for the clock.
_LONGEST_TIMEOUT = 1_000_000_000


def _text(title: str, description: str, *, secret: bool = False, **more: Any) -> dict[str, Any]:
    hidden = {"secret": True, "writeOnly": True} if secret else {}
    about = {"title": title, "description": description}
    return {"type": ["string", "null"], **hidden, **about, **more}


SIGN_IN_SCHEMA: dict[str, dict[str, Any]] = {
    "login_url": _text(
        "Login URL",
        "Host to sign in at: the org's My Domain (client_credentials needs it), "
        "https://test.salesforce.com, or http://127.0.0.1:PORT for a local org.",
        default=DEFAULT_LOGIN_URL,
    ),
    "instance_url": _text("Instance URL", "The org's own host, together with `access_token`."),
    "access_token": _text(
        "Access Token", "Token of an existing session, with `instance_url`.", secret=True
    ),
    "client_id": _text("Client ID", "Consumer key of the external client app or connected app."),
    "client_secret": _text("Client Secret", "Consumer secret of the app.", secret=True),
    "refresh_token": _text(
        "Refresh Token",
        "Refresh token of a user, with `client_id`, and `client_secret` if the app requires it.",
        secret=True,
    ),
    "refresh_token_path": _text(
        "Refresh Token Path",
        "File with the refresh token, instead of `refresh_token`. If refresh tokens "
        "rotate, the next one is written to it.",
    ),
    "username": _text("Username", "The user to sign in as, with `private_key` or `password`."),
    "private_key": _text(
        "Private Key",
        "Private RSA key in PEM form for the JWT bearer flow, with `client_id` and "
        "`username`; line breaks may be written as `\\n`.",
        secret=True,
    ),
    "private_key_path": _text(
        "Private Key Path", "File with the private key, instead of `private_key`."
    ),
    "private_key_passphrase": _text(
        "Private Key Passphrase", "Passphrase of an encrypted private key.", secret=True
    ),
    "password": _text(
        "Password",
        "The user's password, with `username`. Without `client_id` this is SOAP login, which "
        "Salesforce retires in Summer '27.",
        secret=True,
    ),
    "security_token": _text(
        "Security Token",
        "The user's security token, with `password`; not needed from trusted IP addresses.",
        secret=True,
    ),
    "sf_org": _text(
        "Salesforce CLI Org",
        "Alias or username of an org that the Salesforce CLI (`sf`) is signed in to.",
    ),
    "auth_flow": _text(
        "Sign-in Flow", "The flow to use if the settings fit two.", enum=[*FLOWS, None]
    ),
    "api_version": _text(
        "API Version", "Salesforce API version, such as 68.0.", default=DEFAULT_API_VERSION
    ),
}
"""JSON Schema of the settings for the sign-in and the API version."""

JOB_SCHEMA: dict[str, dict[str, Any]] = {
    "job_timeout": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": 86_400,
        "title": "Job Timeout",
        "description": "Seconds that a job is waited for, from its creation or upload. Then the "
        "run ends with an error that names the job: a query job is aborted, one that loads rows is "
        "left running, and the next run settles it.",
    }
}
"""JSON Schema of the settings for the wait for jobs."""

SIGN_IN_SETTINGS = tuple(SIGN_IN_SCHEMA)
"""Their names."""

SECRET_SETTINGS = tuple(name for name, schema in SIGN_IN_SCHEMA.items() if schema.get("secret"))
"""The ones that must never be shown."""

NUMBER_SETTINGS = (*JOB_SCHEMA, *QUOTA_SCHEMA)
"""The names of those whose values are numbers."""

CLIENT_SETTINGS = (*SIGN_IN_SETTINGS, *NUMBER_SETTINGS)
"""The names of all settings that `parse_settings` reads."""


@dataclass(frozen=True)
class Settings:
    """The client's settings, checked.

    Attributes:
        credentials: the credentials of one sign-in flow.
        api_version: such as `68.0`.
        quota: how much of the org's daily limits may be used.
        job_timeout: seconds that a job is waited for.
    """

    credentials: Credentials
    api_version: str
    quota: Quota
    job_timeout: float


def parse_settings(settings: Mapping[str, Any]) -> Settings:
    """The client's settings among `settings`; other keys are ignored.

    Opens each file that they name once.

    Raises:
        ConfigError: names all problems; quotes no secret.
    """
    given = _given(settings)
    for name in SECRET_SETTINGS:
        keep_secret(given.get(name))
    problems = [
        *_type_problems(settings),
        *_version_problems(given),
        *_timeout_problems(settings),
    ]
    with collecting(problems):
        credentials = parse_credentials(given)
    with collecting(problems):
        quota = Quota.parse(settings)
    if problems:
        raise ConfigError(problems)
    version = given.get("api_version", DEFAULT_API_VERSION)
    return Settings(credentials, version, quota, float(_job_timeout(settings)))


def _given(settings: Mapping[str, Any]) -> dict[str, str]:
    # Meltano passes an unset setting as an empty text.
    values = {name: settings.get(name) for name in SIGN_IN_SETTINGS}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _type_problems(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} must be text." + (f' Write "{settings[name]}".' if name == "api_version" else "")
        for name in SIGN_IN_SETTINGS
        if not isinstance(settings.get(name), (str, type(None)))
    ]


def _job_timeout(settings: Mapping[str, Any]) -> Any:
    given = settings.get("job_timeout")
    return JOB_SCHEMA["job_timeout"]["default"] if given is None else given


def _timeout_problems(settings: Mapping[str, Any]) -> list[str]:
    seconds = _job_timeout(settings)
    # A Singer command reads the numbers of its settings as Decimal.
    is_number = isinstance(seconds, (int, float, Decimal)) and not isinstance(seconds, bool)
    if is_number and 0 < seconds <= _LONGEST_TIMEOUT:
        return []
    return [f"job_timeout must be a number of seconds above 0, and up to {_LONGEST_TIMEOUT:,}."]


def _version_problems(given: Mapping[str, str]) -> list[str]:
    version = given.get("api_version", DEFAULT_API_VERSION)
    if not re.fullmatch(r"[1-9][0-9]{1,2}\.0", version):
        return [f'api_version must look like "{DEFAULT_API_VERSION}", not "{version}".']
    if float(version) < _OLDEST_API_VERSION:
        return [f"api_version {version} is too old: Bulk API 2.0 needs {_OLDEST_API_VERSION}."]
    return []

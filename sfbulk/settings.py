"""Sign-in settings: which there are, and what is wrong with a given set; no network.

The flow follows from what is given; `auth_flow` names it when two fit. `sfbulk.auth.flows`
lists them with their settings. Files that settings name are read, since a key that cannot
sign is a wrong setting like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sfbulk.auth.flows import FLOWS, flow_problems, meant_flow
from sfbulk.auth.private_key import KeyProblemError, given_key
from sfbulk.auth.salesforce_cli import missing_command
from sfbulk.auth.token_file import TokenFile
from sfbulk.errors import ConfigError
from sfbulk.urls import origin, origin_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_LOGIN_URL = "https://login.salesforce.com"
DEFAULT_API_VERSION = "68.0"


def _text(title: str, description: str, *, secret: bool = False, **more: Any) -> dict[str, Any]:
    hidden = {"secret": True, "writeOnly": True} if secret else {}
    about = {"title": title, "description": description}
    return {"type": ["string", "null"], **hidden, **about, **more}


SIGN_IN_SCHEMA: dict[str, dict[str, Any]] = {
    "login_url": _text(
        "Login URL",
        "Where to sign in: a My Domain (client credentials need it), "
        "https://test.salesforce.com, or http://127.0.0.1:PORT for a local org.",
        default=DEFAULT_LOGIN_URL,
    ),
    "instance_url": _text(
        "Instance URL", "The org's own host, given together with `access_token`."
    ),
    "access_token": _text(
        "Access Token", "A session that exists already, used with `instance_url`.", secret=True
    ),
    "client_id": _text("Client ID", "Consumer key of the external client app or connected app."),
    "client_secret": _text("Client Secret", "Consumer secret of the app.", secret=True),
    "refresh_token": _text(
        "Refresh Token",
        "Refresh token of a user, with `client_id`, and `client_secret` if the app asks for it.",
        secret=True,
    ),
    "refresh_token_path": _text(
        "Refresh Token Path",
        "File that holds the refresh token, instead of `refresh_token`. Where "
        "refresh tokens rotate, the next one is written to it.",
    ),
    "username": _text("Username", "The user to sign in as, with `private_key` or `password`."),
    "private_key": _text(
        "Private Key",
        "Private RSA key in PEM form for the JWT bearer flow, with `client_id` and "
        "`username`; line breaks may be written as `\\n`.",
        secret=True,
    ),
    "private_key_path": _text(
        "Private Key Path", "File that holds the key, instead of `private_key`."
    ),
    "private_key_passphrase": _text(
        "Private Key Passphrase", "Opens an encrypted private key.", secret=True
    ),
    "password": _text(
        "Password",
        "The user's password. Alone with `username`: SOAP login, which Salesforce "
        "retires in Summer '27.",
        secret=True,
    ),
    "security_token": _text(
        "Security Token",
        "The user's security token, with `password`; not needed from trusted addresses.",
        secret=True,
    ),
    "sf_org": _text(
        "Salesforce CLI Org",
        "Alias or username of an org that the Salesforce CLI (`sf`) is signed in to.",
    ),
    "auth_flow": _text(
        "Sign-in Flow", "Which flow is meant when the given settings fit two.", enum=[*FLOWS, None]
    ),
    "api_version": _text(
        "API Version", "Salesforce API version, as NN.0.", default=DEFAULT_API_VERSION
    ),
}
"""JSON Schema of every setting that `Salesforce.from_settings` reads."""

SIGN_IN_SETTINGS = tuple(SIGN_IN_SCHEMA)
"""Their names."""

SECRET_SETTINGS = tuple(name for name, schema in SIGN_IN_SCHEMA.items() if schema.get("secret"))
"""Those of them that must never be shown."""

# What is sent in a header or beside the password, and is always made of such characters.
_TOKENS = ("access_token", "client_id", "client_secret", "refresh_token", "security_token")

_TEXTS = ("username", "password")
_NO_XML = r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]"

# Bulk API 2.0 queries begin with 47.0 (Bulk API guide).
_OLDEST_API_VERSION = 47.0

# The client credentials flow is refused there (Help: OAuth 2.0 Client Credentials Flow).
_COMMON_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")

# What a browser's address line shows (Help: My Domain URL Formats); no API answers there.
_BROWSER_HOSTS = (".lightning.force.com", ".salesforce-setup.com")


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
    refresh_token_path: str | None = None
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)
    private_key_path: str | None = None
    private_key_passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    sf_org: str | None = None

    @property
    def password_with_token(self) -> str:
        """The password as Salesforce wants it from an address it does not trust."""
        return f"{self.password or ''}{self.security_token or ''}"


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
    flow = meant_flow(given)
    used = {name: given[name] for name in FLOWS[flow].used(given)}
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
        *(f"{name} holds a line break or another control character." for name in _odd(given)),
        *_version_problems(given),
        *_problems_of_meant_flow(given),
    ]


def _given(settings: Mapping[str, Any]) -> dict[str, str]:
    # Meltano hands over an unset setting as an empty text.
    values = {name: settings.get(name) for name in SIGN_IN_SETTINGS}
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


def _broken(given: Mapping[str, str]) -> list[str]:
    # A line break read from a file along with the token would make the header invalid.
    return [name for name in _TOKENS if re.search("[^!-~]", given.get(name, ""))]


def _odd(given: Mapping[str, str]) -> list[str]:
    # A login with the line break of a secret file counts as a wrong password; too many lock
    # the user out. And XML has no form for control characters.
    return [name for name in _TEXTS if re.search(_NO_XML, given.get(name, ""))]


def _url_problems(given: Mapping[str, str]) -> list[tuple[str, str]]:
    checked = [(n, _url_problem(given[n])) for n in ("login_url", "instance_url") if n in given]
    return [(name, problem) for name, problem in checked if problem]


def _url_problem(url: str) -> str | None:
    if problem := origin_problem(url):
        return problem
    host = urlsplit(url).hostname or ""
    if host.endswith(_BROWSER_HOSTS):
        return f"is {host}, which serves browsers only. Write https://….my.salesforce.com"
    return None


def _version_problems(given: Mapping[str, str]) -> list[str]:
    version = given.get("api_version", DEFAULT_API_VERSION)
    if not re.fullmatch(r"[1-9][0-9]{1,2}\.0", version):
        return [f'api_version must look like "{DEFAULT_API_VERSION}", not "{version}".']
    if float(version) < _OLDEST_API_VERSION:
        return [f"api_version {version} is too old: Bulk API 2.0 needs {_OLDEST_API_VERSION}."]
    return []


def _problems_of_meant_flow(given: Mapping[str, str]) -> list[str]:
    """What only shows once the flow is known."""
    if problems := flow_problems(given):
        return problems
    flow = meant_flow(given)
    if flow == "client_credentials":
        return _login_host_problems(given)
    if flow == "jwt_bearer":
        return _key_problems(given)
    if flow == "refresh_token" and "refresh_token_path" in given:
        problem = TokenFile(given["refresh_token_path"]).problem()
    elif flow == "salesforce_cli":
        problem = missing_command()
    else:
        problem = None
    return [problem] if problem else []


def _key_problems(given: Mapping[str, str]) -> list[str]:
    names = ("private_key", "private_key_path", "private_key_passphrase")
    try:
        given_key(*(given.get(name) for name in names))
    except KeyProblemError as problem:
        return [str(problem)]
    return []


def _login_host_problems(given: Mapping[str, str]) -> list[str]:
    host = urlsplit(given.get("login_url", DEFAULT_LOGIN_URL)).hostname
    if host in _COMMON_LOGIN_HOSTS:
        problem = f"{host} refuses the client_credentials sign-in"
        return [f"login_url must be your My Domain (https://….my.salesforce.com): {problem}."]
    return []

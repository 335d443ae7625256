"""Parses settings, and the files that they name, into the credentials of one sign-in flow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from sfbulk.auth.credentials import (
    AccessTokenCredentials,
    ClientCredentials,
    JwtBearerCredentials,
    OAuthPasswordCredentials,
    RefreshTokenCredentials,
    SalesforceCliCredentials,
    SoapLoginCredentials,
)
from sfbulk.auth.flows import choose_flow
from sfbulk.auth.private_key import parse_private_key, read_private_key
from sfbulk.auth.salesforce_cli import missing_command
from sfbulk.auth.token_file import TokenFile
from sfbulk.errors import ConfigError
from sfbulk.http.urls import origin, origin_problem
from sfbulk.problems import collecting
from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from sfbulk.auth.credentials import Credentials

DEFAULT_LOGIN_URL = "https://login.salesforce.com"

# These are sent in a header or a form; Salesforce only uses printable ASCII for them.
_TOKENS = ("access_token", "client_id", "client_secret", "refresh_token", "security_token")

_TEXTS = ("username", "password")
_NOT_IN_XML = r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]"

# They refuse the client credentials flow (Help: OAuth 2.0 Client Credentials Flow).
_SHARED_LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")

# The hosts in a browser's address line (Help: My Domain URL Formats), which answer no API.
_BROWSER_HOSTS = (".lightning.force.com", ".salesforce-setup.com")


def parse_credentials(given: Mapping[str, str]) -> Credentials:
    """The credentials of the flow that the settings fit.

    Opens the private key or the refresh token file that the settings name.

    Args:
        given: the sign-in settings that have a value.

    Raises:
        ConfigError: names all problems; quotes no secret.
    """
    problems = [*_url_problems(given), *_token_problems(given), *_text_problems(given)]
    with collecting(problems):
        credentials = _PARSERS[choose_flow(given)](given)
    if problems:
        raise ConfigError(problems)
    return credentials


def _token_problems(given: Mapping[str, str]) -> list[str]:
    # A line break that was read from a file with the token would make the header invalid.
    return [
        f"{name} contains a space, a line break or a letter like é."
        for name in _TOKENS
        if re.search("[^!-~]", given.get(name, ""))
    ]


def _text_problems(given: Mapping[str, str]) -> list[str]:
    # A password with the line break of its file is wrong, and too many wrong passwords lock the
    # user out. XML cannot contain the other control characters.
    return [
        f"{name} contains a line break or another control character."
        for name in _TEXTS
        if re.search(_NOT_IN_XML, given.get(name, ""))
    ]


def _url_problems(given: Mapping[str, str]) -> list[str]:
    checked = [(n, _url_problem(given[n])) for n in ("login_url", "instance_url") if n in given]
    return [f"{name} {problem}." for name, problem in checked if problem]


def _url_problem(url: str) -> str | None:
    if problem := origin_problem(url):
        return problem
    host = urlsplit(url).hostname or ""
    if host.endswith(_BROWSER_HOSTS):
        return f"is {host}, which serves browsers only. Write https://….my.salesforce.com"
    return None


class _Hosts(TypedDict):
    """What all flows need that sign in at a login host."""

    login_url: str
    instance_url: str | None


def _hosts(given: Mapping[str, str]) -> _Hosts:
    return {
        "login_url": _origin(given.get("login_url", DEFAULT_LOGIN_URL)),
        "instance_url": _expected_org(given),
    }


def _expected_org(given: Mapping[str, str]) -> str | None:
    return _origin(given["instance_url"]) if "instance_url" in given else None


def _origin(url: str) -> str:
    # A wrong URL is already one of the problems; the parse continues to find the others.
    return url if origin_problem(url) else origin(url)


def _access_token(given: Mapping[str, str]) -> AccessTokenCredentials:
    return AccessTokenCredentials(
        instance_url=_origin(given["instance_url"]), access_token=given["access_token"]
    )


def _client_credentials(given: Mapping[str, str]) -> ClientCredentials:
    hosts = _hosts(given)
    host = hosts["login_url"].removeprefix("https://")
    if host in _SHARED_LOGIN_HOSTS:
        problem = f"{host} refuses the client_credentials sign-in"
        raise ConfigError(
            [f"login_url must be your My Domain (https://….my.salesforce.com): {problem}."]
        )
    return ClientCredentials(
        **hosts, client_id=given["client_id"], client_secret=given["client_secret"]
    )


def _jwt_bearer(given: Mapping[str, str]) -> JwtBearerCredentials:
    return JwtBearerCredentials(
        **_hosts(given),
        client_id=given["client_id"],
        username=given["username"],
        private_key=_private_key(given),
    )


def _private_key(given: Mapping[str, str]) -> RSAPrivateKey:
    passphrase = given.get("private_key_passphrase")
    if "private_key_path" in given:
        return read_private_key(given["private_key_path"], passphrase)
    return parse_private_key("private_key", given["private_key"], passphrase)


def _refresh_token(given: Mapping[str, str]) -> RefreshTokenCredentials:
    return RefreshTokenCredentials(
        **_hosts(given),
        client_id=given["client_id"],
        client_secret=given.get("client_secret"),
        refresh_token=_refresh_token_source(given),
    )


def _refresh_token_source(given: Mapping[str, str]) -> str | TokenFile:
    if "refresh_token" in given:
        return given["refresh_token"]
    file = TokenFile(given["refresh_token_path"])
    file.read()
    return file


def _salesforce_cli(given: Mapping[str, str]) -> SalesforceCliCredentials:
    if problem := missing_command():
        raise ConfigError([problem])
    return SalesforceCliCredentials(org=given["sf_org"], instance_url=_expected_org(given))


def _soap_login(given: Mapping[str, str]) -> SoapLoginCredentials:
    return SoapLoginCredentials(
        **_hosts(given), username=given["username"], password=_password(given)
    )


def _oauth_password(given: Mapping[str, str]) -> OAuthPasswordCredentials:
    return OAuthPasswordCredentials(
        **_hosts(given),
        client_id=given["client_id"],
        client_secret=given.get("client_secret"),
        username=given["username"],
        password=_password(given),
    )


def _password(given: Mapping[str, str]) -> str:
    """The password as Salesforce expects it from an address that the org does not trust."""
    password = given["password"] + given.get("security_token", "")
    keep_secret(password)
    return password


_PARSERS: Mapping[str, Callable[[Mapping[str, str]], Credentials]] = {
    "access_token": _access_token,
    "client_credentials": _client_credentials,
    "jwt_bearer": _jwt_bearer,
    "refresh_token": _refresh_token,
    "salesforce_cli": _salesforce_cli,
    "soap_login": _soap_login,
    "oauth_password": _oauth_password,
}

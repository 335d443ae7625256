"""Chooses the sign-in flow for the credentials."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sfbulk.auth.credentials import (
    AccessTokenCredentials,
    ClientCredentials,
    JwtBearerCredentials,
    OAuthPasswordCredentials,
    RefreshTokenCredentials,
    SalesforceCliCredentials,
    SoapLoginCredentials,
)
from sfbulk.auth.jwt_bearer import jwt_bearer_form
from sfbulk.auth.oauth import TokenEndpoint, client_credentials_form, password_form
from sfbulk.auth.refresh_token import RefreshToken
from sfbulk.auth.salesforce_cli import SalesforceCli
from sfbulk.auth.soap_login import SoapLogin
from sfbulk.auth.token import GivenToken

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.auth.credentials import Credentials
    from sfbulk.auth.token import Send, SignIn
    from sfbulk.clock import Clock


def sign_in_for(
    credentials: Credentials,
    api_version: str,
    send: Send,
    clock: Clock,
    on_new_refresh_token: Callable[[str], None] | None,
) -> SignIn:
    """The sign-in flow for these credentials; sends nothing yet.

    Args:
        credentials: the credentials of one flow; their type decides which.
        api_version: the API version of the requests that use the session.
        send: sends a request without a token.
        clock: the time.
        on_new_refresh_token: called with the refresh token that replaces the current one.
    """
    form: Callable[[], dict[str, str]]
    match credentials:
        case AccessTokenCredentials():
            return GivenToken(credentials)
        case SalesforceCliCredentials():
            return SalesforceCli(credentials)
        case SoapLoginCredentials():
            return SoapLogin(credentials, send, api_version)
        case RefreshTokenCredentials():
            return RefreshToken(credentials, send, on_new_refresh_token)
        case ClientCredentials():
            form = partial(client_credentials_form, credentials)
        case OAuthPasswordCredentials():
            form = partial(password_form, credentials)
        case JwtBearerCredentials():
            form = partial(jwt_bearer_form, credentials, clock)
    return TokenEndpoint(credentials, send, form)

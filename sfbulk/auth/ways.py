"""Picks the way to sign in that the settings mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.auth.grant import GivenToken
from sfbulk.auth.jwt_bearer import GRANT_TYPE, assertion
from sfbulk.auth.oauth import TokenEndpoint, client_credentials_form, password_form
from sfbulk.auth.private_key import given_key
from sfbulk.auth.refresh_token import RefreshToken
from sfbulk.auth.salesforce_cli import SalesforceCli
from sfbulk.auth.soap_login import SoapLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.auth.grant import Ask, SignIn
    from sfbulk.clock import Clock
    from sfbulk.settings import Credentials, Settings


def way_in(
    settings: Settings,
    ask: Ask,
    clock: Clock,
    on_new_refresh_token: Callable[[str], None] | None,
) -> SignIn:
    """The way to sign in with these settings; nothing is asked yet."""
    credentials = settings.credentials
    ways: dict[str, Callable[[], SignIn]] = {
        "access_token": lambda: GivenToken(credentials),
        "client_credentials": lambda: TokenEndpoint(
            credentials, ask, lambda: client_credentials_form(credentials)
        ),
        "jwt_bearer": lambda: _jwt_bearer(credentials, ask, clock),
        "refresh_token": lambda: RefreshToken(credentials, ask, on_new_refresh_token),
        "salesforce_cli": lambda: SalesforceCli(credentials),
        "soap_login": lambda: SoapLogin(credentials, ask, settings.api_version),
        "oauth_password": lambda: TokenEndpoint(
            credentials, ask, lambda: password_form(credentials)
        ),
    }
    return ways[credentials.flow]()


def _jwt_bearer(credentials: Credentials, ask: Ask, clock: Clock) -> TokenEndpoint:
    key = given_key(
        credentials.private_key, credentials.private_key_path, credentials.private_key_passphrase
    )

    def form() -> dict[str, str]:
        return {
            "grant_type": GRANT_TYPE,
            "assertion": assertion(credentials, key, clock.now()),
        }

    return TokenEndpoint(credentials, ask, form)

"""Signs the assertion of the JWT bearer flow (Help: OAuth 2.0 JWT Bearer Flow); no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jwt

from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from sfbulk.auth.credentials import JwtBearerCredentials
    from sfbulk.clock import Clock

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

LIFETIME = timedelta(minutes=3)
"""Salesforce accepts a clock difference of three minutes, and refuses much longer lifetimes."""

_PRODUCTION, _SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
# Sandboxes and scratch orgs sign in at test.salesforce.com.
_SANDBOX_HOSTS = (".sandbox.my.salesforce.com", ".scratch.my.salesforce.com")


def audience(login_url: str) -> str:
    """The audience of the assertion: the login host of production or of sandboxes.

    A My Domain is not a valid audience. The local org accepts both hosts.
    """
    host = urlsplit(login_url).hostname or ""
    sandbox = host == "test.salesforce.com" or host.endswith(_SANDBOX_HOSTS)
    return _SANDBOX if sandbox else _PRODUCTION


def assertion(credentials: JwtBearerCredentials, now: datetime) -> str:
    """The signed assertion that says which user signs in."""
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.username,
        "aud": audience(credentials.login_url),
        "exp": int((now + LIFETIME).timestamp()),
    }
    signed = jwt.encode(claims, credentials.private_key, algorithm="RS256")
    # Whoever has it can sign in for a few minutes.
    keep_secret(signed)
    return signed


def jwt_bearer_form(credentials: JwtBearerCredentials, clock: Clock) -> dict[str, str]:
    """The form of the JWT bearer flow, with a new assertion."""
    return {"grant_type": GRANT_TYPE, "assertion": assertion(credentials, clock.now())}

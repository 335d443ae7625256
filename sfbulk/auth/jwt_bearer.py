"""Signs the assertion of the JWT bearer flow (Help: OAuth 2.0 JWT Bearer Flow); no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jwt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from sfbulk.settings import Credentials

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"

LIFETIME = timedelta(minutes=3)
"""Salesforce lets clocks differ by three minutes and takes no assertion that lives much longer."""

_PRODUCTION, _SANDBOX = "https://login.salesforce.com", "https://test.salesforce.com"
# What signs in at test.salesforce.com: sandboxes, and scratch orgs.
_SANDBOX_HOSTS = (".sandbox.my.salesforce.com", ".scratch.my.salesforce.com")


def audience(login_url: str) -> str:
    """Whom the assertion is for: the login host of production or of sandboxes.

    A My Domain is no audience of its own. The local org takes either.
    """
    host = urlsplit(login_url).hostname or ""
    sandbox = host == "test.salesforce.com" or host.endswith(_SANDBOX_HOSTS)
    return _SANDBOX if sandbox else _PRODUCTION


def assertion(credentials: Credentials, key: RSAPrivateKey, now: datetime) -> str:
    """The signed assertion that the user of the settings is meant."""
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.username,
        "aud": audience(credentials.login_url),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key, algorithm="RS256")

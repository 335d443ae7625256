"""The JWT bearer grant: verifies the signature and the claims of an assertion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sfbulk_sandbox.faults.errors import KeyFileError, OAuthError

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Help, OAuth 2.0 JWT Bearer Flow: the audiences of the login hosts.
LOGIN_HOSTS = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
# The same page: clocks may differ by up to three minutes.
_SKEW_SECONDS = 180
# PyJWT must not check time and audience: they are checked with the org's clock, for Salesforce's
# error texts.
_OPTIONS: Any = {
    "require": ["iss", "sub", "aud", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


@dataclass(frozen=True)
class Claims:
    """The claims of an assertion with a valid signature."""

    issuer: str
    subject: str


class JwtKey:
    """The public key of the connected app's certificate, if one is registered."""

    def __init__(self) -> None:
        self._key: RSAPublicKey | None = None

    def register(self, pem: str) -> None:
        """Set the key, from a PEM certificate or public key.

        Raises:
            KeyFileError: The text is neither, or the key is not an RSA key.
        """
        self._key = _public_key(pem.encode())

    def claims(self, assertion: str, audiences: Collection[str], now: datetime) -> Claims:
        """Verify an assertion and return its claims.

        Raises:
            OAuthError: No key is registered, or the signature, the time or the audience is wrong.
        """
        if self._key is None:
            raise OAuthError(
                "invalid_client", "no certificate is registered; send one to PUT /sandbox/jwt-key"
            )
        try:
            claims = jwt.decode(assertion, self._key, algorithms=["RS256"], options=_OPTIONS)
        except jwt.InvalidTokenError:
            raise OAuthError("invalid_grant", "invalid assertion") from None
        named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if not any(audience in audiences for audience in named):
            raise OAuthError("invalid_grant", "Audience validation failed")
        if not _still_good(claims["exp"], now):
            raise OAuthError("invalid_grant", "expired authorization code")
        return Claims(issuer=str(claims["iss"]), subject=str(claims["sub"]))


def _still_good(expires: Any, now: datetime) -> bool:
    # simple-salesforce sends the seconds as text, and Salesforce accepts that.
    if isinstance(expires, str) and expires.isascii() and expires.isdecimal():
        expires = int(expires)
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return False
    return now.timestamp() < expires + _SKEW_SECONDS


def _public_key(pem: bytes) -> RSAPublicKey:
    try:
        if b"BEGIN CERTIFICATE" in pem:
            key: Any = x509.load_pem_x509_certificate(pem).public_key()
        else:
            key = load_pem_public_key(pem)
    except ValueError:
        raise KeyFileError("this is neither a certificate nor a public key in PEM form") from None
    if not isinstance(key, RSAPublicKey):
        raise KeyFileError("this is not an RSA key; Salesforce verifies with RS256")
    return key

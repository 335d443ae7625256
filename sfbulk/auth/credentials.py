"""The checked credentials of each sign-in flow; no secret is in a repr."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from sfbulk.auth.token_file import TokenFile


@dataclass(frozen=True, kw_only=True)
class AccessTokenCredentials:
    """An existing session, which cannot be renewed.

    Attributes:
        instance_url: the org's own host.
        access_token: the token of the session.
    """

    flow: ClassVar[str] = "access_token"
    instance_url: str
    access_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SalesforceCliCredentials:
    """An org that the Salesforce CLI is signed in to.

    Attributes:
        org: its alias or username.
        instance_url: the host that the session must belong to; None if any may be.
    """

    flow: ClassVar[str] = "salesforce_cli"
    org: str
    instance_url: str | None


@dataclass(frozen=True, kw_only=True)
class _LoginHostCredentials:
    """What every flow needs that signs in at a login host.

    Attributes:
        login_url: the host to sign in at, scheme and host only.
        instance_url: the host that the session must belong to; None if any may be.
    """

    flow: ClassVar[str]
    login_url: str
    instance_url: str | None


@dataclass(frozen=True, kw_only=True)
class SoapLoginCredentials(_LoginHostCredentials):
    """A user and the user's password.

    Attributes:
        password: the password, followed by the security token if the settings have one.
    """

    flow: ClassVar[str] = "soap_login"
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OAuthCredentials(_LoginHostCredentials):
    """What every flow of the OAuth token endpoint needs.

    Attributes:
        client_id: consumer key of the app.
    """

    client_id: str


@dataclass(frozen=True, kw_only=True)
class ClientCredentials(OAuthCredentials):
    """An app that acts as the run-as user of its settings in Setup."""

    flow: ClassVar[str] = "client_credentials"
    client_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class JwtBearerCredentials(OAuthCredentials):
    """A user, and the private key that signs the assertion."""

    flow: ClassVar[str] = "jwt_bearer"
    username: str
    private_key: RSAPrivateKey = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RefreshTokenCredentials(OAuthCredentials):
    """A user's refresh token.

    Attributes:
        client_secret: consumer secret; None for an app that does not require it.
        refresh_token: the token, or the file that has it.
    """

    flow: ClassVar[str] = "refresh_token"
    client_secret: str | None = field(repr=False)
    refresh_token: str | TokenFile = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OAuthPasswordCredentials(OAuthCredentials):
    """An app, a user and the user's password.

    Attributes:
        client_secret: consumer secret; None for an app that does not require it.
        password: the password, followed by the security token if the settings have one.
    """

    flow: ClassVar[str] = "oauth_password"
    client_secret: str | None = field(repr=False)
    username: str
    password: str = field(repr=False)


Credentials: TypeAlias = (
    AccessTokenCredentials
    | SalesforceCliCredentials
    | SoapLoginCredentials
    | ClientCredentials
    | JwtBearerCredentials
    | RefreshTokenCredentials
    | OAuthPasswordCredentials
)

"""The token endpoint, the revoke endpoint, and the checks of session and API version."""

from __future__ import annotations

import base64
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import Response

from sfbulk_sandbox.faults.errors import Fault, OAuthError
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse
from sfbulk_sandbox.sign_in import jwt_bearer
from sfbulk_sandbox.sign_in.identity import identity_url
from sfbulk_sandbox.sign_in.sessions import equal_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.sign_in.sessions import SignInState

# REST guide, API End-of-Life Policy: 7.0 to 30.0 are retired.
OLDEST_VERSION, NEWEST_VERSION = 31, 68
OLDEST_RETIRED_VERSION = 7
_SCOPE = "id api refresh_token offline_access"
_OLD_KEYS = ("id", "issued_at", "instance_url", "signature", "access_token", "token_type")
# The keys of the answer by grant, in the order of recordings or of examples in Salesforce Help.
_REPLY_KEYS: Mapping[str, tuple[str, ...]] = {
    "password": _OLD_KEYS,
    "refresh_token": (*_OLD_KEYS, "scope"),
    "client_credentials": (
        "access_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    ),
    jwt_bearer.GRANT: ("access_token", "scope", "instance_url", "id", "token_type"),
}


class Auth:
    """The token endpoint, the revoke endpoint, and the check of a session."""

    def __init__(self, sign_in: SignInState, org: Org) -> None:
        self.sessions = sign_in.sessions
        self._sign_in = sign_in
        self._org = org
        self._grants: dict[str, Callable[[Mapping[str, str], Request], dict[str, str]]] = {
            "client_credentials": self._client_credentials,
            "refresh_token": self._refresh,
            "password": self._password,
            jwt_bearer.GRANT: self._assertion,
        }

    def resources(self) -> list[Resource]:
        """Return the sign-in resources."""
        return [
            Resource("/services/oauth2/token", {"POST": self.token}),
            Resource("/services/oauth2/revoke", {"POST": self.revoke, "GET": self.revoke}),
        ]

    def check_session(self, request: Request) -> None:
        """Raise the 401 of REST and Bulk API 2.0 unless the request has a valid token."""
        if not self.sessions.is_live(bearer(request)):
            raise Fault(code="INVALID_SESSION_ID", message="Session expired or invalid", status=401)

    def token(self, request: Request) -> Response:
        """Sign in by the grant in the form (Help: OAuth Authorization Flows)."""
        try:
            form = _form(request) | _basic(request)
            grant = self._grants.get(form.get("grant_type", ""), _unsupported)
            more = grant(form, request)
        except OAuthError as refusal:
            return _refused(refusal)
        return JsonResponse(self._reply(form["grant_type"], request.base_url) | more)

    def revoke(self, request: Request) -> Response:
        """End a session, or revoke the refresh token and end all sessions (Help: Revoke)."""
        token = (_form(request) | dict(request.query)).get("token", "")
        if self._sign_in.refresh_token.revoke(token):
            self.sessions.end_all()
        elif not self.sessions.end(token):
            return _refused(OAuthError("invalid_token", "invalid token"))
        return Response()

    def _client_credentials(self, form: Mapping[str, str], _request: Request) -> dict[str, str]:
        self._check_client(form)
        self._check_secret(form)
        return {}

    def _refresh(self, form: Mapping[str, str], _request: Request) -> dict[str, str]:
        self._check_client(form)
        if "client_secret" in form:
            self._check_secret(form)
        try:
            successor = self._sign_in.refresh_token.redeem(form.get("refresh_token", ""))
        except ValueError:
            raise OAuthError("invalid_grant", "expired access/refresh token") from None
        return {"refresh_token": successor} if successor else {}

    def _password(self, form: Mapping[str, str], _request: Request) -> dict[str, str]:
        self._check_client(form)
        if "client_secret" in form:
            self._check_secret(form)
        name, password = form.get("username", ""), form.get("password", "")
        if not self._sign_in.credentials.password_fits(name, password):
            raise OAuthError("invalid_grant", "authentication failure")
        return {}

    def _assertion(self, form: Mapping[str, str], request: Request) -> dict[str, str]:
        # The org's own URL is a valid audience too, as for Experience Cloud sites.
        claims = self._sign_in.jwt_key.claims(
            form.get("assertion", ""),
            {*jwt_bearer.LOGIN_HOSTS, request.base_url},
            self._org.clock.now(),
        )
        self._check_client({"client_id": claims.issuer})
        # The org has one user.
        if claims.subject.lower() != self._sign_in.credentials.username.lower():
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        return {}

    def _check_client(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != self._sign_in.credentials.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")

    def _check_secret(self, form: Mapping[str, str]) -> None:
        if not equal_secrets(form.get("client_secret"), self._sign_in.credentials.client_secret):
            raise OAuthError("invalid_client", "invalid client credentials")

    def _reply(self, grant: str, base_url: str) -> dict[str, str]:
        identity = identity_url(self._org, base_url)
        issued_at = str(int(self._org.clock.now().timestamp() * 1000))
        secret = self._sign_in.credentials.client_secret.encode()
        digest = hmac.digest(secret, (identity + issued_at).encode(), "sha256")
        document = {
            "access_token": self.sessions.open(),
            "signature": base64.b64encode(digest).decode(),
            "scope": _SCOPE,
            "instance_url": base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        return {key: document[key] for key in _REPLY_KEYS[grant]}


def check_version(version: str) -> None:
    """Refuse unsupported API versions.

    Raises:
        Fault: 410 for a retired version, 404 for any other (REST guide: API End-of-Life Policy).
    """
    number = version_number(version)
    if OLDEST_VERSION <= number <= NEWEST_VERSION:
        return
    if OLDEST_RETIRED_VERSION <= number < OLDEST_VERSION:
        raise Fault(
            code="UNSUPPORTED_API_VERSION", message=f"API version {version} is retired", status=410
        )
    raise not_found()


def version_number(version: str) -> int:
    """Return the number of a version such as 68.0; 0 for a text that is not a version."""
    return int(version[:-2]) if re.fullmatch(r"[0-9]{1,3}\.0", version) else 0


def not_found() -> Fault:
    """Return the fault for a path or record that does not exist."""
    return Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)


def bearer(request: Request) -> str:
    """Return the access token of the request; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    # Salesforce accepts the scheme OAuth as well as Bearer.
    return token.strip() if scheme.lower() in {"bearer", "oauth"} else ""


def _unsupported(_form: Mapping[str, str], _request: Request) -> dict[str, str]:
    raise OAuthError("unsupported_grant_type", "grant type not supported")


def _refused(refusal: OAuthError) -> Response:
    body = {"error": refusal.error, "error_description": refusal.description}
    return JsonResponse(body, status_code=400)


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _basic(request: Request) -> dict[str, str]:
    # RFC 6749, 2.3.1: client id and secret as HTTP Basic.
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthError("invalid_client", "invalid client credentials") from None
    return {"client_id": client_id, "client_secret": secret}

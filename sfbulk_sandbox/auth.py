"""Who may call: credentials, sessions, the token endpoint and the identity resources."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse

from sfbulk_sandbox.answers import JsonAnswer
from sfbulk_sandbox.calls import Resource
from sfbulk_sandbox.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from sfbulk_sandbox.calls import Call
    from sfbulk_sandbox.clock import Clock

OLDEST_VERSION, NEWEST_VERSION = 31, 68
OLDEST_RETIRED_VERSION = 7
_SCOPE = "id api refresh_token offline_access"


class OAuthError(Exception):
    """A refusal of the token endpoint: `error` is OAuth's code, `description` Salesforce's text."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Credentials:
    """What a client signs in with; made from the seed, so that each start gives the same."""

    client_id: str
    client_secret: str
    refresh_token: str
    username: str
    password: str
    security_token: str

    @classmethod
    def for_seed(cls, seed: int, username: str) -> Credentials:
        """Return the credentials of a seed."""
        return cls(
            client_id="3MVG9" + _derived(seed, "client id", 40),
            client_secret=_derived(seed, "client secret", 32),
            refresh_token="5Aep861" + _derived(seed, "refresh token", 40),
            username=username,
            password=_derived(seed, "password", 12),
            security_token=_derived(seed, "security token", 24),
        )


class Sessions:
    """The access tokens that are good now. Safe to use from several threads."""

    def __init__(self, seed: int, org_id: str) -> None:
        self._seed = seed
        self._org_id = org_id
        self._lock = threading.Lock()
        self._issued = 0
        self._live: set[str] = set()

    def open(self) -> str:
        """Return a new access token of the form 00D...!..., the n-th of the seed."""
        with self._lock:
            token = f"{self._org_id[:15]}!AQ" + _derived(self._seed, f"session {self._issued}", 80)
            self._issued += 1
            self._live.add(token)
            return token

    def is_live(self, token: str) -> bool:
        """Tell whether a token was issued and has not been ended."""
        return token in self._live

    def end_all(self) -> int:
        """End every session and return how many there were."""
        with self._lock:
            ended = len(self._live)
            self._live.clear()
            return ended

    def reset(self) -> str:
        """Forget all sessions and return the first token of the seed, which is live again."""
        with self._lock:
            self._live.clear()
            self._issued = 0
        return self.open()


class Auth:
    """The sign-in resources and the check that every other resource makes."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        sessions: Sessions,
        org_id: str,
        user_id: str,
        clock: Clock,
    ) -> None:
        self.credentials = credentials
        self.sessions = sessions
        self._org_id = org_id
        self._user_id = user_id
        self._clock = clock
        self._grants: dict[str, Callable[[Mapping[str, str]], None]] = {
            "client_credentials": self._check_secret,
            "refresh_token": self._check_refresh_token,
            "password": self._check_password,
        }

    def resources(self) -> list[Resource]:
        """Return the sign-in resources."""
        return [
            Resource("/services/oauth2/token", {"POST": self.token}),
            Resource("/services/oauth2/userinfo", {"GET": self.userinfo, "POST": self.userinfo}),
            Resource("/id/{org_id}/{user_id}", {"GET": self.identity}),
        ]

    def check_session(self, call: Call) -> None:
        """Raise the 401 of REST and Bulk 2.0 unless the call carries a live token."""
        if not self.sessions.is_live(_bearer(call)):
            raise Fault(code="INVALID_SESSION_ID", message="Session expired or invalid", status=401)

    def token(self, call: Call) -> Response:
        """Sign in by the grant the form names (Help: OAuth authorization flows)."""
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            self._grant(form | _basic(call))
        except OAuthError as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            return JsonAnswer(body, status_code=400)
        return JsonAnswer(self._token_document(form["grant_type"], call.base_url))

    def _grant(self, form: Mapping[str, str]) -> None:
        check = self._grants.get(form.get("grant_type", ""))
        if check is None:
            raise OAuthError("unsupported_grant_type", "grant type not supported")
        if form.get("client_id") != self.credentials.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        check(form)

    def _check_secret(self, form: Mapping[str, str]) -> None:
        if not _same(form.get("client_secret"), self.credentials.client_secret):
            raise OAuthError("invalid_client", "invalid client credentials")

    def _check_refresh_token(self, form: Mapping[str, str]) -> None:
        if "client_secret" in form:
            self._check_secret(form)
        if not _same(form.get("refresh_token"), self.credentials.refresh_token):
            raise OAuthError("invalid_grant", "expired access/refresh token")

    def _check_password(self, form: Mapping[str, str]) -> None:
        if "client_secret" in form:
            self._check_secret(form)
        expected = self.credentials.password + self.credentials.security_token
        if form.get("username", "").lower() != self.credentials.username.lower() or not _same(
            form.get("password"), expected
        ):
            raise OAuthError("invalid_grant", "authentication failure")

    def _token_document(self, grant: str, base_url: str) -> dict[str, Any]:
        identity = self.identity_url(base_url)
        issued_at = str(int(self._clock.now().timestamp() * 1000))
        digest = hmac.digest(
            self.credentials.client_secret.encode(), (identity + issued_at).encode(), "sha256"
        )
        document = {
            "access_token": self.sessions.open(),
            "signature": base64.b64encode(digest).decode(),
            "scope": _SCOPE,
            "instance_url": base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }
        if grant == "password":
            del document["scope"]
        return document

    def identity_url(self, base_url: str) -> str:
        """Return the identity URL of the user, which also names org and user."""
        return f"{base_url}/id/{self._org_id}/{self._user_id}"

    def userinfo(self, call: Call) -> Response:
        """Tell who the token's user is (OpenID Connect's names for it)."""
        if refusal := self._identity_refusal(call):
            return refusal
        return JsonAnswer(
            {
                "sub": self.identity_url(call.base_url),
                "user_id": self._user_id,
                "organization_id": self._org_id,
                "preferred_username": self.credentials.username,
                "nickname": "sandbox",
                "name": "Sandbox User",
                "email": self.credentials.username,
                "email_verified": True,
                "given_name": "Sandbox",
                "family_name": "User",
                "zoneinfo": "UTC",
                "profile": f"{call.base_url}/{self._user_id}",
                "urls": _urls(call.base_url),
                "active": True,
                "user_type": "STANDARD",
                "language": "en_US",
                "locale": "en_US",
                "utcOffset": 0,
            }
        )

    def identity(self, call: Call) -> Response:
        """Tell who the token's user is (REST guide: Using Identity URLs)."""
        if refusal := self._identity_refusal(call):
            return refusal
        return JsonAnswer(
            {
                "id": self.identity_url(call.base_url),
                "asserted_user": True,
                "user_id": self._user_id,
                "organization_id": self._org_id,
                "username": self.credentials.username,
                "nick_name": "sandbox",
                "display_name": "Sandbox User",
                "email": self.credentials.username,
                "email_verified": True,
                "first_name": "Sandbox",
                "last_name": "User",
                "timezone": "UTC",
                "urls": _urls(call.base_url, call.query.get("version")),
                "active": True,
                "user_type": "STANDARD",
                "language": "en_US",
                "locale": "en_US",
                "utcOffset": 0,
            }
        )

    def _identity_refusal(self, call: Call) -> Response | None:
        token = _bearer(call) or call.query.get("oauth_token", "")
        if self.sessions.is_live(token):
            return None
        return PlainTextResponse(
            "Bad_OAuth_Token" if token else "Missing_OAuth_Token", status_code=403
        )


def check_version(version: str) -> None:
    """Refuse API versions that this release does not answer.

    Raises:
        Fault: 410 for a retired version, 404 for one that never was
            (REST guide: API End-of-Life Policy).
    """
    number = int(version[:-2]) if re.fullmatch(r"[0-9]{1,3}\.0", version) else 0
    if OLDEST_VERSION <= number <= NEWEST_VERSION:
        return
    if OLDEST_RETIRED_VERSION <= number < OLDEST_VERSION:
        raise Fault(
            code="UNSUPPORTED_API_VERSION", message=f"API version {version} is retired", status=410
        )
    raise not_found()


def not_found() -> Fault:
    """Return the fault of a path or record that does not exist."""
    return Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)


def _urls(base_url: str, version: str | None = None) -> dict[str, str]:
    number = f"{NEWEST_VERSION}.0" if version == "latest" else version or "{version}"
    rest = f"{base_url}/services/data/v{number}/"
    return {
        "partner": f"{base_url}/services/Soap/u/{number}/",
        "rest": rest,
        "sobjects": f"{rest}sobjects/",
        "query": f"{rest}query/",
        "custom_domain": base_url,
    }


def _bearer(call: Call) -> str:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "oauth"} else ""


def _basic(call: Call) -> dict[str, str]:
    scheme, _, text = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        raise OAuthError("invalid_client", "invalid client credentials") from None
    return {"client_id": client_id, "client_secret": secret}


def _same(given: str | None, expected: str) -> bool:
    return hmac.compare_digest((given or "").encode(), expected.encode())


def _derived(seed: int, purpose: str, length: int) -> str:
    digest = hashlib.shake_256(f"sfbulk-sandbox {seed} {purpose}".encode()).digest(length)
    text = base64.urlsafe_b64encode(digest).decode()
    return re.sub(r"[-_=]", "x", text)[:length]

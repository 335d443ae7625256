"""Signs in at the OAuth token endpoint, with advice for each refusal."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.auth.token import checked_token, refused_for_now
from sfbulk.errors import ApiError, SignInError
from sfbulk.http.mapping import api_error
from sfbulk.http.retry import is_passing_refusal
from sfbulk.http.shapes import Shape
from sfbulk.http.wire import Request
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.auth.credentials import (
        ClientCredentials,
        OAuthCredentials,
        OAuthPasswordCredentials,
        RefreshTokenCredentials,
    )
    from sfbulk.auth.token import Send, SessionToken
    from sfbulk.http.wire import Reply

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path, no secret

_APP = "the app's settings in Setup"

_ADVICE_FOR_WORDS = {
    "hasn't approved this consumer": "In Setup, set the app's permitted users to 'Admin approved "
    "users are pre-authorized' and assign the app to the user's profile or a permission set; also "
    "check username and login_url.",
    "Audience validation failed": "The org does not sign in at the login host that login_url "
    "stands for: give the org's My Domain, or https://test.salesforce.com for a sandbox.",
    "invalid assertion": "The certificate in the app's settings does not belong to the private "
    "key: upload the right one.",
    "expired authorization code": "This machine's clock is wrong: set it.",
    "assertion expired": "This machine's clock is wrong: set it.",
    "expired access/refresh token": "The refresh token is revoked, expired, or was replaced in "
    "an earlier run: authorize the app again. Where refresh tokens rotate, use refresh_token_path.",
    "already being processed": "Another run used the same refresh token at the same time: run "
    "again, and let runs that share it use refresh_token_path.",
    "not supported on this domain": "Set login_url to the org's My Domain.",
    "no client credentials user enabled": f"Name a run-as user for the flow in {_APP}.",
}
"""What to do, by words of `error_description`: the code is invalid_grant for most of them."""

_ADVICE_FOR_FLOW = {
    ("oauth_password", "invalid_grant"): "Check username, password, security_token and login_url. "
    "Orgs created in Summer '23 or later block this flow until Setup, OAuth and OpenID Connect "
    "Settings, allows it; jwt_bearer and client_credentials are not blocked.",
}

_ADVICE = {
    "invalid_client_id": "Check client_id, and that login_url belongs to the org that has the app.",
    "invalid_client": "Check client_id and client_secret.",
    "invalid_client_credentials": "Check client_id and client_secret.",
    "invalid_grant": "Check the credentials, the user's rights to the app, and login_url.",
    "invalid_request": f"Check client_id, client_secret and {_APP}.",
    "invalid_scope": f"Add the scopes api and refresh_token in {_APP}.",
    "inactive_user": "The user is inactive: activate it or sign in as another.",
    "inactive_org": "The org is inactive or locked.",
    "rate_limit_exceeded": "The user has signed in too often in the last hour: wait.",
    "unsupported_grant_type": "The app does not allow this flow: enable it in Setup.",
}
"""What to do about each error of the token endpoint (Help: OAuth 2.0 Authorization Errors)."""


class Grant(msgspec.Struct):
    """An answer of the token endpoint.

    Its members are checked one by one: if only one is odd, a refresh token that replaces the old
    one must still be saved.
    """

    access_token: Any = None
    instance_url: Any = None
    refresh_token: Any = None
    error: Any = None


_GRANT = Shape(Grant, "an answer to a sign-in")


class TokenEndpoint:
    """Signs in by posting a form; `form` makes a new one for each sign-in."""

    def __init__(
        self, credentials: OAuthCredentials, send: Send, form: Callable[[], Mapping[str, str]]
    ) -> None:
        self._credentials = credentials
        self._send = send
        self._form = form

    def __call__(self, stale: SessionToken | None) -> SessionToken:  # noqa: ARG002 - each answer has a new one
        """API call: a new token.

        Raises:
            SignInError: Salesforce refuses the sign-in, or its answer cannot be used.
            TransportError: no usable answer.
        """
        reply = token_reply(self._credentials, self._send, self._form())
        return token_in(self._credentials, reply)


def token_reply(credentials: OAuthCredentials, send: Send, form: Mapping[str, str]) -> Grant:
    """API call: the token endpoint's answer to `form`.

    Raises:
        SignInError: Salesforce refuses the sign-in.
        TransportError: no usable answer, or a refusal that passes.
    """
    request = Request(
        "POST",
        TOKEN_PATH,
        f"Sign in ({credentials.flow})",
        form=form,
        # A second token does no harm, so the request is sent again if its answer is lost.
        repeatable=True,
    )
    try:
        return send(credentials.login_url, request, _grant)
    except ApiError as error:
        if is_passing_refusal(error.status, error.code, error.detail):
            raise refused_for_now(credentials.login_url, credentials.flow, error) from error
        raise refusal(credentials, error) from error


def _grant(request: Request, reply: Reply) -> Grant:
    grant = _GRANT.of(request, reply)
    if grant.access_token is None and isinstance(grant.error, str):
        # An error is one whatever the status of its answer.
        raise api_error(request.purpose, HTTPStatus.BAD_REQUEST, reply.headers, reply.content)
    return grant


def token_in(credentials: OAuthCredentials, grant: Grant) -> SessionToken:
    """The token in a successful reply.

    Raises:
        SignInError: the reply has no token, or one for another org or an unsafe address.
    """
    return checked_token(
        credentials.instance_url,
        credentials.login_url,
        grant.access_token,
        grant.instance_url,
    )


def client_credentials_form(credentials: ClientCredentials) -> dict[str, str]:
    """The form of the client credentials flow (Help: OAuth 2.0 Client Credentials Flow)."""
    return {"grant_type": "client_credentials", **_app(credentials, credentials.client_secret)}


def refresh_token_form(credentials: RefreshTokenCredentials, token: str) -> dict[str, str]:
    """The form of the refresh token flow (Help: OAuth 2.0 Refresh Token Flow)."""
    app = _app(credentials, credentials.client_secret)
    return {"grant_type": "refresh_token", **app, "refresh_token": token}


def password_form(credentials: OAuthPasswordCredentials) -> dict[str, str]:
    """The form of the password flow (Help: OAuth 2.0 Username-Password Flow)."""
    return {
        "grant_type": "password",
        **_app(credentials, credentials.client_secret),
        "username": credentials.username,
        "password": credentials.password,
    }


def refusal(credentials: OAuthCredentials, error: ApiError) -> SignInError:
    """The error for a refused sign-in, with what to do about it."""
    if error.code is None:
        return SignInError(
            f"{credentials.login_url} did not answer the {credentials.flow} sign-in as "
            f"Salesforce does (HTTP {error.status}). Check login_url.",
            status=error.status,
        )
    answer = f"{error.code} ({quoted(error.detail)})" if error.detail else error.code
    return SignInError(
        f"{credentials.login_url} refused the {credentials.flow} sign-in: {answer}. "
        f"{_advice(credentials.flow, error.code, error.detail)}",
        status=error.status,
        code=error.code,
    )


def _advice(flow: str, code: str, detail: str) -> str:
    for words, advice in _ADVICE_FOR_WORDS.items():
        if words.lower() in detail.lower():
            return advice
    general = _ADVICE.get(code, "Check the sign-in settings.")
    return _ADVICE_FOR_FLOW.get((flow, code), general)


def _app(credentials: OAuthCredentials, client_secret: str | None) -> dict[str, str]:
    secret = {} if client_secret is None else {"client_secret": client_secret}
    return {"client_id": credentials.client_id, **secret}

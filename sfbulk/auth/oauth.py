"""Asks the OAuth token endpoint, and says what to do about its refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.auth.grant import checked_grant
from sfbulk.errors import ApiError, SignInError
from sfbulk.wire import Request, json_body

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.auth.grant import Ask, Grant
    from sfbulk.settings import Credentials

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
    "expired access/refresh token": "The refresh token is revoked, expired, or was replaced by "
    "a run before: authorize the app again. Where refresh tokens rotate, use refresh_token_path.",
    "already being processed": "Another run asked with the same refresh token: run again, and "
    "let runs that share it use refresh_token_path.",
    "not supported on this domain": "Set login_url to the org's My Domain.",
    "no client credentials user enabled": f"Name a run-as user for the flow in {_APP}.",
}
"""What to do, by words of the description; they say more than the code, mostly invalid_grant."""

_ADVICE_FOR_FLOW = {
    ("oauth_password", "invalid_grant"): "Check username, password, security_token and login_url. "
    "Orgs created in Summer '23 or later block this flow until Setup, OAuth and OpenID Connect "
    "Settings, allows it; jwt_bearer and client_credentials are not blocked.",
}

_ADVICE = {
    "invalid_client_id": "Check client_id, and that login_url leads to the org that knows the app.",
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


class TokenEndpoint:
    """Signs in by posting a form that is made anew each time."""

    def __init__(
        self, credentials: Credentials, ask: Ask, form: Callable[[], Mapping[str, str]]
    ) -> None:
        self._credentials = credentials
        self._ask = ask
        self._form = form

    def __call__(self, stale: Grant | None) -> Grant:  # noqa: ARG002 - each answer brings a new one
        """API call: a new grant.

        Raises:
            SignInError: Salesforce refuses, or answers with what cannot be used.
            TransportError: no usable answer.
        """
        return grant_in(self._credentials, token_reply(self._credentials, self._ask, self._form()))


def token_reply(credentials: Credentials, ask: Ask, form: Mapping[str, str]) -> dict[str, Any]:
    """API call: what the token endpoint answers to `form`.

    Raises:
        SignInError: Salesforce refuses.
        TransportError: no usable answer.
    """
    request = Request(
        "POST",
        TOKEN_PATH,
        f"Sign in ({credentials.flow})",
        form=form,
        # Asking for a token twice does no harm, a lost answer is no reason to give up.
        repeatable=True,
    )
    try:
        return ask(credentials.login_url, request, json_body)
    except ApiError as error:
        raise refusal(credentials, error) from error


def grant_in(credentials: Credentials, reply: Mapping[str, Any]) -> Grant:
    """The grant in a successful reply.

    Raises:
        SignInError: no token in it, or a token for another org or an unsafe address.
    """
    return checked_grant(
        credentials.instance_url,
        credentials.login_url,
        reply.get("access_token"),
        reply.get("instance_url"),
    )


def client_credentials_form(credentials: Credentials) -> dict[str, str]:
    """The form of the client credentials flow (Help: OAuth 2.0 Client Credentials Flow)."""
    return {"grant_type": "client_credentials", **_app(credentials)}


def refresh_token_form(credentials: Credentials, token: str) -> dict[str, str]:
    """The form of the refresh token flow (Help: OAuth 2.0 Refresh Token Flow)."""
    return {"grant_type": "refresh_token", **_app(credentials), "refresh_token": token}


def password_form(credentials: Credentials) -> dict[str, str]:
    """The form of the password flow (Help: OAuth 2.0 Username-Password Flow)."""
    return {
        "grant_type": "password",
        **_app(credentials),
        "username": credentials.username or "",
        "password": credentials.password_with_token,
    }


def refusal(credentials: Credentials, error: ApiError) -> SignInError:
    """The error for a refused sign-in, with what to do about it."""
    if error.code is None:
        return SignInError(
            f"{credentials.login_url} did not answer the {credentials.flow} sign-in as "
            f"Salesforce does (HTTP {error.status}). Check login_url.",
            status=error.status,
        )
    said = f"{error.code} ({error.detail})" if error.detail else error.code
    return SignInError(
        f"{credentials.login_url} refused the {credentials.flow} sign-in: {said}. "
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


def _app(credentials: Credentials) -> dict[str, str]:
    app = {"client_id": credentials.client_id, "client_secret": credentials.client_secret}
    return {name: value for name, value in app.items() if value is not None}

"""Sign-in flows without I/O: what to ask the token endpoint, how to read its answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sfbulk.errors import SignInError
from sfbulk.urls import origin, origin_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.errors import ApiError
    from sfbulk.settings import Credentials

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path, no secret

_ADVICE = {
    "invalid_client_id": "Check client_id.",
    "invalid_client": "Check client_id and client_secret.",
    "invalid_client_credentials": "Check client_id and client_secret.",
    "invalid_grant": "Check the credentials, the user's rights to the app, and login_url.",
    "inactive_user": "The user is inactive: activate it or sign in as another.",
    "inactive_org": "The org is inactive or locked.",
    "unsupported_grant_type": "The app does not allow this flow: enable it in Setup.",
}
"""What to do about each error of the token endpoint (Help: OAuth 2.0 Authorization Errors)."""


@dataclass(frozen=True)
class Grant:
    """An access token and the org it is for."""

    instance_url: str
    access_token: str = field(repr=False)


def static_grant(credentials: Credentials) -> Grant | None:
    """The grant that is in the settings already; None when it must be asked for."""
    if credentials.access_token is None or credentials.instance_url is None:
        return None
    return Grant(instance_url=credentials.instance_url, access_token=credentials.access_token)


def token_form(credentials: Credentials) -> dict[str, str]:
    """The form fields for the token endpoint (Help: OAuth 2.0 flows)."""
    form = {
        "grant_type": credentials.flow,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "refresh_token": credentials.refresh_token,
    }
    return {name: value for name, value in form.items() if value is not None}


def grant_from_reply(credentials: Credentials, reply: Mapping[str, Any]) -> Grant:
    """The grant in a successful reply of the token endpoint.

    Raises:
        SignInError: no token in it, or a token for another org or an unsafe address.
    """
    token, url = reply.get("access_token"), reply.get("instance_url")
    # A token beyond printable ASCII fits no header, and the HTTP library would quote it.
    if not isinstance(token, str) or not re.fullmatch("[!-~]+", token) or not isinstance(url, str):
        raise SignInError(
            f"{credentials.login_url} answered the sign-in without a token. Check login_url."
        )
    if problem := origin_problem(url):
        raise SignInError(f"The instance_url in the answer of {credentials.login_url} {problem}.")
    _check_org(credentials, origin(url))
    return Grant(instance_url=origin(url), access_token=token)


def rotated(credentials: Credentials, reply: Mapping[str, Any]) -> Credentials:
    """The credentials for the next sign-in.

    With refresh token rotation the reply brings the next refresh token and the old one
    is void (Help: OAuth 2.0 Refresh Token Flow).
    """
    token = reply.get("refresh_token")
    if credentials.flow != "refresh_token" or not isinstance(token, str) or not token:
        return credentials
    return replace(credentials, refresh_token=token)


def refusal(credentials: Credentials, error: ApiError) -> SignInError:
    """The error for a refused sign-in, with what to do about it."""
    if error.code is None:
        return SignInError(
            f"{credentials.login_url} did not answer the {credentials.flow} sign-in as "
            f"Salesforce does (HTTP {error.status}). Check login_url.",
            status=error.status,
        )
    said = f"{error.code} ({error.detail})" if error.detail else error.code
    advice = _ADVICE.get(error.code, "Check the sign-in settings.")
    return SignInError(
        f"{credentials.login_url} refused the {credentials.flow} sign-in: {said}. {advice}",
        status=error.status,
        code=error.code,
    )


def _check_org(credentials: Credentials, answered: str) -> None:
    if credentials.instance_url not in (None, answered):
        raise SignInError(
            f"The sign-in leads to {answered}, but instance_url says "
            f"{credentials.instance_url}. Correct or remove instance_url."
        )
    # A login over https that hands the token to plain http would give it away.
    if urlsplit(credentials.login_url).scheme == "https" and answered.startswith("http:"):
        raise SignInError(f"{credentials.login_url} leads to {answered}, which is not https.")

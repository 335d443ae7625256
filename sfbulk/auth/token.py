"""The access token of a sign-in and its checks, and the protocols of the flows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from sfbulk.errors import SignInError, TransportError
from sfbulk.http.urls import origin, origin_problem
from sfbulk.safe import keep_secret, quoted

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    from sfbulk.auth.credentials import AccessTokenCredentials
    from sfbulk.errors import ApiError
    from sfbulk.http.wire import Reply, Request

T = TypeVar("T")


@dataclass(frozen=True)
class SessionToken:
    """An access token and the org it is for."""

    instance_url: str
    access_token: str = field(repr=False)


class SignIn(Protocol):
    """A sign-in flow with its credentials."""

    def __call__(self, stale: SessionToken | None) -> SessionToken:
        """API call: a token that is not `stale`, which Salesforce has refused.

        Raises:
            SignInError: no other token is available.
            TransportError: no usable answer.
        """
        ...


class Send(Protocol):
    """Sends a request without a token, and sends it again where that is safe."""

    def __call__(self, origin: str, request: Request, parse: Callable[[Request, Reply], T], /) -> T:
        """API call: the reply, parsed by `parse`.

        Raises:
            ApiError: Salesforce refuses the request.
            TransportError: no usable answer.
        """
        ...


class GivenToken:
    """The access token of the settings, which cannot be renewed."""

    def __init__(self, credentials: AccessTokenCredentials) -> None:
        self._token = SessionToken(credentials.instance_url, credentials.access_token)

    def __call__(self, stale: SessionToken | None) -> SessionToken:
        """The token of the settings.

        Raises:
            SignInError: Salesforce has refused it.
        """
        if stale is None:
            return self._token
        raise SignInError(
            f"The access_token is expired or not valid for {stale.instance_url}, and an "
            "access_token alone cannot be renewed. Set a new one, or sign in with "
            "client_id and client_secret.",
            status=401,
            code="INVALID_SESSION_ID",
        )


def fits_header(token: Any) -> TypeGuard[str]:
    """Whether `token` is text that an HTTP header may contain.

    The HTTP library refuses other text than printable ASCII, with an error that quotes the token.
    """
    return isinstance(token, str) and re.fullmatch("[!-~]+", token) is not None


def refused_for_now(login_url: str, flow: str, error: ApiError) -> TransportError:
    """The error for a sign-in that was refused at every attempt, by a refusal that passes."""
    answer = f"{error.code} ({quoted(error.detail)})" if error.code else f"HTTP {error.status}"
    return TransportError(
        f"{login_url} refuses the {flow} sign-in for the moment: {answer}. The settings may well "
        "be right: run again later, and look at https://status.salesforce.com if it stays.",
        ambiguous=False,
        status=error.status,
        code=error.code,
    )


def checked_token(expected: str | None, answered_by: str, token: Any, url: Any) -> SessionToken:
    """The token in the answer to a sign-in.

    Args:
        expected: the origin in the setting `instance_url`; None if it is not set.
        answered_by: what answered: an origin, or the name of a program.
        token: the access token in the answer.
        url: the org's address in the answer.

    Raises:
        SignInError: there is no token, it is for another org, or the address is not safe.
    """
    if not fits_header(token) or not isinstance(url, str):
        missing = "its org's address" if fits_header(token) else "a token"
        raise SignInError(f"{answered_by} answered the sign-in without {missing}. Check login_url.")
    if problem := origin_problem(url):
        raise SignInError(f"The org's address in the answer of {answered_by} {problem}.")
    instance_url = origin(url)
    if expected not in (None, instance_url):
        raise SignInError(
            f"The sign-in is for {instance_url}, but instance_url is {expected}. Correct or remove "
            "instance_url."
        )
    # After a sign-in by https, plain http would send the token unencrypted.
    if urlsplit(answered_by).scheme == "https" and instance_url.startswith("http:"):
        raise SignInError(
            f"{answered_by} names {instance_url} as the org's address, which is not https. Check "
            "login_url."
        )
    keep_secret(token)
    return SessionToken(instance_url, token)

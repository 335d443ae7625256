"""What a sign-in brings: an access token and the org it is for, checked before it is used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

from sfbulk.errors import SignInError
from sfbulk.urls import origin, origin_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

    from sfbulk.settings import Credentials
    from sfbulk.wire import Reply, Request

T = TypeVar("T")


@dataclass(frozen=True)
class Grant:
    """An access token and the org it is for."""

    instance_url: str
    access_token: str = field(repr=False)


class SignIn(Protocol):
    """One way to sign in."""

    def __call__(self, stale: Grant | None) -> Grant:
        """API call: a grant; not `stale`, which Salesforce has refused.

        Raises:
            SignInError: no other grant is to be had.
            TransportError: no usable answer.
        """
        ...


class Ask(Protocol):
    """Sends a request without a token, again where that is safe."""

    def __call__(self, origin: str, request: Request, parse: Callable[[Request, Reply], T], /) -> T:
        """API call: what `parse` makes of the reply."""
        ...


class GivenToken:
    """The access token that is in the settings, which nothing can renew."""

    def __init__(self, credentials: Credentials) -> None:
        self._grant = Grant(
            instance_url=credentials.instance_url or "",
            access_token=credentials.access_token or "",
        )

    def __call__(self, stale: Grant | None) -> Grant:
        """The grant of the settings.

        Raises:
            SignInError: it is `stale`.
        """
        if stale is None:
            return self._grant
        raise SignInError(
            f"The access_token is expired or not valid for {stale.instance_url}, and an "
            "access_token alone cannot be renewed. Give a new one, or sign in with "
            "client_id and client_secret.",
            status=401,
            code="INVALID_SESSION_ID",
        )


def fits_header(token: Any) -> TypeGuard[str]:
    """Whether it is a token; beyond printable ASCII the HTTP library would refuse and quote it."""
    return isinstance(token, str) and re.fullmatch("[!-~]+", token) is not None


def checked_grant(expected: str | None, asked: str, token: Any, url: Any) -> Grant:
    """The grant that a sign-in was answered with.

    Args:
        expected: the origin that the settings say it is for, if they do.
        asked: who was asked: an origin, or the name of a program.
        token: the access token of the answer.
        url: the org's address in the answer.

    Raises:
        SignInError: no token in it, or a token for another org or an unsafe address.
    """
    if not fits_header(token) or not isinstance(url, str):
        raise SignInError(f"{asked} answered the sign-in without a token. Check login_url.")
    if problem := origin_problem(url):
        raise SignInError(f"The org's address in the answer of {asked} {problem}.")
    answered = origin(url)
    if expected not in (None, answered):
        raise SignInError(
            f"The sign-in leads to {answered}, but instance_url says "
            f"{expected}. Correct or remove instance_url."
        )
    # A login over https that hands the token to plain http would give it away.
    if urlsplit(asked).scheme == "https" and answered.startswith("http:"):
        raise SignInError(f"{asked} leads to {answered}, which is not https.")
    return Grant(instance_url=answered, access_token=token)

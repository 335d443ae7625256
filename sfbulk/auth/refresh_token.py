"""Signs in with a refresh token, and hands on the next one where tokens rotate."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from sfbulk.auth.oauth import grant_in, refresh_token_form, token_reply
from sfbulk.auth.token_file import TokenFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sfbulk.auth.grant import Ask, Grant
    from sfbulk.settings import Credentials

log = logging.getLogger(__name__)


class RefreshToken:
    """With rotation each use voids the token, and the answer brings the next one."""

    def __init__(
        self, credentials: Credentials, ask: Ask, hand_on: Callable[[str], None] | None
    ) -> None:
        """Take the credentials.

        Args:
            credentials: with a refresh token, or the path of a file that holds one.
            ask: sends a request without a token.
            hand_on: takes the next refresh token; its exceptions reach who asked for a grant.
        """
        self._credentials = credentials
        self._ask = ask
        self._hand_on = hand_on
        self._token = credentials.refresh_token or ""
        path = credentials.refresh_token_path
        self._file = TokenFile(path) if path else None

    def __call__(self, stale: Grant | None) -> Grant:  # noqa: ARG002 - each answer brings a new one
        """API call: a new grant.

        Raises:
            SignInError: Salesforce refuses, or the next refresh token cannot be saved.
            TransportError: no usable answer.
        """
        with self._turn() as token:
            form = refresh_token_form(self._credentials, token)
            reply = token_reply(self._credentials, self._ask, form)
            following = reply.get("refresh_token")
            # Whatever else is in the answer: the token just used may be void from here on.
            if isinstance(following, str) and following not in ("", token):
                self._replace(following)
        return grant_in(self._credentials, reply)

    def _turn(self) -> AbstractContextManager[str]:
        return self._file.turn() if self._file else nullcontext(self._token)

    def _replace(self, token: str) -> None:
        self._token = token
        if self._file:
            self._file.replace(token)
        elif self._hand_on is None:
            log.warning(
                "Salesforce has replaced the refresh token: the one in the setting refresh_token "
                "is void now, and the next run will be refused with it. Authorize the app again "
                "and use refresh_token_path, a file that is kept up to date, or turn refresh "
                "token rotation off in the app."
            )
        if self._hand_on:
            self._hand_on(token)

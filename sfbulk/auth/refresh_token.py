"""Signs in with a refresh token, and saves the next one if the app rotates refresh tokens."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TYPE_CHECKING

from sfbulk.auth.oauth import refresh_token_form, token_in, token_reply
from sfbulk.auth.token import fits_header
from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sfbulk.auth.credentials import RefreshTokenCredentials
    from sfbulk.auth.token import Send, SessionToken

log = logging.getLogger(__name__)


class RefreshToken:
    """The refresh token flow. With rotation, each use returns a new token and ends the old one.

    Args:
        credentials: with the refresh token, or the file that has it.
        send: sends a request without a token.
        on_new_token: called with the next refresh token; its exceptions are not caught.
    """

    def __init__(
        self,
        credentials: RefreshTokenCredentials,
        send: Send,
        on_new_token: Callable[[str], None] | None,
    ) -> None:
        self._credentials = credentials
        self._send = send
        self._on_new_token = on_new_token
        self._refresh_token = credentials.refresh_token

    def __call__(self, stale: SessionToken | None) -> SessionToken:  # noqa: ARG002 - each answer has a new one
        """API call: a new token.

        Raises:
            SignInError: Salesforce refuses the sign-in, or the next token cannot be saved.
            TransportError: no usable answer.
        """
        with self._locked() as refresh_token:
            form = refresh_token_form(self._credentials, refresh_token)
            grant = token_reply(self._credentials, self._send, form)
            following = grant.refresh_token
            # Save it before the answer is checked: the token just used may no longer be valid.
            if fits_header(following) and following != refresh_token:
                keep_secret(following)
                self._replace(following)
        return token_in(self._credentials, grant)

    def _locked(self) -> AbstractContextManager[str]:
        if isinstance(self._refresh_token, str):
            return nullcontext(self._refresh_token)
        return self._refresh_token.locked()

    def _replace(self, refresh_token: str) -> None:
        if not isinstance(self._refresh_token, str):
            self._refresh_token.replace(refresh_token)
        else:
            self._refresh_token = refresh_token
            if self._on_new_token is None:
                log.warning(
                    "Salesforce has replaced the refresh token. The one in the setting "
                    "refresh_token is no longer valid, so the next run cannot sign in with it. "
                    "Authorize the app again and set refresh_token_path, a file that is kept up to "
                    "date, or turn off refresh token rotation in the app."
                )
        if self._on_new_token:
            self._on_new_token(refresh_token)

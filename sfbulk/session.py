"""Keeps the org's access token: signs in at first use, renews once for all threads."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sfbulk.auth import (
    TOKEN_PATH,
    Grant,
    grant_from_reply,
    refusal,
    rotated,
    static_grant,
    token_form,
)
from sfbulk.errors import ApiError, SignInError
from sfbulk.wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.settings import Credentials

log = logging.getLogger(__name__)


class OrgSession:
    """The grant of one run, shared by its threads."""

    def __init__(
        self, credentials: Credentials, ask: Callable[[str, Request], dict[str, Any]]
    ) -> None:
        """Take the credentials.

        Args:
            credentials: how to sign in.
            ask: sends a request without a token to an origin and returns its JSON.
        """
        self._credentials = credentials
        self._ask = ask
        self._lock = threading.Lock()
        self._grant = static_grant(credentials)
        self._refused: SignInError | None = None

    def grant(self) -> Grant:
        """API call: the grant in use; signs in when there is none yet.

        Raises:
            SignInError: Salesforce refuses.
            TransportError: the token endpoint cannot be reached.
        """
        with self._lock:
            return self._grant or self._sign_in()

    def renew(self, stale: Grant) -> Grant:
        """API call: a grant newer than `stale`, which Salesforce has refused.

        Threads that were refused together wait for one sign-in and share its outcome.

        Raises:
            SignInError: Salesforce refuses, or the token is one that cannot be renewed.
            TransportError: the token endpoint cannot be reached.
        """
        with self._lock:
            if self._grant is not None and self._grant != stale:
                return self._grant
            if static_grant(self._credentials):
                raise SignInError(
                    f"The access_token is expired or not valid for {stale.instance_url}, and an "
                    "access_token alone cannot be renewed. Give a new one, or sign in with "
                    "client_id and client_secret.",
                    status=401,
                    code="INVALID_SESSION_ID",
                )
            log.info("The session has expired: signing in again")
            return self._sign_in()

    def _sign_in(self) -> Grant:
        # Asking again with the same credentials could lock the user out.
        if self._refused is not None:
            raise self._refused
        try:
            reply = self._ask_for_token()
            self._grant = grant_from_reply(self._credentials, reply)
        except SignInError as error:
            self._refused = error
            raise
        following = rotated(self._credentials, reply)
        if following != self._credentials:
            log.warning("The refresh token has been replaced: the one in the settings is void now")
        self._credentials = following
        return self._grant

    def _ask_for_token(self) -> dict[str, Any]:
        credentials = self._credentials
        request = Request(
            "POST",
            TOKEN_PATH,
            f"Sign in ({credentials.flow})",
            form=token_form(credentials),
            # Asking for a token twice does no harm, a lost answer is no reason to give up.
            repeatable=True,
        )
        try:
            return self._ask(credentials.login_url, request)
        except ApiError as error:
            raise refusal(credentials, error) from error

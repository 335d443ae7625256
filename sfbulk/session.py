"""Keeps the org's access token: signs in at the first request, and renews it when it is refused.

Threads share one token: when it is refused to several at once, one of them signs in.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sfbulk.errors import SignInError, TransportError

if TYPE_CHECKING:
    from sfbulk.auth.token import SessionToken, SignIn

log = logging.getLogger(__name__)


class OrgSession:
    """The access token of one run, shared by its threads."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._token: SessionToken | None = None
        self._refusal: SignInError | None = None
        self._failure: TransportError | None = None
        self._sign_ins = 0

    def token(self) -> SessionToken:
        """API call: the current token; signs in if there is none yet.

        Raises:
            SignInError: Salesforce refuses the sign-in.
            TransportError: the login host cannot be reached.
        """
        before = self._sign_ins
        with self._lock:
            return self._token or self._new_token(None, before)

    def renew(self, stale: SessionToken) -> SessionToken:
        """API call: a newer token than `stale`, which Salesforce has refused.

        Threads whose requests were refused at the same time wait for one sign-in and share its
        result.

        Raises:
            SignInError: Salesforce refuses the sign-in, or the token cannot be renewed.
            TransportError: the login host cannot be reached.
        """
        before = self._sign_ins
        with self._lock:
            if self._token is not None and self._token != stale:
                return self._token
            return self._new_token(stale, before)

    def _new_token(self, stale: SessionToken | None, before: int) -> SessionToken:
        # A second sign-in with the same credentials could lock the user out.
        if self._refusal is not None:
            raise self._refusal
        # While this thread waited for the lock, another thread tried to sign in and failed after
        # all retries. Another attempt now would only take the same time again.
        if self._failure is not None and self._sign_ins != before:
            raise self._failure
        if stale is not None:
            log.info("Salesforce has refused the access token: signing in again")
        try:
            self._token = self._sign_in(stale)
        except SignInError as error:
            self._token, self._refusal = None, error
            raise
        except TransportError as error:
            self._failure = error
            raise
        finally:
            self._sign_ins += 1
        self._failure = None
        return self._token

"""Keeps the org's access token: signs in at first use, renews once for all threads."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sfbulk.errors import SignInError, TransportError

if TYPE_CHECKING:
    from sfbulk.auth.grant import Grant, SignIn

log = logging.getLogger(__name__)


class OrgSession:
    """The grant of one run, shared by its threads."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._refused: SignInError | None = None
        self._unanswered: TransportError | None = None
        self._sign_ins = 0

    def grant(self) -> Grant:
        """API call: the grant in use; signs in when there is none yet.

        Raises:
            SignInError: Salesforce refuses.
            TransportError: the login host cannot be reached.
        """
        before = self._sign_ins
        with self._lock:
            return self._grant or self._new_grant(None, before)

    def renew(self, stale: Grant) -> Grant:
        """API call: a grant newer than `stale`, which Salesforce has refused.

        Threads that were refused together wait for one sign-in and share its outcome.

        Raises:
            SignInError: Salesforce refuses, or the token is one that cannot be renewed.
            TransportError: the login host cannot be reached.
        """
        before = self._sign_ins
        with self._lock:
            if self._grant is not None and self._grant != stale:
                return self._grant
            return self._new_grant(stale, before)

    def _new_grant(self, stale: Grant | None, before: int) -> Grant:
        # Asking again with the same credentials could lock the user out.
        if self._refused is not None:
            raise self._refused
        # This thread has waited for another one's sign-in, with all its pauses, in vain.
        if self._unanswered is not None and self._sign_ins != before:
            raise self._unanswered
        if stale is not None:
            log.info("The session is refused: signing in again")
        try:
            self._grant = self._sign_in(stale)
        except SignInError as error:
            self._grant, self._refused = None, error
            raise
        except TransportError as error:
            self._unanswered = error
            raise
        finally:
            self._sign_ins += 1
        self._unanswered = None
        return self._grant

"""Credentials and tokens: access tokens (sessions), the refresh token and the JWT key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.sign_in.jwt_bearer import JwtKey

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk_sandbox.clock import Clock

# Salesforce's default (Help: Modify Session Security Settings).
DEFAULT_SESSION_SECONDS = 7200


@dataclass(frozen=True)
class Credentials:
    """The credentials of the user and the connected app. The same key gives the same ones."""

    client_id: str
    client_secret: str
    refresh_token: str
    username: str
    password: str
    security_token: str

    @classmethod
    def of_key(cls, key: str, username: str) -> Credentials:
        """Return the credentials that follow from a key."""
        return cls(
            # The prefixes are those of real consumer keys and refresh tokens.
            client_id="3MVG9" + _derived(key, "client id", 40),
            client_secret=_derived(key, "client secret", 32),
            refresh_token="5Aep861" + _derived(key, "refresh token", 40),
            username=username,
            password=_derived(key, "password", 12),
            security_token=_derived(key, "security token", 24),
        )

    def password_fits(self, username: str, password: str) -> bool:
        """Return whether name (in any case) and password with security token are the user's."""
        expected = self.password + self.security_token
        return username.lower() == self.username.lower() and equal_secrets(password, expected)


class Sessions:
    """The valid access tokens. Safe to use from several threads."""

    def __init__(self, key: str, org_id: str, clock: Clock) -> None:
        self._key = key
        self._org_id = org_id
        self._clock = clock
        self._lock = threading.Lock()
        self._issued = 0
        self._last_used: dict[str, datetime] = {}
        self._seconds: int | None = None

    @property
    def seconds(self) -> int:
        """The timeout of an unused session in seconds, as shown to clients."""
        return self._seconds or DEFAULT_SESSION_SECONDS

    def end_after(self, seconds: int | None) -> None:
        """Set the timeout of an unused session in seconds. None, the default, is no timeout.

        Raises:
            ValueError: The number is below one.
        """
        if seconds is not None and seconds < 1:
            raise ValueError("the timeout of a session must be at least one second")
        self._seconds = seconds

    def open(self) -> str:
        """Return a new access token, `00D...!...`. The same key gives the same tokens."""
        with self._lock:
            # The form of real session ids: the org id, "!", and letters.
            token = f"{self._org_id[:15]}!AQ" + _derived(self._key, f"session {self._issued}", 80)
            self._issued += 1
            self._last_used[token] = self._clock.now()
            return token

    def is_live(self, token: str) -> bool:
        """Return whether a token is valid. If it is, this counts as a use of the session."""
        with self._lock:
            last_used = self._last_used.get(token)
            if last_used is None:
                return False
            now = self._clock.now()
            if self._seconds and (now - last_used).total_seconds() >= self._seconds:
                del self._last_used[token]
                return False
            self._last_used[token] = now
            return True

    def end(self, token: str) -> bool:
        """End one session, and return whether it was valid."""
        with self._lock:
            return self._last_used.pop(token, None) is not None

    def end_all(self) -> int:
        """End every session, and return their number."""
        with self._lock:
            ended = len(self._last_used)
            self._last_used.clear()
            return ended

    def reset(self) -> str:
        """End all sessions, and return the first token of the key, which is valid again."""
        with self._lock:
            self._last_used.clear()
            self._issued = 0
            self._seconds = None
        return self.open()


class RefreshToken:
    """The user's refresh token. Only one is valid at a time. Safe to use from several threads.

    Args:
        first: The first token.
    """

    def __init__(self, first: str) -> None:
        self._first = first
        self._lock = threading.Lock()
        self._current: str | None = first
        self._number = 0
        self.rotates = False

    @property
    def value(self) -> str:
        """The valid token; empty if it was revoked."""
        return self._current or ""

    def redeem(self, token: str) -> str | None:
        """Use a token. If tokens rotate, return the next one.

        Raises:
            ValueError: The token is not valid.
        """
        with self._lock:
            if self._current is None or not equal_secrets(token, self._current):
                raise ValueError("the refresh token is not valid")
            if not self.rotates:
                return None
            self._number += 1
            digest = hashlib.sha256(f"{self._first} {self._number}".encode()).digest()
            self._current = "5Aep861" + _letters(digest, 40)
            return self._current

    def revoke(self, token: str) -> bool:
        """Revoke the token, and return whether it was valid."""
        with self._lock:
            if self._current is None or not equal_secrets(token, self._current):
                return False
            self._current = None
            return True

    def reset(self) -> None:
        """Go back to the first token, without rotation."""
        with self._lock:
            self._current, self._number, self.rotates = self._first, 0, False


@dataclass(frozen=True)
class SignInState:
    """Credentials, sessions, refresh token and JWT key of one org."""

    credentials: Credentials
    sessions: Sessions
    refresh_token: RefreshToken
    jwt_key: JwtKey

    @classmethod
    def of_org(cls, org_id: str, username: str, *, key: str, clock: Clock) -> SignInState:
        """Return the state of a new org; credentials and tokens follow from the key."""
        credentials = Credentials.of_key(key, username)
        return cls(
            credentials=credentials,
            sessions=Sessions(key, org_id, clock),
            refresh_token=RefreshToken(credentials.refresh_token),
            jwt_key=JwtKey(),
        )

    def reset(self) -> None:
        """Go back to the state at the start. A registered JWT key stays."""
        self.sessions.reset()
        self.refresh_token.reset()


def equal_secrets(given: str | None, expected: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest((given or "").encode(), expected.encode())


def _derived(key: str, purpose: str, length: int) -> str:
    digest = hashlib.shake_256(f"sfbulk-sandbox {key} {purpose}".encode()).digest(length)
    return _letters(digest, length)


def _letters(digest: bytes, length: int) -> str:
    text = base64.urlsafe_b64encode(digest).decode()
    return re.sub(r"[-_=]", "x", text)[:length]

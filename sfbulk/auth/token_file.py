"""Keeps a rotating refresh token in a file that several runs may share."""

from __future__ import annotations

import glob
import logging
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from sfbulk.errors import ConfigError, SignInError
from sfbulk.file_lock import file_lock
from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import AcquireReturnProxy, BaseFileLock

log = logging.getLogger(__name__)


class TokenFile:
    """A file with one refresh token and nothing else.

    A replaced token is no longer valid. So one run must read it, use it and write the next one
    before another run reads it; `locked` makes sure of that.
    """

    def __init__(self, path: str) -> None:
        # A link is resolved, so that a new token replaces the file and not the link.
        self.path = Path(path).expanduser().resolve()

    def read(self) -> str:
        """The token.

        Raises:
            ConfigError: the file has no token, or cannot be replaced; names the setting.
        """
        try:
            text = self.path.read_text("utf-8").strip()
        except FileNotFoundError:
            raise _problem(
                f"there is no file {self.path}. Create it with the first refresh token."
            ) from None
        except UnicodeDecodeError:
            raise _problem(f"{self.path} is not a text file.") from None
        except OSError as error:
            raise _problem(f"{self.path} cannot be read: {error.strerror}.") from None
        if not re.fullmatch("[!-~]+", text):
            raise _problem(f"{self.path} must contain a refresh token and nothing else.")
        keep_secret(text)
        if not os.access(self.path.parent, os.W_OK):
            raise _problem(
                f"the folder {self.path.parent} must be writable: each new refresh token is "
                "written to a new file in it."
            )
        return text

    @contextmanager
    def locked(self) -> Iterator[str]:
        """The token, while no other run can use it; waits while another run uses it.

        Raises:
            SignInError: the file no longer has a token.
        """
        with self._lock():
            try:
                token = self.read()
            except ConfigError as error:
                raise SignInError(error.message) from error
            yield token

    def replace(self, token: str) -> None:
        """Replace the file by one with `token`, atomically; only its owner can read it.

        Raises:
            SignInError: it cannot be written.
        """
        try:
            self._write(token)
        except OSError as error:
            raise SignInError(
                f"Salesforce has replaced the refresh token, and the new one could not be saved "
                f"in {self.path} ({error.strerror}). Fix that, authorize the app again, and write "
                "the new refresh token to the file."
            ) from error
        log.info("Salesforce has replaced the refresh token: the new one is in %s", self.path)

    def _lock(self) -> AcquireReturnProxy[BaseFileLock]:
        lock = file_lock(self.path.with_name(self.path.name + ".lock"))
        try:
            return lock.acquire(blocking=False)
        except Timeout:
            log.info("Another run is signing in with %s: waiting for it", self.path)
            return lock.acquire()

    def _write(self, token: str) -> None:
        prefix = f".{self.path.name}-"
        # The lock is held: these are tokens that killed runs have left.
        for left in self.path.parent.glob(f"{glob.escape(prefix)}{'[a-z0-9_]' * 8}"):
            left.unlink()
        # mkstemp makes a file that only its owner can read.
        number, name = tempfile.mkstemp(prefix=prefix, dir=self.path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(token + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _problem(text: str) -> ConfigError:
    return ConfigError([f"refresh_token_path: {text}"])

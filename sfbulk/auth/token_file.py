"""Keeps a refresh token that rotates in a file, which several runs may share."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.errors import SignInError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


class TokenFile:
    """A file that holds one refresh token and nothing else.

    A token that was replaced is void, so reading it, using it and writing the next one
    must not overlap with another run's: that is what `turn` is for.
    """

    def __init__(self, path: str) -> None:
        # A link is followed once, so that replacing the file does not replace the link.
        self.path = Path(path).expanduser().resolve()

    def problem(self) -> str | None:
        """What is wrong with the file, naming the setting; None when nothing is."""
        try:
            text = self.path.read_text("utf-8").strip()
        except FileNotFoundError:
            return (
                f"refresh_token_path: there is no file {self.path}. Write the first refresh token "
                "into it."
            )
        except UnicodeDecodeError:
            return f"refresh_token_path: {self.path} is no text."
        except OSError as error:
            return f"refresh_token_path: {self.path} cannot be read: {error.strerror}."
        if not re.fullmatch("[!-~]+", text):
            return f"refresh_token_path: {self.path} must hold a refresh token and nothing else."
        if not os.access(self.path.parent, os.W_OK):
            return (
                f"refresh_token_path: the folder {self.path.parent} must be writable, since each "
                "new refresh token is written to a new file there."
            )
        return None

    @contextmanager
    def turn(self) -> Iterator[str]:
        """The token, while no other run can use it.

        Raises:
            SignInError: there is none any more.
        """
        lock = self.path.with_name(self.path.name + ".lock")
        number = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            _wait_for(number, self.path)
            if problem := self.problem():
                raise SignInError(problem)
            yield self.path.read_text("utf-8").strip()
        finally:
            os.close(number)

    def replace(self, token: str) -> None:
        """Put `token` in the file's place: whole or not at all, readable by its owner only.

        Raises:
            SignInError: it cannot be written.
        """
        try:
            self._write(token)
        except OSError as error:
            raise SignInError(
                f"Salesforce has replaced the refresh token, and the new one could not be saved "
                f"in {self.path} ({error.strerror}). Correct that, authorize the app again and "
                "write the new refresh token into the file."
            ) from error
        log.info("Salesforce has replaced the refresh token: the new one is in %s", self.path)

    def _write(self, token: str) -> None:
        # mkstemp lets nobody but the owner read.
        number, name = tempfile.mkstemp(prefix=f".{self.path.name}-", dir=self.path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(token + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _wait_for(number: int, path: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("Another run is signing in with %s: waiting for it", path)
        fcntl.flock(number, fcntl.LOCK_EX)

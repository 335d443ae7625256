"""Lets only one run at a time use a journal; another one is refused by name."""

from __future__ import annotations

import fcntl
import os
import platform
from typing import TYPE_CHECKING

from sfbulk.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk.clock import Clock

_MOST_OWNER_BYTES = 1_000


class JournalLock:
    """The lock of a journal, held as long as this process lives or until `release`.

    The lock file stays: if it were removed, two processes could lock two files of one name.

    Args:
        journal: the journal's file.
        clock: the time.

    Raises:
        JournalError: another run uses the journal, or it cannot be locked.
    """

    def __init__(self, journal: Path, clock: Clock) -> None:
        path = lock_path(journal)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._number: int | None = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise JournalError(
                f"The journal {journal} cannot be opened ({error.strerror}). Name a file in a "
                "folder that can be written."
            ) from error
        self._lock(self._number, journal)
        # Only for the message to others: it is the lock that counts, and a killed run holds none.
        os.ftruncate(self._number, 0)
        os.pwrite(self._number, _owner(clock).encode(), 0)

    def release(self) -> None:
        """Let other runs use the journal."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def _lock(self, number: int, journal: Path) -> None:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _read(number)
            os.close(number)
            raise JournalError(
                f"The journal {journal} is in use by {owner}. Wait until that run has ended, or "
                "give this run a journal of its own."
            ) from None
        except OSError as error:
            os.close(number)
            raise JournalError(
                f"The journal {journal} cannot be locked ({error.strerror}), so two runs could "
                "use it at the same time. Name a file on a disk that supports locks."
            ) from error


def lock_path(journal: Path) -> Path:
    """The lock file of a journal."""
    return journal.with_name(f"{journal.name}.lock")


def owner_of(journal: Path) -> str | None:
    """The run that uses a journal now; None if no run does."""
    try:
        number = os.open(lock_path(journal), os.O_RDONLY)
    except OSError:
        return None
    try:
        # A shared lock, so that two status commands do not take each other for a run.
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(number)
    finally:
        os.close(number)
    return None


def _read(number: int) -> str:
    return os.pread(number, _MOST_OWNER_BYTES, 0).decode("utf-8", "replace") or "another run"


def _owner(clock: Clock) -> str:
    since = clock.now().isoformat(timespec="seconds")
    return f"process {os.getpid()} on {platform.node() or 'this machine'} since {since}"

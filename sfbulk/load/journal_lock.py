"""Lets only one run at a time use a journal; another one is refused by name."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from typing import TYPE_CHECKING

from filelock import Timeout

from sfbulk.errors import JournalError
from sfbulk.file_lock import file_lock
from sfbulk.private_files import make_private, open_private, private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk.clock import Clock

# Whoever only looks whether a run uses the journal holds the lock for much less.
_LOOKING_SECONDS = 1.0


class JournalLock:
    """The lock of a journal, held as long as this process lives or until `release`.

    Args:
        journal: the journal's file.
        clock: the time.

    Raises:
        JournalError: another run uses the journal, or it cannot be locked.
    """

    def __init__(self, journal: Path, clock: Clock) -> None:
        path = _lock_path(journal)
        try:
            private_folder(path.parent)
            make_private(path)
        except OSError as error:
            raise JournalError(
                f"The journal {journal} cannot be opened ({error.strerror}). Name a file in a "
                "folder that can be written."
            ) from error
        self._owner = _owner_path(journal)
        self._lock = file_lock(path)
        self._acquire(journal)
        # Only for the message to others: it is the lock that counts, and a killed run holds none.
        with suppress(OSError), open_private(self._owner, "wb") as file:
            file.write(_this_process(clock).encode())

    def release(self) -> None:
        """Let other runs use the journal."""
        if self._lock.is_locked:
            self._owner.unlink(missing_ok=True)
            self._lock.release()

    def _acquire(self, journal: Path) -> None:
        try:
            self._lock.acquire(timeout=_LOOKING_SECONDS)
        except Timeout:
            raise JournalError(
                f"The journal {journal} is in use by {_read(self._owner)}. Wait until that run has "
                "ended, or give this run a journal of its own."
            ) from None
        except OSError as error:
            raise JournalError(
                f"The journal {journal} cannot be locked ({error.strerror}), so two runs could "
                "use it at the same time. Name a file on a disk that supports locks."
            ) from error


def owner_of(journal: Path) -> str | None:
    """The run that uses a journal now; None if no run does."""
    lock = _lock_path(journal)
    # A run that begins must not find the lock held: without a name of its owner, none has it.
    if not lock.exists() or not _owner_path(journal).exists():
        return None
    try:
        # Another command that looks, too, must not be taken for a run.
        with file_lock(lock).acquire(timeout=_LOOKING_SECONDS / 2):
            return None
    except (Timeout, OSError):
        return _read(_owner_path(journal))


def _lock_path(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.lock")


def _owner_path(journal: Path) -> Path:
    return journal.with_name(f"{journal.name}.owner")


def _read(owner: Path) -> str:
    with suppress(OSError):
        return owner.read_text("utf-8", "replace") or "another run"
    return "another run"


def _this_process(clock: Clock) -> str:
    since = clock.now().isoformat(timespec="seconds")
    return f"process {os.getpid()} on {platform.node() or 'this machine'} since {since}"

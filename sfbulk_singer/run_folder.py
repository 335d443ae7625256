"""Temporary folders of a run, which a later run removes if this one is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import weakref
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = ".lock"


class RunFolder:
    """A new temporary folder; its lock file is held as long as this process lives.

    It is removed by `remove`, or when the object or the process goes. A process that is killed
    leaves it; `remove_abandoned` of a later run then finds that nobody holds the lock.

    Args:
        prefix: What its name begins with, such as `tap-sfbulk-`.
        parent: Where it is made; None for the system's folder for temporary files.
    """

    def __init__(self, prefix: str, parent: Path | None) -> None:
        self.path = Path(mkdtemp(prefix=prefix, dir=parent))
        # A download that just ends may still write to it while it is removed.
        self._remove = weakref.finalize(self, _remove, self.path, _locked(self.path))

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        self._remove()


def remove_abandoned(prefix: str, parent: Path | None) -> int:
    """Remove the folders that killed runs of this user left; return how many there were.

    Several runs may use the same parent: a folder of a living process stays, on whatever machine
    it runs. Where the file system knows no locks, all folders stay.

    Args:
        prefix: What their names begin with.
        parent: As for `RunFolder`.
    """
    found = 0
    for folder in _own_folders(prefix, parent or Path(gettempdir())):
        number = _unheld(folder / _LOCK)
        if number is not None:
            _remove(folder, number)
            found += 1
    return found


def _own_folders(prefix: str, parent: Path) -> Iterator[Path]:
    try:
        entries = list(os.scandir(parent))
    except OSError:
        # Whoever writes there next says what is wrong with it.
        return
    for entry in entries:
        with suppress(OSError):
            is_folder = entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False)
            if is_folder and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                yield Path(entry.path)


def _locked(folder: Path) -> int | None:
    """The descriptor of the folder's lock file; None where the file system knows no locks."""
    # The file gets its name once it is locked, so that no folder has a lock file that nobody holds
    # before its process is gone. A folder without one is never removed.
    unnamed = folder / f"{_LOCK}.new"
    number = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        unnamed.unlink()
        return None
    unnamed.rename(folder / _LOCK)
    return number


def _unheld(lock: Path) -> int | None:
    """The descriptor of a lock file that no process held; else None."""
    try:
        number = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number


def _remove(folder: Path, lock: int | None) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            # The lock file goes last: if this process is killed meanwhile, the next run goes on.
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)

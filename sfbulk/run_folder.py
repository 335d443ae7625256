"""Temporary folders of a run, which a later run removes if this one is killed."""

from __future__ import annotations

import os
import shutil
import weakref
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TYPE_CHECKING

from filelock import Timeout

from sfbulk.file_lock import file_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from filelock import BaseFileLock

__all__ = ["RunFolder", "remove_abandoned", "temporary_folder"]

_LOCK = ".lock"
_PREFIX = "sfbulk-tmp-"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder in the system's folder for temporary files, which goes with the block.

    With the first one of a process, those of killed processes are removed.
    """
    _remove_abandoned_once()
    folder = RunFolder(_PREFIX, None)
    try:
        yield folder.path
    finally:
        folder.remove()


class RunFolder:
    """A new temporary folder; its lock file is held as long as this process lives.

    It is removed by `remove`, or when the object or the process goes. A process that is killed
    leaves it; `remove_abandoned` of a later run then finds that nobody holds the lock.

    Args:
        prefix: What its name begins with, such as `tap-sfbulk-`.
        parent: Where it is made; None for the system's folder for temporary files.
    """

    def __init__(self, prefix: str, parent: Path | None) -> None:
        self.path, lock = _new_folder(prefix, parent)
        # A download that just ends may still write to it while it is removed.
        self._remove = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        self._remove()


def remove_abandoned(
    prefix: str, parent: Path | None, before: Callable[[Path], None] | None = None
) -> int:
    """Remove the folders that killed runs of this user left; return how many there were.

    Several runs may use the same parent: a folder of a living process stays, on whatever machine
    it runs. Where the file system knows no locks, all folders stay.

    Args:
        prefix: What their names begin with.
        parent: As for `RunFolder`.
        before: Called with each of them before it is removed.
    """
    found = 0
    for folder in _own_folders(prefix, parent or Path(gettempdir())):
        lock = _unheld(folder)
        if lock is not None:
            if before is not None:
                before(folder)
            _remove(folder, lock)
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
            if is_folder and entry.stat(follow_symlinks=False).st_uid == _user():
                yield Path(entry.path)


def _user() -> int:
    """The id of this user, as `stat` says it: 0 where users have no numbers."""
    return os.getuid() if hasattr(os, "getuid") else 0


def _new_folder(prefix: str, parent: Path | None) -> tuple[Path, BaseFileLock | None]:
    """A new folder, and its lock, held; None where the file system knows no locks."""
    while True:
        folder = Path(mkdtemp(prefix=prefix, dir=parent))
        try:
            return folder, _locked(folder)
        except (FileNotFoundError, Timeout):
            # Before it was locked, another run has taken it for that of a killed one.
            continue
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _locked(folder: Path) -> BaseFileLock | None:
    lock = file_lock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise
    except OSError:
        # An empty folder would be taken for that of a killed run.
        (folder / _LOCK).touch()
        return None
    # Another run may have removed it meanwhile.
    (folder / _LOCK).stat()
    return lock


def _unheld(folder: Path) -> BaseFileLock | None:
    """The lock of a folder that no process holds, now held by this one; else None."""
    if not (folder / _LOCK).exists():
        # Nobody has a file in it: its process was killed before it had the lock.
        with suppress(OSError):
            folder.rmdir()
        return None
    lock = file_lock(folder / _LOCK)
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError):
        return None
    return lock


@cache
def _remove_abandoned_once() -> None:
    remove_abandoned(_PREFIX, None)


def _remove(folder: Path, lock: BaseFileLock | None) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            # The lock goes last: if this process is killed meanwhile, the next run goes on.
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)
    if lock is not None:
        # Before the lock is free, so that nobody takes it and keeps a folder that goes.
        with suppress(OSError):
            (folder / _LOCK).unlink()
        # Windows removes no file that is open.
        lock.release()
    shutil.rmtree(folder, ignore_errors=True)

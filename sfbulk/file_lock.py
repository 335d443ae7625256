"""Locks a file between processes; the lock of a process that is killed is free again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

__all__ = ["file_lock", "lock_for_appending"]

if TYPE_CHECKING:
    from pathlib import Path

    from filelock import BaseFileLock


def file_lock(path: Path) -> BaseFileLock:
    """A lock on a file that exists for nothing else; it is not locked yet.

    The file stays when the lock is released: if it were removed, two processes could lock two
    files of one name. Only its owner can read it. It can be released by any thread.
    """
    # A file that only stands for a lock would outlive a killed process, so there is no fallback.
    return FileLock(
        path, mode=0o600, thread_local=False, fallback_to_soft=False, preserve_lock_file=True
    )


def lock_for_appending(path: Path) -> BaseFileLock:
    """The lock of all files in a folder that several processes append to, not locked yet.

    Args:
        path: one of these files.
    """
    return file_lock(path.with_name(".lock"))

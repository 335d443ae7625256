"""A folder for result pages: writes them, counts the bytes on disk, ends unfinished downloads."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

from sfbulk.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sfbulk.jobs.spool_budget import SpoolBudget


class PageFolder:
    """The files of one query's pages; several threads may write at a time.

    Args:
        folder: An existing folder.
        budget: In which the bytes of all files are counted.
    """

    def __init__(self, folder: Path, budget: SpoolBudget) -> None:
        self._folder = folder
        self._budget = budget
        self._numbers = itertools.count(1)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether no further download should begin, for all queries that share the budget."""
        return self._budget.is_full

    def new_path(self) -> Path:
        """The path of the next file."""
        return self._folder / f"{next(self._numbers):06d}.csv"

    def save(self, chunks: Iterable[bytes], path: Path) -> None:
        """Write a file, in place of what an earlier attempt may have left there."""
        self._count(-path.stat().st_size if path.exists() else 0)
        with open_private(path, "wb") as file:
            for chunk in chunks:
                if self._stopped.is_set() or self._budget.is_stopped:
                    raise _Stopped
                file.write(chunk)
                self._count(len(chunk))

    def remove(self, path: Path, size: int) -> None:
        """Remove a file of this many bytes, if the reader has not moved it away."""
        path.unlink(missing_ok=True)
        self._count(-size)

    def stop(self) -> None:
        """End the downloads that still run, because the reader has stopped."""
        self._stopped.set()

    def release(self) -> None:
        """Give the bytes of all files back to the budget, because the folder is removed."""
        self._count(-self._bytes)

    def _count(self, more: int) -> None:
        with self._lock:
            self._bytes += more
        self._budget.count(more)


class _Stopped(Exception):  # noqa: N818 - not an error: the reader has stopped
    """Ends a download after the reader has stopped."""

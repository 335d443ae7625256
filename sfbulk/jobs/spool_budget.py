"""How many bytes of result pages may be on disk, counted over all queries that share it."""

from __future__ import annotations

import threading

SPOOL_BYTES = 500_000_000
"""What a query may use that shares with no other."""


class SpoolBudget:
    """A number of bytes on disk that several queries share. Safe for several threads.

    While it is full no download is begun, but none is ended either: what is being downloaded may
    exceed it by a page for each query.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int = SPOOL_BYTES) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._used = 0
        self._stopped = threading.Event()

    @property
    def used(self) -> int:
        """Bytes on disk, unfinished downloads included."""
        return self._used

    @property
    def is_full(self) -> bool:
        """Whether no further download should begin."""
        return self._used >= self.limit

    @property
    def is_stopped(self) -> bool:
        """Whether all downloads must end, because nobody reads their pages."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End all downloads that are counted here, also those of other threads."""
        self._stopped.set()

    def count(self, more: int) -> None:
        """Count so many bytes more on disk; fewer if negative."""
        with self._lock:
            self._used += more

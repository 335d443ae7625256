"""A long-running transaction of another user: its rows become visible later than their stamps."""

from __future__ import annotations

import shutil
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RollBack

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sfbulk_sandbox.org.org import Org


class LongTransaction:
    """The transaction, if one is open.

    Its rows are kept in folders outside the org, each folder with the time it was added. The commit
    loads them with the stamps of that time. Safe to use from several threads.

    Args:
        org: The org of the rows.
    """

    def __init__(self, org: Org) -> None:
        self._org = org
        # Reentrant, because `commit` calls `drop`.
        self._lock = threading.RLock()
        self._start: datetime | None = None
        self._added: list[tuple[Path, datetime]] = []

    @property
    def start(self) -> datetime | None:
        """When it began; None if no transaction is open."""
        return self._start

    def begin(self) -> None:
        """Open the transaction.

        Raises:
            ValueError: A transaction is open already.
        """
        with self._lock:
            if self._start is not None:
                raise ValueError("a transaction is open already; commit it first")
            self._start = self._org.clock.now()

    def add(self, folder: Path) -> dict[str, int]:
        """Add the rows of a folder of CSV files, and return the number of rows per object.

        Raises:
            ValueError: No transaction is open.
            LoadError: The org, with the rows added before, cannot store them.
        """
        with self._lock:
            if self._start is None:
                raise ValueError("no transaction is open; begin one first")
            now = self._org.clock.now()
            # With the earlier rows, because new rows may point at them.
            counts = self._rehearse([*self._added, (folder, now)])
            kept = Path(tempfile.mkdtemp(prefix="sfbulk-sandbox-transaction-"))
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            self._added.append((kept, now))
        return counts

    def commit(self) -> dict[str, int]:
        """Load the rows into the org, and return the number of rows per object.

        Raises:
            ValueError: No transaction is open.
            LoadError: The org has changed and cannot store them. The transaction stays open.
        """
        with self._lock:
            if self._start is None:
                raise ValueError("no transaction is open; begin one first")
            with self._org.transaction():
                counts = _sum(self._load(self._added))
            self.drop()
        return counts

    def drop(self) -> None:
        """Remove the transaction and its rows, if one is open."""
        with self._lock:
            for folder, _ in self._added:
                shutil.rmtree(folder, ignore_errors=True)
            self._added, self._start = [], None

    def _rehearse(self, added: list[tuple[Path, datetime]]) -> dict[str, int]:
        counts: list[dict[str, int]] = []
        with suppress(RollBack), self._org.transaction():
            counts = self._load(added)
            raise RollBack
        return counts[-1]

    def _load(self, added: list[tuple[Path, datetime]]) -> list[dict[str, int]]:
        return [self._org.load(folder, at=moment) for folder, moment in added]


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total

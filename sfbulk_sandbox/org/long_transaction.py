"""A transaction of somebody else that stays open: its rows are older than the moment they show."""

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
    """The transaction, when there is one.

    Its rows are kept aside, each folder of them with the moment it was added, and go into the org
    at the commit with the stamps of that moment. Safe to use from several threads.

    Args:
        org: Where the rows go.
    """

    def __init__(self, org: Org) -> None:
        self._org = org
        self._lock = threading.RLock()
        self._start: datetime | None = None
        self._added: list[tuple[Path, datetime]] = []

    @property
    def start(self) -> datetime | None:
        """When it began; None when none is open."""
        return self._start

    def begin(self) -> None:
        """Open it.

        Raises:
            ValueError: One is open already.
        """
        with self._lock:
            if self._start is not None:
                raise ValueError("a transaction is open already; commit it first")
            self._start = self._org.clock.now()

    def add(self, folder: Path) -> dict[str, int]:
        """Keep the rows of a folder of CSV files aside and return how many of each object.

        Raises:
            ValueError: No transaction is open.
            LoadError: The org, with all rows added before, cannot hold them.
        """
        with self._lock:
            if self._start is None:
                raise ValueError("no transaction is open; begin one first")
            now = self._org.clock.now()
            counts = self._rehearse([*self._added, (folder, now)])
            kept = Path(tempfile.mkdtemp(prefix="sfbulk-sandbox-transaction-"))
            shutil.copytree(folder, kept, dirs_exist_ok=True)
            self._added.append((kept, now))
        return counts

    def commit(self) -> dict[str, int]:
        """Put its rows into the org and return how many of each object.

        Raises:
            ValueError: No transaction is open.
            LoadError: The org has changed so that it cannot hold them; the transaction stays open.
        """
        with self._lock:
            if self._start is None:
                raise ValueError("no transaction is open; begin one first")
            with self._org.transaction():
                counts = _sum(self._load(self._added))
            self.drop()
        return counts

    def drop(self) -> None:
        """Forget it and its rows, if there is one."""
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

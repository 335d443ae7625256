"""Keeps the keys of a full table's version on disk, and compares them with those of the org."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BUFFERED = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS version (number INTEGER);
CREATE TABLE IF NOT EXISTS key (text TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE org (id TEXT, text TEXT);
"""


class VersionKeys:
    """The keys that the source has, of one version of a stream.

    They are kept from run to run: a tap may go on with a version that a run before has begun, and
    then sends the rest of its rows only.

    Memory: 10,000 keys, and the cache of SQLite.

    Args:
        path: The file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sqlite = sqlite3.connect(path)
        self._sqlite.executescript(_TABLES)
        row = self._sqlite.execute("SELECT number FROM version").fetchone()
        self._buffer: list[str] = []
        self._is_needed = True
        self.version: int | None = row and row[0]
        """The version; None if the source does not number them."""
        # Without a number, the rows of the run before are not known to be of this version.
        if self.version is None:
            self.begin(None)

    def add(self, text: str, version: int | None) -> None:
        """Keep a key; those of another version are forgotten."""
        if version != self.version:
            self.begin(version)
        self._buffer.append(text)
        if len(self._buffer) >= _BUFFERED:
            self._write_out()

    def commit(self) -> None:
        """Write the keys so far to the disk, before a STATE covers them."""
        self._write_out()
        self._sqlite.commit()

    def compare(self, records: Iterable[tuple[str, str]]) -> int:
        """Find the records whose keys are not here.

        Args:
            records: Id and key of each record of the org.

        Returns:
            How many they are; see `missing`.
        """
        self._write_out()
        self._sqlite.execute("DELETE FROM org")
        self._sqlite.executemany("INSERT INTO org VALUES (?, ?)", records)
        self._sqlite.execute("DELETE FROM org WHERE text IN (SELECT text FROM key)")
        (count,) = self._sqlite.execute("SELECT count(*) FROM org").fetchone()
        return int(count)

    def missing(self) -> Iterator[tuple[str, str]]:
        """Id and key of the records that `compare` has found."""
        yield from self._sqlite.execute("SELECT id, text FROM org ORDER BY id")

    def forget(self) -> None:
        """The version is dealt with: remove the file when it is closed."""
        self._is_needed = False

    def close(self) -> None:
        """Close the file."""
        self._sqlite.close()
        if not self._is_needed:
            self._path.unlink(missing_ok=True)

    def begin(self, version: int | None) -> None:
        """Forget all keys: those that come are of this version."""
        self._buffer.clear()
        self._sqlite.execute("DELETE FROM key")
        self._sqlite.execute("DELETE FROM version")
        self._sqlite.execute("INSERT INTO version VALUES (?)", (version,))
        self.version = version

    def _write_out(self) -> None:
        if self._buffer:
            rows = [(text,) for text in sorted(self._buffer)]
            self._sqlite.executemany("INSERT OR IGNORE INTO key VALUES (?)", rows)
            self._buffer.clear()

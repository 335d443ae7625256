"""Keeps the keys of a full table's version on disk, and compares them with those of the org."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unicodedata import normalize

from sfbulk.private_database import open_database
from target_sfbulk.delete_cap import MirrorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_BUFFERED = 10_000

_TABLES = """
CREATE TABLE IF NOT EXISTS version (key TEXT, number INTEGER, unreadable INTEGER);
CREATE TABLE IF NOT EXISTS ended (number INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS key (text TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE org (id TEXT, text TEXT);
"""


class VersionKeys:
    """The keys that the source has, of one version of a stream.

    They are kept from run to run: a tap may go on with a version that a run before has begun, and
    then sends the rest of its rows only. A key too many deletes nothing, so records without a
    version are taken for records of the version beside which they come.

    Memory: 10,000 keys, and the cache of SQLite.

    Args:
        path: The file; its folder exists.
        key: What the keys are: keys of another field are not those of the version.

    Raises:
        MirrorError: The file is damaged.
        OSError: It cannot be read or written; names it, as each later error does.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._key = key
        self._buffer: list[str] = []
        self._is_needed = True
        self.version: int | None = None
        """The version; None as long as no record had a number."""
        self.unreadable = 0
        """How many records of the version have keys that cannot be compared."""
        with _naming(path):
            self._sqlite = open_database(path)
            self._sqlite.executescript(_TABLES)
            self._go_on()

    def _go_on(self) -> None:
        found = self._sqlite.execute("SELECT key, number, unreadable FROM version").fetchone()
        key, self.version, self.unreadable = found or (self._key, None, 0)
        # Without a number, the rows of the run before are not known to be of this version.
        if key != self._key or self.version is None:
            self._begin(None)

    def use(self, version: int | None) -> None:
        """What comes next is of this version: if it is another one, forget the keys so far."""
        if version is None or version == self.version:
            return
        if self.version is None:
            self.version = version
        else:
            self._begin(version)

    def add(self, text: str) -> None:
        """Keep a key of the version."""
        self._buffer.append(_composed(text))
        if len(self._buffer) >= _BUFFERED:
            self._write_out()

    @property
    def is_partial(self) -> bool:
        """Whether keys of the version were forgotten, as those of another one came between."""
        found = self._sqlite.execute("SELECT 1 FROM ended WHERE number = ?", (self.version,))
        return found.fetchone() is not None

    @property
    def is_empty(self) -> bool:
        """Whether the version has no key, so that all records of the org would be missing."""
        self._write_out()
        return self._sqlite.execute("SELECT 1 FROM key LIMIT 1").fetchone() is None

    def commit(self) -> None:
        """Write what is known so far to the disk, before a STATE covers it."""
        self._write_out()
        self._sqlite.execute("DELETE FROM version")
        self._sqlite.execute(
            "INSERT INTO version VALUES (?, ?, ?)", (self._key, self.version, self.unreadable)
        )
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
        composed = ((record_id, _composed(text)) for record_id, text in records)
        self._sqlite.executemany("INSERT INTO org VALUES (?, ?)", composed)
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
            self.path.unlink(missing_ok=True)

    def _begin(self, version: int | None) -> None:
        if self.version is not None:
            self._sqlite.execute("INSERT OR IGNORE INTO ended VALUES (?)", (self.version,))
        self._buffer.clear()
        self._sqlite.execute("DELETE FROM key")
        self.version, self.unreadable = version, 0

    def _write_out(self) -> None:
        if self._buffer:
            rows = [(text,) for text in sorted(self._buffer)]
            self._sqlite.executemany("INSERT OR IGNORE INTO key VALUES (?)", rows)
            self._buffer.clear()


def _composed(text: str) -> str:
    # Salesforce may store a character and its accent as one character.
    return normalize("NFC", text)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise MirrorError(
            f"The file {path} with the keys of a mirror cannot be used: {error}. Remove it, and let"
            " the tap begin the table again: nothing may be deleted for the rest of a version only."
        ) from error

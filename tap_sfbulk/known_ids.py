"""Keeps on disk which ids of a stream are known, and finds those that are gone.

One SQLite file for each stream. Its memory does not grow with the number of ids: 10 million are
compared on disk. The ids of a sweep only replace those of the one before, and those written since,
once the state of a later run names that sweep: if the records of a sweep did not arrive, the next
one finds them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.private_database import open_database
from sfbulk.private_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS sweeps (name TEXT PRIMARY KEY, stamp TEXT);
CREATE TABLE IF NOT EXISTS known (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS next (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS found (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS written (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marked (id TEXT PRIMARY KEY) WITHOUT ROWID;
DELETE FROM found;
DELETE FROM marked;
"""
_BASE = "(SELECT id FROM known UNION SELECT id FROM written)"


class KnownIds:
    """The ids of one stream.

    Args:
        path: The file; it is made if it is not there.
        swept: The stamp of the last sweep whose records arrived, from the state; None if the
            state names none.
    """

    def __init__(self, path: Path, swept: str | None) -> None:
        private_folder(path.parent)
        self.path = path
        # A stream may be read in another thread than the one that made it.
        self._db = open_database(path)
        self._db.executescript(_TABLES)
        stamps = dict(self._db.execute("SELECT name, stamp FROM sweeps"))
        if swept is not None and stamps.get("next") == swept:
            self._replace("known", "next")
            self._db.execute("UPDATE OR REPLACE sweeps SET name = 'known' WHERE name = 'next'")
            self._db.execute("DELETE FROM written")
        self.has_base = swept is not None and swept in stamps.values()
        """Whether the ids of the last sweep are here."""
        if not self.has_base:
            self._db.execute("DELETE FROM known")
            self._db.execute("DELETE FROM sweeps WHERE name = 'known'")
        self._db.commit()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add_written(self, ids: Iterable[str]) -> None:
        """Note ids of rows that go out in this run."""
        self._add("written", ids)

    def keep(self) -> None:
        """Keep on disk what was noted, for a run that ends before its sweep."""
        self._db.commit()

    def add_found(self, ids: Iterable[str]) -> None:
        """Note ids that the sweep finds."""
        self._add("found", ids)

    def add_marked(self, ids: Iterable[str]) -> None:
        """Note ids of rows that are marked as deleted, so that their end is no news."""
        self._add("marked", ids)

    @property
    def counts(self) -> tuple[int, int]:
        """How many ids were known before the sweep, and how many of them it did not find."""
        gone = f"SELECT count(*) FROM {_BASE} WHERE id NOT IN (SELECT id FROM found)"  # noqa: S608 - own tables
        (known,) = self._db.execute(f"SELECT count(*) FROM {_BASE}").fetchone()  # noqa: S608 - own tables
        (missing,) = self._db.execute(gone).fetchone()
        return known, missing

    def gone(self) -> Iterator[str]:
        """The ids that were known and that the sweep did not find."""
        gone = f"SELECT id FROM {_BASE} WHERE id NOT IN (SELECT id FROM found) ORDER BY id"  # noqa: S608 - own tables
        for (each,) in self._db.execute(gone):
            yield each

    def finish(self, stamp: str) -> None:
        """Keep what the sweep found under its stamp, until a state names it."""
        self._db.execute("DELETE FROM found WHERE id IN (SELECT id FROM marked)")
        self._replace("next", "found")
        self._stamp("next", stamp)
        self._db.commit()

    def _add(self, table: str, ids: Iterable[str]) -> None:
        statement = f"INSERT OR IGNORE INTO {table} VALUES (?)"  # noqa: S608 - own tables
        self._db.executemany(statement, ((each,) for each in ids))

    def _replace(self, table: str, source: str) -> None:
        self._db.execute(f"DROP TABLE {table}")
        self._db.execute(f"ALTER TABLE {source} RENAME TO {table}")
        self._db.execute(f"CREATE TABLE {source} (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def _stamp(self, name: str, stamp: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO sweeps VALUES (?, ?)", (name, stamp))

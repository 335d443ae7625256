"""The tables of a journal in SQLite: opened, checked, and written step by step."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sfbulk.errors import JournalError
from sfbulk.private_files import make_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_VERSION = 1
_APPLICATION = 0x73666A6C  # "sfjl", so that another program's database is not taken for a journal
# A connection that is closed may write all that is in the log.
_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, org TEXT NOT NULL, folder TEXT NOT NULL, since TEXT NOT NULL
);
CREATE TABLE loads (
    id INTEGER PRIMARY KEY, org TEXT NOT NULL, name TEXT NOT NULL, sobject TEXT NOT NULL,
    operation TEXT NOT NULL, key TEXT NOT NULL, folder TEXT NOT NULL DEFAULT '',
    covered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (org, name, sobject, operation, key)
);
CREATE TABLE files (
    id INTEGER PRIMARY KEY, load INTEGER NOT NULL REFERENCES loads, phase TEXT NOT NULL,
    time TEXT NOT NULL, job TEXT, batch TEXT, path TEXT NOT NULL, columns TEXT NOT NULL,
    numbers BLOB NOT NULL, digests BLOB NOT NULL, left_out BLOB NOT NULL DEFAULT x'',
    last INTEGER NOT NULL
);
CREATE TABLE batches (org TEXT NOT NULL, job TEXT NOT NULL, batch TEXT);
CREATE TABLE known (
    id INTEGER PRIMARY KEY, load INTEGER NOT NULL REFERENCES loads, digest BLOB NOT NULL,
    status TEXT NOT NULL, taken INTEGER
);
CREATE INDEX known_digest ON known (digest);
CREATE INDEX known_taken ON known (load, taken);
"""


class Tables:
    """The database of a journal.

    Every commit survives the end of the process, and only a `durable` one a power failure: to wait
    for the disk at every step would slow small jobs down.

    Args:
        path: the file; it is created if it does not exist.
        only_read: whether nothing is changed, so that no lock is needed to use it; the file exists.

    Raises:
        JournalError: it is not a journal, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path, *, only_read: bool = False) -> None:
        self.path = path
        with self._naming_the_file():
            if not only_read and not has_tables(path):
                _create(path)
            self._database = _connect(path)
            try:
                self._check()
                self._database.execute(f"PRAGMA query_only = {only_read}")
                self._database.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                self._database.close()
                raise

    def close(self) -> None:
        """Write what is not committed, and close the file."""
        with self._naming_the_file():
            try:
                self.commit()
            finally:
                self._database.close()

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Execute a statement; a change is written by the next `commit`."""
        with self._naming_the_file():
            self._begin()
            return self._database.execute(statement, values)

    def run_many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        """Execute a statement for each of these values."""
        with self._naming_the_file():
            self._begin()
            self._database.executemany(statement, values)

    def read(self, query: str, *values: Any) -> list[Any]:
        """The rows of a query."""
        with self._naming_the_file():
            return self._database.execute(query, values).fetchall()

    def commit(self) -> None:
        """Write all changes, so that they survive the end of this process."""
        if self._database.in_transaction:
            with self._naming_the_file():
                self._database.execute("COMMIT")

    @contextmanager
    def durable(self) -> Iterator[None]:
        """Commit what the block does, and all before it, so that it survives a power failure."""
        # SQLite ignores this setting within a transaction.
        self.commit()
        with self._naming_the_file():
            self._database.execute("PRAGMA synchronous = FULL")
        yield
        self.commit()
        with self._naming_the_file():
            self._database.execute("PRAGMA synchronous = NORMAL")

    def _begin(self) -> None:
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")

    def _check(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if (application, version) != (_APPLICATION, _VERSION):
            raise JournalError(
                f"{self.path} is not a journal of this version of sfbulk. Name another file, or "
                "use the version that wrote it."
            )

    @contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise JournalError(
                f"The journal {self.path} cannot be read or written ({error}). Make room on its "
                "disk or correct its permissions, and start again: what Salesforce has loaded is "
                "recorded there."
            ) from error
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"The journal {self.path} is damaged, or is not a journal ({error}). Move it away "
                "to begin a new one. Before that, look at the jobs of the last run in Setup, Bulk "
                "Data Load Jobs: rows that they inserted would be inserted again."
            ) from error


def has_tables(path: Path) -> bool:
    """Whether there is a file that is not empty."""
    return path.exists() and path.stat().st_size > 0


def _connect(path: Path) -> sqlite3.Connection:
    # Statements of several threads never overlap: one load uses it, or one target.
    return sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _create(path: Path) -> None:
    """Create an empty journal."""
    # Beside it, and then in its place: a status command that looks at that moment would see half
    # of it, or keep it from the mode in which readers and writers do not wait for each other.
    new = path.with_name(f"{path.name}.new")
    for left in ("", "-wal", "-shm"):
        new.with_name(f"{new.name}{left}").unlink(missing_ok=True)
    # SQLite gives its other files the mode of this one.
    make_private(new)
    database = _connect(new)
    try:
        database.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id = {_APPLICATION};"
            f"PRAGMA user_version = {_VERSION}; COMMIT"
        )
        # Only now: on a full disk, what is in the log of this mode would stay in a file beside
        # this one, which keeps its name, and closing the database would not say so.
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
    new.replace(path)

"""Opens SQLite files whose errors are those of a file, such as that of a full disk, and name it."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sfbulk.private_files import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["open_database"]


def open_database(path: Path) -> sqlite3.Connection:
    """Open a database, which several threads may use one after the other.

    If it does not exist, it is created with the mode 0600.

    Raises:
        OSError: it cannot be opened; names it. So does each later error of reading or writing.
        sqlite3.DatabaseError: later, by the first statement: it is no database, or damaged.
    """
    make_private(path)
    with _of_file(path):
        database = sqlite3.connect(path, check_same_thread=False, factory=_Database)
    database.path = path
    return database


class _Database(sqlite3.Connection):
    path: Path

    def cursor(self, *_given: Any) -> Any:
        return super().cursor(_Cursor)

    # Not every version of Python takes the cursor above for these.
    def execute(self, *given: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor().execute(*given)
        return cursor

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor().executemany(*given)
        return cursor

    def executescript(self, *given: Any) -> sqlite3.Cursor:
        cursor: sqlite3.Cursor = self.cursor().executescript(*given)
        return cursor

    def commit(self) -> None:
        with _of_file(self.path):
            super().commit()


class _Cursor(sqlite3.Cursor):
    connection: _Database

    def execute(self, *given: Any) -> Any:
        with _of_file(self.connection.path):
            return super().execute(*given)

    def executemany(self, *given: Any) -> Any:
        with _of_file(self.connection.path):
            return super().executemany(*given)

    def executescript(self, *given: Any) -> sqlite3.Cursor:
        with _of_file(self.connection.path):
            return super().executescript(*given)

    def fetchmany(self, *given: Any) -> list[Any]:
        with _of_file(self.connection.path):
            return super().fetchmany(*given)

    def __next__(self) -> Any:
        # Without a context manager, since it is called for each row.
        try:
            return super().__next__()
        except sqlite3.OperationalError as error:
            raise _named(error, self.connection.path) from error


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _named(error, path) from error


def _named(error: sqlite3.OperationalError, path: Path) -> OSError:
    number = errno.ENOSPC if "full" in str(error) else errno.EIO
    return OSError(number, str(error), str(path))

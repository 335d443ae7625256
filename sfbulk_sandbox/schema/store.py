"""The org's rows in SQLite: one file, with one table per object of the schema.

All writes use one connection under one lock: SQLite has only one writer, and chunks of rows must
not interleave. Every query reads through its own connection. In WAL mode this is a snapshot; reader
and writer do not wait for each other.

SQLite folds only ASCII and its numbers are doubles. So `fold` compares text without letter case in
every script, and the collation DECIMAL compares numbers exactly.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.values import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfbulk_sandbox.schema.schema import Field, Schema, SObject
    from sfbulk_sandbox.schema.values import Stored

_COLUMN_TYPES = {Kind.INTEGER: "INTEGER", Kind.NUMBER: "TEXT COLLATE DECIMAL"}
# The statements that begin, undo and keep a transaction.
_OUTER = ("BEGIN IMMEDIATE", "ROLLBACK", "COMMIT")
_INNER = ("SAVEPOINT part", "ROLLBACK TO part", "RELEASE part")
# "~" cannot be in an object name, so this is never the table of an object.
_SERIALS = '"~serials"'
_REMOVED = '"~removed"'


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def marks(count: int) -> str:
    """This many parameter marks, for an IN list."""
    return ",".join("?" * count)


def fold(text: str | None) -> str | None:
    """Text as it is compared: without letter case."""
    return None if text is None else text.casefold()


def _compare_numbers(left: str, right: str) -> int:
    first, second = Decimal(left), Decimal(right)
    return (first > second) - (first < second)


def _compare_texts(left: str, right: str) -> int:
    # Texts that differ only in case must not be equal, so that MIN() and MAX() are deterministic.
    first, second = (left.casefold(), left), (right.casefold(), right)
    return (first > second) - (first < second)


def _percent_of(whole: str | None, percent: str | None) -> str | None:
    """A percentage of an amount, rounded to cents; null if an argument is null."""
    if whole is None or percent is None:
        return None
    part = Decimal(whole) * Decimal(percent) / 100
    return number_text(part.quantize(Decimal("0.01"), ROUND_HALF_UP))


class _DecimalSum:
    """SUM() that keeps every digit; null without values."""

    def __init__(self) -> None:
        self._sum = Decimal(0)
        self._count = 0

    def step(self, stored: str | int | None) -> None:
        """Add the value of one row."""
        if stored is not None:
            self._sum += Decimal(stored)
            self._count += 1

    def finalize(self) -> str | None:
        """The sum in the stored form of numbers."""
        return number_text(self._sum) if self._count else None


class _DecimalAverage(_DecimalSum):
    """AVG(), rounded to a double as Salesforce sends it."""

    def finalize(self) -> str | None:
        """The average in the stored form of numbers."""
        if not self._count:
            return None
        return number_text(Decimal(repr(float(self._sum / self._count))))


class Store:
    """The tables of one org.

    Args:
        schema: The objects. Missing tables and columns are created.
        path: The database file; None for a temporary one.
    """

    def __init__(self, schema: Schema, path: Path | None) -> None:
        self._schema = schema
        self._folder = None if path else Path(tempfile.mkdtemp(prefix="sfbulk-sandbox-"))
        self._path = path or (self._folder or Path()) / "org.sqlite3"
        self._lock = threading.RLock()
        self._writer: int | None = None
        self._connection = self._connect()
        with self.transaction():
            self._create_tables()

    def _connect(self) -> sqlite3.Connection:
        # Several threads use a connection, but only one at a time: the writer has a lock, and the
        # iterator of a reader has one consumer.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.create_function("fold", 1, fold, deterministic=True)
        connection.create_function("percent_of", 2, _percent_of, deterministic=True)
        connection.create_collation("DECIMAL", _compare_numbers)
        connection.create_collation("FOLD", _compare_texts)
        connection.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type] # typeshed knows aggregates of integers only
        connection.create_aggregate("decimal_avg", 1, _DecimalAverage)  # type: ignore[arg-type] # typeshed knows aggregates of integers only
        connection.execute("PRAGMA journal_mode = WAL")
        # A crash of the machine may lose the last rows. For a sandbox, speed is more important.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA case_sensitive_like = ON")
        return connection

    def _create_tables(self) -> None:
        self.execute(
            f"CREATE TABLE IF NOT EXISTS {_SERIALS} (name TEXT PRIMARY KEY, value INTEGER)"
        )
        self.execute(f"CREATE TABLE IF NOT EXISTS {_REMOVED} (object TEXT, id TEXT, moment TEXT)")
        for sobject in self._schema:
            self._create_table(sobject)

    def _create_table(self, sobject: SObject) -> None:
        table = quoted(sobject.name)
        columns = ", ".join(_column(field) for field in sobject.stored)
        self.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        there = {str(row[1]).lower() for row in self.execute(f"PRAGMA table_info({table})")}
        for field in sobject.stored:
            if field.name.lower() not in there:
                self.execute(f"ALTER TABLE {table} ADD COLUMN {_column(field)}")
        for field in sobject.stored:
            if field.type != "id" and (field.unique or field.is_key):
                self._create_index(sobject, field)

    def _create_index(self, sobject: SObject, field: Field) -> None:
        unique = "UNIQUE " if field.unique else ""
        key = key_expression(field)
        if sobject.has_recycle_bin:
            # A deleted record must not block its key. A partial index would do that too, but SQLite
            # then reads whole tables in the order of the index.
            key += ", CASE \"IsDeleted\" WHEN 'false' THEN '' ELSE \"Id\" END"
        self.execute(
            f"CREATE {unique}INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{field.name}')} "
            f"ON {quoted(sobject.name)} ({key})"
        )

    def create_index(self, sobject: SObject, lookup: Field) -> None:
        """Create the index of a lookup, if there is none.

        Only deletions need it, and it makes inserts slower; so it is created at the first deletion.
        """
        self.execute(
            f"CREATE INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{lookup.name}')} "
            f"ON {quoted(sobject.name)} ({quoted(lookup.name)})"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock and run a transaction: an exception undoes it.

        An inner transaction can be undone alone. Undoing the outer one undoes the inner one too.
        """
        with self._lock:
            begin, undo, keep = _INNER if self._connection.in_transaction else _OUTER
            self._connection.execute(begin)
            outer, self._writer = self._writer, threading.get_ident()
            try:
                yield
            except BaseException:
                self._connection.execute(undo)
                raise
            else:
                self._connection.execute(keep)
            finally:
                self._writer = outer

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Stored, ...]]:
        """Run a statement on the writing connection and return all of its rows."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once per row of parameters."""
        with self._lock:
            self._connection.executemany(sql, rows)

    def snapshot(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Stored, ...]]:
        """Yield the rows of a query from a snapshot that is taken at the first row."""
        if self._writer == threading.get_ident():
            # A transaction must see its own rows, which no other connection sees yet.
            yield from self.execute(sql, parameters)
            return
        connection = self._connect()
        try:
            yield from connection.execute(sql, parameters)
        finally:
            connection.close()

    def serials(self) -> dict[str, int]:
        """The stored counters by name."""
        return {
            str(name): int(value or 0) for name, value in self.execute(f"SELECT * FROM {_SERIALS}")
        }

    def keep_serials(self, serials: Mapping[str, int]) -> None:
        """Store counters, in the transaction that used them."""
        self.execute_many(f"REPLACE INTO {_SERIALS} VALUES (?, ?)", list(serials.items()))

    def remove(self, sobject: SObject, record_ids: Sequence[str], moment: str) -> None:
        """Remove rows, and note when: the delete log has also what is in no recycle bin."""
        self.execute_many(
            f'DELETE FROM {quoted(sobject.name)} WHERE "Id" = ?', [(one,) for one in record_ids]
        )
        self.execute_many(
            f"INSERT INTO {_REMOVED} VALUES (?, ?, ?)",
            [(sobject.name, one, moment) for one in record_ids],
        )

    def removed(self, sobject: SObject, start: str, end: str) -> list[tuple[str, str]]:
        """The ids of the rows that were removed from `start` to before `end`, with the moment."""
        sql = f"SELECT id, moment FROM {_REMOVED} WHERE object = ? AND moment >= ? AND moment < ?"
        return [(str(one), str(at)) for one, at in self.execute(sql, [sobject.name, start, end])]

    def clear(self) -> None:
        """Remove every row of every object, the counters and the log of removed rows."""
        with self.transaction():
            for sobject in self._schema:
                self.execute(f"DELETE FROM {quoted(sobject.name)}")
            self.execute(f"DELETE FROM {_SERIALS}")
            self.execute(f"DELETE FROM {_REMOVED}")

    def close(self) -> None:
        """Close the file, and remove it if it is temporary."""
        with self._lock:
            self._connection.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _column(field: Field) -> str:
    key = " PRIMARY KEY" if field.type == "id" else ""
    return f"{quoted(field.name)} {_COLUMN_TYPES.get(field.kind, 'TEXT')}{key}"


def key_expression(field: Field, alias: str | None = None) -> str:
    """SQL for the value of a field as it is compared: text without case, unless case-sensitive."""
    column = f"{alias}.{quoted(field.name)}" if alias else quoted(field.name)
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return f"fold({column})"
    return column


def key_value(field: Field, stored: Stored) -> Stored:
    """A value in the form that `key_expression` has."""
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return fold(None if stored is None else str(stored))
    return stored

"""The org's rows in SQLite: one file, one table per object, made from the schema.

Writes go through one connection under one lock, because SQLite has one writer anyway and a chunk
of rows must not interleave with another. Every query reads through a connection of its own: in
WAL mode that is a snapshot which neither waits for the writer nor holds it up.

SQLite's own case folding and its numbers will not do: `fold` compares text as Salesforce does,
without case in any script, and the collation DECIMAL orders number text digit for digit.
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
# How a transaction begins, is undone and is kept.
_OUTER = ("BEGIN IMMEDIATE", "ROLLBACK", "COMMIT")
_INNER = ("SAVEPOINT part", "ROLLBACK TO part", "RELEASE part")
_SERIALS = '"~serials"'


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def marks(count: int) -> str:
    """So many parameter marks for an IN list."""
    return ",".join("?" * count)


def fold(text: str | None) -> str | None:
    """Text as it is compared: without case."""
    return None if text is None else text.casefold()


def _compare_numbers(left: str, right: str) -> int:
    first, second = Decimal(left), Decimal(right)
    return (first > second) - (first < second)


def _compare_texts(left: str, right: str) -> int:
    # Texts that differ in case only must not be equal: which of them is least may not be chance.
    first, second = (left.casefold(), left), (right.casefold(), right)
    return (first > second) - (first < second)


def _percent_of(whole: str | None, percent: str | None) -> str | None:
    """A part of an amount to the cent; null when either is."""
    if whole is None or percent is None:
        return None
    part = Decimal(whole) * Decimal(percent) / 100
    return number_text(part.quantize(Decimal("0.01"), ROUND_HALF_UP))


class _DecimalSum:
    """SUM() that keeps every digit; null when there is nothing to add."""

    def __init__(self) -> None:
        self._sum = Decimal(0)
        self._count = 0

    def step(self, stored: str | int | None) -> None:
        """Take the value of one row."""
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
        schema: Objects to keep; a file that lacks one of their columns gets it.
        path: A database file that outlives the org, or None for a temporary one.
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
        # Connections move between threads, one at a time: the lock or the iterator sees to that.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.create_function("fold", 1, fold, deterministic=True)
        connection.create_function("percent_of", 2, _percent_of, deterministic=True)
        connection.create_collation("DECIMAL", _compare_numbers)
        connection.create_collation("FOLD", _compare_texts)
        connection.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type] # typeshed knows aggregates of integers only
        connection.create_aggregate("decimal_avg", 1, _DecimalAverage)  # type: ignore[arg-type] # typeshed knows aggregates of integers only
        connection.execute("PRAGMA journal_mode = WAL")
        # A crash of the machine may cost the last rows of a sandbox; waiting for discs costs more.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA case_sensitive_like = ON")
        return connection

    def _create_tables(self) -> None:
        self.execute(
            f"CREATE TABLE IF NOT EXISTS {_SERIALS} (name TEXT PRIMARY KEY, value INTEGER)"
        )
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
            # A record in the recycle bin does not keep its key from being used again. (An index
            # of the others only would tempt SQLite to read whole tables in its order.)
            key += ", CASE \"IsDeleted\" WHEN 'false' THEN '' ELSE \"Id\" END"
        self.execute(
            f"CREATE {unique}INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{field.name}')} "
            f"ON {quoted(sobject.name)} ({key})"
        )

    def create_index(self, sobject: SObject, lookup: Field) -> None:
        """Make a lookup quick to follow from its parent, if it is not yet.

        Only deleting needs it: an org that never deletes does without the slower inserts.
        """
        self.execute(
            f"CREATE INDEX IF NOT EXISTS {quoted(f'{sobject.name}.{lookup.name}')} "
            f"ON {quoted(sobject.name)} ({quoted(lookup.name)})"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; what happens inside is kept as a whole or not at all.

        One inside another can be undone by itself, and is undone with the outer one.
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
        """Run a statement on the writing connection and fetch all of its rows."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

    def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once per row of parameters."""
        with self._lock:
            self._connection.executemany(sql, rows)

    def snapshot(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[Stored, ...]]:
        """Stream a query's rows as of its first one, whatever is written meanwhile."""
        if self._writer == threading.get_ident():
            # Inside a transaction its own rows must show, which no other connection sees yet.
            yield from self.execute(sql, parameters)
            return
        connection = self._connect()
        try:
            yield from connection.execute(sql, parameters)
        finally:
            connection.close()

    def serials(self) -> dict[str, int]:
        """The counters kept with the rows, by name."""
        return {
            str(name): int(value or 0) for name, value in self.execute(f"SELECT * FROM {_SERIALS}")
        }

    def keep_serials(self, serials: Mapping[str, int]) -> None:
        """Remember the counters, in the transaction that used them."""
        self.execute_many(f"REPLACE INTO {_SERIALS} VALUES (?, ?)", list(serials.items()))

    def clear(self) -> None:
        """Remove every row of every object, and the counters."""
        with self.transaction():
            for sobject in self._schema:
                self.execute(f"DELETE FROM {quoted(sobject.name)}")
            self.execute(f"DELETE FROM {_SERIALS}")

    def close(self) -> None:
        """Close the file, and remove it if it was a temporary one."""
        with self._lock:
            self._connection.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _column(field: Field) -> str:
    key = " PRIMARY KEY" if field.type == "id" else ""
    return f"{quoted(field.name)} {_COLUMN_TYPES.get(field.kind, 'TEXT')}{key}"


def key_expression(field: Field, alias: str | None = None) -> str:
    """SQL for a field's value as it is compared: text without case unless the field has case."""
    column = f"{alias}.{quoted(field.name)}" if alias else quoted(field.name)
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return f"fold({column})"
    return column


def key_value(field: Field, stored: Stored) -> Stored:
    """A value to compare with `key_expression`."""
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return fold(None if stored is None else str(stored))
    return stored

"""Loads rows that an org already had, from a folder of CSV files.

Save rules do not apply, because old rows of an org may break today's rules. But types, lengths, ids
and lookups must be valid. A folder is one transaction. Memory does not grow with rows: rows are
inserted in batches, and lookups are checked by SQL after all files are read.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

import difflib
import sqlite3
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import LoadError, RowError
from sfbulk_sandbox.org.loaded_file import LoadedFile
from sfbulk_sandbox.org.lookups import Lookups
from sfbulk_sandbox.rules.columns import Column, find_column
from sfbulk_sandbox.rules.defaults import CREATED, MODIFIED, Defaults, default_value
from sfbulk_sandbox.rules.derived import Derived
from sfbulk_sandbox.schema import csvfile, values
from sfbulk_sandbox.schema.schema import Field, Kind, SObject
from sfbulk_sandbox.schema.store import marks, quoted

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.values import Stored

_BATCH = 1000

# One second older than now, so that a read up to now (exclusive) includes the rows.
_AGE = timedelta(seconds=1)
_Filled = dict[Field, list["Stored"]]


class FolderLoader:
    """Loads folders into an org.

    Args:
        parts: The org's parts.
        at: The time of the load; None for now.
    """

    def __init__(self, parts: Parts, at: datetime | None = None) -> None:
        self._parts = parts
        self._store = parts.store
        self._lookups = Lookups(parts.store, parts.schema)
        self._stamp = values.datetime_text((at or parts.clock.now()) - _AGE)

    def load(self, directory: Path) -> dict[str, int]:
        """Load every `<SObject>.csv` of a folder, all rows or none.

        Raises:
            LoadError: See `Org.load`.
        """
        paths = sorted(directory.glob("*.csv")) if directory.is_dir() else []
        if not paths:
            raise LoadError(
                "no CSV file in this folder; name each file <SObject>.csv", path=directory
            )
        files = [self._open(path) for path in paths]
        with self._store.transaction():
            for file in files:
                self._insert(file)
            for file in files:
                # After all inserts: a parent may be in a later file.
                self._lookups.resolve(file)
            for file in files:
                self._lookups.check(file)
                self._finish(file)
        return {file.sobject.name: file.count for file in files}

    def _open(self, path: Path) -> LoadedFile:
        sobject = self._parts.schema.sobject(path.stem)
        if sobject is None:
            known = [one.name for one in self._parts.schema]
            hint = _hint(path.stem, known, "name the file after an object of the schema")
            raise LoadError(f"the schema has no object {path.stem}; {hint}", path=path)
        file = LoadedFile(path, sobject, csvfile.read_header(path))
        for name in file.header:
            file.columns.append(self._column(file, name))
        return file

    def _column(self, file: LoadedFile, name: str) -> Column:
        column = find_column(self._parts.schema, file.sobject, name)
        if column is None:
            known = [one.name for one in file.sobject.stored]
            hint = _hint(name, known, "remove the column or add the field to the schema")
            if "." in name:
                hint = "name a parent as Relationship.Field, with an external id or idLookup field"
            text = f"{file.sobject.name} has no field {name}; {hint}"
            raise LoadError(text, path=file.path, line=1, column=name)
        if any(column.field is other.field for other in file.columns):
            text = "this field already has a column; remove one of the two"
            raise LoadError(text, path=file.path, line=1, column=name)
        return column

    def _insert(self, file: LoadedFile) -> None:
        file.first_row = self._last_row(file) + 1
        records = csvfile.read_records(file.path)
        while batch := list(islice(records, _BATCH)):
            self._insert_batch(file, batch)
            file.count += len(batch)

    def _last_row(self, file: LoadedFile) -> int:
        table = quoted(file.sobject.name)
        return int(self._store.execute(f"SELECT max(rowid) FROM {table}")[0][0] or 0)

    def _insert_batch(self, file: LoadedFile, batch: list[tuple[int, list[str]]]) -> None:
        lines = [line for line, _ in batch]
        by_column = list(zip(*(cells for _, cells in batch), strict=True))
        filled: _Filled = {}
        for number, column in enumerate(file.columns):
            stored = _read_column(file, number, by_column[number], lines)
            if column.parent is None:
                filled[column.field] = stored
            else:
                self._lookups.set_aside(file, number, stored)
        self._fill_ids(file, filled, lines)
        _fill_defaults(file.sobject, filled, self._parts.user_id, len(lines))
        _fill_stamps(file.sobject, filled, self._stamp, len(lines))
        self._write(file, filled, lines)

    def _fill_ids(self, file: LoadedFile, filled: _Filled, lines: list[int]) -> None:
        id_field = next(one for one in file.sobject.stored if one.type == "id")
        # Some objects have no key prefix in their describe.
        prefix = file.sobject.key_prefix or "000"
        cells = filled.get(id_field, [None] * len(lines))
        for line, given in zip(lines, cells, strict=True):
            if given is None:
                continue
            if file.sobject.key_prefix and not str(given).startswith(prefix):
                text = f"{given} is not an id of {file.sobject.name}; its ids begin with {prefix}"
                raise LoadError(text, path=file.path, line=line, column=id_field.name)
            self._parts.ids.reserve(str(given))
        filled[id_field] = [cell or self._parts.ids.new_id(prefix) for cell in cells]

    def _write(self, file: LoadedFile, filled: _Filled, lines: list[int]) -> None:
        first = file.first_row + file.count
        names = ", ".join(["rowid", *(quoted(one.name) for one in filled)])
        rowids: list[Stored] = list(range(first, first + len(lines)))
        try:
            self._store.execute_many(
                f"INSERT INTO {quoted(file.sobject.name)} ({names}) "
                f"VALUES ({marks(len(filled) + 1)})",
                list(zip(rowids, *filled.values(), strict=True)),
            )
        except sqlite3.IntegrityError as error:
            raise self._repeated(file, filled, lines, error) from None

    def _repeated(
        self, file: LoadedFile, filled: _Filled, lines: list[int], error: sqlite3.IntegrityError
    ) -> LoadError:
        """The error of the record that repeats a key: the one after the last inserted record."""
        name = str(error).rpartition(".")[2].rstrip("'")
        place = self._last_row(file) + 1 - file.first_row - file.count
        cells = next(cells for one, cells in filled.items() if one.name == name)
        text = f"another {file.sobject.name} already has {cells[place]}; the value must be unique"
        return LoadError(text, path=file.path, line=lines[place], column=name)

    def _finish(self, file: LoadedFile) -> None:
        defaults = Defaults(self._parts.ids, file.sobject, self._parts.user_id)
        table = quoted(file.sobject.name)
        for one, expression in defaults.names().items():
            self._store.execute(
                f"UPDATE {table} SET {quoted(one.name)} = {expression} "
                f"WHERE {quoted(one.name)} IS NULL AND rowid >= ?",
                [file.first_row],
            )
        given = [column.field for column in file.columns]
        Derived(file.sobject).write_loaded(self._store, file.first_row, given)
        for one in defaults.numbers:
            self._number(file, one, defaults)
        self._store.keep_serials(defaults.serials())

    def _number(self, file: LoadedFile, one: Field, defaults: Defaults) -> None:
        """Continue numbering after the highest loaded number."""
        table, column = quoted(file.sobject.name), quoted(one.name)
        before = len(defaults.number_format(one)[0])
        highest = self._store.execute(
            f"SELECT max(CAST(substr({column}, ?) AS INTEGER)) FROM {table}", [before + 1]
        )[0][0]
        # Before the first new number, so that it does not repeat a loaded one.
        defaults.advance(one, int(highest or 0))
        bare = self._store.execute(f"SELECT rowid FROM {table} WHERE {column} IS NULL")
        self._store.execute_many(
            f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
            [(defaults.next_number(one), *row) for row in bare],
        )


def _read_column(
    file: LoadedFile, number: int, cells: tuple[str, ...], lines: list[int]
) -> list[Stored]:
    column = file.columns[number]
    target = column.key or column.field
    parse = values.parser(target)
    # A checkbox is never null.
    empty = "false" if target.kind is Kind.BOOLEAN else None
    stored: list[Stored] = []
    try:
        for cell in cells:
            stored.append(parse(cell) if cell else empty)  # noqa: PERF401 - the length is used
    except RowError as error:
        text = f"{error.message}; correct the cell or empty it"
        raise file.error(number, lines[len(stored)], text) from None
    return stored


def _fill_defaults(sobject: SObject, filled: _Filled, user_id: str, count: int) -> None:
    for one in sobject.stored:
        if one.name in ("OwnerId", "CreatedById", "LastModifiedById"):
            _fill(filled, one, user_id, count)
        elif one.kind is Kind.BOOLEAN:
            _fill(filled, one, default_value(one), count)


def _fill(filled: _Filled, one: Field, value: Stored, count: int) -> None:
    cells = filled.get(one)
    if cells is None:
        filled[one] = [value] * count
    elif None in cells:
        filled[one] = [value if cell is None else cell for cell in cells]


def _fill_stamps(sobject: SObject, filled: _Filled, now: str, count: int) -> None:
    """Fill missing stamps from a stamp that is given: a changed-only record was created then."""
    stamps = [one for name in (*MODIFIED, CREATED) if (one := sobject.field(name))]
    given = [filled.get(one, [None] * count) for one in stamps]
    known = [next(filter(None, row), now) for row in zip(*given, strict=True)]
    for one, cells in zip(stamps, given, strict=True):
        filled[one] = [cell or other for cell, other in zip(cells, known, strict=True)]


def _hint(wanted: str, known: list[str], otherwise: str) -> str:
    close = difflib.get_close_matches(wanted, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else otherwise

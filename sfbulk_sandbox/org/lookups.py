"""Lookups of a loaded folder: replaces keys of parents by ids, and checks that ids exist."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sfbulk_sandbox.schema import csvfile
from sfbulk_sandbox.schema.store import key_expression, key_value, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox.faults.errors import LoadError
    from sfbulk_sandbox.org.loaded_file import LoadedFile
    from sfbulk_sandbox.rules.columns import Column
    from sfbulk_sandbox.schema.schema import Field, Schema, SObject
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored


class Lookups:
    """The lookups of one load. Keys wait in temporary tables until all parents are loaded."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    def set_aside(self, file: LoadedFile, number: int, keys: Sequence[Stored]) -> None:
        """Store a batch of a relationship column. Its parents may be loaded later."""
        key, table = file.columns[number].key, _waiting(file, number)
        self._store.execute(
            f"CREATE TEMP TABLE IF NOT EXISTS {table} (row INTEGER PRIMARY KEY, key)"
        )
        first = file.first_row + file.count
        self._store.execute_many(
            f"INSERT INTO {table} VALUES (?, ?)",
            [
                (first + place, key_value(key, value))
                for place, value in enumerate(keys)
                if value is not None and key is not None
            ],
        )

    def resolve(self, file: LoadedFile) -> None:
        """Replace the keys in a file's relationship columns by ids.

        Raises:
            LoadError: No parent has the key.
        """
        for number, column in enumerate(file.columns):
            if column.parent is not None and column.key is not None and file.count:
                self._resolve_column(file, number, column, column.parent, column.key)

    def _resolve_column(
        self, file: LoadedFile, number: int, column: Column, parent: SObject, key: Field
    ) -> None:
        table, waiting = quoted(file.sobject.name), _waiting(file, number)
        # The alias distinguishes parent and child when an object points at itself.
        live = " AND parent.\"IsDeleted\" = 'false'" if parent.has_recycle_bin else ""
        self._store.execute(
            f"UPDATE {table} SET {quoted(column.field.name)} = "
            f'(SELECT "Id" FROM {quoted(parent.name)} AS parent '
            f"WHERE {key_expression(key, 'parent')} = "
            f"(SELECT key FROM {waiting} WHERE row = {table}.rowid){live}) "
            f"WHERE rowid IN (SELECT row FROM {waiting})"
        )
        missing = self._store.execute(
            f"SELECT min(rowid) FROM {table} WHERE {quoted(column.field.name)} IS NULL "
            f"AND rowid IN (SELECT row FROM {waiting})"
        )[0][0]
        self._store.execute(f"DROP TABLE {waiting}")
        if missing is not None:
            raise _no_such_parent(
                file,
                number,
                int(missing),
                f"{parent.name} outside the recycle bin with this {key.name}",
            )

    def check(self, file: LoadedFile) -> None:
        """Check that every id in a file's lookups is the id of a record.

        Raises:
            LoadError: No record has the id.
        """
        for number, column in enumerate(file.columns):
            if column.field.type == "reference" and column.parent is None:
                self._check_column(file, number, column.field)

    def _check_column(self, file: LoadedFile, number: int, lookup: Field) -> None:
        column = f"child.{quoted(lookup.name)}"
        found = [self._schema.sobject(name) for name in lookup.reference_to]
        targets = [one for one in found if one is not None]
        tests = [
            f'NOT EXISTS (SELECT 1 FROM {quoted(target.name)} WHERE "Id" = {column})'
            for target in targets
        ]
        if len(targets) < len(found):
            # Ids of an object that the schema does not have cannot be checked.
            prefixes = ", ".join(f"'{target.key_prefix}'" for target in targets)
            tests.append(f"substr({column}, 1, 3) IN ({prefixes})")
        missing = self._store.execute(
            f"SELECT min(child.rowid) FROM {quoted(file.sobject.name)} AS child "
            f"WHERE child.rowid >= ? AND {column} IS NOT NULL AND {' AND '.join(tests)}",
            [file.first_row],
        )[0][0]
        if missing is not None:
            names = " or ".join(lookup.reference_to)
            raise _no_such_parent(file, number, int(missing), f"{names} with this id")


def _waiting(file: LoadedFile, number: int) -> str:
    # "~" cannot be in an object name, so this is never the table of an object.
    return quoted(f"~{file.sobject.name}.{number}")


def _no_such_parent(file: LoadedFile, number: int, row: int, what: str) -> LoadError:
    records = csvfile.read_records(file.path)
    line, cells = next(islice(records, row - file.first_row, None))
    text = f"there is no {what}: {cells[number]}; add the record or empty the cell"
    return file.error(number, line, text)

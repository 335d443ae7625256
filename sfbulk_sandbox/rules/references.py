"""Finds records: those that rows change, and the parents they point at.

There is one query per column and chunk, never one per row.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules.chunk import UNSET, Cell, Chunk, Given
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.store import key_expression, key_value, marks, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sfbulk_sandbox.rules.columns import Column
    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.schema import Field, Schema, SObject
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored

_NOT_FOUND = "Foreign key external ID: {} not found for field {} in entity {}"
# No recording: the words may be others in an org, the code and the names are the same.
_NOT_FOUND_IN_GERMAN = (
    "Externe Fremdschlüssel-ID: {} wurde für Feld {} in Entität {} nicht gefunden"
)

ENTITY_IS_DELETED = ("ENTITY_IS_DELETED", "entity is deleted")
NO_SUCH_RECORD = ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


def by_key(
    store: Store, sobject: SObject, key: Field, wanted: Collection[Stored]
) -> dict[Stored, list[str]]:
    """The ids of undeleted records with these keys, by the compared form of the key."""
    expression = key_expression(key)
    live = " AND \"IsDeleted\" = 'false'" if sobject.has_recycle_bin else ""
    rows = store.execute(
        f'SELECT {expression}, "Id" FROM {quoted(sobject.name)} '
        f"WHERE {expression} IN ({marks(len(wanted))}){live} ORDER BY rowid",
        list(wanted),
    )
    found: dict[Stored, list[str]] = {}
    for value, record_id in rows:
        found.setdefault(value, []).append(str(record_id))
    return found


def deleted_marks(store: Store, sobject: SObject, wanted: Collection[str]) -> dict[str, bool]:
    """The records that exist, and whether each is in the recycle bin."""
    deleted = '"IsDeleted"' if sobject.has_recycle_bin else "'false'"
    rows = store.execute(
        f'SELECT "Id", {deleted} FROM {quoted(sobject.name)} WHERE "Id" IN ({marks(len(wanted))})',
        list(wanted),
    )
    return {str(record_id): mark == "true" for record_id, mark in rows}


def more_than_one(key: Field, record_ids: Sequence[str]) -> RowError:
    """The error of a key that several records have."""
    return RowError(
        "DUPLICATE_EXTERNAL_ID",
        f"{key.name}: more than one record found for external id field: [{', '.join(record_ids)}]",
    )


def read_keys(chunk: Chunk, key: Field, given: Sequence[Given]) -> dict[int, Stored]:
    """The compared form of the keys in rows, by row. A row with an invalid key is rejected."""
    keys: dict[int, Stored] = {}
    for row, text in enumerate(given):
        if isinstance(text, str) and text:
            try:
                keys[row] = key_value(key, values.parse_cell(key, text))
            except RowError as error:
                chunk.fail(row, error)
    return keys


def resolve_parents(parts: Parts, chunk: Chunk, column: Column, given: Sequence[Given]) -> None:
    """Replace the keys of a relationship column by ids: `Account.Ext__c` sets AccountId."""
    if column.parent is None or column.key is None:
        raise ValueError(column)
    keys = read_keys(chunk, column.key, given)
    found = by_key(parts.store, column.parent, column.key, set(keys.values()))
    cells: list[Cell] = [UNSET if text is UNSET else None for text in given]
    for row, key in keys.items():
        matches = found.get(key, [])
        if len(matches) == 1:
            cells[row] = matches[0]
        elif matches:
            chunk.fail(row, more_than_one(column.key, matches))
        else:
            form = _NOT_FOUND_IN_GERMAN if parts.in_german else _NOT_FOUND
            text = form.format(given[row], column.key.name, column.parent.name)
            chunk.fail(row, RowError("INVALID_FIELD", text))
    chunk.columns[column.field] = cells


def check_lookups(store: Store, schema: Schema, chunk: Chunk, field: Field) -> None:
    """Reject rows whose lookup has an id of no record, or of an object it may not point at."""
    if field.kind is not Kind.ID:
        return
    targets = [schema.sobject(name) for name in field.reference_to]
    by_prefix = {target.key_prefix: target for target in targets if target is not None}
    wanted: dict[str, dict[int, str]] = {}
    for row, cell in chunk.given(field):
        wanted.setdefault(str(cell)[:3], {})[row] = str(cell)
    for prefix, rows in wanted.items():
        if prefix in by_prefix:
            _check_there(store, chunk, by_prefix[prefix], rows)
        # The schema may lack an object that a describe mentions: such ids cannot be checked.
        elif None not in targets:
            _refuse_other_object(chunk, field, rows)


def _check_there(store: Store, chunk: Chunk, target: SObject, rows: dict[int, str]) -> None:
    there = deleted_marks(store, target, set(rows.values()))
    for row, record_id in rows.items():
        if record_id not in there:
            chunk.fail(row, RowError(*NO_SUCH_RECORD))
        elif there[record_id]:
            chunk.fail(row, RowError(*ENTITY_IS_DELETED))


def _refuse_other_object(chunk: Chunk, field: Field, rows: dict[int, str]) -> None:
    for row, record_id in rows.items():
        text = f"{field.label}: id value of incorrect type: {record_id}"
        chunk.fail(row, RowError("FIELD_INTEGRITY_EXCEPTION", text, (field.name,)))

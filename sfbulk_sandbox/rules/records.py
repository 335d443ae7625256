"""The rules a whole record must keep: writable fields, required fields, unique values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults import RowError
from sfbulk_sandbox.rules import references
from sfbulk_sandbox.rules.chunk import UNSET, Chunk
from sfbulk_sandbox.schema import Field, Kind, SObject
from sfbulk_sandbox.store import key_value, marks, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.store import Store
    from sfbulk_sandbox.values import Stored

_SHORT_ID = 15
_READ_ONLY = (
    "Unable to create/update fields: {names}. Please check the security settings of this field "
    "and verify that it is read/write for your profile or permission set."
)


def check_writable(chunk: Chunk) -> None:
    """Refuse rows that set fields which this kind of save may not set."""
    _refuse_set(chunk, chunk.inserts(), [one for one in chunk.columns if not one.createable])
    _refuse_set(chunk, chunk.updates(), [one for one in chunk.columns if not one.updateable])


def _refuse_set(chunk: Chunk, rows: Iterable[int], read_only: list[Field]) -> None:
    if not read_only:
        return
    for row in rows:
        names = tuple(one.name for one in read_only if chunk.columns[one][row] is not UNSET)
        if names:
            text = _READ_ONLY.format(names=", ".join(names))
            chunk.fail(row, RowError("INVALID_FIELD_FOR_INSERT_UPDATE", text, names))


def check_converted(store: Store, sobject: SObject, chunk: Chunk) -> None:
    """Refuse to change leads that were converted: they live on as other records."""
    rows = {chunk.ids[row]: row for row in chunk.updates()}
    if sobject.field("IsConverted") is None or not rows:
        return
    sql = (
        f'SELECT "Id" FROM {quoted(sobject.name)} '  # noqa: S608 - SQL of a quoted name
        f'WHERE "IsConverted" = \'true\' AND "Id" IN ({marks(len(rows))})'
    )
    for (record_id,) in store.execute(sql, list(rows)):
        error = RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        chunk.fail(rows[str(record_id)], error)


def check_required(chunk: Chunk, sobject: SObject) -> None:
    """Refuse new records without a required field, and updates that would clear one."""
    required = [field for field in sobject.stored if _is_required(field)]
    absent = [field for field in required if field not in chunk.columns]
    present = [field for field in required if field in chunk.columns]
    for row in chunk.inserts():
        empty = [one for one in present if chunk.columns[one][row] in (None, UNSET)]
        _require(chunk, row, [one.name for one in (*absent, *empty)])
    kept = [one for one in chunk.columns if one.updateable and _must_keep(one)]
    for row in chunk.updates():
        _require(chunk, row, [one.name for one in kept if chunk.columns[one][row] is None])


def _is_required(field: Field) -> bool:
    return _must_keep(field) and field.createable and not field.describe["defaultedOnCreate"]


def _must_keep(field: Field) -> bool:
    return not field.nillable and field.kind is not Kind.BOOLEAN


def _require(chunk: Chunk, row: int, names: list[str]) -> None:
    if names:
        text = f"Required fields are missing: [{', '.join(names)}]"
        chunk.fail(row, RowError("REQUIRED_FIELD_MISSING", text, tuple(names)))


def check_unique(store: Store, sobject: SObject, chunk: Chunk) -> None:
    """Refuse rows whose unique value another record has, or an earlier row of the chunk."""
    for field in [one for one in chunk.columns if one.unique]:
        values = {row: key_value(field, cell) for row, cell in chunk.given(field)}
        taken = references.by_key(store, sobject, field, set(values.values()))
        owners: dict[Stored, str] = {value: found[0] for value, found in taken.items()}
        for row, value in values.items():
            own_id = chunk.ids[row]
            owner = owners.setdefault(value, own_id or "")
            if owner != own_id:
                chunk.fail(row, _duplicate(field, owner))


def _duplicate(field: Field, owner: str) -> RowError:
    text = (
        f"duplicate value found: {field.name} duplicates value on record with id: "
        f"{owner[:_SHORT_ID]}"
    )
    return RowError("DUPLICATE_VALUE", text)

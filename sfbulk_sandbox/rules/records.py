"""The rules for a whole record: writable fields, required fields, unique values."""

# ruff: noqa: S608 - names in the SQL are ours; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules import references
from sfbulk_sandbox.rules.chunk import UNSET, Chunk
from sfbulk_sandbox.schema.schema import Field, Kind, Schema, SObject
from sfbulk_sandbox.schema.store import key_value, marks, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored

_SHORT_ID = 15
_READ_ONLY = (
    "Unable to create/update fields: {names}. Please check the security settings of this field "
    "and verify that it is read/write for your profile or permission set."
)


def check_writable(chunk: Chunk) -> None:
    """Reject rows that set fields which the operation may not set."""
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
    """Reject updates of converted leads."""
    rows = {chunk.ids[row]: row for row in chunk.updates()}
    if sobject.field("IsConverted") is None or not rows:
        return
    sql = (
        f'SELECT "Id" FROM {quoted(sobject.name)} '
        f'WHERE "IsConverted" = \'true\' AND "Id" IN ({marks(len(rows))})'
    )
    for (record_id,) in store.execute(sql, list(rows)):
        error = RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        chunk.fail(rows[str(record_id)], error)


def check_required(chunk: Chunk, sobject: SObject) -> None:
    """Reject new records without a required field, and updates that clear one."""
    required = [field for field in sobject.stored if _is_required(field)]
    absent = [field for field in required if field not in chunk.columns]
    present = [field for field in required if field in chunk.columns]
    defaulted = [one for one in chunk.columns if _is_required(one, null=True)]
    for row in chunk.inserts():
        empty = [one for one in present if chunk.columns[one][row] in (None, UNSET)]
        empty += [one for one in defaulted if chunk.columns[one][row] is None and one not in empty]
        _require(chunk, row, [one.name for one in (*absent, *empty)])
    kept = [one for one in chunk.columns if one.updateable and _must_keep(one)]
    for row in chunk.updates():
        _require(chunk, row, [one.name for one in kept if chunk.columns[one][row] is None])


def _is_required(field: Field, *, null: bool = False) -> bool:
    """Whether a new record must have a value; with `null`, whether an explicit null is refused."""
    if not (_must_keep(field) and field.createable):
        return False
    # The tests of django-salesforce insert leads whose Status is null, and so took its default.
    return not field.describe["defaultedOnCreate"] or (null and field.type != "picklist")


def _must_keep(field: Field) -> bool:
    # A checkbox always has a value.
    return not field.nillable and field.kind is not Kind.BOOLEAN


def _require(chunk: Chunk, row: int, names: list[str]) -> None:
    if names:
        text = f"Required fields are missing: [{', '.join(names)}]"
        chunk.fail(row, RowError("REQUIRED_FIELD_MISSING", text, tuple(names)))


def check_unique(store: Store, sobject: SObject, chunk: Chunk) -> None:
    """Reject rows with a unique value that another record or an earlier row of the chunk has."""
    values = {
        field: {row: key_value(field, cell) for row, cell in chunk.given(field)}
        for field in chunk.columns
        if field.unique
    }
    owners: dict[Field, dict[Stored, str]] = {}
    for field, of_rows in values.items():
        taken = references.by_key(store, sobject, field, set(of_rows.values()))
        owners[field] = {value: ids[0] for value, ids in taken.items()}
    for row in list(chunk.live()) if values else ():
        own_id = chunk.ids[row] or ""
        given = {field: of_rows[row] for field, of_rows in values.items() if row in of_rows}
        repeated = {
            field: owner
            for field, value in given.items()
            if (owner := owners[field].get(value, own_id)) != own_id
        }
        if repeated:
            texts = [_duplicate(field, owner) for field, owner in repeated.items()]
            error = RowError("DUPLICATE_VALUE", f"duplicate value found: {', '.join(texts)}")
            chunk.fail(row, error)
        else:
            # Only a saved row blocks its values for the rows after it.
            for field, value in given.items():
                owners[field][value] = own_id


def _duplicate(field: Field, owner: str) -> str:
    return f"{field.name} duplicates value on record with id: {owner[:_SHORT_ID]}"


def check_owners(store: Store, schema: Schema, sobject: SObject, chunk: Chunk) -> None:
    """Reject rows that make an inactive user the owner."""
    owner, users = sobject.field("OwnerId"), schema.sobject("User")
    if owner not in chunk.columns or users is None or users.field("IsActive") is None:
        return
    given = {row: str(cell) for row, cell in chunk.given(owner)}
    owners = sorted(set(given.values()))
    rows = store.execute(
        f'SELECT "Id" FROM "User" WHERE "IsActive" = \'false\' AND "Id" IN ({marks(len(owners))})',
        owners,
    )
    inactive = {str(row[0]) for row in rows}
    for row, user_id in given.items():
        if user_id in inactive:
            text = (
                f"operation performed with inactive user [{user_id}] as owner of "
                f"{sobject.name.lower()}"
            )
            chunk.fail(row, RowError("INACTIVE_OWNER_OR_USER", text, (owner.name,)))

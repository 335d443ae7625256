"""Finds the record of each row of an update, upsert or delete."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules import references
from sfbulk_sandbox.rules.chunk import UNSET, Chunk, Given
from sfbulk_sandbox.schema import ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk_sandbox.schema.schema import Field, SObject
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored


def refuse_ids(chunk: Chunk, given: Sequence[Given]) -> None:
    """Reject the rows of an insert that have an id."""
    for row, text in enumerate(given):
        if text is not UNSET and text:
            text_ = "cannot specify Id in an insert call"
            chunk.fail(row, RowError("INVALID_FIELD_FOR_INSERT_UPDATE", text_, ("Id",)))


def by_id(store: Store, sobject: SObject, chunk: Chunk, given: Sequence[Given], call: str) -> None:
    """Find records by Id. A row without an id is rejected."""
    for row, text in enumerate(given):
        if text is UNSET or not text:
            error = RowError("MISSING_ARGUMENT", f"Id not specified in {_article(call)} call")
            chunk.fail(row, error)
    _take_ids(store, sobject, chunk, given)


def by_id_or_new(store: Store, sobject: SObject, chunk: Chunk, given: Sequence[Given]) -> None:
    """Find the records of an upsert by Id. A row without an id creates a record.

    So does every row of a load without an Id column, as live tests of jsforce and of the Salesforce
    CLI show.
    """
    _take_ids(store, sobject, chunk, given)


def by_key(
    store: Store, sobject: SObject, key: Field, chunk: Chunk, given: Sequence[Given]
) -> None:
    """Find the records of an upsert by external id. A key that no record has creates one."""
    keys = references.read_keys(chunk, key, given)
    for row in list(chunk.live()):
        if row not in keys:
            chunk.fail(row, RowError("MISSING_ARGUMENT", f"{key.name} not specified"))
    _refuse_repeated(chunk, key, keys, given)
    found = references.by_key(store, sobject, key, set(keys.values()))
    for row in list(chunk.live()):
        matches = found.get(keys[row], [])
        if len(matches) > 1:
            chunk.fail(row, references.more_than_one(key, matches))
        elif matches:
            chunk.ids[row] = matches[0]


def _refuse_repeated(
    chunk: Chunk, key: Field, keys: Mapping[int, Stored], given: Sequence[Given]
) -> None:
    """Reject every row whose key occurs in another row of the chunk, also the first one."""
    times = Counter(keys.values())
    for row, value in keys.items():
        if times[value] > 1:
            text = f"Duplicate external id specified: {given[row]}"
            chunk.fail(row, RowError("DUPLICATE_VALUE", text, (key.name,)))


def _take_ids(store: Store, sobject: SObject, chunk: Chunk, given: Sequence[Given]) -> None:
    for row, text in enumerate(given):
        if isinstance(text, str) and text:
            _take_id(sobject, chunk, row, text)
    named = {row: record_id for row in chunk.live() if (record_id := chunk.ids[row])}
    times = Counter(named.values())
    there = references.deleted_marks(store, sobject, set(named.values()))
    for row, record_id in named.items():
        if times[record_id] > 1:
            text = f"Duplicate id specified: {record_id}"
            chunk.fail(row, RowError("DUPLICATE_VALUE", text, ("Id",)))
        elif record_id not in there:
            chunk.fail(row, RowError(*references.NO_SUCH_RECORD))
        elif there[record_id]:
            chunk.fail(row, RowError(*references.ENTITY_IS_DELETED))


def _take_id(sobject: SObject, chunk: Chunk, row: int, text: str) -> None:
    if not ids.is_valid(text):
        chunk.fail(row, RowError("MALFORMED_ID", f"malformed id {text}", ("Id",)))
        return
    record_id = ids.to18(text)
    chunk.ids[row] = record_id
    if sobject.key_prefix and not record_id.startswith(sobject.key_prefix):
        message = f"{sobject.label} ID: id value of incorrect type: {text}"
        chunk.fail(row, RowError("MALFORMED_ID", message, ("Id",)))


def _article(call: str) -> str:
    return f"an {call}" if call[0] in "aeiou" else f"a {call}"

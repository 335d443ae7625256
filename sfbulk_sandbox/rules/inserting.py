"""Inserts new records with the values of the rows and the org's own values."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.rules.chunk import Chunk
from sfbulk_sandbox.rules.defaults import Defaults
from sfbulk_sandbox.schema.store import marks, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.schema import SObject
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored


def insert(store: Store, sobject: SObject, defaults: Defaults, chunk: Chunk, now: str) -> None:
    """Insert the new records of a chunk, which already have ids."""
    rows = chunk.inserts()
    filled = defaults.fill(chunk, rows, now)
    if not rows:
        return
    names = ", ".join(quoted(field.name) for field in filled)
    store.execute_many(
        f"INSERT INTO {quoted(sobject.name)} ({names}) VALUES ({marks(len(filled))})",
        list(zip(*filled.values(), strict=True)),
    )


def insert_own(
    parts: Parts, sobject: SObject, records: Sequence[Mapping[str, Stored]], now: str
) -> list[str]:
    """Insert records that the org creates itself. Fields that the object lacks are left out.

    Returns:
        The ids of the records.
    """
    defaults = Defaults(parts.ids, sobject, parts.user_id)
    chunk = Chunk(len(records))
    chunk.mark_inserts()
    made = [parts.ids.new_id(sobject.key_prefix or "000") for _ in records]
    chunk.ids[:] = made
    for name in dict.fromkeys(name for record in records for name in record):
        if field := sobject.field(name):
            chunk.columns[field] = [record.get(name) for record in records]
    insert(parts.store, sobject, defaults, chunk, now)
    parts.store.keep_serials(defaults.serials())
    return made

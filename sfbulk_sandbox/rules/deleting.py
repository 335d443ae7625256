"""Deletes records and handles the records that point at them.

The describe (childRelationships: cascadeDelete, restrictedDelete) says whether a lookup deletes its
records too, forbids the deletion, or is only emptied. A lookup with both flags, as from contracts
and orders to their account, forbids the deletion if its record is activated.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules.defaults import Defaults
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.store import quoted

if TYPE_CHECKING:
    from collections.abc import Collection

    from sfbulk_sandbox.rules.chunk import Chunk
    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.schema import Child, SObject
    from sfbulk_sandbox.schema.values import Stored

    # Record ids, and the rows of the chunk whose deletion affects each record.
    Records = dict[str, set[int]]

_ACTIVATED = "\"StatusCode\" = 'Activated'"


class Deleter:
    """Deletes records of one object and their cascading children.

    Args:
        parts: The org's parts.
        sobject: The object.
        hard: Whether the records skip the recycle bin.
    """

    def __init__(self, parts: Parts, sobject: SObject, *, hard: bool) -> None:
        self._parts = parts
        self._store = parts.store
        self._sobject = sobject
        self._hard = hard

    def delete(self, chunk: Chunk) -> None:
        """Delete the records of the live rows. A row whose deletion is forbidden is rejected."""
        tree = self._tree({str(chunk.ids[row]): {row} for row in chunk.live()})
        for row, (child, record_ids) in tree.blocked_rows().items():
            chunk.fail(row, self._refusal(str(chunk.ids[row]), child, record_ids))
        allowed = set(chunk.live())
        now = values.datetime_text(self._parts.clock.now())
        gone = {
            sobject: _allowed_ids(allowed, records) for sobject, records in tree.deleted.items()
        }
        for child, records in tree.released.items():
            kept = set(gone.get(child.sobject, ()))
            self._release(
                child, [one for one in _allowed_ids(allowed, records) if one not in kept], now
            )
        for sobject, record_ids in gone.items():
            self._remove(sobject, record_ids, now)

    def _tree(self, records: Records) -> _Tree:
        tree = _Tree()
        waiting = [(self._sobject, records)]
        while waiting:
            sobject, found = waiting.pop()
            new = tree.add(sobject, found)
            for child in self._parts.schema.children_of(sobject) if new else ():
                pointing = self._pointing(child, new)
                if child.restricts:
                    blocking = self._blocking(child, pointing)
                    _merge(tree.blocked[child], blocking)
                    pointing = {one: pointing[one] for one in pointing if one not in blocking}
                if child.cascades:
                    waiting.append((child.sobject, pointing))
                elif child.lookup.nillable:
                    _merge(tree.released[child], pointing)
        return tree

    def _pointing(self, child: Child, parents: Records) -> Records:
        lookup = quoted(child.lookup.name)
        self._store.create_index(child.sobject, child.lookup)
        live = " AND \"IsDeleted\" = 'false'" if child.sobject.has_recycle_bin else ""
        rows = self._store.execute(
            f'SELECT "Id", {lookup} FROM {quoted(child.sobject.name)} '
            f"WHERE {lookup} IN (SELECT value FROM json_each(?)){live} ORDER BY rowid",
            [json.dumps(list(parents))],
        )
        return {str(record_id): parents[str(parent)] for record_id, parent in rows}

    def _blocking(self, child: Child, pointing: Records) -> Records:
        if not pointing or not (child.cascades and child.sobject.field("StatusCode")):
            return pointing
        rows = self._select(child.sobject, "Id", pointing, f" AND {_ACTIVATED}")
        return {record_id: pointing[record_id] for record_id in rows}

    def _refusal(self, record_id: str, child: Child, blocking: Collection[str]) -> RowError:
        (name,) = self._names(self._sobject, [record_id])
        others = ", ".join(self._names(child.sobject, blocking))
        text = (
            f"Your attempt to delete {name} could not be completed because it is associated with "
            f"the following {child.sobject.label_plural.lower()}: {others}"
        )
        return RowError("DELETE_FAILED", text)

    def _names(self, sobject: SObject, record_ids: Collection[str]) -> list[str]:
        named = next((one.name for one in sobject.stored if one.describe["nameField"]), "Id")
        return self._select(sobject, named, record_ids)

    def _select(
        self, sobject: SObject, field: str, record_ids: Collection[str], more: str = ""
    ) -> list[str]:
        sql = (
            f"SELECT {quoted(field)} FROM {quoted(sobject.name)} "
            f'WHERE "Id" IN (SELECT value FROM json_each(?)){more} ORDER BY rowid'
        )
        return [str(row[0]) for row in self._store.execute(sql, [json.dumps(list(record_ids))])]

    def _release(self, child: Child, record_ids: list[str], now: str) -> None:
        """Empty a lookup. The org changes the record itself, so LastModifiedDate stays."""
        stamped = child.sobject.field("SystemModstamp") is not None
        stamp = ', "SystemModstamp" = ?' if stamped else ""
        given = [now] if stamped else []
        self._store.execute_many(
            f"UPDATE {quoted(child.sobject.name)} SET {quoted(child.lookup.name)} = NULL{stamp} "
            'WHERE "Id" = ?',
            [(*given, record_id) for record_id in record_ids],
        )

    def _remove(self, sobject: SObject, record_ids: list[str], now: str) -> None:
        if self._hard or not sobject.has_recycle_bin:
            self._store.remove(sobject, record_ids, now)
            return
        defaults = Defaults(self._parts.ids, sobject, self._parts.user_id)
        stamps: dict[str, Stored] = {"IsDeleted": "true"}
        stamps |= {field.name: value for field, value in defaults.update_stamps(now).items()}
        changes = ", ".join(f"{quoted(name)} = ?" for name in stamps)
        self._store.execute_many(
            f'UPDATE {quoted(sobject.name)} SET {changes} WHERE "Id" = ?',
            [(*stamps.values(), record_id) for record_id in record_ids],
        )


class _Tree:
    """The records that a deletion affects.

    Attributes:
        deleted: The records to delete, by object.
        released: The records that only lose a lookup, by lookup.
        blocked: The records that forbid the deletion, by lookup.
    """

    def __init__(self) -> None:
        self.deleted: dict[SObject, Records] = defaultdict(dict)
        self.released: dict[Child, Records] = defaultdict(dict)
        self.blocked: dict[Child, Records] = defaultdict(dict)

    def add(self, sobject: SObject, found: Records) -> Records:
        """Add records to delete, and return those that were not yet in for all of these rows."""
        there = self.deleted[sobject]
        new = {one: rows for one, rows in found.items() if not rows <= there.get(one, set())}
        _merge(there, new)
        return new

    def blocked_rows(self) -> dict[int, tuple[Child, list[str]]]:
        """The forbidden rows, each with the first lookup that forbids it and its records."""
        found: dict[int, tuple[Child, list[str]]] = {}
        for child, records in self.blocked.items():
            along = self.deleted.get(child.sobject, {})
            for record_id, rows in records.items():
                for row in rows - along.get(record_id, set()):
                    first, record_ids = found.setdefault(row, (child, []))
                    if first is child:
                        record_ids.append(record_id)
        return found


def _merge(there: Records, more: Records) -> None:
    for record_id, rows in more.items():
        there[record_id] = there.get(record_id, set()) | rows


def _allowed_ids(allowed: set[int], records: Records) -> list[str]:
    return [record_id for record_id, rows in records.items() if rows & allowed]

"""Rows as REST records: with `attributes`, nested parents and children."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.soql.items import Children, TypeOfItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sfbulk_sandbox.schema.schema import Field
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored
    from sfbulk_sandbox.soql.items import Compiled, Item
    from sfbulk_sandbox.soql.scope import Resolved

    Row = tuple[Stored, ...]
    Record = dict[str, Any]
    # The index of a cell in a row, and its field.
    Cells = list[tuple[int, Resolved]]

# The children of this many parents are read with one statement.
_TOGETHER = 500


class RecordReader:
    """Reads the records of a compiled statement.

    Args:
        store: The org's rows.
        compiled: The statement.
        base: The start of the record URLs.
    """

    def __init__(self, store: Store, compiled: Compiled, base: str) -> None:
        self._store = store
        self._base = base
        self._compiled = compiled
        self._shape = _RecordShape(compiled, base)
        self._children = [
            (item, RecordReader(store, item.compiled, base))
            for item in compiled.items
            if isinstance(item, Children)
        ]

    def records(self) -> Iterator[Record]:
        """Yield the records from a snapshot taken at the first one. Children are read later."""
        sql = f"SELECT {', '.join(self._shape.sql)} {self._compiled.source}"
        rows = self._store.snapshot(sql, self._compiled.parameters)
        if not self._children:
            return map(self._shape.record, rows)
        batches = iter(lambda: list(islice(rows, _TOGETHER)), [])
        return chain.from_iterable(map(self._with_children, batches))

    def _with_children(self, rows: list[Row]) -> Iterable[Record]:
        records = [self._shape.record(row) for row in rows]
        ids = [self._shape.record_id(row) for row in rows]
        for item, reader in self._children:
            found = reader.by_parent(item, ids)
            for record_id, record in zip(ids, records, strict=True):
                record[item.path[0]] = found.get(record_id)
        return records

    def by_parent(self, item: Children, ids: Sequence[Stored]) -> dict[Stored, Record]:
        """The children of these parents in REST's form. A parent without children is absent."""
        sql = f"SELECT {', '.join([*self._shape.sql, item.lookup])} {self._compiled.source}"
        rows_of: dict[Stored, list[Row]] = defaultdict(list)
        for row in self._store.snapshot(sql, [json.dumps(ids), *self._compiled.parameters]):
            rows_of[row[-1]].append(row)
        end = None if item.limit is None else item.skip + item.limit
        found = {}
        for parent_id, rows in rows_of.items():
            records = list(self._with_children(rows[item.skip : end]))
            if records:
                found[parent_id] = {"totalSize": len(records), "done": True, "records": records}
        return found


class _RecordShape:
    """Converts a row to a nested record. The row has the ids of the parents before its cells."""

    def __init__(self, compiled: Compiled, base: str) -> None:
        self._base = base
        self._items = compiled.items
        self._tables = [
            (parent.path, table) for parent in compiled.parents for table in parent.tables
        ]
        self.sql = [f'{table.alias}."Id"' for _, table in self._tables]
        self._cells = [self._placed(item) for item in compiled.items]

    def _placed(self, item: Item) -> Any:
        """The cells of an item in a row. Adds their SQL to the selected columns."""
        if isinstance(item, Children):
            return None
        if isinstance(item, TypeOfItem):
            branches = {name: self._place(fields) for name, fields in item.branches.items()}
            return branches, None if item.otherwise is None else self._place(item.otherwise)
        return self._place([item])

    def _place(self, fields: Iterable[Resolved]) -> Cells:
        placed = list(enumerate(fields, len(self.sql)))
        self.sql += [resolved.sql for _, resolved in placed]
        return placed

    @staticmethod
    def record_id(row: Row) -> Stored:
        """The id of a row's record: the first table is that of the object."""
        return row[0]

    def record(self, row: Row) -> Record:
        """The record of one row; its children are null."""
        found = self._parents(row)
        for item, cells in zip(self._items, self._cells, strict=True):
            if isinstance(item, TypeOfItem):
                self._write_typed(found, item, cells, row)
                continue
            self._link(found, item.path[:-1])
            holder = found[item.path[:-1]]
            if holder is None:
                continue
            if cells is None:
                holder[item.path[-1]] = None
            else:
                _write(holder, cells, row)
        return found[()] or {}

    def _write_typed(
        self, found: dict[tuple[str, ...], Any], item: TypeOfItem, cells: Any, row: Row
    ) -> None:
        branches, otherwise = cells
        holder = found[item.path]
        if holder is not None:
            chosen = branches.get(holder["attributes"]["type"], otherwise)
            if chosen is None:
                found[item.path] = None
            else:
                _write(holder, chosen, row)
        self._link(found, item.path)

    def _parents(self, row: Row) -> dict[tuple[str, ...], Any]:
        found: dict[tuple[str, ...], Any] = {}
        # Not strict: a row has its cells after the ids.
        for (path, table), record_id in zip(self._tables, row, strict=False):
            if record_id is not None:
                name = table.sobject.name
                url = f"{self._base}/{name}/{record_id}"
                found[path] = {"attributes": {"type": name, "url": url}}
            else:
                found.setdefault(path, None)
        return found

    def _link(self, found: dict[tuple[str, ...], Any], path: tuple[str, ...]) -> None:
        """Nest the parents of a path, in the order of the SELECT list."""
        for depth, name in enumerate(path):
            child = found[path[: depth + 1]]
            holder = found[path[:depth]]
            if holder is not None:
                holder.setdefault(name, child)


def _write(holder: Record, cells: Cells, row: Row) -> None:
    for place, resolved in cells:
        holder[resolved.path[-1]] = _shown(resolved.field, row[place], holder)


def _shown(field: Field, stored: Stored, holder: Record) -> Any:
    """A cell in REST's form. Instead of a file's content, the path to read it."""
    if field.kind is Kind.BINARY and stored is not None:
        return f"{holder['attributes']['url']}/{field.name}"
    return values.json_value(field, stored)

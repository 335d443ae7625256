"""Saves a chunk of rows: applies the rules in their order, then writes with few statements."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.rules import cells, records, references, targets
from sfbulk_sandbox.rules.chunk import UNSET, Chunk, Given, RowResult
from sfbulk_sandbox.rules.columns import Column, upsert_key
from sfbulk_sandbox.rules.defaults import Defaults
from sfbulk_sandbox.rules.deleting import Deleter
from sfbulk_sandbox.rules.derived import Derived
from sfbulk_sandbox.rules.files import FileVersions
from sfbulk_sandbox.rules.inserting import insert
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.store import marks, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.schema import Field, SObject

_FLAGS = {
    "insert": ("createable",),
    "update": ("updateable",),
    "upsert": ("createable", "updateable"),
    "delete": ("deletable",),
    "hardDelete": ("deletable",),
}
_DELETES = ("delete", "hardDelete")


class Saver:
    """Saves rows of one object by one operation.

    Args:
        parts: The org's parts.
        operation: `insert`, `update`, `upsert`, `delete` or `hardDelete`.
        sobject: The object.
        columns: The columns of a row.
        external_id: The field by which an upsert finds its records; None for Id.

    Raises:
        Fault: The object does not support the operation, or the columns are not valid for it.
    """

    def __init__(
        self,
        parts: Parts,
        operation: str,
        sobject: SObject,
        columns: Sequence[Column],
        external_id: str | None,
    ) -> None:
        _check_operation(sobject, operation)
        self._parts = parts
        self._operation = operation
        self._sobject = sobject
        self._columns = columns
        self._key = upsert_key(sobject, external_id or "Id") if operation == "upsert" else None
        self._check_columns()
        self._rules = [cells.rule_for(column.field) for column in columns]
        self._defaults = Defaults(
            parts.ids, sobject, parts.user_id, empty_is_null=parts.empty_is_null
        )
        self._derived = Derived(sobject)
        self._files = FileVersions(parts, sobject)

    def _check_columns(self) -> None:
        fields = [column.field for column in self._columns]
        if not fields:
            # An upload of 0 bytes is a load without rows.
            return
        if self._operation in _DELETES and [one.type for one in fields] != ["id"]:
            text = f"The '{self._operation}' batch must contain only ids"
            raise Fault("InvalidBatch", text)
        if self._key is not None and self._key.type != "id" and self._key not in fields:
            raise Fault("InvalidBatch", f"Field name not found : {self._key.name}")

    def save(self, rows: Sequence[Sequence[Given]]) -> list[RowResult]:
        """Save rows in one transaction. A rejected row does not stop the others.

        Args:
            rows: One cell per column: text, None to clear the field, or UNSET.
        """
        with self._parts.store.transaction():
            chunk = self._checked(rows)
            if self._operation in _DELETES:
                hard = self._operation == "hardDelete"
                Deleter(self._parts, self._sobject, hard=hard).delete(chunk)
            else:
                self._write(chunk)
        return chunk.results()

    def _checked(self, rows: Sequence[Sequence[Given]]) -> Chunk:
        chunk = Chunk(len(rows))
        by_column = list(zip(*rows, strict=True)) if rows else [() for _ in self._columns]
        # The order of the rules decides the error of a row: later rules skip a row with an error.
        self._find_records(chunk, by_column)
        chunk.mark_inserts()
        if self._operation not in _DELETES:
            self._read_columns(chunk, by_column)
            self._files.name(chunk)
            records.check_writable(chunk)
            records.check_converted(self._parts.store, self._sobject, chunk)
            for field in [column.field for column in self._columns if not column.parent]:
                if field in chunk.columns:
                    references.check_lookups(self._parts.store, self._parts.schema, chunk, field)
            records.check_required(chunk, self._sobject)
            records.check_owners(self._parts.store, self._parts.schema, self._sobject, chunk)
        return chunk

    def _find_records(self, chunk: Chunk, by_column: Sequence[Sequence[Given]]) -> None:
        store, sobject = self._parts.store, self._sobject
        ids = self._cells_of("Id", chunk, by_column)
        if self._operation == "insert":
            targets.refuse_ids(chunk, ids)
        elif self._key is None:
            targets.by_id(store, sobject, chunk, ids, _CALLS[self._operation])
        elif self._key.type == "id":
            targets.by_id_or_new(store, sobject, chunk, ids)
        else:
            keys = self._cells_of(self._key.name, chunk, by_column)
            targets.by_key(store, sobject, self._key, chunk, keys)

    def _cells_of(
        self, name: str, chunk: Chunk, by_column: Sequence[Sequence[Given]]
    ) -> Sequence[Given]:
        for column, given in zip(self._columns, by_column, strict=True):
            if column.field.name == name and not column.parent:
                return given
        return [UNSET] * chunk.size

    def _read_columns(self, chunk: Chunk, by_column: Sequence[Sequence[Given]]) -> None:
        for column, rule, given in zip(self._columns, self._rules, by_column, strict=True):
            if column.parent:
                references.resolve_parents(self._parts, chunk, column, given)
            elif column.field.type != "id":
                cells.read_column(chunk, column.field, rule, given)

    def _write(self, chunk: Chunk) -> None:
        new = chunk.inserts()
        for row in new:
            chunk.ids[row] = self._parts.ids.new_id(self._sobject.key_prefix or "000")
        # After new ids are set: the error of a repeated value names the id of the earlier row.
        records.check_unique(self._parts.store, self._sobject, chunk)
        # One time for all rows of the transaction.
        now = values.datetime_text(self._parts.clock.now())
        restaged = self._derived.restaged(self._parts.store, chunk)
        self._files.complete(chunk, now)
        insert(self._parts.store, self._sobject, self._defaults, chunk, now)
        self._update(chunk, chunk.updates(), now)
        self._name([str(chunk.ids[row]) for row in chunk.live()])
        self._derived.write(self._parts.store, chunk, restaged)
        self._parts.store.keep_serials(self._defaults.serials())

    def _update(self, chunk: Chunk, rows: list[int], now: str) -> None:
        """Update with one statement for all rows that set the same fields."""
        stamps = self._defaults.update_stamps(now)
        alike: dict[tuple[Field, ...], list[int]] = {}
        for row in rows:
            fields = tuple(one for one, cells in chunk.columns.items() if cells[row] is not UNSET)
            alike.setdefault(fields, []).append(row)
        for fields, group in alike.items():
            names = [field.name for field in (*fields, *stamps)]
            self._parts.store.execute_many(
                f"UPDATE {quoted(self._sobject.name)} "
                f'SET {", ".join(f"{quoted(name)} = ?" for name in names)} WHERE "Id" = ?',
                [
                    (
                        *(chunk.columns[field][row] for field in fields),
                        *stamps.values(),
                        chunk.ids[row],
                    )
                    for row in group
                ],
            )

    def _name(self, record_ids: list[str]) -> None:
        for field, expression in self._defaults.names().items():
            self._parts.store.execute(
                f"UPDATE {quoted(self._sobject.name)} SET {quoted(field.name)} = {expression} "
                f'WHERE "Id" IN ({marks(len(record_ids))})'
                + (f" AND {quoted(field.name)} IS NULL" if field.createable else ""),
                record_ids,
            )


_CALLS = {"update": "update", "delete": "delete", "hardDelete": "delete"}


def _check_operation(sobject: SObject, operation: str) -> None:
    for flag in _FLAGS[operation]:
        if not sobject.allows(flag):
            text = f"entity type {sobject.name} does not support {_CALLS.get(operation, operation)}"
            raise Fault("INVALID_TYPE_FOR_OPERATION", text)

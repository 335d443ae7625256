"""The org: objects, records and rules, without HTTP."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from sfbulk_sandbox.behaviour import Behaviour
from sfbulk_sandbox.clock import SYSTEM_CLOCK, Clock
from sfbulk_sandbox.faults.errors import Fault, LoadError, RowError, SchemaError
from sfbulk_sandbox.faults.saved_rows import SavedRows
from sfbulk_sandbox.org.first_rows import FirstRows
from sfbulk_sandbox.org.folder import FolderLoader
from sfbulk_sandbox.org.refused_rows import PrecheckedSaver
from sfbulk_sandbox.rules.chunk import UNSET, Given, RowResult
from sfbulk_sandbox.rules.columns import Column, find_column, read_header, upsert_key
from sfbulk_sandbox.rules.csvcells import CellTypes
from sfbulk_sandbox.rules.parts import Parts
from sfbulk_sandbox.rules.saving import Saver
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.ids import IdSource, is_valid, to18
from sfbulk_sandbox.schema.schema import Field, Schema, SObject
from sfbulk_sandbox.schema.store import Store, quoted
from sfbulk_sandbox.soql.conditions import QueryContext
from sfbulk_sandbox.soql.query import Column as QueryColumn
from sfbulk_sandbox.soql.query import Query, compile_query
from sfbulk_sandbox.soql.scope import unknown_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from sfbulk_sandbox.org.refused_rows import RowFaults

__all__ = [
    "Fault",
    "LoadError",
    "Loader",
    "Org",
    "Query",
    "QueryColumn",
    "RowError",
    "RowResult",
    "SchemaError",
]

Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]

# Bulk API guide, Valid CSV Record Rows: an empty cell leaves the field alone, #N/A sets it to null.
_CSV_CELLS: Mapping[str, Given] = {"": UNSET, "#N/A": None}
# Bulk API guide, How Requests Are Processed: rows are saved in chunks of 200.
_CHUNK_ROWS = 200
_LATEST = 68.0


class Loader:
    """Saves the rows of one bulk load, one chunk after another.

    Args:
        saver: Saves the rows.
        types: Checks the types of CSV cells first; None for rows that are not CSV.
    """

    def __init__(self, saver: PrecheckedSaver, types: CellTypes | None = None) -> None:
        self._saver = saver
        self._types = types

    def save(self, rows: Sequence[Sequence[str]]) -> list[RowResult]:
        """Save up to 200 rows of CSV cells as one transaction.

        Args:
            rows: Cells in the order of the header. Empty leaves a field alone, `#N/A` clears it.

        Returns:
            One result per row, in order. A rejected row does not stop the others.

        Raises:
            ValueError: There are more rows than Salesforce saves at once.
        """
        if len(rows) > _CHUNK_ROWS:
            raise ValueError(f"{len(rows)} rows in one chunk; Salesforce saves {_CHUNK_ROWS}")
        refused = self._types.refused(rows) if self._types else {}
        return self._saver.save([_given(row) for row in rows], refused)


def _given(row: Sequence[str]) -> Sequence[Given]:
    if _CSV_CELLS.keys().isdisjoint(row):
        return row
    return [_CSV_CELLS.get(cell, cell) for cell in row]


class Org:
    """One Salesforce org. Safe to share between threads.

    Two orgs share nothing: each has its own database, its own ids (the same seed gives the same
    ids) and its own user.

    Args:
        db: The database file that keeps the org between runs; None for a temporary one.
        seed: Decides the ids.
        clock: The org's time.
        schema: The objects; None for the standard objects of this package.

    Attributes:
        row_faults: The scripted faults of rows; None for none.
        behaviour: The switches.
    """

    def __init__(
        self,
        *,
        db: Path | None = None,
        seed: int = 0,
        clock: Clock = SYSTEM_CLOCK,
        schema: Schema | None = None,
    ) -> None:
        self.schema = schema if schema is not None else Schema.standard()
        self.clock = clock
        self._seed = seed
        self._store = Store(self.schema, db)
        # A separate source, so that the first rows have the same ids after every reset.
        self._first_rows = FirstRows(IdSource(seed))
        self.row_faults: RowFaults | None = None
        self.behaviour = Behaviour()
        self.id = self._first_rows.org_id
        self.user_id = self._first_rows.user_id
        self._ids = IdSource(seed)
        self._add_first_rows()

    def _add_first_rows(self) -> None:
        self._ids.serials.clear()
        self._ids.serials.update(self._store.serials())
        self._first_rows.write(self._store, self.schema, self._ids)

    @property
    def _parts(self) -> Parts:
        return Parts(self._store, self.schema, self._ids, self.clock, self.user_id)

    def load(self, directory: Path, *, at: datetime | None = None) -> dict[str, int]:
        """Add the records of a folder of CSV files, `<SObject>.csv` each, all of them or none.

        Headers are field names in any case, or a parent's key (`Account.Ext_Id__c`). Ids and
        system fields may be given; parents may come later in a file or in another file.

        Args:
            directory: The folder.
            at: The stamps of records that have none of their own; None for now.

        Returns:
            The number of records per object.

        Raises:
            LoadError: The rows cannot be loaded; the error names file, line and column.
        """
        return FolderLoader(self._parts, at).load(directory)

    def load_sample(self) -> dict[str, int]:
        """Add the sample rows of this package."""
        # as_file(): an installed package can be a zip file.
        with ExitStack() as stack:
            folder = resources.files("sfbulk_sandbox") / "data" / "sample"
            return self.load(stack.enter_context(resources.as_file(folder)))

    def removed(self, sobject: SObject, start: datetime, end: datetime) -> list[tuple[str, str]]:
        """Return the ids of records deleted past the recycle bin in a span, with the moment."""
        return self._store.removed(sobject, values.datetime_text(start), values.datetime_text(end))

    def query(
        self,
        soql: str,
        *,
        all_rows: bool = False,
        surface: Literal["rest", "bulk"] = "rest",
        version: float = _LATEST,
    ) -> Query:
        """Check a SOQL statement. The result can read the rows.

        Args:
            soql: The statement.
            all_rows: Include deleted and archived records (queryAll).
            surface: The API of the query; bulk refuses more than REST.
            version: The API version.

        Raises:
            Fault: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD... with the position.
        """
        context = QueryContext(soql, self.clock.now(), all_rows=all_rows, bulk=surface == "bulk")
        return compile_query(self._store, self.schema, context, version)

    def upsert_key(self, sobject_name: str, name: str) -> Field:
        """The field by which an upsert by `name` finds its records.

        Raises:
            Fault: INVALID_TYPE for the object, InvalidJob for the field.
        """
        return upsert_key(self._sobject(sobject_name), name)

    def loader(
        self,
        operation: Operation,
        sobject_name: str,
        header: Sequence[str],
        external_id: str | None = None,
        *,
        is_csv: bool = True,
    ) -> Loader:
        """Start a bulk load.

        Args:
            operation: What to do with the rows.
            sobject_name: The object, in any case.
            header: Column names: fields, or a parent's key.
            external_id: The field by which an upsert finds its records.
            is_csv: Whether the rows are CSV; then the types of cells are checked first.

        Raises:
            Fault: InvalidBatch for the header, InvalidJob for the key, INVALID_TYPE for the
                object, INVALID_TYPE_FOR_OPERATION if it does not support the operation.
        """
        sobject = self._sobject(sobject_name)
        columns = read_header(self.schema, sobject, header)
        types = CellTypes(columns, self.behaviour) if is_csv else None
        empty_is_null = is_csv and self.behaviour.has("empty_on_insert", "null")
        in_german = self.behaviour.has("language", "german")
        parts = replace(self._parts, empty_is_null=empty_is_null, in_german=in_german)
        saver = Saver(parts, operation, sobject, columns, external_id)
        return Loader(self._prechecked(saver, sobject, operation, header, external_id), types)

    def save_record(
        self,
        operation: Operation,
        sobject_name: str,
        record: Mapping[str, Any],
        external_id: str | None = None,
    ) -> RowResult:
        """Save one record given as REST JSON.

        Args:
            operation: What to do with it.
            sobject_name: The object, in any case.
            record: Values by field name; None or "" clears a field. A parent may be named by its
                key, `{"Account": {"Ext_Id__c": "A-1"}}`. `attributes` is ignored.
            external_id: The field by which an upsert finds the record.

        Raises:
            Fault: INVALID_FIELD for an unknown name, and what `loader` raises.
        """
        return self.save_records(operation, sobject_name, [record], external_id)[0]

    def save_records(
        self,
        operation: Operation,
        sobject_name: str,
        records: Sequence[Mapping[str, Any]],
        external_id: str | None = None,
    ) -> list[RowResult]:
        """Save up to 200 records like `save_record`. A rejected record does not stop the others.

        Raises:
            Fault: As `save_record`.
        """
        sobject = self._sobject(sobject_name)
        rows = [dict(_json_cells(record)) for record in records]
        # Two records may write the same field in different letter case.
        names = {name.lower(): name for row in rows for name in row}
        columns = [self._json_column(sobject, name) for name in names.values()]
        saved = Saver(self._parts, operation, sobject, columns, external_id)
        saver = self._prechecked(saved, sobject, operation, list(names.values()), external_id)
        folded = [{name.lower(): cell for name, cell in row.items()} for row in rows]
        return saver.save([[row.get(name, UNSET) for name in names] for row in folded])

    def _prechecked(
        self,
        saver: Saver,
        sobject: SObject,
        operation: Operation,
        names: Sequence[str],
        external_id: str | None,
    ) -> PrecheckedSaver:
        load = SavedRows(sobject.name, operation, names, external_id, first=1, rows=())
        return PrecheckedSaver(saver, self.row_faults, load)

    def new_id(self, prefix: str) -> str:
        """A new id of a job or a batch. Its counter is kept, so a client never sees an id twice."""
        made = self._ids.new_id(prefix)
        self._store.keep_serials({prefix: self._ids.serials[prefix]})
        return made

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction: an exception undoes everything that was saved in it."""
        return self._store.transaction()

    def _json_column(self, sobject: SObject, name: str) -> Column:
        column = find_column(self.schema, sobject, name)
        if column is None:
            text = f"No such column '{name}' on sobject of type {sobject.name}"
            raise Fault("INVALID_FIELD", text)
        return column

    def record(
        self, sobject_name: str, record_id: str, fields: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """One record as REST's JSON, without `attributes`.

        Args:
            sobject_name: The object, in any case.
            record_id: Its id, of 15 or 18 characters.
            fields: The names of the fields to read; None for every field.

        Raises:
            Fault: NOT_FOUND or ENTITY_IS_DELETED with status 404; INVALID_FIELD.
        """
        sobject = self._sobject(sobject_name)
        names = fields if fields is not None else [field.name for field in sobject.fields]
        if not is_valid(record_id):
            raise Fault("NOT_FOUND", "The requested resource does not exist", 404)
        # With deleted records, which must answer ENTITY_IS_DELETED and not NOT_FOUND.
        query = self.query(
            f"SELECT {','.join(names)} FROM {sobject.name} WHERE Id = '{to18(record_id)}'",
            all_rows=True,
        )
        row = next(iter(query.rows()), None)
        if row is None:
            raise Fault("NOT_FOUND", "The requested resource does not exist", 404)
        if self._is_deleted(sobject, record_id):
            raise Fault("ENTITY_IS_DELETED", "entity is deleted", 404)
        return {
            column.path: values.json_value(column.field, stored)
            for column, stored in zip(query.columns, row, strict=True)
        }

    def _is_deleted(self, sobject: SObject, record_id: str) -> bool:
        if not sobject.has_recycle_bin:
            return False
        sql = f'SELECT "IsDeleted" FROM {quoted(sobject.name)} WHERE "Id" = ?'
        return self._store.execute(sql, [to18(record_id)]) == [("true",)]

    def _sobject(self, name: str) -> SObject:
        sobject = self.schema.sobject(name)
        if sobject is None:
            raise Fault("INVALID_TYPE", unknown_object(name))
        return sobject

    def counts(self) -> dict[str, int]:
        """The number of records per object, without the recycle bin."""
        found: dict[str, int] = {}
        for sobject in self.schema:
            live = " WHERE \"IsDeleted\" = 'false'" if sobject.has_recycle_bin else ""
            rows = self._store.execute(f"SELECT count(*) FROM {quoted(sobject.name)}{live}")
            found[sobject.name] = int(rows[0][0] or 0)
        return found

    def reset(self) -> None:
        """Remove every record, and restart the numbering of ids."""
        self._store.clear()
        self._add_first_rows()

    def close(self) -> None:
        """Close the database file, and remove it if it is temporary."""
        self._store.close()


def _json_cells(record: Mapping[str, Any]) -> Iterator[tuple[str, Given]]:
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            for key, text in _json_cells(value):
                yield f"{name}.{key}", text
        else:
            yield name, _json_cell(value)


def _json_cell(value: Any) -> Given:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)

"""Turns records (mappings of column to value) into rows of cells."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfbulk.csvio.cells import NULL, cell_text
from sfbulk.errors import DataError
from sfbulk.jobs.key_column import key_column
from sfbulk.jobs.operation import Operation
from sfbulk.load.row import RecordKey, Row
from sfbulk.normalize import PrecisionLoss, fit_line_breaks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfbulk.load.columns import Column, ObjectColumns
    from sfbulk.normalize import Normalize

_CLEARING = (Operation.UPDATE, Operation.UPSERT)
_BY_ID_ALONE = (Operation.DELETE, Operation.HARD_DELETE)
_BLANK = ("", NULL)


@dataclass
class Changes:
    """How many values of each column were not sent as they were given."""

    fitted: Counter[str] = field(default_factory=Counter)
    """Values that were sent as Salesforce stores them: line breaks as LF."""
    nulls_kept: Counter[str] = field(default_factory=Counter)
    """Nulls of fields that cannot be null; an empty cell was sent, which changes nothing."""


@dataclass(frozen=True)
class RowRules:
    """How the records of one load become rows."""

    operation: Operation
    external_id: str | None
    """The field that finds the records, unless it is the Id."""
    columns: ObjectColumns
    precision_loss: PrecisionLoss = PrecisionLoss.FIT
    changes: Changes = field(default_factory=Changes)
    """Counts the values that were changed."""

    @property
    def sobject(self) -> str:
        """The object of the load."""
        return self.columns.sobject

    @property
    def key(self) -> str | None:
        """The column by which Salesforce finds records; None for an insert."""
        return self.external_id or key_column(self.operation, None)


@contextmanager
def naming_record(number: int) -> Iterator[None]:
    """Add the record's number, from 1, to the text of a `DataError` of the block."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"Record {number}: {error.message}", row=number) from error


@dataclass(frozen=True)
class ColumnSet:
    """The columns of the records that have the same ones."""

    names: tuple[str, ...]
    """The columns of the records."""
    headers: tuple[str, ...]
    """The columns of the rows."""
    key: int | None
    """Position of the column by which Salesforce finds the record; None for an insert."""
    by_id: bool
    never_null: tuple[int, ...]
    """Positions of fields that cannot be null."""
    unclear: tuple[int, ...]
    """Positions of columns that must not be empty in a new record."""
    alternatives: tuple[tuple[int, ...], ...]
    """Positions of columns that set the same field, such as `AccountId` and `Account.Ext__c`."""


class RowMaker:
    """Turns records into rows; what it knows about a set of columns is kept for the next record."""

    def __init__(self, rules: RowRules) -> None:
        self._rules = rules
        self._null = NULL if rules.operation in _CLEARING else ""
        self._sobject = rules.sobject.casefold()
        self._key_field = (rules.key or "").casefold()
        self._key_form: Normalize | None = None
        # Records with the same columns in another order share a job.
        self._sets: dict[frozenset[str], ColumnSet] = {}

    def row(self, record: Mapping[str, Any]) -> Row:
        """API call, with the first record: the cells of a record.

        See `RecordLoad` for its values.

        Raises:
            DataError: a value that cannot be sent, or no key; names the column.
        """
        columns = self._columns(record)
        values = [record[name] for name in columns.names]
        cells = self._cells(columns, values)
        left_out = self._left_out(columns, cells)
        # Without these columns the record belongs to another file. A record of which no column
        # would be left is sent as it is.
        if 0 < len(left_out) < len(cells):
            return self.row({name: record[name] for name in columns.names if name not in left_out})
        self._keep_what_is_never_null(columns, cells)
        self._fit(columns, cells)
        return Row(columns.headers, cells, self._key_of(columns, cells), values=values)

    def _columns(self, record: Mapping[str, Any]) -> ColumnSet:
        found = self._sets.get(frozenset(record))
        if found is None:
            found = self._sets[frozenset(record)] = self._new_columns(tuple(record))
        return found

    def _new_columns(self, names: tuple[str, ...]) -> ColumnSet:
        rules = self._rules
        wanted = (rules.key or "").lower()
        if rules.operation in _BY_ID_ALONE:
            names = tuple(name for name in names if name.lower() == wanted)
        key = next((at for at, name in enumerate(names) if name.lower() == wanted), None)
        if rules.key is not None and key is None:
            raise DataError(f"it has no {rules.key}, which Salesforce needs to find the record.")
        columns = [rules.columns.column(name) for name in names]
        _refuse_repeated(names, columns)
        if rules.operation is Operation.UPDATE and wanted != "id":
            _refuse_id(names, rules.key)
        return ColumnSet(
            names=names,
            headers=tuple(column.header for column in columns),
            key=key,
            by_id=wanted == "id",
            never_null=tuple(at for at, column in enumerate(columns) if not column.nillable),
            unclear=tuple(at for at, column in enumerate(columns) if self._is_unclear(column)),
            alternatives=_alternatives(columns),
        )

    def _is_unclear(self, column: Column) -> bool:
        return self._rules.operation is Operation.INSERT and column.empty_is_unclear

    def _left_out(self, columns: ColumnSet, cells: Sequence[str]) -> set[str]:
        left_out = _needless(columns, cells) if columns.alternatives else set()
        return left_out | {columns.names[at] for at in columns.unclear if not cells[at]}

    def _cells(self, columns: ColumnSet, values: Sequence[Any]) -> list[str]:
        # Most values are text that goes as it is, which is quick to see.
        return [
            value if type(value) is str and value not in _BLANK else self._cell(name, value)
            for name, value in zip(columns.names, values, strict=True)
        ]

    def _cell(self, column: str, value: Any) -> str:
        try:
            text = cell_text(value)
        except DataError as error:
            raise DataError(f"{column}: {error.message}.") from error
        return self._null if text is None else text

    def _keep_what_is_never_null(self, columns: ColumnSet, cells: list[str]) -> None:
        for at in columns.never_null:
            if cells[at] == NULL and at != columns.key:
                cells[at] = ""
                self._rules.changes.nulls_kept[columns.headers[at]] += 1

    def _fit(self, columns: ColumnSet, cells: list[str]) -> None:
        for at in fit_line_breaks(cells):
            if self._rules.precision_loss is PrecisionLoss.REJECT:
                raise DataError(
                    f"{columns.names[at]}: the text has CR or CRLF line breaks, which Salesforce "
                    "would store as LF. Change them to LF, or load with precision_loss fit."
                )
            self._rules.changes.fitted[columns.headers[at]] += 1

    def _key_of(self, columns: ColumnSet, cells: list[str]) -> RecordKey | None:
        if columns.key is None:
            return None
        key = cells[columns.key]
        if key in _BLANK:
            if columns.by_id and self._rules.operation is Operation.UPSERT:
                # Salesforce creates a record for a blank Id (recorded).
                cells[columns.key] = ""
                return None
            raise DataError(
                f"its {self._rules.key}, which Salesforce needs to find the record, is empty."
            )
        if self._key_form is None:
            self._key_form = self._rules.columns.key_form(self._key_field)
        return RecordKey(self._sobject, self._key_field, self._key_form(key))


def _refuse_repeated(names: Sequence[str], columns: Sequence[Column]) -> None:
    first: dict[str, str] = {}
    for name, column in zip(names, columns, strict=True):
        if (other := first.setdefault(column.header.lower(), name)) is not name:
            raise DataError(f"{other} and {name} are the same column. Send one of them.")


def _refuse_id(names: Sequence[str], key: str | None) -> None:
    if "id" in map(str.lower, names):
        raise DataError(f"it has an Id and a {key}: this update finds records by {key}. Send one.")


def _alternatives(columns: Sequence[Column]) -> tuple[tuple[int, ...], ...]:
    fillers: dict[str, list[int]] = defaultdict(list)
    for at, column in enumerate(columns):
        fillers[column.fills].append(at)
    return tuple(tuple(group) for group in fillers.values() if len(group) > 1)


def _needless(columns: ColumnSet, cells: Sequence[str]) -> set[str]:
    """The columns to leave out, of those that set the same field: all but one.

    In one file, an empty column may undo the other (jsforce issue 943: a lookup is not cleared
    if its relationship column is there too).

    Raises:
        DataError: several of them have a value.
    """
    left_out: set[str] = set()
    for group in columns.alternatives:
        given = [at for at in group if cells[at] not in _BLANK]
        if len(given) > 1:
            both = " and ".join(columns.names[at] for at in given)
            raise DataError(f"{both} set the same field, and each has a value. Send one of them.")
        # If none has a value, keep one that clears the field, and prefer the field's own name.
        kept = min(given or group, key=lambda at: (cells[at] != NULL, "." in columns.names[at], at))
        left_out |= {columns.names[at] for at in group if at != kept}
    return left_out

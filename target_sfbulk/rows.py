"""Encodes records into CSV rows, one compiled column set per set of record fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sfbulk import Operation, OversizeRow
from sfbulk.csvio import MAX_FIELD_CHARACTERS
from sfbulk.load import RecordKey
from sfbulk.normalize import PrecisionLoss, fit_line_breaks, key_normalizer
from target_sfbulk.encode import CLEARS_THE_FIELD, UnconvertibleError
from target_sfbulk.mapping import finds_records
from target_sfbulk.rejects import Reject, RejectKind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from sfbulk import DataError
    from target_sfbulk.encode import Encode
    from target_sfbulk.mapping import CsvColumn
    from target_sfbulk.preflight import StreamPlan


_EMPTY = ("", CLEARS_THE_FIELD)


class RejectedRecordError(Exception):
    """A record that cannot be sent."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(reject.reason)
        self.reject = reject


@dataclass
class EncodedRow:
    """One encoded record.

    Attributes:
        headers: The names of its columns.
        key: Its key, which must be unique in a job; None for an insert.
        parents: Keys of the records that its lookups refer to.
        known_as: For an insert, keys by which other rows may refer to the new record.
    """

    columns: tuple[CsvColumn, ...]
    headers: tuple[str, ...]
    cells: list[str]
    key: RecordKey | None
    parents: tuple[RecordKey, ...]
    known_as: tuple[RecordKey, ...]

    def why_unsendable(self, error: DataError) -> Reject:
        """The reject of a row that cannot be in any job."""
        if not isinstance(error, OversizeRow):
            return Reject(RejectKind.UNCONVERTIBLE, "UNSENDABLE_TEXT", error.message)
        sized = zip(self.headers, self.cells, strict=True)
        long = (header for header, cell in sized if len(cell) > MAX_FIELD_CHARACTERS)
        return Reject(RejectKind.OVERSIZE, "OVERSIZE_ROW", error.message, tuple(long))


class Changes(Protocol):
    """Counts of values that are not sent as they came, by Salesforce field."""

    fitted: Counter[str]
    """Sent as Salesforce stores them."""
    nulls_kept: Counter[str]
    """Nulls that leave the field as it is, because it cannot be null."""


class RowEncoder:
    """The encoder of one stream's records.

    An absent field and a null differ, so each set of record fields has its own column set: a
    column in a row means that the record had the field.

    Args:
        plan: How the stream is loaded.
        changes: Counts the values that are changed.
    """

    def __init__(self, plan: StreamPlan, changes: Changes) -> None:
        self._plan = plan
        self._changes = changes
        self._column_sets: dict[tuple[str, ...], _ColumnSet] = {}

    def knows(self, record: Mapping[str, Any]) -> bool:
        """Whether the plan has every field of a record."""
        return tuple(record) in self._column_sets or self._plan.columns.keys() >= record.keys()

    def encode(self, record: Mapping[str, Any]) -> EncodedRow:
        """The row of a record whose fields the plan has.

        Raises:
            RejectedRecordError: It cannot be sent; with the reason.
        """
        column_set = self._column_set(tuple(record))
        if left_out := [name for name in column_set.unclear if record[name] is None]:
            column_set = self._column_set(tuple(name for name in record if name not in left_out))
        return column_set.encode(record)

    def _column_set(self, names: tuple[str, ...]) -> _ColumnSet:
        column_set = self._column_sets.get(names)
        if column_set is None:
            column_set = self._column_sets[names] = _ColumnSet(self._plan, names, self._changes)
        return column_set


class _ColumnSet:
    def __init__(self, plan: StreamPlan, names: Sequence[str], changes: Changes) -> None:
        # The plan's order, so that records that list their fields in another order share a job.
        present = set(names)
        self._columns = tuple(c for s, c in plan.columns.items() if s in present and c)
        self._headers = tuple(column.header for column in self._columns)
        self._pairs = [(column.source, column.encode, column.null) for column in self._columns]
        self._constants = [constant.cell for constant in plan.constants]
        self._all_headers = (*self._headers, *(each.column.header for each in plan.constants))
        self.unclear = [c.source for c in self._columns if c.empty_is_unclear and not c.null]
        """Record fields whose null is left out, as its empty cell might not be ignored."""
        self._rejects_loss = plan.precision_loss is PrecisionLoss.REJECT
        self._changes = changes
        # The same for every record with these fields, so it is found once.
        self._problem = _missing(plan, self._columns)
        self._key_maker = _KeyMaker(plan.sobject, plan.key) if plan.key else None
        self._key_at = self._columns.index(plan.key) if plan.key in self._columns else None
        # An empty key is not left out: the record is rejected for it.
        self._never_null = [
            at for at, c in enumerate(self._columns) if not c.nillable and at != self._key_at
        ]
        columns = list(enumerate(self._columns))
        self._parents = [(at, _KeyMaker(c.parent, c)) for at, c in columns if c.parent]
        self._parents_of_all = tuple(
            _KeyMaker(c.parent, c)(cell)
            for c, cell in plan.constants
            if c.parent and cell not in _EMPTY
        )
        self._known_as = [
            (at, _KeyMaker(plan.sobject, c))
            for at, c in columns
            if plan.operation is Operation.INSERT and not c.parent and finds_records(c.field)
        ]

    def encode(self, record: Mapping[str, Any]) -> EncodedRow:
        if self._problem:
            raise RejectedRecordError(self._problem)
        try:
            # Truth first: one fast test for every value that is not null, empty, zero or false.
            cells = [
                encode(value) if (value := record[source]) else self._falsy(value, encode, null)
                for source, encode, null in self._pairs
            ]
        except UnconvertibleError:
            # Which cells, is looked for only now: rows without a problem pay nothing for it.
            raise RejectedRecordError(self._why_unconvertible(record)) from None
        self._keep_what_is_never_null(cells)
        self._fit(cells)
        return EncodedRow(
            self._columns,
            self._all_headers,
            cells + self._constants,
            self._key(cells),
            parents=self._parents_of_all + _keys(self._parents, cells),
            known_as=_keys(self._known_as, cells) if self._known_as else (),
        )

    def _falsy(self, value: Any, encode: Encode, null: str) -> str:
        if value is None:
            return null
        # Salesforce has no empty text, and an empty cell would leave the field as it is.
        return CLEARS_THE_FIELD if value == "" else encode(value)

    def _keep_what_is_never_null(self, cells: list[str]) -> None:
        for at in self._never_null:
            if cells[at] == CLEARS_THE_FIELD:
                cells[at] = ""
                self._changes.nulls_kept[self._headers[at]] += 1

    def _fit(self, cells: list[str]) -> None:
        others = [self._headers[at] for at in fit_line_breaks(cells)]
        if others and self._rejects_loss:
            raise RejectedRecordError(_line_breaks_lost(others))
        self._changes.fitted.update(others)

    def _key(self, cells: Sequence[str]) -> RecordKey | None:
        if self._key_at is None or self._key_maker is None:
            return None
        if cells[self._key_at] in _EMPTY:
            raise RejectedRecordError(_missing_key(self._columns[self._key_at]))
        return self._key_maker(cells[self._key_at])

    def _why_unconvertible(self, record: Mapping[str, Any]) -> Reject:
        why = {}
        for column in self._columns:
            value = record[column.source]
            try:
                _ = value is None or value == "" or column.encode(value)
            except UnconvertibleError as error:
                why[column.header] = str(error)
        message = "; ".join(f"`{header}`: {reason}" for header, reason in why.items())
        return Reject(RejectKind.UNCONVERTIBLE, "UNCONVERTIBLE_VALUE", message, tuple(why))


class _KeyMaker:
    """Makes keys of the cells of a column that names records of an object."""

    def __init__(self, sobject: str, column: CsvColumn) -> None:
        self._sobject = sobject.casefold()
        self._field = column.field.name.casefold()
        self._form = key_normalizer(column.field)

    def __call__(self, cell: str) -> RecordKey:
        return RecordKey(self._sobject, self._field, self._form(cell))


def _keys(makers: Sequence[tuple[int, _KeyMaker]], cells: Sequence[str]) -> tuple[RecordKey, ...]:
    return tuple(maker(cells[at]) for at, maker in makers if cells[at] not in _EMPTY)


def _missing(plan: StreamPlan, columns: tuple[CsvColumn, ...]) -> Reject | None:
    if plan.key and plan.key not in columns:
        return _missing_key(plan.key)
    if not columns:
        return Reject(
            RejectKind.UNCONVERTIBLE, "NO_FIELDS", "the record has no field that can be loaded"
        )
    return None


def _line_breaks_lost(headers: Sequence[str]) -> Reject:
    lost = "it has CR or CRLF line breaks, and Salesforce would store LF: convert them to LF first"
    message = "; ".join(f"`{header}`: {lost}" for header in headers)
    return Reject(RejectKind.UNCONVERTIBLE, "UNCONVERTIBLE_VALUE", message, tuple(headers))


def _missing_key(key: CsvColumn) -> Reject:
    return Reject(
        RejectKind.UNCONVERTIBLE,
        "MISSING_KEY",
        f"the record has no value for the key `{key.header}`",
        (key.header,),
    )

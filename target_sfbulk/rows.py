"""Encodes records into CSV rows, with one encoder for each column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sfbulk import Operation, OversizeRow
from sfbulk.csvio import MAX_FIELD_CHARACTERS
from sfbulk.normalize import PrecisionLoss, fit_line_breaks
from target_sfbulk.encode import CLEARS_THE_FIELD, encoder_for, is_blank
from target_sfbulk.losses import UnconvertibleError, refuse
from target_sfbulk.record_keys import EMPTY_CELLS, RowKeys
from target_sfbulk.rejects import Reject, RejectKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk import DataError
    from sfbulk.load import RecordKey
    from target_sfbulk.losses import Encode
    from target_sfbulk.mapping import CsvColumn
    from target_sfbulk.preflight import StreamPlan


# Each set of columns has its own job. Public sources, one of them a test against an org, say that
# an empty cell in a new record is the default, so beyond this number it is trusted.
_MOST_COLUMN_SETS = 16


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
        key: Its key, which must be unique in a job; None for a new record without one.
        parents: Keys of the records that its lookups refer to.
        known_as: For an insert, keys by which other rows may refer to the new record.
        fitted: Columns whose values are sent as Salesforce stores them, not as they came.
        nulls_kept: Columns whose nulls leave the field as it is, because it cannot be null.
    """

    headers: tuple[str, ...]
    cells: list[str]
    key: RecordKey | None
    parents: tuple[RecordKey, ...]
    known_as: tuple[RecordKey, ...]
    fitted: tuple[str, ...]
    nulls_kept: tuple[str, ...]

    def why_unsendable(self, error: DataError) -> Reject:
        """The reject of a row that cannot be in any job."""
        if not isinstance(error, OversizeRow):
            return Reject(RejectKind.UNCONVERTIBLE, "UNSENDABLE_TEXT", error.message)
        sized = zip(self.headers, self.cells, strict=True)
        long = (header for header, cell in sized if len(cell) > MAX_FIELD_CHARACTERS)
        return Reject(RejectKind.OVERSIZE, "OVERSIZE_ROW", error.message, tuple(long))


class RowEncoder:
    """The encoder of one stream's records.

    Every row has the columns of all fields of the plan: the empty cell of an absent field leaves
    the field as it is. Only columns whose empty cell might set null in a new record are left out
    of the rows that do not have them.

    Args:
        plan: How the stream is loaded.
    """

    def __init__(self, plan: StreamPlan) -> None:
        self._plan = plan
        self._is_insert = plan.operation is Operation.INSERT
        self._rejects_loss = plan.precision_loss is PrecisionLoss.REJECT
        # What was changed in the row that is encoded.
        self._fitted: list[str] = []
        self._nulls_kept: list[str] = []
        self._columns = tuple(self._compiled(c) for c in plan.columns.values() if c)
        self._pairs = [(column, column.source, column.encode) for column in self._columns]
        self._all = tuple(column.header for column in self._columns)
        self._constants = [constant.cell for constant in plan.constants]
        self._constant_headers = tuple(each.column.header for each in plan.constants)
        sets = (Operation.INSERT, Operation.UPSERT)
        self._unclear = [
            at
            for at, column in enumerate(self._columns)
            if column.planned.empty_is_unclear and plan.operation in sets
        ]
        self._narrowed: dict[tuple[int, ...], tuple[str, ...]] = {}
        self._key_at = self._position(plan.key)
        self._blank_key_creates = (
            plan.operation is Operation.UPSERT
            and plan.key is not None
            and plan.key.field.type == "id"
        )
        self._keys = RowKeys(plan, [column.planned for column in self._columns])

    def knows(self, record: Mapping[str, Any]) -> bool:
        """Whether the plan has every field of a record."""
        return self._plan.columns.keys() >= record.keys()

    def encode(self, record: Mapping[str, Any]) -> EncodedRow:
        """The row of a record whose fields the plan has.

        Raises:
            RejectedRecordError: It cannot be sent; with the reason.
        """
        value_of = record.get
        self._forget_changes()
        try:
            # Truth first: one fast test for every value that is not null, empty, zero or false.
            cells = [
                encode(value) if (value := value_of(source)) else self._falsy(value, column, record)
                for column, source, encode in self._pairs
            ]
        except UnconvertibleError:
            # Why, is looked for only now: rows without a problem pay nothing for it.
            cells = self._one_by_one(record)
        self._fit_line_breaks(cells)
        key = self._key(cells, record)
        headers, sent = self._without_unclear(cells) if self._unclear else (self._all, cells)
        return EncodedRow(
            headers + self._constant_headers,
            sent + self._constants,
            key,
            parents=self._keys.parents(cells),
            known_as=self._keys.known_as(cells),
            fitted=tuple(self._fitted),
            nulls_kept=tuple(self._nulls_kept),
        )

    def key_text(self, record: Mapping[str, Any]) -> str | None:
        """The key of a record in its normal form, also of one that cannot be sent.

        None if the record has no value for it.

        Raises:
            UnconvertibleError: The field cannot hold the value.
        """
        if self._key_at is None:
            return None
        column = self._columns[self._key_at]
        value = record.get(column.source)
        if value is None or value == "" or is_blank(value):
            return None
        cells = [column.encode(value)]
        fit_line_breaks(cells)
        key = None if cells[0] in EMPTY_CELLS else self._keys.key(cells[0])
        return key and key.text

    def _compiled(self, column: CsvColumn) -> _Column:
        on_loss = refuse if self._rejects_loss else partial(self._note_loss, column.header)
        schema = self._plan.schema.get(column.source, {})
        compiled = _Column(
            column,
            column.source,
            column.header,
            column.to_id or encoder_for(column.field, schema, on_loss),
            # A new record has nothing to clear, and `#N/A` would suppress the field's default.
            "" if self._is_insert or column is self._plan.key else column.null,
            "" if self._is_insert or column is self._plan.key else CLEARS_THE_FIELD,
        )
        if column.field.type == "multipicklist":
            compiled.encode = partial(self._choices, compiled, compiled.encode)
        return compiled

    def _note_loss(self, header: str, _: str) -> None:
        self._fitted.append(header)

    def _position(self, column: CsvColumn | None) -> int | None:
        return next((at for at, c in enumerate(self._columns) if c.planned is column), None)

    def _falsy(self, value: Any, column: _Column, record: Mapping[str, Any]) -> str:
        if value is None:
            return self._cleared(column, column.null) if column.source in record else ""
        # Salesforce has no empty text, and an empty cell would leave the field as it is.
        return self._cleared(column, column.empty) if value == "" else column.encode(value)

    def _choices(self, column: _Column, encode: Encode, value: Any) -> str:
        return encode(value) or self._cleared(column, column.empty)

    def _cleared(self, column: _Column, cell: str) -> str:
        if cell and not column.planned.nillable:
            self._nulls_kept.append(column.header)
            return ""
        return cell

    def _fit_line_breaks(self, cells: list[str]) -> None:
        others = [self._columns[at].header for at in fit_line_breaks(cells)]
        if others and self._rejects_loss:
            raise RejectedRecordError(_line_breaks_lost(others))
        self._fitted += others

    def _key(self, cells: Sequence[str], record: Mapping[str, Any]) -> RecordKey | None:
        if self._key_at is None:
            if not any(cells) and self._has_no_field(record):
                raise RejectedRecordError(_NO_FIELDS)
            return None
        if cells[self._key_at] not in EMPTY_CELLS:
            return self._keys.key(cells[self._key_at])
        column = self._columns[self._key_at]
        # Salesforce creates a record for a blank Id (recorded). A record without the field says
        # nothing of the kind.
        if self._blank_key_creates and column.source in record:
            return None
        raise RejectedRecordError(_missing_key(column.header))

    def _has_no_field(self, record: Mapping[str, Any]) -> bool:
        return all(column.source not in record for column in self._columns)

    def _without_unclear(self, cells: list[str]) -> tuple[tuple[str, ...], list[str]]:
        left_out = tuple(at for at in self._unclear if not cells[at])
        # A row of which no column would be left is sent as it is.
        if not left_out or len(left_out) == len(cells):
            return self._all, cells
        headers = self._narrowed.get(left_out)
        if headers is None:
            if len(self._narrowed) == _MOST_COLUMN_SETS:
                return self._all, cells
            headers = tuple(name for at, name in enumerate(self._all) if at not in left_out)
            self._narrowed[left_out] = headers
        return headers, [cell for at, cell in enumerate(cells) if at not in left_out]

    def _forget_changes(self) -> None:
        self._fitted.clear()
        self._nulls_kept.clear()

    def _one_by_one(self, record: Mapping[str, Any]) -> list[str]:
        """The cells of a record with values that were refused.

        A text of blanks that a field cannot hold is an empty one: CHAR columns pad with blanks.
        """
        self._forget_changes()
        cells: list[str] = []
        why: dict[str, str] = {}
        for column in self._columns:
            value = record.get(column.source)
            try:
                cells.append(column.encode(value) if value else self._falsy(value, column, record))
            except UnconvertibleError as reason:
                if is_blank(value):
                    cells.append(self._cleared(column, column.empty))
                else:
                    why[column.header] = str(reason)
        if why:
            raise RejectedRecordError(_unconvertible(why))
        return cells


@dataclass
class _Column:
    """A column as it is encoded: `null` and `empty` are the cells of a null and an empty text."""

    planned: CsvColumn
    source: str
    header: str
    encode: Encode
    null: str
    empty: str


def _unconvertible(why: Mapping[str, str]) -> Reject:
    message = "; ".join(f"`{header}`: {reason}" for header, reason in why.items())
    return Reject(RejectKind.UNCONVERTIBLE, "UNCONVERTIBLE_VALUE", message, tuple(why))


def _line_breaks_lost(headers: Sequence[str]) -> Reject:
    lost = "it has CR or CRLF line breaks, and Salesforce would store LF: convert them to LF first"
    message = "; ".join(f"`{header}`: {lost}" for header in headers)
    return Reject(RejectKind.UNCONVERTIBLE, "UNCONVERTIBLE_VALUE", message, tuple(headers))


def _missing_key(header: str) -> Reject:
    return Reject(
        RejectKind.UNCONVERTIBLE,
        "MISSING_KEY",
        f"the record has no value for the key `{header}`",
        (header,),
    )


_NO_FIELDS = Reject(
    RejectKind.UNCONVERTIBLE, "NO_FIELDS", "the record has no field that can be loaded"
)

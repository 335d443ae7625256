"""Turns records, which are mappings of column to value, into rows of cells; no I/O."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sfbulk.csvio.cells import NULL, cell_text
from sfbulk.errors import DataError
from sfbulk.jobs.states import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CLEARING = (Operation.UPDATE, Operation.UPSERT)
_BY_ID_ALONE = (Operation.DELETE, Operation.HARD_DELETE)
_ID_CHARACTERS = 15


class Row(NamedTuple):
    """A record ready to be sent."""

    columns: tuple[str, ...]
    """The same order for every record with the same set of columns."""
    cells: list[str]
    """Empty for what is left alone, `#N/A` for what is cleared."""
    key: str | None
    """What identifies the record, for the order of its versions; None for an insert."""


@contextmanager
def naming_record(number: int) -> Iterator[None]:
    """Begin the text of a `DataError` with the record's number, from 1."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"Record {number}: {error.message}", row=number) from error


@dataclass(frozen=True)
class _Columns:
    names: tuple[str, ...]
    key: int | None
    """Position of the column by which Salesforce finds the record; None for an insert."""
    by_id: bool


class RowMaker:
    """Turns records into rows, remembering the column sets it has met."""

    def __init__(self, operation: Operation, external_id: str | None) -> None:
        self._operation = operation
        self._null = NULL if operation in _CLEARING else ""
        self._key = None if operation is Operation.INSERT else external_id or "Id"
        # Records with the same columns in another order share a job.
        self._sets: dict[frozenset[str], _Columns] = {}

    def row(self, record: Mapping[str, Any]) -> Row:
        """The cells of a record; see `RecordLoader` for what it may hold.

        Raises:
            DataError: a value that cannot be sent, or no key; says which column.
        """
        columns = self._columns(record)
        cells = [self._cell(record, name) for name in columns.names]
        return Row(columns.names, cells, self._key_of(columns, cells))

    def _columns(self, record: Mapping[str, Any]) -> _Columns:
        found = self._sets.get(frozenset(record))
        if found is None:
            found = self._sets[frozenset(record)] = self._new_columns(record)
        return found

    def _new_columns(self, record: Mapping[str, Any]) -> _Columns:
        names = tuple(record)
        if self._operation in _BY_ID_ALONE:
            names = tuple(name for name in names if name.lower() == "id")
        wanted = (self._key or "").lower()
        key = next((at for at, name in enumerate(names) if name.lower() == wanted), None)
        if self._key is not None and key is None:
            raise DataError(f"it has no {self._key}, by which Salesforce finds the record.")
        return _Columns(names, key, wanted == "id")

    def _cell(self, record: Mapping[str, Any], column: str) -> str:
        try:
            text = cell_text(record[column])
        except DataError as error:
            raise DataError(f"{column}: {error.message}.") from error
        return self._null if text is None else text

    def _key_of(self, columns: _Columns, cells: list[str]) -> str | None:
        if columns.key is None:
            return None
        key = cells[columns.key]
        if key in ("", NULL):
            raise DataError(f"its {self._key}, by which Salesforce finds the record, is empty.")
        # The 18 characters of an id are its 15 and a checksum. Other keys are mostly compared
        # without regard to case; one that is not only waits for the next wave.
        return key[:_ID_CHARACTERS] if columns.by_id else key.casefold()

"""Reads what an ingest job reports of each row; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.errors import CsvError
from sfbulk.jobs.row_error import RowError, parse_row_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


@dataclass(frozen=True)
class SuccessfulRow:
    """A row that is in."""

    id: str
    created: bool
    """Whether the row is new; False for an update or delete."""
    row: Mapping[str, str] = field(repr=False)
    """The row as Salesforce returns it: numbers may be written in another form."""


@dataclass(frozen=True)
class FailedRow:
    """A row Salesforce refused."""

    id: str | None
    """The record it meant, when there is one."""
    error: RowError
    row: Mapping[str, str] = field(repr=False)
    """The row as Salesforce returns it: numbers may be written in another form."""


def successful_rows(rows: Iterable[dict[str, str]]) -> Iterator[SuccessfulRow]:
    """The rows of `successfulResults`.

    Raises:
        CsvError: a column that must be there is not.
    """
    for row in rows:
        record_id, created = _take(row, "sf__Id"), _take(row, "sf__Created")
        yield SuccessfulRow(record_id, created.lower() == "true", row)


def failed_rows(rows: Iterable[dict[str, str]]) -> Iterator[FailedRow]:
    """The rows of `failedResults`.

    Raises:
        CsvError: a column that must be there is not.
    """
    for row in rows:
        record_id, error = _take(row, "sf__Id"), _take(row, "sf__Error")
        yield FailedRow(record_id or None, parse_row_error(error), row)


def _take(row: dict[str, str], column: str) -> str:
    try:
        return row.pop(column)
    except KeyError:
        raise CsvError(f"Results of an ingest job came without the column {column}.") from None

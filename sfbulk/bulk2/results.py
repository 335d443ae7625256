"""Reads the rows in the results of an ingest job; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.csvio import header_names
from sfbulk.csvio.limits import MAX_HEADER_BYTES
from sfbulk.errors import CsvError
from sfbulk.jobs.row_error import RowError, parse_row_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sfbulk.csvio import ColumnDelimiter

_ID = "sf__Id"


@dataclass(frozen=True)
class SuccessfulRow:
    """A row that was loaded."""

    id: str
    created: bool
    """Whether the row created a record; False for an update or delete."""
    row: Mapping[str, str] = field(repr=False)
    """The row as Salesforce returns it; its values may have another form than those sent."""


@dataclass(frozen=True)
class FailedRow:
    """A row that Salesforce rejected."""

    id: str | None
    """The id of its record; None if there is none."""
    error: RowError
    row: Mapping[str, str] = field(repr=False)
    """The row as Salesforce returns it; its values may have another form than those sent."""


def successful_rows(rows: Iterable[dict[str, str]]) -> Iterator[SuccessfulRow]:
    """The rows of `successfulResults`.

    Raises:
        CsvError: a column of the results is missing.
    """
    for row in rows:
        record_id, created = _take(row, _ID), _take(row, "sf__Created")
        yield SuccessfulRow(record_id, created.lower() == "true", row)


def failed_rows(rows: Iterable[dict[str, str]]) -> Iterator[FailedRow]:
    """The rows of `failedResults`.

    Raises:
        CsvError: a column of the results is missing.
    """
    for row in rows:
        record_id, error = _take(row, _ID), _take(row, "sf__Error")
        yield FailedRow(record_id or None, parse_row_error(error), row)


def require_results(file: Path, delimiter: ColumnDelimiter) -> None:
    """Check that a file that must have rows is a list of results, such as no maintenance page.

    An empty file may be one: some rows have no results.

    Raises:
        CsvError: it is something else.
    """
    with file.open("rb") as opened:
        header = opened.readline(MAX_HEADER_BYTES)
    if header.strip() and _ID not in header_names(header, delimiter):
        raise _no_column(_ID)


def _take(row: dict[str, str], column: str) -> str:
    try:
        return row.pop(column)
    except KeyError:
        raise _no_column(column) from None


def _no_column(column: str) -> CsvError:
    return CsvError(f"The results of an ingest job have no column {column}.")

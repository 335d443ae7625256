"""The column by which Salesforce finds the records of a load; no upload goes without it.

An upsert by `Id` without an `Id` column creates every row (test suites of jsforce and of the
Salesforce CLI that run against orgs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.csvio import ColumnDelimiter, header_names
from sfbulk.errors import DataError
from sfbulk.jobs.operation import Operation

if TYPE_CHECKING:
    from pathlib import Path

# A header row is at most 32,000 characters long, each of them four bytes at most.
_MOST_HEADER_BYTES = 128_000

_BY_ID = (Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE)


def key_column(operation: str, external_id: str | None) -> str | None:
    """The column that a load must have; None for an insert and for a query.

    Args:
        operation: in Salesforce's words.
        external_id: the key field of an upsert.
    """
    if operation == Operation.UPSERT:
        return external_id
    return "Id" if operation in _BY_ID else None


def require_column(
    body: Path | bytes, name: str, job: str, delimiter: ColumnDelimiter = ColumnDelimiter.COMMA
) -> None:
    """Refuse CSV that lacks a column, whatever letter case its name is in.

    Args:
        body: the CSV, header row first.
        name: the column.
        job: what is to be loaded, for the error.
        delimiter: what stands between the values of a row.

    Raises:
        DataError: it is not there.
    """
    if isinstance(body, bytes):
        line = body[:_MOST_HEADER_BYTES].partition(b"\n")[0]
    else:
        with body.open("rb") as file:
            line = file.readline(_MOST_HEADER_BYTES)
    names = {each.strip().lower() for each in header_names(line, delimiter)}
    if name.lower() not in names:
        raise DataError(
            f"The CSV for {job} has no column {name}, by which Salesforce finds the records. "
            "Nothing was sent: add the column, or check the delimiter."
        )

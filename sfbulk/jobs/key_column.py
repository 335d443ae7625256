"""The column by which Salesforce finds the records of a load; an upload without it is refused.

Salesforce accepts such an upload: an upsert by `Id` without an `Id` column creates every row
(test suites of jsforce and of the Salesforce CLI that run against orgs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.csvio import ColumnDelimiter, header_names
from sfbulk.errors import DataError
from sfbulk.jobs.operation import Operation

if TYPE_CHECKING:
    from pathlib import Path

# A header row has at most 32,000 characters (Bulk API guide), each of at most four bytes.
_MOST_HEADER_BYTES = 128_000

_BY_ID = (Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE)


def key_column(operation: str, external_id: str | None) -> str | None:
    """The column that a job must have; None for an insert and for a query.

    Args:
        operation: Salesforce's word for it.
        external_id: the key field of an upsert.
    """
    if operation == Operation.UPSERT:
        return external_id
    return "Id" if operation in _BY_ID else None


def check_external_id(sobject: str, operation: str, external_id: str | None) -> None:
    """Refuse an upsert without a key field, and any other operation with one.

    Raises:
        DataError: names the object.
    """
    if (operation == Operation.UPSERT) != (external_id is not None):
        raise DataError(f"{sobject}: an upsert needs external_id, and no other operation has it.")


def require_column(
    body: Path | bytes, name: str, job: str, delimiter: ColumnDelimiter = ColumnDelimiter.COMMA
) -> None:
    """Refuse CSV that does not have a column; upper and lower case are the same.

    Args:
        body: the CSV, header row first.
        name: the column.
        job: names the job, for the error.
        delimiter: the column delimiter of the CSV.

    Raises:
        DataError: the column is missing.
    """
    if isinstance(body, bytes):
        line = body[:_MOST_HEADER_BYTES].partition(b"\n")[0]
    else:
        with body.open("rb") as file:
            line = file.readline(_MOST_HEADER_BYTES)
    names = {each.strip().lower() for each in header_names(line, delimiter)}
    if name.lower() not in names:
        raise DataError(
            f"The CSV for {job} has no column {name}, which Salesforce needs to find the records. "
            "Nothing was sent. Add the column, or check the delimiter."
        )

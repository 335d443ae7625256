"""The CSV of spreadsheets, which is not that of Bulk API: other delimiters, line ends and sizes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from sfbulk.csvio.encode import Echo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_DELIMITERS = ",;\t"
"""A spreadsheet takes the one of its language, or a tab."""

_MOST_CHARACTERS = 2**31 - 1

_writer = csv.writer(Echo(), lineterminator="\r\n")


class SheetError(ValueError):
    """Text that is not CSV.

    Attributes:
        line: the number of the line where the row begins, from 1.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def sheet_row(cells: Sequence[str]) -> str:
    """One row as every spreadsheet reads it, with its line end; cells have no NUL."""
    text: str = _writer.writerow(cells)
    return text


def sheet_delimiter(header: str, columns: Collection[str]) -> str | None:
    """What stands between the cells of a header row.

    Args:
        header: the row.
        columns: columns that it must have.

    Returns:
        The delimiter; None if the row does not have all these columns.
    """
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            continue
        if set(columns) <= set(cells):
            return delimiter
    return None


def sheet_rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file, each with the number of the line where it begins.

    Args:
        lines: the lines with their ends.
        delimiter: what stands between cells.

    Raises:
        SheetError: a line is not CSV.
    """
    # Python's limit is that of a field of Bulk API, and what is too large for it may be here too.
    csv.field_size_limit(_MOST_CHARACTERS)
    rows = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise SheetError(line, str(error)) from None
        if row is None:
            return
        yield line, row

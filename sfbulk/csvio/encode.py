"""Rows to the CSV bytes Bulk API takes; no I/O.

The standard library's writer does the quoting. Everything is quoted, as Salesforce
itself does, so a value with a comma, a quote or a line break needs no second thought.
"""

from __future__ import annotations

import csv
from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.csvio.limits import (
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    MAX_HEADER_CHARACTERS,
    MAX_RECORD_CHARACTERS,
)
from sfbulk.errors import DataError, OversizeRow
from sfbulk.normalize import one_newline

if TYPE_CHECKING:
    from collections.abc import Sequence


class LineEnding(str, Enum):
    """The line ending of a job, in Salesforce's words; one job has one.

    Salesforce refuses a job with the other one, also inside quotes ("LineEnding is invalid on
    user data").
    """

    LF = "LF"
    CRLF = "CRLF"

    @property
    def text(self) -> str:
        """The characters themselves."""
        return "\n" if self is LineEnding.LF else "\r\n"


class _Echo:
    """A file that hands back what is written: `csv.writer.writerow` returns it."""

    @staticmethod
    def write(text: str) -> str:
        return text


# Python 3.10's writer takes NUL for its unset escape character and refuses it. A lone
# surrogate can be set instead: text that holds one cannot be sent as UTF-8 anyway.
_NO_ESCAPE = "\ud800"

_writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="", escapechar=_NO_ESCAPE)


def quote_row(cells: Sequence[str]) -> str:
    """One row as CSV text without a line end.

    Raises:
        OversizeRow: the record or one of its fields is longer than Salesforce takes.
    """
    try:
        text: str = _writer.writerow(cells)
    except csv.Error:
        # Python 3.10's writer refuses NUL, which Salesforce text may hold.
        text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    # Quoting only adds characters, so a row shorter than one field's limit needs no closer look.
    if len(text) > MAX_FIELD_CHARACTERS:
        _refuse_oversize(cells)
    return text


class CsvEncoder:
    """Rows of one job: a fixed set of columns, and LF at the end of lines and in text."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Take the columns.

        Args:
            columns: field API names, each once.

        Raises:
            DataError: no column, one twice, too many, or a header row that is too long.
        """
        self.columns = tuple(columns)
        self._header = quote_row(self.columns)
        self._check_columns()

    def header(self) -> bytes:
        """The header row with its line end, UTF-8."""
        return encode_text(self._header + "\n")

    def row(self, cells: Sequence[str]) -> bytes:
        """One data row with its line end, UTF-8; CR and CRLF in a text become LF.

        Raises:
            DataError: the number of cells is not that of the columns, or text that is no Unicode.
            OversizeRow: the record or one of its fields is longer than Salesforce takes.
        """
        if len(cells) != len(self.columns):
            raise DataError(f"The row has {len(cells)} cells for {len(self.columns)} columns.")
        return encode_text(one_newline(quote_row(cells)) + "\n")

    def _check_columns(self) -> None:
        if not self.columns:
            raise DataError("A job needs at least one column.")
        repeated = [
            name for name, count in Counter(map(str.casefold, self.columns)).items() if count > 1
        ]
        if repeated:
            raise DataError(f"Columns given twice: {', '.join(repeated)}.")
        if len(self.columns) > MAX_FIELDS:
            raise DataError(f"{len(self.columns)} columns; Salesforce takes {MAX_FIELDS:,}.")
        if len(self._header) > MAX_HEADER_CHARACTERS:
            raise DataError(
                f"The header row has {len(self._header):,} characters; Salesforce takes "
                f"{MAX_HEADER_CHARACTERS:,}. Send fewer fields."
            )


def encode_text(text: str) -> bytes:
    """UTF-8, strict.

    Raises:
        DataError: half a surrogate pair, which is no character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            "The row holds half a surrogate pair, which is no character and cannot be sent."
        ) from error


def _refuse_oversize(cells: Sequence[str]) -> None:
    for position, cell in enumerate(cells, start=1):
        if len(cell) > MAX_FIELD_CHARACTERS:
            raise OversizeRow(
                f"Column {position} of the row has {len(cell):,} characters; Salesforce takes "
                f"{MAX_FIELD_CHARACTERS:,} in a field."
            )
    total = sum(map(len, cells))
    if total > MAX_RECORD_CHARACTERS:
        raise OversizeRow(
            f"The row has {total:,} characters; Salesforce takes {MAX_RECORD_CHARACTERS:,} "
            "in a record."
        )

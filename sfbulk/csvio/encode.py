"""Encodes rows as CSV bytes for Bulk API; no I/O.

The standard library's writer quotes the values. All values are quoted, as in Salesforce's own
CSV, so commas, quotes and line breaks in a value are safe.
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
    """The line ending of a job's CSV, in Salesforce's words.

    Salesforce refuses a job whose data has the other one, also inside quotes ("LineEnding is
    invalid on user data").
    """

    LF = "LF"
    CRLF = "CRLF"

    @property
    def text(self) -> str:
        """The characters themselves."""
        return "\n" if self is LineEnding.LF else "\r\n"


class Echo:
    """A file whose `write` returns the text, and so `csv.writer.writerow` returns it too."""

    @staticmethod
    def write(text: str) -> str:
        """The text."""
        return text


# Without an escape character, Python 3.10's writer refuses NUL. A lone surrogate is set instead:
# text that contains one cannot be sent as UTF-8 anyway.
_NO_ESCAPE = "\ud800"

_writer = csv.writer(Echo(), quoting=csv.QUOTE_ALL, lineterminator="", escapechar=_NO_ESCAPE)


def quote_row(cells: Sequence[str]) -> str:
    """One row as CSV text without a line end.

    Raises:
        OversizeRow: the record or one of its fields is longer than Salesforce accepts.
    """
    try:
        text: str = _writer.writerow(cells)
    except csv.Error:
        # Python 3.10's writer refuses NUL, which Salesforce text may contain.
        text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    # Quoting only adds characters: a row that is shorter than the limit of one field exceeds none.
    if len(text) > MAX_FIELD_CHARACTERS:
        _refuse_oversize(cells)
    return text


class CsvEncoder:
    """Encodes the rows of one job, with a fixed set of columns and LF as line ending.

    Args:
        columns: field API names, each once.

    Raises:
        DataError: no column, a column twice, too many, or a header row that is too long.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._header = quote_row(self.columns)
        self._check_columns()

    def header(self) -> bytes:
        """The header row with its line end, UTF-8."""
        return encode_text(self._header + "\n")

    def row(self, cells: Sequence[str]) -> bytes:
        """One data row with its line end, UTF-8; CR and CRLF in a text become LF.

        Raises:
            DataError: another number of cells than columns, or text that is not valid Unicode.
            OversizeRow: the record or one of its fields is longer than Salesforce accepts.
        """
        if len(cells) != len(self.columns):
            raise DataError(
                f"The row has {len(cells)} cells, but the file has {len(self.columns)} columns."
            )
        return encode_text(one_newline(quote_row(cells)) + "\n")

    def _check_columns(self) -> None:
        if not self.columns:
            raise DataError("A job needs at least one column.")
        repeated = [
            name for name, count in Counter(map(str.casefold, self.columns)).items() if count > 1
        ]
        if repeated:
            raise DataError(f"Columns are repeated: {', '.join(repeated)}.")
        if len(self.columns) > MAX_FIELDS:
            raise DataError(
                f"A row has {len(self.columns):,} columns; Salesforce accepts {MAX_FIELDS:,}. "
                "Send fewer fields."
            )
        if len(self._header) > MAX_HEADER_CHARACTERS:
            raise DataError(
                f"The header row has {len(self._header):,} characters; Salesforce accepts "
                f"{MAX_HEADER_CHARACTERS:,}. Send fewer fields."
            )


def encode_text(text: str) -> bytes:
    """The text as UTF-8.

    Raises:
        DataError: half a surrogate pair, which is not a character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            "The row contains half a surrogate pair, which is not a character and cannot be sent."
        ) from error


def _refuse_oversize(cells: Sequence[str]) -> None:
    for position, cell in enumerate(cells, start=1):
        if len(cell) > MAX_FIELD_CHARACTERS:
            raise OversizeRow(
                f"Column {position} of the row has {len(cell):,} characters; Salesforce accepts "
                f"{MAX_FIELD_CHARACTERS:,} in a field."
            )
    total = sum(map(len, cells))
    if total > MAX_RECORD_CHARACTERS:
        raise OversizeRow(
            f"The row has {total:,} characters; Salesforce accepts {MAX_RECORD_CHARACTERS:,} "
            "in a record."
        )

"""Decodes CSV bytes from Bulk API into rows, in chunks; no I/O.

The standard library's reader parses complete rows. It cannot be fed in chunks itself: it takes
the end of a chunk for the end of a row.
"""

from __future__ import annotations

import codecs
import csv
import io
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.csvio.limits import MAX_HEADER_BYTES, MAX_ROW_BYTES
from sfbulk.csvio.row_ends import LongRowError, RowCutter
from sfbulk.errors import CsvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Python 3.10's reader refuses NUL, which Salesforce text may contain. Strict UTF-8 never decodes
# to a lone surrogate, so one can stand for NUL.
_NUL = "\x00"
_NUL_STAND_IN = "\ud800"


class ColumnDelimiter(str, Enum):
    """The column delimiter of a job's CSV, in Salesforce's words."""

    BACKQUOTE = "BACKQUOTE"
    CARET = "CARET"
    COMMA = "COMMA"
    PIPE = "PIPE"
    SEMICOLON = "SEMICOLON"
    TAB = "TAB"

    @property
    def text(self) -> str:
        """The character itself."""
        return _DELIMITERS[self]


_DELIMITERS = {
    ColumnDelimiter.BACKQUOTE: "`",
    ColumnDelimiter.CARET: "^",
    ColumnDelimiter.COMMA: ",",
    ColumnDelimiter.PIPE: "|",
    ColumnDelimiter.SEMICOLON: ";",
    ColumnDelimiter.TAB: "\t",
}


class CsvDecoder:
    """Decodes one CSV file whose first row is the header.

    Values are not changed: CR, LF, CRLF, U+2028 and NUL inside quotes are kept.
    Memory: one chunk and one incomplete row.

    Args:
        delimiter: the column delimiter.
    """

    def __init__(self, delimiter: ColumnDelimiter = ColumnDelimiter.COMMA) -> None:
        self._delimiter = delimiter.text
        # It holds for the whole process and is 131,072 characters by default.
        if csv.field_size_limit() < MAX_ROW_BYTES:
            csv.field_size_limit(MAX_ROW_BYTES)
        self.header: tuple[str, ...] | None = None
        """The column names; None until the header row has arrived."""
        self.rows = 0
        """Data rows returned so far."""
        self._cutter = RowCutter()

    def feed(self, data: bytes) -> list[list[str]]:
        """The data rows that are complete after `data`, without the header row.

        Raises:
            CsvError: not UTF-8, a misplaced quote, a row that is too long, or one with another
                number of cells than the header; names the row.
        """
        whole = self._cutter.take(data)
        rows = self._parse(whole) if whole else []
        try:
            self._cutter.check(MAX_HEADER_BYTES if self.header is None else MAX_ROW_BYTES)
        except LongRowError as error:
            raise CsvError(f"After row {self.rows} {error}.") from error
        return rows

    def flush(self) -> list[list[str]]:
        """The last row if it has no line end; call it once, after the last chunk.

        Raises:
            CsvError: as `feed`, or the data ends inside a quoted value or a character.
        """
        rest = self._cutter.rest()
        return self._parse(rest) if rest else []

    def _parse(self, whole: bytes) -> list[list[str]]:
        try:
            rows = _read(whole.decode(), self._delimiter)
        except UnicodeDecodeError as error:
            raise CsvError(f"After row {self.rows} the data is not UTF-8.") from error
        except csv.Error as error:
            raise CsvError(f"After row {self.rows} the data is not CSV: {error}.") from error
        if self.header is None:
            self.header = tuple(rows.pop(0))
        for row in rows:
            self.rows += 1
            if len(row) != len(self.header):
                raise CsvError(
                    f"Row {self.rows} has {len(row)} cells, but the header has {len(self.header)}.",
                    row=self.rows,
                )
        return rows


def decode_rows(
    chunks: Iterable[bytes], delimiter: ColumnDelimiter = ColumnDelimiter.COMMA
) -> Iterator[dict[str, str]]:
    """Each data row as a dict by column name.

    Raises:
        CsvError: as `CsvDecoder`.
    """
    decoder = CsvDecoder(delimiter)
    for chunk in chunks:
        for row in decoder.feed(chunk):
            yield dict(zip(decoder.header or (), row, strict=True))
    for row in decoder.flush():
        yield dict(zip(decoder.header or (), row, strict=True))


def header_names(line: bytes, delimiter: ColumnDelimiter = ColumnDelimiter.COMMA) -> list[str]:
    """The column names in the first line of a CSV file.

    If the line is not valid CSV, the names that can be read; none if there are no such names.
    """
    text = line.removeprefix(codecs.BOM_UTF8).decode(errors="replace").rstrip("\r\n")
    try:
        return next(csv.reader([text], delimiter=delimiter.text), [])
    except csv.Error:
        return []


def _read(text: str, delimiter: str) -> list[list[str]]:
    if _NUL not in text:
        return list(_reader(text, delimiter))
    rows = _reader(text.replace(_NUL, _NUL_STAND_IN), delimiter)
    return [[cell.replace(_NUL_STAND_IN, _NUL) for cell in row] for row in rows]


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    # newline="\n" changes no character and ends lines at LF only. So the reader refuses a lone CR
    # outside quotes instead of reading it as the end of a row.
    return csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)

"""Decodes CSV bytes from Bulk API into rows, in chunks; no I/O.

The standard library's reader parses complete rows. It cannot be fed in chunks itself: it takes
the end of a chunk for the end of a row. So this module finds the last row end in a chunk. That is
a line feed with an even number of quotes before it; inside a quoted field the number is odd.
"""

from __future__ import annotations

import codecs
import csv
import io
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.errors import CsvError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The reader's limit holds for the whole process and is 131,072 characters by default. Salesforce
# returns longer texts than it accepts (Apex bodies: 1,000,000).
_FIELD_LIMIT = 100_000_000

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
        if csv.field_size_limit() < _FIELD_LIMIT:
            csv.field_size_limit(_FIELD_LIMIT)
        self.header: tuple[str, ...] | None = None
        """The column names; None until the header row has arrived."""
        self.rows = 0
        """Data rows returned so far."""
        self._text = codecs.getincrementaldecoder("utf-8")("strict")
        self._pending = ""
        self._in_quotes = False

    def feed(self, data: bytes) -> list[list[str]]:
        """The data rows that are complete after `data`, without the header row.

        Raises:
            CsvError: not UTF-8, a misplaced quote, or a row with another number of cells than the
                header; names the row.
        """
        text = self._decode(data, final=False)
        end, self._in_quotes = _row_end(text, in_quotes=self._in_quotes)
        if not end:
            self._pending += text
            return []
        complete = self._pending + text[:end]
        self._pending = text[end:]
        return self._parse(complete)

    def flush(self) -> list[list[str]]:
        """The last row if it has no line end; call it once, after the last chunk.

        Raises:
            CsvError: as `feed`, or the data ends inside a quoted value or a character.
        """
        rest = self._pending + self._decode(b"", final=True)
        self._pending = ""
        return self._parse(rest) if rest else []

    def _decode(self, data: bytes, *, final: bool) -> str:
        try:
            return self._text.decode(data, final=final)
        except UnicodeDecodeError as error:
            raise CsvError(f"After row {self.rows} the data is not UTF-8.") from error

    def _parse(self, text: str) -> list[list[str]]:
        try:
            rows = _read(text, self._delimiter)
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

    If the line is not valid CSV, the names that can be read.
    """
    text = line.removeprefix(codecs.BOM_UTF8).decode(errors="replace").rstrip("\r\n")
    return next(csv.reader([text], delimiter=delimiter.text), [])


def _row_end(text: str, *, in_quotes: bool) -> tuple[int, bool]:
    """Where the last complete row of `text` ends, and whether `text` ends inside quotes.

    The position is 0 if no row ends in `text`. `in_quotes` says whether the text before ended
    inside quotes.
    """
    ends_in_quotes = in_quotes ^ bool(text.count('"') % 2)
    inside, stop = ends_in_quotes, len(text)
    while (line_feed := text.rfind("\n", 0, stop)) >= 0:
        inside ^= bool(text.count('"', line_feed, stop) % 2)
        if not inside:
            return line_feed + 1, ends_in_quotes
        stop = line_feed
    return 0, ends_in_quotes


def _read(text: str, delimiter: str) -> list[list[str]]:
    if _NUL not in text:
        return list(_reader(text, delimiter))
    rows = _reader(text.replace(_NUL, _NUL_STAND_IN), delimiter)
    return [[cell.replace(_NUL_STAND_IN, _NUL) for cell in row] for row in rows]


def _reader(text: str, delimiter: str) -> Iterator[list[str]]:
    # newline="\n" changes no character and ends lines at LF only. So the reader refuses a lone CR
    # outside quotes instead of reading it as the end of a row.
    return csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)

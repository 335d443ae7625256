"""CSV bytes from Bulk API to rows, fed piece by piece; no I/O.

The standard library's reader parses each stretch of whole rows. It cannot be fed
piece by piece itself (a chunk's end looks to it like the end of a row), so this
module finds the last row end in what has arrived: a line feed with an even number
of quotes before it, since inside a quoted field that number is odd.
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

# The reader's limit is one number for the whole process, 131,072 characters unless
# raised, and Salesforce returns longer texts than it accepts (Apex bodies: 1,000,000).
_FIELD_LIMIT = 100_000_000

# Python 3.10's reader refuses NUL, which Salesforce text may hold. A lone surrogate
# cannot come out of strict UTF-8, so it can stand in for NUL without being mistaken.
_NUL = "\x00"
_NUL_STAND_IN = "\ud800"


class ColumnDelimiter(str, Enum):
    """What stands between the values of a row, in Salesforce's words."""

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
    """Rows of one CSV file whose first row is the header.

    Every value is kept as it is: CR, LF, CRLF, U+2028 and NUL inside quotes included.
    Memory: one chunk and one unfinished row.
    """

    def __init__(self, delimiter: ColumnDelimiter = ColumnDelimiter.COMMA) -> None:
        """Begin.

        Args:
            delimiter: what stands between the values of a row.
        """
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
        """The data rows that `data` completes; the header row is not among them.

        Raises:
            CsvError: not UTF-8, a quote out of place, or a row whose number of cells
                is not that of the header; names the row.
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
        """The last row if no line end closed it; call once, after the last chunk.

        Raises:
            CsvError: as `feed`, or the data stops inside a quoted value or a character.
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
                    f"Row {self.rows} has {len(row)} cells where the header has "
                    f"{len(self.header)}.",
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
    """The column names in the first line of a CSV file, whatever follows it.

    A line that is no CSV has the names that can be read in it.
    """
    text = line.removeprefix(codecs.BOM_UTF8).decode(errors="replace").rstrip("\r\n")
    return next(csv.reader([text], delimiter=delimiter.text), [])


def _row_end(text: str, *, in_quotes: bool) -> tuple[int, bool]:
    """Where the last whole row ends in `text` (0: nowhere), and whether it ends in quotes.

    `in_quotes` says the same of what came before.
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
    # newline="\n" leaves every character alone and ends lines at LF only: a lone CR
    # outside quotes is then refused by the reader instead of read as a row's end.
    return csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, strict=True)

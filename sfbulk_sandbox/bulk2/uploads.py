"""Reads an uploaded CSV as strictly as Salesforce does.

Sources: the Bulk API guide (Prepare CSV Files), and Salesforce's CSV reader with its limits and
error texts (`com.sforce.async.CSVReader` in forcedotcom/wsc).
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper
    from pathlib import Path

    from sfbulk_sandbox.behaviour import Behaviour

_BLOCK_BYTES = 1024 * 1024
# Before Python 3.11, csv's reader refuses NUL. The stand-in is half of a surrogate pair, which
# cannot be in a UTF-8 text.
_NUL = "\0"
_NUL_STAND_IN = "\udc00"
_QUOTED = r'"[^"]*(?:""[^"]*)*"(?!")'


class UploadRefusedError(Exception):
    """The upload cannot be processed; the text is the job's errorMessage."""


class Upload:
    """An uploaded file on disk.

    Args:
        path: The file.
        delimiter: The character between cells.
        line_ending: The job's setting, "LF" or "CRLF".
        behaviour: The switches for line breaks in quotes and for rows of one empty cell.
    """

    def __init__(self, path: Path, delimiter: str, line_ending: str, behaviour: Behaviour) -> None:
        self._path = path
        self._delimiter = delimiter
        self._line_ending = line_ending
        self._keep_breaks = behaviour.has("line_breaks", "kept")
        # In Salesforce's CSVReader a record of one empty cell is blank too.
        self._blank = [[], [""]] if behaviour.has("empty_rows", "skipped") else [[]]
        self._well_formed = _record_pattern(delimiter)

    def check(self) -> int:
        """Read the whole file once, so that a job with an invalid file fails before its first row.

        Returns:
            The number of rows.

        Raises:
            UploadRefusedError: The file has the other line ending (also inside quotes), is not
                UTF-8, or has a misplaced quote.
        """
        self._check_line_endings()
        return sum(1 for _row in self.rows())

    def header(self) -> list[str]:
        """Return the column names as uploaded; empty for an empty file.

        Raises:
            UploadRefusedError: The first record is not valid CSV.
        """
        return next(self._records(), [])

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows after the header. A row may have more or fewer cells than the header.

        Raises:
            UploadRefusedError: A row is not valid CSV.
        """
        records = self._records()
        next(records, None)
        yield from records

    def _check_line_endings(self) -> None:
        carry = b""
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                block = carry + block
                if self._has_other_ending(block):
                    raise UploadRefusedError(
                        "ClientInputError : LineEnding is invalid on user data. "
                        f"Current LineEnding setting is {self._line_ending}"
                    )
                # The end of a block can split a CRLF.
                carry = b"\r" if block.endswith(b"\r") else b""

    def _has_other_ending(self, block: bytes) -> bool:
        pairs = block.count(b"\r\n")
        if self._line_ending == "LF":
            return pairs > 0
        return block.count(b"\n") > pairs

    def _records(self) -> Iterator[list[str]]:
        """Yield the records without blank ones, as Salesforce's CSVReader does."""
        # newline="": CR, LF and CRLF each end a record outside quotes, and are data inside quotes.
        with self._path.open(encoding="utf-8", newline="") as file:
            lines = _Tee(file)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    record = lines.taken()
                    if not self._well_formed.fullmatch(record):
                        raise self._unparsable(record)
                    if cells not in self._blank:
                        yield self._as_read(cells, record)
            except UnicodeDecodeError:
                raise UploadRefusedError(
                    "ClientInputError : The CSV data is not valid UTF-8"
                ) from None
            except csv.Error as error:
                raise self._unparsable(lines.taken(), str(error)) from None

    def _as_read(self, cells: list[str], record: str) -> list[str]:
        if _NUL in record:
            cells = [cell.replace(_NUL_STAND_IN, _NUL) for cell in cells]
        if "\r" in record and not self._keep_breaks:
            cells = [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
        return cells

    def _unparsable(self, record: str, otherwise: str = "") -> UploadRefusedError:
        reason = _misplaced_quote(record, self._delimiter) or otherwise
        return UploadRefusedError(f"InvalidBatch : Failed to parse CSV. {reason}")


class _Tee:
    """Passes lines to csv's reader and keeps those of the current record."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self._lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._lines.append(line)
            yield line.replace(_NUL, _NUL_STAND_IN)

    def taken(self) -> str:
        """Return the text of the last record."""
        record = "".join(self._lines)
        self._lines.clear()
        return record


def _record_pattern(delimiter: str) -> re.Pattern[str]:
    # csv's reader accepts ` "a"` and `a"b` as plain text; Salesforce refuses both.
    separator = re.escape(delimiter)
    cell = rf"(?:{_QUOTED}|[^\"\r\n{separator}]*)"
    return re.compile(rf"{cell}(?:{separator}{cell})*(?:\r\n|\r|\n)?")


def _misplaced_quote(record: str, delimiter: str) -> str | None:
    """Return the error in the quotes of a record, in the words of Salesforce's CSVReader."""
    quoted = re.compile(_QUOTED)
    plain = re.compile(rf"[^\"\r\n{re.escape(delimiter)}]*")
    place = 0
    while place < len(record):
        start, place = place, _end_of(plain.match(record, place))
        if record[place : place + 1] == '"':
            if place > start:
                return "Found unescaped quote. A value with quote should be within a quote"
            place = _end_of(quoted.match(record, place))
            if place < 0:
                return "EOF reached before closing an opened quote"
            if record[place : place + 1] not in ("", delimiter, "\r", "\n"):
                return "Not expecting more text after end quote"
        place += 1
    return None


def _end_of(match: re.Match[str] | None) -> int:
    return match.end() if match else -1

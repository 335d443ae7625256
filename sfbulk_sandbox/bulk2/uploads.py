"""The CSV that a load uploads, read as strictly as Salesforce reads it.

Sources: the Bulk API guide (Prepare CSV Files) and Salesforce's own reader, whose limits and words
are the service's (`com.sforce.async.CSVReader` in forcedotcom/wsc).
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
# Before Python 3.11 csv's reader refuses NUL; UTF-8 can hold no half of a surrogate pair.
_NUL = "\0"
_NUL_STAND_IN = "\udc00"
_QUOTED = r'"[^"]*(?:""[^"]*)*"(?!")'


class UploadRefusedError(Exception):
    """The upload cannot be worked on; the text is the job's errorMessage."""


class Upload:
    """An uploaded file on disk.

    Args:
        path: Where it lies.
        delimiter: The one character between fields.
        line_ending: "LF" or "CRLF", as the job was created.
        behaviour: How line breaks inside quotes and rows of one empty cell are read.
    """

    def __init__(self, path: Path, delimiter: str, line_ending: str, behaviour: Behaviour) -> None:
        self._path = path
        self._delimiter = delimiter
        self._line_ending = line_ending
        self._keep_breaks = behaviour.has("line_breaks", "kept")
        # Salesforce's CSVReader calls a record of one empty cell blank too.
        self._blank = [[], [""]] if behaviour.has("empty_rows", "skipped") else [[]]
        self._well_formed = _record_pattern(delimiter)

    def check(self) -> int:
        """Read the whole file once, so that a job of a bad file fails before its first row.

        Returns:
            The number of its rows.

        Raises:
            UploadRefusedError: The line ending is not the job's, also when the other kind stands
                inside a quoted field; the bytes are not UTF-8; a quote stands where none may.
        """
        self._check_line_endings()
        return sum(1 for _row in self.rows())

    def header(self) -> list[str]:
        """Return the column names as uploaded; none for an empty file.

        Raises:
            UploadRefusedError: The first line is not CSV.
        """
        return next(self._records(), [])

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows after the header; one may have more or fewer cells than the header.

        Raises:
            UploadRefusedError: A row is not CSV.
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
                # A line ending may be cut in two by the end of the block.
                carry = b"\r" if block.endswith(b"\r") else b""

    def _has_other_ending(self, block: bytes) -> bool:
        pairs = block.count(b"\r\n")
        if self._line_ending == "LF":
            return pairs > 0
        return block.count(b"\n") > pairs

    def _records(self) -> Iterator[list[str]]:
        """Yield the records, blank ones left out, as Salesforce's CSVReader does."""
        # Untranslated: CR, LF and CRLF each end a record outside quotes and are data inside.
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
    """Hands lines on to csv's reader and keeps those of the record it is reading."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self._lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self._lines.append(line)
            yield line.replace(_NUL, _NUL_STAND_IN)

    def taken(self) -> str:
        """Return the text of the record just read."""
        record = "".join(self._lines)
        self._lines.clear()
        return record


def _record_pattern(delimiter: str) -> re.Pattern[str]:
    # csv's reader takes ` "a"` and `a"b` for plain text; Salesforce refuses both.
    separator = re.escape(delimiter)
    cell = rf"(?:{_QUOTED}|[^\"\r\n{separator}]*)"
    return re.compile(rf"{cell}(?:{separator}{cell})*(?:\r\n|\r|\n)?")


def _misplaced_quote(record: str, delimiter: str) -> str | None:
    """Return what is wrong with the quotes of a record, in the words of Salesforce's CSVReader."""
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

"""The CSV that a load uploads, read as strictly as Salesforce reads it (Prepare CSV Files)."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper
    from pathlib import Path

_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_BLOCK_BYTES = 1024 * 1024
# Before Python 3.11 csv's reader refuses NUL; UTF-8 can hold no half of a surrogate pair.
_NUL = "\0"
_NUL_STAND_IN = "\udc00"


class UploadRefusedError(Exception):
    """The upload cannot be worked on; the text is the job's errorMessage."""


class Upload:
    """An uploaded file on disk.

    Args:
        path: Where it lies.
        delimiter: The one character between fields.
        line_ending: "LF" or "CRLF", as the job was created.
    """

    def __init__(self, path: Path, delimiter: str, line_ending: str) -> None:
        self._path = path
        self._delimiter = delimiter
        self._line_ending = line_ending
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
        # Splitting at the job's own line ending alone leaves every other newline in its field.
        newline = _LINE_ENDINGS[self._line_ending]
        with self._path.open(encoding="utf-8", newline=newline) as file:
            lines = _Tee(file)
            reader = csv.reader(lines, delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    record = lines.taken()
                    self._check_quoting(record, reader.line_num)
                    # An empty line is a row of one empty field to Salesforce's eye, but csv
                    # shows it as a row of none.
                    yield (_with_nul(cells) if _NUL in record else cells) or [""]
            except UnicodeDecodeError:
                raise UploadRefusedError(
                    "ClientInputError : The CSV data is not valid UTF-8"
                ) from None
            except csv.Error as error:
                raise _unparsable(reader.line_num, str(error)) from None

    def _check_quoting(self, record: str, line: int) -> None:
        if not self._well_formed.fullmatch(record):
            raise _unparsable(line, "a quote stands inside an unquoted field or beside a space")


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


def _with_nul(cells: list[str]) -> list[str]:
    return [cell.replace(_NUL_STAND_IN, _NUL) for cell in cells]


def _record_pattern(delimiter: str) -> re.Pattern[str]:
    # csv's reader takes ` "a"` and `a"b` for plain text; Salesforce refuses both.
    separator = re.escape(delimiter)
    cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"\r\n{separator}]*)'
    return re.compile(rf"{cell}(?:{separator}{cell})*(?:\r?\n)?")


def _unparsable(line: int, reason: str) -> UploadRefusedError:
    return UploadRefusedError(f"ClientInputError : Failed to parse CSV at line {line}: {reason}")

"""Writes the pages of a query as one file of rows: CSV, or JSON lines."""

from __future__ import annotations

import os
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import msgspec

from sfbulk.csvio import MAX_HEADER_BYTES, CsvDecoder, header_names
from sfbulk.errors import CsvError
from sfbulk.jobs.files import CHUNK_BYTES
from sfbulk.normalize import NUMBER
from sfbulk.read.json_cells import csv_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sfbulk.describe.model import FieldDescribe

    Fields = Callable[[Sequence[str]], Mapping[str, FieldDescribe | None]]

NUMBER_TYPES = ("int", "long", "double", "currency", "percent")
"""The types of fields whose cells are numbers."""

_BOOLEANS = {"true": True, "false": False}


class CsvFile:
    """A CSV file that grows by whole pages; its cells are those of the pages, byte for byte.

    Args:
        file: open for writing bytes.
        columns: the columns, if an earlier run has begun the file.
    """

    def __init__(self, file: IO[bytes], columns: Sequence[str] | None = None) -> None:
        self.file = file
        self.columns: list[str] = list(columns or ())

    def add(self, page: Path) -> int:
        """Add the rows of a page, and return how many it has.

        Raises:
            CsvError: the page is not CSV, or has other columns than the pages before.
            OSError: the file cannot be written.
        """
        decoder = CsvDecoder()
        with page.open("rb") as source:
            # No name of a field has a line break. A page without rows may have no header.
            header = source.readline(MAX_HEADER_BYTES)
            self.begin(header_names(header))
            decoder.feed(header)
            for chunk in iter(partial(source.read, CHUNK_BYTES), b""):
                self._write(decoder.feed(chunk), chunk)
            self._write(decoder.flush(), b"")
        return decoder.rows

    def begin(self, columns: Sequence[str]) -> None:
        """Set the columns.

        Raises:
            CsvError: there are others.
        """
        if not self.columns and columns:
            self.columns = list(columns)
            self._write_header()
        if columns and list(columns) != self.columns:
            raise CsvError("A page has other columns than the one before. Run the query again.")

    def write_out(self) -> None:
        """Put all rows onto the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def _write_header(self) -> None:
        self.file.write(csv_row(self.columns) + b"\n")

    def _write(self, rows: Sequence[Sequence[str]], chunk: bytes) -> None:
        """Write rows; `chunk` has the bytes that they came with."""
        # The last row of a page may have no line end, and another page follows.
        missing = b"\n" if rows and not chunk else b""
        self.file.write(chunk + missing)


class JsonLinesFile(CsvFile):
    """A file with one JSON object for each row: numbers with the digits that Salesforce wrote.

    Args:
        file: open for writing bytes.
        fields: finds the fields of columns.
    """

    def __init__(self, file: IO[bytes], fields: Fields) -> None:
        super().__init__(file)
        self._fields = fields
        self._forms: list[tuple[str, Callable[[str], Any]]] = []

    def _write_header(self) -> None:
        fields = self._fields(self.columns)
        self._forms = [(name, _form(fields[name])) for name in self.columns]

    def _write(self, rows: Sequence[Sequence[str]], chunk: bytes) -> None:  # noqa: ARG002 - as above
        encode = msgspec.json.encode
        for row in rows:
            cells = zip(self._forms, row, strict=True)
            record = {name: form(cell) if cell else None for (name, form), cell in cells}
            self.file.write(encode(record) + b"\n")


def _form(field: FieldDescribe | None) -> Callable[[str], Any]:
    """Makes the JSON value of a cell that is not empty."""
    kind = field.type if field else ""
    if kind in NUMBER_TYPES:
        return _number
    return _boolean if kind == "boolean" else str


def _number(cell: str) -> Any:
    return msgspec.Raw(cell.encode()) if NUMBER.fullmatch(cell) else cell


def _boolean(cell: str) -> Any:
    return _BOOLEANS.get(cell, cell)

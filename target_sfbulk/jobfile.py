"""Keeps the rows of one coming job on disk, each beside the record it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.csvio import CsvEncoder, LineEnding

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from target_sfbulk.mapping import Column
    from target_sfbulk.rows import Row

# Large enough for few writes, small enough for hundreds of files in the making.
_BUFFER_BYTES = 256 * 1024


@dataclass
class JobFile:
    """The CSV of one job and, line for line, the records behind its rows.

    No file stays open between writes: repeated keys and differing column sets can make very
    many of these at once.

    Attributes:
        csv: The file to upload; complete after `flush`.
        keys: The row's number (from 0) by its key; empty for rows without a key.
        rows: Rows added.
        size: Bytes of the CSV, its header included.
    """

    csv: Path
    records: Path
    columns: tuple[Column, ...]
    line_ending: LineEnding
    keys: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    size: int = 0
    _csv_buffer: bytearray = field(default_factory=bytearray)
    _records_buffer: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        encoder = CsvEncoder([column.header for column in self.columns], self.line_ending)
        self._csv_buffer += encoder.header()
        self.size = len(self._csv_buffer)

    def add(self, row: Row, record: bytes) -> None:
        """Add a row and the record (as JSON without a line end) it was made from."""
        if row.key is not None:
            self.keys[row.key] = self.rows
        self.rows += 1
        self.size += len(row.line)
        self._csv_buffer += row.line
        self._records_buffer += record + b"\n"
        if len(self._csv_buffer) + len(self._records_buffer) > _BUFFER_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write out what is still in memory."""
        for path, buffer in ((self.csv, self._csv_buffer), (self.records, self._records_buffer)):
            with path.open("ab") as file:
                file.write(buffer)
            buffer.clear()

    def records_at(self, numbers: Container[int]) -> Iterator[tuple[int, bytes]]:
        """The records of these rows, in the order of the rows."""
        with self.records.open("rb") as lines:
            for number, line in enumerate(lines):
                if number in numbers:
                    yield number, line.rstrip(b"\n")

    def remove(self) -> None:
        """Delete both files."""
        self.csv.unlink(missing_ok=True)
        self.records.unlink(missing_ok=True)

"""Sorts encoded rows into batch files on disk; nothing here talks to Salesforce.

A batch holds at most 10,000 rows, 10,000,000 bytes and so as many characters, of which
none is shorter than a byte (Bulk API guide: Batch Size). A CSV batch has one set of columns.

Batches of a **wave** have no key in common, so they may be worked on side by side; the
next wave, which holds later versions of the same records, is for when they have ended.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES, GrowingFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sfbulk.bulk1.encode import Columns, Encoder

MAX_BATCH_BYTES = 10_000_000
"""Bytes of a batch before compression (Bulk API guide: Batch Size; 10 MB)."""

MAX_BATCH_ROWS = 10_000
"""Rows of a batch (Bulk API guide: Batch Size)."""


class Group(NamedTuple):
    """What all rows of one batch have in common."""

    wave: int
    """From 0."""
    columns: Columns


@dataclass
class BatchFile(GrowingFile):
    """One batch, as it is sent; on disk after `BatchSpool.drain`."""

    group: Group
    numbers: array[int] = field(default_factory=lambda: array("q"))
    """Which record each row is, from 1 for the first of the load."""


class BatchSpool:
    """Takes rows one by one and hands out batch files.

    Memory: the buffers of files (16 MB together), 8 bytes for each row and about 100 for
    each key since the last `drain`, which callers therefore do now and then.
    """

    def __init__(
        self,
        directory: Path,
        encoder: Encoder,
        *,
        max_rows: int = MAX_BATCH_ROWS,
        max_bytes: int = MAX_BATCH_BYTES,
    ) -> None:
        """Take the place for the files.

        Args:
            directory: an existing directory for them; the caller removes them.
            encoder: how rows are written.
            max_rows: most rows of a batch.
            max_bytes: most bytes of a batch.
        """
        self._directory = directory
        self._encoder = encoder
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._files: list[BatchFile] = []
        self._filling: dict[Group, BatchFile] = {}
        self._waves: dict[int, int] = {}
        self._made = 0
        self._unwritten = 0
        self.rows = 0
        """Rows since the last `drain`."""
        self.size = 0
        """Bytes since the last `drain`."""

    def add(
        self,
        number: int,
        columns: Columns,
        cells: Sequence[str],
        values: Sequence[Any],
        *,
        key: str | None,
    ) -> None:
        """Put one row into the batch it belongs to.

        Args:
            number: which record it is.
            columns: its columns; rows with the same set must give the same order.
            cells: their texts, in that order.
            values: what the cells were made of.
            key: what identifies the record, for the order of its versions; None for a row
                that is no version of any other, such as an insert.

        Raises:
            DataError: the row cannot be sent.
            OversizeRow: it is longer than Salesforce takes.
        """
        data = self._encoder.row(columns, cells, values)
        group = Group(self._wave(key), self._encoder.group(columns))
        file = self._file(group, columns, len(data))
        if file.numbers:
            file.append(self._encoder.separator)
        file.append(data)
        file.numbers.append(number)
        self.rows += 1
        self.size += len(data)
        self._unwritten += len(data)
        if self._unwritten >= ALL_BUFFERS_BYTES:
            self._write_out()

    def drain(self) -> list[BatchFile]:
        """The batches, in the order of their waves and first rows; the spool is empty then."""
        files = sorted(self._files, key=lambda file: (file.group.wave, file.numbers[0]))
        for file in files:
            file.append(self._encoder.tail)
        self._write_out()
        self._files.clear()
        self._filling.clear()
        self._waves.clear()
        self.rows = self.size = 0
        return files

    def _write_out(self) -> None:
        for file in self._files:
            file.write_out()
        self._unwritten = 0

    def _wave(self, key: str | None) -> int:
        if key is None:
            return 0
        # A number in place of the key halves the memory; two keys that share one only make
        # a row wait for the next wave.
        number = hash(key)
        self._waves[number] = self._waves.get(number, -1) + 1
        return self._waves[number]

    def _file(self, group: Group, columns: Columns, row_size: int) -> BatchFile:
        file = self._filling.get(group)
        needed = row_size + len(self._encoder.separator) + len(self._encoder.tail)
        full = file is not None and (
            file.size + needed > self._max_bytes or len(file.numbers) >= self._max_rows
        )
        if file is None or full:
            head = self._encoder.head(columns)
            if len(head) + needed > self._max_bytes:
                raise OversizeRow(
                    f"The row has {row_size:,} bytes, which with what surrounds it is more than "
                    f"the {self._max_bytes:,} of a batch."
                )
            file = self._new_file(group, head)
        return file

    def _new_file(self, group: Group, head: bytes) -> BatchFile:
        self._made += 1
        file = BatchFile(self._directory / f"batch-{self._made:06d}", group)
        file.append(head)
        self._filling[group] = file
        self._files.append(file)
        return file

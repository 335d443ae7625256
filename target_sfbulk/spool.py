"""Keeps rows on disk on their way to a job, each with the record it was made from."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.jobs.spool import JobSpool

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from sfbulk.jobs.spool import JobFile
    from target_sfbulk.mapping import Column
    from target_sfbulk.rows import Row

_BUFFER_BYTES = 1024 * 1024


@dataclass
class JobRows:
    """The rows of one job.

    Memory: eight bytes a row, and its key.

    Attributes:
        file: The CSV to upload.
        keys: Number of the row (from 0) by its key; empty for rows without keys.
        records: Where each row's record begins in the file of records.
    """

    file: JobFile
    columns: tuple[Column, ...]
    keys: dict[str, int] = field(default_factory=dict)
    records: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.records)


class RowSpool:
    """Takes rows one by one and hands out those of one job after the other."""

    def __init__(self, folder: Path, job_bytes: int) -> None:
        """Make the folder.

        Args:
            folder: One that does not exist; the caller removes it.
            job_bytes: Most bytes of a job's CSV.
        """
        folder.mkdir()
        self._jobs = JobSpool(folder, max_job_bytes=job_bytes)
        self._rows: dict[Path, JobRows] = {}
        self._records = folder / "records.jsonl"
        self._buffer = bytearray()
        self._position = 0

    @property
    def size(self) -> int:
        """Bytes of rows on their way."""
        return self._jobs.size

    def add(self, row: Row, record: bytes) -> None:
        """Take a row and the record, as JSON without a line end, that it was made from.

        Raises:
            DataError: No job can carry the row.
        """
        file = self._jobs.add(row.headers, row.cells, key=row.key, after=row.parents)
        rows = self._rows.get(file.path)
        if rows is None:
            rows = self._rows[file.path] = JobRows(file, row.columns)
        if row.key is not None:
            rows.keys[row.key] = rows.count
        rows.records.append(self._position)
        self._buffer += record + b"\n"
        self._position += len(record) + 1
        if len(self._buffer) >= _BUFFER_BYTES:
            self._write_out()

    def drain(self) -> Iterator[JobRows]:
        """The rows of each job, in the order in which the jobs must run."""
        self._write_out()
        for file in self._jobs.drain():
            yield self._rows.pop(file.path)
            file.path.unlink()
        self._records.unlink()
        self._position = 0

    def records_of(self, rows: JobRows, numbers: Container[int]) -> Iterator[tuple[int, bytes]]:
        """The records of some rows of a job that `drain` handed out, in the order of the rows."""
        with self._records.open("rb") as file:
            for number, position in enumerate(rows.records):
                if number in numbers:
                    file.seek(position)
                    yield number, file.readline().rstrip(b"\n")

    def _write_out(self) -> None:
        with self._records.open("ab") as file:
            file.write(self._buffer)
        self._buffer.clear()

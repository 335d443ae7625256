"""Sorts encoded rows into job files on disk; nothing here talks to Salesforce.

One file is one job: one set of columns, at most 100 MB. Rows are sorted by what a job
cannot mix:

- columns: an absent column leaves a field alone, an empty cell may not;
- versions of one key: a later one belongs into a later wave.

A **wave** is a set of files without a common key, so its jobs may run side by side;
the next wave is for when they have all ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.csvio import MAX_JOB_BYTES, CsvEncoder, quote_row
from sfbulk.csvio.encode import encode_text
from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES, GrowingFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


class Group(NamedTuple):
    """What all rows of one job have in common."""

    wave: int
    """From 0. Start its jobs when those of lower waves have ended."""
    columns: tuple[str, ...]


@dataclass
class JobFile(GrowingFile):
    """The rows of one job, as CSV with a header row; on disk after `JobSpool.drain`."""

    group: Group
    rows: int = 0


class JobSpool:
    """Takes rows one by one and hands out job files.

    Memory: the buffers above, and about 100 bytes for each key since the last `drain`,
    which callers therefore do now and then: see `size` and `keys`.
    """

    def __init__(self, directory: Path, *, max_job_bytes: int = MAX_JOB_BYTES) -> None:
        """Take the place for the files.

        Args:
            directory: an existing directory for them; the caller removes them.
            max_job_bytes: most bytes of a file, header included.
        """
        self._directory = directory
        self._max_job_bytes = max_job_bytes
        self._files: list[JobFile] = []
        self._filling: dict[Group, JobFile] = {}
        self._waves: dict[int, int] = {}
        self._number = 0
        self._unwritten = 0
        self.size = 0
        """Bytes of rows since the last `drain`."""

    @property
    def keys(self) -> int:
        """Different keys since the last `drain`."""
        return len(self._waves)

    def add(
        self,
        columns: tuple[str, ...],
        cells: Sequence[str],
        *,
        key: str | None,
        after: Iterable[str] = (),
    ) -> JobFile:
        """Put one row into the job file it belongs to, and return that file.

        Args:
            columns: the row's columns; rows with the same set must give the same order.
            cells: their texts, in that order.
            key: what identifies the record, for the order of its versions; None for a
                row that is no version of any other, such as an insert.
            after: keys of records, as of parents in the same object, that must be in before
                this one; those that were added earlier are, in an earlier wave.

        Raises:
            DataError: the row cannot be in any job: see `CsvEncoder.row`.
            OversizeRow: the row is longer than Salesforce takes.
        """
        data = encode_text(quote_row(cells) + "\n")
        file = self._file(Group(self._wave(key, after), columns), len(data))
        file.append(data)
        file.rows += 1
        self._count(len(data))
        return file

    def drain(self) -> list[JobFile]:
        """The files, in the order of their waves; the spool is empty afterwards."""
        files = sorted(self._files, key=lambda file: file.group.wave)
        self._write_out()
        self._files.clear()
        self._filling.clear()
        self._waves.clear()
        self.size = 0
        return files

    def _wave(self, key: str | None, after: Iterable[str]) -> int:
        if key is None:
            return 0
        # A number in place of the key halves the memory; two keys that share one only
        # make a row wait for the next wave.
        number = hash(key)
        before = (number, *map(hash, after))
        wave = 1 + max(self._waves.get(each, -1) for each in before)
        self._waves[number] = wave
        return wave

    def _file(self, group: Group, row_size: int) -> JobFile:
        file = self._filling.get(group)
        if file is None or file.size + row_size > self._max_job_bytes:
            file = self._new_file(group)
            if file.size + row_size > self._max_job_bytes:
                raise OversizeRow(
                    f"The row has {row_size:,} bytes, which with its header is more than the "
                    f"{self._max_job_bytes:,} of a job."
                )
            self._filling[group] = file
            self._files.append(file)
        return file

    def _new_file(self, group: Group) -> JobFile:
        self._number += 1
        file = JobFile(self._directory / f"job-{self._number:06d}.csv", group)
        file.append(CsvEncoder(group.columns).header())
        return file

    def _count(self, added: int) -> None:
        self.size += added
        self._unwritten += added
        if self._unwritten >= ALL_BUFFERS_BYTES:
            self._write_out()

    def _write_out(self) -> None:
        for file in self._files:
            file.write_out()
        self._unwritten = 0

"""Sorts rows into files on disk; each file is the upload of one job or batch.

A file has one set of columns and stays within the limits of one upload. No key is sent in it twice.
If a row must be loaded after a row of a file that is not settled, it goes into a file that is sent
after that one is settled: see `sfbulk.load.order`. Many versions of one record would be as many
jobs, one after the other. So a row is sent in the place of an earlier one of its record that waits
for a job itself, if nothing of that one would be left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from sfbulk.csvio import CsvRows
from sfbulk.csvio.limits import MAX_JOB_BYTES
from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES
from sfbulk.load.kept_rows import copy_rows, keep_rows
from sfbulk.load.row_file import RowFile
from sfbulk.load.versions import replaces

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from sfbulk.clock import Clock
    from sfbulk.load.backlog import Backlog
    from sfbulk.load.row import Row

    Columns = tuple[str, ...]


class RowEncoder(Protocol):
    """Encodes an upload: `head`, then the rows with `separator` between them, then `tail`."""

    separator: bytes
    tail: bytes

    def group(self, columns: Columns) -> Columns:
        """Rows with the same columns in this list can be in one file."""

    def head(self, columns: Columns) -> bytes:
        """The beginning of a file.

        Raises:
            DataError: columns that cannot be sent.
        """

    def row(self, columns: Columns, cells: Sequence[str], values: Sequence[Any]) -> bytes:
        """One row; `values` are the values of the cells.

        Raises:
            DataError: a row that cannot be sent.
            OversizeRow: the record or one of its fields is longer than Salesforce accepts.
        """


@dataclass(frozen=True)
class FileLimits:
    """The limits of one upload."""

    bytes: int
    """With head and tail, before compression."""
    rows: int = MAX_JOB_BYTES
    """By default no limit: no upload has as many rows as it may have bytes."""
    seconds: float | None = None
    """How long a file takes rows after its first one; None for no limit."""

    def within(self, other: FileLimits) -> FileLimits:
        """The same, but not beyond the bytes and rows of `other`."""
        return replace(self, bytes=min(self.bytes, other.bytes), rows=min(self.rows, other.rows))


@dataclass(frozen=True)
class SpoolSettings:
    """How the rows of one load are written into files."""

    folder: Path
    """An existing folder for the files; the caller removes it."""
    encoder: RowEncoder
    limits: FileLimits
    sobject: str
    """The object of the rows."""
    clock: Clock
    names_record: Callable[[str], bool] = lambda _column: False
    """Whether lookups find records by a column; see `ObjectColumns.names_record`."""
    every_version: bool = False
    """Whether each row is sent, also if a later one of its record takes all of it back."""


class RowSpool:
    """Takes the rows of one load one by one, and writes them into files.

    Memory: the buffers of the files (16 MB together), and for files that are not settled 20 bytes
    for each row and about 130 for each key.

    Args:
        settings: how the rows are written.
        backlog: the unsettled files of all loads of the group.
    """

    def __init__(self, settings: SpoolSettings, backlog: Backlog) -> None:
        self._folder = settings.folder
        self._encoder = settings.encoder
        self._limits = settings.limits
        self.sobject = settings.sobject
        """The object whose rows these are."""
        self._sobject = settings.sobject.casefold()
        self._clock = settings.clock
        self._replaces = isinstance(settings.encoder, CsvRows) and not settings.every_version
        self._names_record = settings.names_record
        self._backlog = backlog
        self._order = backlog.order
        self._filling: dict[tuple[int, Columns], RowFile] = {}
        # The files that are not settled, in the order of their first rows.
        self._unsettled: dict[RowFile, None] = {}
        self._unwritten = 0
        self.first: int | None = None
        """Of the rows of the files that are not settled, the lowest number; None without any."""
        self.bytes = 0
        """Bytes of the files that are not settled."""
        self.rows = 0
        """Rows of the files that are not settled, also those that others replace."""

    @property
    def oldest(self) -> RowFile | None:
        """Of the files that are not settled, the one that was begun first."""
        return next(iter(self._unsettled), None)

    def add(self, number: int, row: Row, digest: bytes = b"") -> None:
        """Add a row to the file it belongs to.

        Args:
            number: the number of the record; higher than the one before.
            row: the row.
            digest: what the journal keeps of it.

        Raises:
            DataError: the row cannot be sent.
            OversizeRow: it is longer than Salesforce accepts.
        """
        data = self._encoder.row(row.columns, row.cells, row.values)
        before = self._order.predecessors(row, self._sobject)
        file = self._replace(number, row, before, len(data))
        if file is None:
            level = 1 + max(file.level for file in before) if before else 0
            file = self._file(level, row.columns, len(data))
        self._append(file, self._encoder.separator + data if file.numbers else data)
        file.numbers.append(number)
        file.sizes.append(len(data))
        file.starts.append(file.size - len(data))
        file.digests += digest
        for earlier in before:
            if earlier is not file:
                file.wait_for(earlier)
        self._order.remember(row, file)
        self.rows += 1
        if self.first is None:
            self.first = number

    def remove_replaced(self, file: RowFile) -> None:
        """Remove the rows of a sealed file that others of it replace, before it is sent."""
        if file.replaced and file.has_replaced:
            self.keep(file, {*file.numbers}.difference(file.replaced))
            file.has_replaced = False
            self.rows += len(file.replaced)

    def seal_all(self) -> None:
        """End all files; the next row starts a new one."""
        for file in list(self._filling.values()):
            self._backlog.seal(file)

    def end(self, file: RowFile) -> None:
        """Complete a file that is being filled; called by `Backlog.seal`."""
        del self._filling[self._place(file)]
        # Only now, since `_has_room` has kept the space for it.
        self._append(file, self._encoder.tail)

    def unblock(self, file: RowFile) -> None:
        """Let a file that waits for no other one any more take rows that wait for none either."""
        place = self._place(file)
        free = (0, place[1])
        if free not in self._filling:
            del self._filling[place]
            file.level = 0
            self._filling[free] = file

    def settle(self, file: RowFile) -> None:
        """Remove a file after the outcome of each of its rows is known."""
        del self._unsettled[file]
        self.first = min((one.first for one in self._unsettled), default=None)
        self._count_bytes(-file.size)
        self.rows -= file.records
        file.path.unlink()
        self._backlog.settle(file)

    def keep(self, file: RowFile, numbers: Collection[int]) -> None:
        """Remove the rows of a sealed file that have their outcome; the others are sent again.

        Args:
            file: the file; it keeps its place in the order.
            numbers: the rows that are left.
        """
        self._count_bytes(-file.size)
        self.rows -= file.records
        keep_rows(file, frozenset(numbers), self._encoder)
        self._count_bytes(file.size)
        self.rows += file.records
        self.first = min(one.first for one in self._unsettled)

    def divide(self, file: RowFile, limits: FileLimits) -> list[RowFile]:
        """Move rows of a sealed file into others, so that each is within the limits of an upload.

        Args:
            file: the file. It keeps its last rows, and waits for the new files: so whatever waits
                for it waits for all of them.
            limits: the limits.

        Returns:
            The new files; none if the file is within the limits.
        """
        *parts, last = self._divisions(file, limits)
        new = []
        self.rows -= file.records
        for numbers in parts:
            at = self._backlog.next_number()
            path = file.path.with_name(f"{file.path.name}-{at}")
            part = copy_rows(file, frozenset(numbers), self._encoder, path)
            part.number = at
            part.replaced = file.replaced.by(frozenset(numbers))
            file.replaced = file.replaced.without(part.replaced)
            self._unsettled[part] = None
            self._count_bytes(part.size)
            self.rows += part.records
            file.wait_for(part)
            new.append(part)
        self.rows += file.records
        if new:
            self.keep(file, last)
        return new

    def drop_after(self, number: int, flying: Collection[RowFile]) -> int:
        """Drop the rows after this one that are not sent; the other rows' files are ended.

        If such a row was to be sent in the place of one up to this number, that one is sent. If it
        is too late for this, since the file waits to be sent again, the later row stays.

        Args:
            number: the number of the last row to keep.
            flying: the files that are sent.

        Returns:
            How many rows were dropped. They never have an outcome.
        """
        before = self.rows
        for file in list(self._unsettled):
            # The results of a file that has a job could not be read: its rows may be loaded.
            if file in flying or file.job_id or file.numbers[-1] <= number:
                continue
            self.rows -= file.records
            kept = _without_later(file, number)
            self.rows += file.records
            if not kept:
                self._discard(file)
            elif len(kept) < file.rows:
                self._backlog.seal(file)
                file.write_out()
                self.keep(file, kept)
        return before - self.rows

    def unsettled(self) -> Iterator[RowFile]:
        """The files that are not settled, in the order of their first rows."""
        yield from self._unsettled

    def _divisions(self, file: RowFile, limits: FileLimits) -> list[list[int]]:
        frame = len(self._encoder.head(file.columns)) + len(self._encoder.tail)
        divisions: list[list[int]] = [[]]
        size = frame
        for number, row_size in zip(file.numbers, file.sizes, strict=True):
            needed = row_size + len(self._encoder.separator)
            rows = divisions[-1]
            if rows and (size + needed > limits.bytes or len(rows) >= limits.rows):
                divisions.append([])
                size = frame
            divisions[-1].append(number)
            size += needed
        return divisions

    def _replace(self, number: int, row: Row, before: list[RowFile], size: int) -> RowFile | None:
        """The file in which a row takes the place of an earlier one of its record, if it can."""
        last = self._order.last(row.key) if row.key and self._replaces else None
        if row.key is None or last is None:
            return None
        file, at = last
        needed = size + len(self._encoder.tail)
        if (
            self._filling.get(self._place(file)) is not file
            or file.columns != row.columns
            # A file that waits for no other one costs no further job.
            or not file.after
            or not self._has_room(file, needed)
            or any(one.level >= file.level for one in before if one is not file)
            or not replaces(row, row.key, self._alone(file, at), self._names_record)
        ):
            return None
        file.replaced.add(file.numbers[at], number)
        return file

    def _alone(self, file: RowFile, at: int) -> bytes:
        """A row of a file to which rows are added, as if it were the only one."""
        return self._encoder.head(file.columns) + file.read(file.starts[at], file.sizes[at])

    def _discard(self, file: RowFile) -> None:
        if self._filling.get(self._place(file)) is file:
            del self._filling[self._place(file)]
        file.write_out()
        self._backlog.withdraw(file)
        self.settle(file)

    def _place(self, file: RowFile) -> tuple[int, Columns]:
        return file.level, self._encoder.group(file.columns)

    def _file(self, level: int, columns: Columns, row_size: int) -> RowFile:
        place = (level, self._encoder.group(columns))
        file = self._filling.get(place)
        needed = row_size + len(self._encoder.separator) + len(self._encoder.tail)
        if file is not None and self._has_room(file, needed):
            return file
        new = self._new_file(level, columns, needed)
        if file is not None:
            self._backlog.seal(file)
        self._filling[place] = new
        return new

    def _has_room(self, file: RowFile, needed: int) -> bool:
        return file.size + needed <= self._limits.bytes and file.rows < self._limits.rows

    def _new_file(self, level: int, columns: Columns, needed: int) -> RowFile:
        head = self._encoder.head(columns)
        if len(head) + needed > self._limits.bytes:
            raise OversizeRow(
                f"The row has {needed:,} bytes. With its header this is more than the "
                f"{self._limits.bytes:,} bytes that Salesforce accepts in one upload."
            )
        number = self._backlog.next_number()
        path = self._folder / f"rows-{number:06d}"
        file = RowFile(path, columns, level, owner=self, number=number)
        self._unsettled[file] = None
        self._append(file, head)
        if self._limits.seconds is not None:
            self._backlog.set_deadline(file, self._clock.monotonic() + self._limits.seconds)
        return file

    def _append(self, file: RowFile, data: bytes) -> None:
        file.append(data)
        self._count_bytes(len(data))
        self._unwritten += len(data)
        # Rows with many different columns fill many files, each with a small buffer.
        if self._unwritten >= ALL_BUFFERS_BYTES:
            for filling in self._filling.values():
                filling.write_out()
            self._unwritten = 0

    def _count_bytes(self, more: int) -> None:
        self.bytes += more
        self._backlog.bytes += more


def _without_later(file: RowFile, number: int) -> list[int]:
    """The rows of a file that are left if those after a number are dropped."""
    if file.has_replaced:
        file.replaced = file.replaced.undone(number)
    last = file.replaced.last_versions()
    needed = {last[one] for one in file.replaced if one <= number}
    kept = [one for one in file.numbers if one <= number or one in needed]
    dropped = {*file.numbers}.difference(kept)
    file.replaced = file.replaced.without(file.replaced.by(dropped))
    return kept

"""Sorts rows into files on disk; each file is the upload of one job or batch.

A file has one set of columns and stays within the limits of one upload. No key is in a file twice.
If the key of a row is in an earlier file that is not settled, the row goes into a file that is
sent after that one is settled. So a later version of a record is loaded later.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sfbulk.errors import OversizeRow
from sfbulk.jobs.files import ALL_BUFFERS_BYTES, GrowingFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from sfbulk.load.row import Row

    Columns = tuple[str, ...]

# With more keys than this in memory (about 100 bytes each), keys of settled files are removed.
_MOST_KEYS = 400_000


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
    rows: int


@dataclass(eq=False)
class RowFile(GrowingFile):
    """The rows of one upload."""

    columns: Columns
    level: int
    """0 for a file that waits for no other file; otherwise one more than the files in `after`."""
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """For each row, the number of its record; ascending."""
    digests: bytearray = field(default_factory=bytearray, repr=False)
    """What the journal keeps of the rows, one after the other; empty without a journal."""
    after: set[RowFile] = field(default_factory=set)
    """Files that must be settled before this one is sent."""
    settled: bool = False
    job_id: str | None = None
    """The job that may have loaded rows of this file; None until that is possible."""
    origin: RowFile | None = None
    """The file instead of which this one is sent, with fewer rows or other cells."""
    entry: int | None = None
    """Its entry in the journal."""

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    def spelled(self, name: str) -> str:
        """The column's name as the file spells it, for a name in upper or lower case."""
        wanted = name.lower()
        return next((column for column in self.columns if column.lower() == wanted), name)


class RowSpool:
    """Takes rows one by one and returns the files that can be sent.

    Memory: the buffers of the files (16 MB together), and for files that are not settled 8 bytes
    for each row and about 100 for each key.

    Args:
        folder: an existing folder for the files; the caller removes it.
        encoder: encodes the rows.
        limits: the limits of one file.
    """

    def __init__(self, folder: Path, encoder: RowEncoder, limits: FileLimits) -> None:
        self._folder = folder
        self._encoder = encoder
        self._limits = limits
        self._filling: dict[tuple[int, Columns], RowFile] = {}
        self._sealed: list[RowFile] = []
        # The files that are not settled, in the order of their first rows.
        self._unsettled: dict[RowFile, None] = {}
        self._last: dict[int, RowFile] = {}
        self._most_keys = _MOST_KEYS
        self._made = 0
        self._unwritten = 0
        self.bytes = 0
        """Bytes of the files that are not settled."""
        self.rows = 0
        """Rows of the files that are not settled."""

    @property
    def oldest(self) -> RowFile | None:
        """Of the files that are not settled, the one with the lowest row number."""
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
        before = self._predecessors(row)
        level = 1 + max(file.level for file in before) if before else 0
        file = self._file(level, row.columns, len(data))
        self._append(file, self._encoder.separator + data if file.numbers else data)
        file.numbers.append(number)
        file.digests += digest
        if before:
            file.after.update(before)
        if row.key is not None:
            self._remember(row.key, file)
        self.rows += 1

    def next_file(self) -> RowFile | None:
        """The first sealed file that waits for no other one; it is complete on disk."""
        for at, file in enumerate(self._sealed):
            if all(earlier.settled for earlier in file.after):
                del self._sealed[at]
                file.write_out()
                return file
        return None

    def seal(self, file: RowFile) -> None:
        """End a file, and the files that it waits for: no more rows are added to them."""
        group = (file.level, self._encoder.group(file.columns))
        if self._filling.get(group) is not file:
            return
        del self._filling[group]
        for earlier in file.after:
            self.seal(earlier)
        # Only now, since `_has_room` has kept the space for it.
        self._append(file, self._encoder.tail)
        self._sealed.append(file)

    def seal_all(self) -> None:
        """End all files; the next row starts a new one."""
        for file in list(self._filling.values()):
            self.seal(file)

    def settle(self, file: RowFile) -> None:
        """Remove a file after the outcome of each of its rows is known."""
        file.settled = True
        del self._unsettled[file]
        self.bytes -= file.size
        self.rows -= file.rows
        # The files it waited for are settled too. References would keep all of them in memory.
        file.after.clear()
        file.path.unlink()

    def unsettled(self) -> Iterator[RowFile]:
        """The files that are not settled, in the order of their first rows."""
        yield from self._unsettled

    def _predecessors(self, row: Row) -> list[RowFile]:
        keys = row.after if row.key is None else (row.key, *row.after)
        found = [self._last.get(hash(key)) for key in keys]
        return [file for file in found if file is not None and not file.settled]

    def _remember(self, key: str, file: RowFile) -> None:
        # A hash takes half the memory of a key. If two keys have the same hash, a row only waits
        # for a file without need.
        self._last[hash(key)] = file
        if len(self._last) > self._most_keys:
            self._last = {key: file for key, file in self._last.items() if not file.settled}
            self._most_keys = max(_MOST_KEYS, 2 * len(self._last))

    def _file(self, level: int, columns: Columns, row_size: int) -> RowFile:
        group = (level, self._encoder.group(columns))
        file = self._filling.get(group)
        needed = row_size + len(self._encoder.separator) + len(self._encoder.tail)
        if file is not None and self._has_room(file, needed):
            return file
        new = self._new_file(level, columns, needed)
        if file is not None:
            self.seal(file)
        self._filling[group] = new
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
        self._made += 1
        file = RowFile(self._folder / f"rows-{self._made:06d}", columns, level)
        self._unsettled[file] = None
        self._append(file, head)
        return file

    def _append(self, file: RowFile, data: bytes) -> None:
        file.append(data)
        self.bytes += len(data)
        self._unwritten += len(data)
        # Rows with many different columns fill many files, each with a small buffer.
        if self._unwritten >= ALL_BUFFERS_BYTES:
            for filling in self._filling.values():
                filling.write_out()
            self._unwritten = 0

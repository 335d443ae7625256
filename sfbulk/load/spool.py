"""Sorts rows into files on disk, each the upload of one job or batch; no connection.

A file has one set of columns and stays below the limits of one upload. One key is never twice
in a file. A row whose key stands in an earlier file goes into a file that waits until the
earlier one is settled, so that the later version of a record is applied later.
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

# Keys of settled files are dropped when so many are in memory (about 100 bytes each).
_MOST_KEYS = 400_000


class RowEncoder(Protocol):
    """How rows become an upload: `head`, the rows with `separator` between them, `tail`."""

    separator: bytes
    tail: bytes

    def group(self, columns: Columns) -> Columns:
        """What rows must have in common to share a file."""

    def head(self, columns: Columns) -> bytes:
        """What a file begins with.

        Raises:
            DataError: columns that cannot be sent.
        """

    def row(self, columns: Columns, cells: Sequence[str], values: Sequence[Any]) -> bytes:
        """One row; `values` are what the cells were made of.

        Raises:
            DataError: a row that cannot be sent.
            OversizeRow: the record or one of its fields is longer than Salesforce takes.
        """


@dataclass(frozen=True)
class FileLimits:
    """What one upload may hold at most."""

    bytes: int
    """Head and tail included, before any compression."""
    rows: int


@dataclass(eq=False)
class RowFile(GrowingFile):
    """The rows of one upload."""

    columns: Columns
    level: int
    """0 for a file that waits for no other; else one more than the files it waits for."""
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """The number of the record that each row was made from, ascending."""
    after: set[RowFile] = field(default_factory=set)
    """Files that must be settled before this one is sent."""
    settled: bool = False
    job_id: str | None = None
    """The job that may have loaded rows of this file; None until that is possible."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.numbers)

    def spelled(self, name: str) -> str:
        """The name of a column, given in any letter case, as its rows have it."""
        wanted = name.lower()
        return next((column for column in self.columns if column.lower() == wanted), name)


class RowSpool:
    """Takes rows one by one and gives the files that can be sent.

    Memory: the buffers of the files (16 MB together), 8 bytes for each row and about 100 for
    each key of files that are not settled.
    """

    def __init__(self, folder: Path, encoder: RowEncoder, limits: FileLimits) -> None:
        """Set the place of the files.

        Args:
            folder: an existing folder for them; the caller removes it.
            encoder: how rows are written.
            limits: what one file may hold.
        """
        self._folder = folder
        self._encoder = encoder
        self._limits = limits
        self._filling: dict[tuple[int, Columns], RowFile] = {}
        self._sealed: list[RowFile] = []
        # Not settled yet, in the order of their first rows.
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
        """The file that is not settled with the lowest row number."""
        return next(iter(self._unsettled), None)

    def add(self, number: int, row: Row) -> None:
        """Put a row into the file it belongs to.

        Args:
            number: which record it is; higher than the one before.
            row: the row.

        Raises:
            DataError: the row cannot be sent.
            OversizeRow: it is longer than Salesforce takes.
        """
        data = self._encoder.row(row.columns, row.cells, row.values)
        before = self._predecessors(row)
        level = 1 + max(file.level for file in before) if before else 0
        file = self._file(level, row.columns, len(data))
        self._append(file, self._encoder.separator + data if file.numbers else data)
        file.numbers.append(number)
        if before:
            file.after.update(before)
        if row.key is not None:
            self._remember(row.key, file)
        self.rows += 1

    def next_file(self) -> RowFile | None:
        """Take the first sealed file that waits for no other; it is whole on disk."""
        for at, file in enumerate(self._sealed):
            if all(earlier.settled for earlier in file.after):
                del self._sealed[at]
                file.write_out()
                return file
        return None

    def seal(self, file: RowFile) -> None:
        """Add no more rows to a file, nor to those that it waits for."""
        group = (file.level, self._encoder.group(file.columns))
        if self._filling.get(group) is not file:
            return
        del self._filling[group]
        for earlier in file.after:
            self.seal(earlier)
        self._append(file, self._encoder.tail)
        self._sealed.append(file)

    def seal_all(self) -> None:
        """Add no more rows to any file; the next row begins a new one."""
        for file in list(self._filling.values()):
            self.seal(file)

    def settle(self, file: RowFile) -> None:
        """Forget a file of which every row has its outcome, and remove it from the disk."""
        file.settled = True
        del self._unsettled[file]
        self.bytes -= file.size
        self.rows -= file.rows
        # What it waited for is settled too; the references would keep a long chain alive.
        file.after.clear()
        file.path.unlink()

    def unsettled(self) -> Iterator[RowFile]:
        """The files of which rows have no outcome, in the order of their first rows."""
        yield from self._unsettled

    def _predecessors(self, row: Row) -> list[RowFile]:
        keys = row.after if row.key is None else (row.key, *row.after)
        found = [self._last.get(hash(key)) for key in keys]
        return [file for file in found if file is not None and not file.settled]

    def _remember(self, key: str, file: RowFile) -> None:
        # A number in place of the key halves the memory; two keys that share one only make a
        # row wait for the next file.
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
                f"The row has {needed:,} bytes, which with its header is more than the "
                f"{self._limits.bytes:,} that Salesforce takes in one upload."
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
        if self._unwritten >= ALL_BUFFERS_BYTES:
            for filling in self._filling.values():
                filling.write_out()
            self._unwritten = 0

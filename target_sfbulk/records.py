"""Keeps the original lines of records on disk, by row number, until their outcomes are known."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

# Each stream of a run has one.
_BUFFER_BYTES = 64 * 1024
# A file is removed as a whole: small ones free the disk early, large ones are opened less often.
_SEGMENT_BYTES = 64 * 1024 * 1024


@dataclass
class _Segment:
    """One file of lines; `first` is the number of its first row."""

    path: Path
    first: int
    # An array has 8 bytes for each row; a list of int objects would have about 40.
    starts: array[int] = field(default_factory=lambda: array("Q"))
    size: int = 0

    @property
    def last(self) -> int:
        return self.first + len(self.starts) - 1


class RecordLines:
    """Lines by row number; rows are numbered from 1 without gaps.

    Memory: eight bytes for each row that is kept, and a buffer of 64 KB.

    Args:
        folder: An existing folder for the files; the caller removes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: deque[_Segment] = deque()
        self._buffer = bytearray()
        self._next = 1

    def row_name(self, number: int) -> str:
        """Names a row among all rows of all runs; see `row_name`."""
        return row_name(self._folder, number)

    def add(self, line: bytes) -> None:
        """Keep the line of the next row; the line has no line end."""
        segment = self._segments[-1] if self._segments else None
        if segment is None or segment.size >= _SEGMENT_BYTES:
            self.write_out()
            path = self._folder / f"records-{self._next:012d}.jsonl"
            segment = _Segment(path, self._next)
            self._segments.append(segment)
        segment.starts.append(segment.size)
        segment.size += len(line) + 1
        self._next += 1
        self._buffer += line + b"\n"
        if len(self._buffer) >= _BUFFER_BYTES:
            self.write_out()

    def lines(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """The lines of these rows; the numbers must be ascending."""
        self.write_out()
        wanted = deque(numbers)
        for segment in self._segments:
            if not wanted or segment.last < wanted[0]:
                continue
            with segment.path.open("rb") as file:
                while wanted and wanted[0] <= segment.last:
                    file.seek(segment.starts[wanted.popleft() - segment.first])
                    yield file.readline().rstrip(b"\n")

    def forget(self, number: int) -> None:
        """Remove files of which every row up to this number has its outcome."""
        while self._segments and self._segments[0].last <= number:
            # Lines that are not written yet belong to the last file.
            if len(self._segments) == 1:
                self._buffer.clear()
            self._segments.popleft().path.unlink(missing_ok=True)

    def write_out(self) -> None:
        """Write the buffer to disk, so that a later run can read the lines."""
        if self._buffer:
            with open_private(self._segments[-1].path, "ab") as file:
                file.write(self._buffer)
            self._buffer.clear()


def row_name(folder: Path, number: int) -> str:
    """Names a row among all rows of all runs.

    Args:
        folder: The folder of its stream, in the folder of its run, which has a unique name.
        number: Its number.
    """
    return f"{folder.parent.name}/{folder.name}/{number}"


def lost_lines(folder: Path, numbers: Sequence[int]) -> Iterator[bytes]:
    """The lines of these rows of an earlier run; `null` for one that is no longer there.

    Args:
        folder: The folder of its stream.
        numbers: Ascending.
    """
    wanted = deque(numbers)
    for path in sorted(folder.glob("records-*.jsonl")):
        first = int(path.stem.rpartition("-")[2])
        with path.open("rb") as file:
            for number, line in enumerate(file, start=first):
                while wanted and wanted[0] < number:
                    wanted.popleft()
                    yield b"null"
                if wanted and wanted[0] == number:
                    wanted.popleft()
                    yield line.rstrip(b"\n")
    for _ in wanted:
        yield b"null"

"""A file of encoded rows with an index, so that a page of rows is one read.

Memory does not grow with rows: the index is a second file of 8-byte offsets.
"""

from __future__ import annotations

import csv
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

_OFFSET = struct.Struct("<Q")
_BLOCK_BYTES = 256 * 1024
_WRITE_BUFFER_BYTES = 1024 * 1024
# Before Python 3.11, csv's writer uses NUL as the escape character if none is given. This character
# cannot be in a UTF-8 text.
_NO_ESCAPE = "\udc00"


class CsvDialect:
    """The CSV of a job: delimiter and line ending. Every cell is quoted."""

    def __init__(self, delimiter: str, line_ending: str) -> None:
        self.delimiter = delimiter
        self.line_ending = line_ending

    def encode(self, cells: Sequence[object]) -> bytes:
        """Return one quoted line."""
        return next(self.encode_all([cells]))

    def encode_all(self, rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
        """Yield one quoted line per row."""
        sink = _Sink()
        writer = csv.writer(
            sink,
            delimiter=self.delimiter,
            lineterminator=self.line_ending,
            quoting=csv.QUOTE_ALL,
            escapechar=_NO_ESCAPE,
        )
        for row in rows:
            writer.writerow(row)
            yield sink.line


class RowFile:
    """A file of encoded rows. One thread writes it once, then any thread reads it.

    Attributes:
        count: The number of rows written so far.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index_path = path.with_suffix(".index")
        self.count = 0

    def write(self, lines: Iterable[bytes]) -> None:
        """Write all rows. Earlier contents are replaced."""
        position = self.count = 0
        with (
            self._path.open("wb", _WRITE_BUFFER_BYTES) as rows,
            self._index_path.open("wb", _WRITE_BUFFER_BYTES) as index,
        ):
            for line in lines:
                index.write(_OFFSET.pack(position))
                position += rows.write(line)
                self.count += 1
            index.write(_OFFSET.pack(position))

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes of rows `start` to `stop` (exclusive) in blocks."""
        with self._index_path.open("rb") as index, self._path.open("rb") as rows:
            # Row `count` has an offset too, the end of the file.
            first = _offset(index, min(start, self.count))
            end = _offset(index, min(stop, self.count))
            rows.seek(first)
            while first < end:
                block = rows.read(min(_BLOCK_BYTES, end - first))
                first += len(block)
                yield block

    def delete(self) -> None:
        """Remove the files. A read that has started can finish."""
        self._path.unlink(missing_ok=True)
        self._index_path.unlink(missing_ok=True)


class _Sink:
    """Receives the line that csv's writer makes of a row."""

    line = b""

    def write(self, text: str) -> int:
        self.line = text.encode()
        return len(text)


def _offset(index: BinaryIO, row: int) -> int:
    index.seek(row * _OFFSET.size)
    offset: int = _OFFSET.unpack(index.read(_OFFSET.size))[0]
    return offset

"""Writes and reads files in chunks, so that memory does not grow with the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.private_files import open_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK_BYTES = 256 * 1024

# Rows are buffered in memory until one file, or all files of a spool together, have this much.
# Opening a file for each row is slow, and the system limits how many files may be open.
_FILE_BUFFER_BYTES = 256 * 1024
ALL_BUFFERS_BYTES = 16 * 1024 * 1024
"""Most bytes in the buffers of all files of one spool."""


@dataclass(eq=False)
class GrowingFile:
    """A file that grows at its end; it is completely on disk after `write_out`."""

    path: Path
    size: int = field(default=0, kw_only=True)
    """Bytes, including those in the buffer."""
    _buffer: bytearray = field(default_factory=bytearray, repr=False, kw_only=True)

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= _FILE_BUFFER_BYTES:
            self.write_out()

    def read(self, start: int, size: int) -> bytes:
        """Bytes that were added by one `append`."""
        buffered = start - (self.size - len(self._buffer))
        if buffered >= 0:
            return bytes(self._buffer[buffered : buffered + size])
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def write_out(self) -> None:
        """Write the buffer to disk."""
        with open_private(self.path, "ab") as file:
            file.write(self._buffer)
        self._buffer.clear()


def read_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, in chunks."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def size_of(body: Path | bytes) -> int:
    """The bytes of a file, or of the data itself."""
    return body.stat().st_size if isinstance(body, Path) else len(body)


def save_chunks(chunks: Iterable[bytes], path: Path) -> None:
    """Write the chunks to a file, replacing what it had."""
    with open_private(path, "wb") as file:
        file.writelines(chunks)

"""Bytes to a file and back, piece by piece, so that memory does not grow with the data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CHUNK_BYTES = 256 * 1024

# Bytes wait in memory until a file has this much of them, or all files that grow together
# have that much: opening a file per row is slow, keeping many open meets the system's limit.
_FILE_BUFFER_BYTES = 256 * 1024
ALL_BUFFERS_BYTES = 16 * 1024 * 1024
"""What the buffers of all files that grow together may hold."""


@dataclass(eq=False)
class GrowingFile:
    """A file written at its end, little by little; whole on disk after `write_out`."""

    path: Path
    size: int = field(default=0, kw_only=True)
    """Bytes, those that wait included."""
    _buffer: bytearray = field(default_factory=bytearray, repr=False, kw_only=True)

    def append(self, data: bytes) -> None:
        """Add bytes to what waits to be written."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= _FILE_BUFFER_BYTES:
            self.write_out()

    def write_out(self) -> None:
        """Put what waits on disk."""
        with self.path.open("ab") as file:
            file.write(self._buffer)
        self._buffer.clear()


def read_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def save_chunks(chunks: Iterable[bytes], path: Path) -> None:
    """Write the pieces to a file, from its beginning."""
    with path.open("wb") as file:
        file.writelines(chunks)

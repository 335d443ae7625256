"""Bytes to a file and back, piece by piece, so that memory does not grow with the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

CHUNK_BYTES = 256 * 1024


def read_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def save_chunks(chunks: Iterable[bytes], path: Path) -> None:
    """Write the pieces to a file, from its beginning."""
    with path.open("wb") as file:
        file.writelines(chunks)

"""Cuts a CSV file into blocks of whole rows, so that memory does not grow with the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 8_000_000
"""Bytes of a page that are read at a time; as columns they take about twenty times as much."""


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in blocks of whole rows, each of about `BLOCK_BYTES`.

    The last block ends with the file, so it may end inside a row.
    """
    rest = b""
    while chunk := file.read(BLOCK_BYTES):
        rest += chunk
        end = last_row_end(rest)
        if end:
            yield rest[:end]
        # A row that is longer than a block grows until it is whole.
        rest = rest[end:]
    if rest:
        yield rest


def last_row_end(text: bytes) -> int:
    """The offset after the last whole row; 0 if there is none.

    A line feed ends a row if the number of quotes before it is even: an escaped quote is two.
    """
    inside = text.count(b'"') % 2
    end = len(text)
    while (newline := text.rfind(b"\n", 0, end)) >= 0:
        inside ^= text.count(b'"', newline, end) % 2
        if not inside:
            return newline + 1
        end = newline
    return 0

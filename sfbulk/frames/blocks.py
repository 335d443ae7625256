"""Cuts a CSV file into blocks of whole rows, so that memory does not grow with the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from sfbulk.csvio import MAX_ROW_BYTES, RowCutter

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 8_000_000
"""Bytes of a page that are read at a time; as columns they take about twenty times as much."""


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in blocks of whole rows, each of about `BLOCK_BYTES`.

    The last block ends with the file, so it may end inside a row.

    Raises:
        LongRowError: A row is too long.
    """
    cutter = RowCutter()
    while chunk := file.read(BLOCK_BYTES):
        # A row that is longer than a block grows until it is whole.
        if whole := cutter.take(chunk):
            yield whole
        cutter.check(MAX_ROW_BYTES)
    if rest := cutter.rest():
        yield rest

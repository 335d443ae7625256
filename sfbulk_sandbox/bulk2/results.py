"""The per-row results of a load, kept on disk in an order that is not the upload's.

Salesforce promises no order, and a client that matches rows by position must be found out: so
no two rows come in the order they were uploaded in if that can be helped, and always in the same
other order.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# One internal batch of Salesforce, and a bound for wide rows.
_SEGMENT_ROWS = 10_000
_SEGMENT_BYTES = 8_000_000
_BLOCK_BYTES = 256 * 1024


class ResultLog:
    """Lines written in upload order and read in another; one segment is in memory at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._ends: list[int] = [0]

    def add(self, line: bytes) -> None:
        """Keep the line of one row."""
        self._pending.append(line)
        self._pending_bytes += len(line)
        if len(self._pending) >= _SEGMENT_ROWS or self._pending_bytes >= _SEGMENT_BYTES:
            self.seal()

    def seal(self) -> None:
        """Write what is in memory to the file."""
        if not self._pending:
            return
        with self._path.open("ab") as file:
            file.writelines(_out_of_order(self._pending))
            self._ends.append(file.tell())
        self._pending, self._pending_bytes = [], 0

    def read(self) -> Iterator[bytes]:
        """Yield all lines in blocks, the last segment first."""
        if len(self._ends) == 1:
            return
        with self._path.open("rb") as file:
            for start, end in reversed(list(zip(self._ends, self._ends[1:], strict=False))):
                file.seek(start)
                left = end - start
                while left > 0:
                    block = file.read(min(_BLOCK_BYTES, left))
                    left -= len(block)
                    yield block

    def delete(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)


def _out_of_order(lines: list[bytes]) -> list[bytes]:
    shuffled = lines.copy()
    random.Random(len(lines)).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    # Of two lines a shuffle leaves one order in two.
    return shuffled if shuffled != lines else shuffled[1:] + shuffled[:1]

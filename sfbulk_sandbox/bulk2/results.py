"""The results of a load's rows, stored on disk in another order than the upload's.

Salesforce promises no order of results. So that a client which matches rows by position fails, the
order here always differs from the upload's if there are two rows or more. It is the same at every
run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The size of a batch in Salesforce, and a limit of memory for wide rows.
_SEGMENT_ROWS = 10_000
_SEGMENT_BYTES = 8_000_000
_BLOCK_BYTES = 256 * 1024


class ResultLog:
    """Lines that are written in the order of the upload and read in another order.

    One segment of lines is in memory at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._ends: list[int] = [0]

    def add(self, line: bytes) -> None:
        """Add the line of one row."""
        self._pending.append(line)
        self._pending_bytes += len(line)
        if len(self._pending) >= _SEGMENT_ROWS or self._pending_bytes >= _SEGMENT_BYTES:
            self.seal()

    def seal(self) -> None:
        """Write the lines in memory to the file."""
        if not self._pending:
            return
        with self._path.open("ab") as file:
            file.writelines(_out_of_order(self._pending))
            self._ends.append(file.tell())
        self._pending, self._pending_bytes = [], 0

    def read(self) -> Iterator[bytes]:
        """Yield all lines in blocks, with the last segment first."""
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
    random.Random(len(lines)).shuffle(shuffled)  # noqa: S311 - an order, not a secret  # nosec B311
    # A shuffle can return the same order, for two lines in every second case.
    return shuffled if shuffled != lines else shuffled[1:] + shuffled[:1]

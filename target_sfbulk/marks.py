"""Remembers which rows of a stream are before each STATE, and up to which one all are settled."""

from __future__ import annotations

from array import array

# Numbers that are passed are removed when there are so many of them.
_MOST_PASSED = 4_096


class Marks:
    """The places of STATE messages among the rows of one stream, in their order.

    Each has the first and the last number of records of the input, of all streams, that is the same
    place in this stream. Memory: 24 bytes for each, and at most one for each row that waits.
    """

    def __init__(self) -> None:
        self._firsts, self._lasts, self._rows = array("Q"), array("Q"), array("Q")
        self._settled = self._covered = 0
        self.settled_to = 0
        """The last number of records of the input whose rows of this stream are settled."""
        self.rows = 0
        """The rows of this stream before the last mark."""

    def add(self, number: int, rows: int) -> None:
        """The first `number` records of the input have the first `rows` rows of this stream."""
        self.rows = rows
        # Marks without a row between them are one, unless the first of them is settled.
        if len(self._rows) > self._settled and self._rows[-1] == rows:
            self._lasts[-1] = number
            return
        self._firsts.append(number)
        self._lasts.append(number)
        self._rows.append(rows)

    def settle(self, rows: float) -> None:
        """The first `rows` rows of this stream have their outcome."""
        while self._settled < len(self._rows) and self._rows[self._settled] <= rows:
            self.settled_to = self._lasts[self._settled]
            self._settled += 1

    def cover(self, number: int) -> int | None:
        """A STATE was written after the first `number` records of the input.

        Returns:
            The rows of this stream that it covers; None if they are no more than before.
        """
        rows = None
        while self._covered < self._settled and self._firsts[self._covered] <= number:
            rows = self._rows[self._covered]
            self._covered += 1
        if self._covered >= _MOST_PASSED:
            self._remove_passed()
        return rows

    def _remove_passed(self) -> None:
        for numbers in (self._firsts, self._lasts, self._rows):
            del numbers[: self._covered]
        self._settled -= self._covered
        self._covered = 0

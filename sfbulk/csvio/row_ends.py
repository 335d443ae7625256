"""Cuts CSV that arrives in pieces after whole rows, so that memory does not grow with it; no I/O.

A line feed ends a row if the number of quotes before it is even: inside a quoted field it is odd,
and an escaped quote is two.
"""

from __future__ import annotations


class LongRowError(Exception):
    """A row is longer than any that Salesforce sends."""


class RowCutter:
    """Takes pieces of a file, and gives back whole rows.

    Its time grows with the number of bytes, whatever they are. Memory: one incomplete row.
    """

    def __init__(self) -> None:
        self.held = 0
        """Bytes of the row that has not ended."""
        self._pieces: list[bytes] = []
        self._in_quotes = False

    def take(self, piece: bytes) -> bytes:
        """The rows that are complete after this piece; empty if none has ended."""
        end, self._in_quotes = _last_row_end(piece, in_quotes=self._in_quotes)
        whole = b""
        if end:
            whole = b"".join([*self._pieces, piece[:end]])
            self._pieces, self.held = [], 0
        if left := piece[end:]:
            self._pieces.append(left)
            self.held += len(left)
        return whole

    def check(self, most: int) -> None:
        """Check the length of the row that has not ended.

        Raises:
            LongRowError: It is too long: perhaps a quote does not end.
        """
        if self.held > most:
            raise LongRowError(
                f"there is a row of more than {most:,} bytes; perhaps a quote does not end"
            )

    def rest(self) -> bytes:
        """What is left: a row without a line end, or a part of one. Nothing is left then."""
        rest = b"".join(self._pieces)
        self._pieces, self.held = [], 0
        return rest


def _last_row_end(piece: bytes, *, in_quotes: bool) -> tuple[int, bool]:
    """Where the last complete row ends, 0 if none does, and whether the piece ends in quotes."""
    ends_in_quotes = in_quotes ^ bool(piece.count(b'"') % 2)
    inside, stop = ends_in_quotes, len(piece)
    while (line_feed := piece.rfind(b"\n", 0, stop)) >= 0:
        inside ^= bool(piece.count(b'"', line_feed, stop) % 2)
        if not inside:
            return line_feed + 1, ends_in_quotes
        # All line feeds back to the quote before are inside the same field.
        stop = piece.rfind(b'"', 0, line_feed) + 1
    return 0, ends_in_quotes

"""Tells whether the results of a job look as if their end were missing; no I/O."""

from __future__ import annotations

# The last byte of a document, by its first one.
_ENDS = {b"[": b"]", b"{": b"}", b"<": b">"}
# What Bulk API 1.0 sends instead of a CSV without rows (recorded).
_NO_ROWS = b"Records not found for this query"


class EndCheck:
    """Looks at the bytes of results as they pass.

    CSV ends with a line break (recorded, in all APIs), and outside quotes.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._head = self._last = b""
        self._quotes = self._line_ends = 0

    def see(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.bytes += len(chunk)
        if len(self._head) < len(_NO_ROWS):
            self._head = (self._head + chunk.lstrip())[: len(_NO_ROWS)]
        self._last = chunk[-1:] or self._last
        self._quotes += chunk.count(b'"')
        self._line_ends += chunk.count(b"\n")

    def looks_cut_off(self, rows: int | None) -> bool:
        """Whether the end seems to be missing.

        Args:
            rows: how many rows Salesforce says there are; None if it does not say.
        """
        if not self._head:
            return bool(rows)
        if self._head[:1] in _ENDS:
            return self._last not in (_ENDS[self._head[:1]], b"\n")
        is_whole = self._quotes % 2 == 0 and self._last == b"\n"
        # Line breaks within values only make the data seem to have more rows.
        has_rows = self._line_ends > (rows or 0)
        return self._head != _NO_ROWS and not (is_whole and has_rows)

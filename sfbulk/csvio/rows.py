"""Encodes rows as the CSV of one upload, for both bulk APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.csvio.cells import NULL
from sfbulk.csvio.encode import CsvEncoder, encode_text, quote_row

if TYPE_CHECKING:
    from collections.abc import Sequence


class CsvRows:
    """Encodes rows as CSV; see `sfbulk.load.spool.RowEncoder`."""

    separator = b""
    tail = b""

    def group(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Rows of one file have the same columns."""
        return columns

    def head(self, columns: tuple[str, ...]) -> bytes:
        """The header row.

        Raises:
            DataError: columns that cannot be sent.
        """
        return CsvEncoder(columns).header()

    def row(self, columns: tuple[str, ...], cells: Sequence[str], values: Sequence[Any]) -> bytes:  # noqa: ARG002 - the signature of a RowEncoder
        """One row.

        Raises:
            DataError: text that is not Unicode.
            OversizeRow: the record or one of its fields is longer than Salesforce accepts.
        """
        if len(cells) == 1 and not cells[0]:
            # Salesforce's CSV reader skips a row of one empty cell as a blank line: it would have
            # no result. Such rows are inserts, for which `#N/A` means the same.
            cells = [NULL]
        return encode_text(quote_row(cells) + "\n")

"""Rows to the CSV of one upload, for jobs of either bulk API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.csvio.cells import NULL
from sfbulk.csvio.encode import CsvEncoder, encode_text, quote_row

if TYPE_CHECKING:
    from collections.abc import Sequence


class CsvRows:
    """How rows become CSV; see `sfbulk.load.spool.RowEncoder`."""

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
            OversizeRow: the record or one of its fields is longer than Salesforce takes.
        """
        if len(cells) == 1 and not cells[0]:
            # Salesforce's own CSV reader skips a row of one empty cell as a blank line, so it would
            # have no result. Null, in words, is a row, and says the same of a new record.
            cells = [NULL]
        return encode_text(quote_row(cells) + "\n")

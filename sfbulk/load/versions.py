"""Finds out whether a row can take the place of an earlier row of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder

if TYPE_CHECKING:
    from sfbulk.load.row import RecordKey, Row


def replaces(row: Row, key: RecordKey, earlier: bytes) -> bool:
    """Whether nothing of an earlier row is left once `row` is loaded after it.

    Args:
        row: the later row.
        key: its key.
        earlier: CSV with the same columns: the header and the earlier row. It may be the row of
            another record.
    """
    names = [column.casefold() for column in row.columns]
    if key.field not in names:
        return False
    at = names.index(key.field)
    cells = _decoded(earlier)
    # An empty cell leaves its field as the earlier row has set it.
    return cells[at] == row.cells[at] and not any(
        old and not new for old, new in zip(cells, row.cells, strict=True)
    )


def _decoded(earlier: bytes) -> list[str]:
    decoder = CsvDecoder()
    (cells,) = [*decoder.feed(earlier), *decoder.flush()]
    return cells

"""Finds out whether a row can take the place of an earlier row of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.load.row import RecordKey, Row


def replaces(row: Row, key: RecordKey, earlier: bytes, names_record: Callable[[str], bool]) -> bool:
    """Whether nothing of an earlier row is left once `row` is loaded after it.

    Args:
        row: the later row.
        key: its key.
        earlier: CSV with the same columns: the header and the earlier row. It may be the row of
            another record.
        names_record: whether lookups find records by a column.
    """
    names = [column.casefold() for column in row.columns]
    if key.field not in names:
        return False
    at = names.index(key.field)
    cells = _decoded(earlier)
    if cells[at] != row.cells[at]:
        return False
    changed = [
        (column, new)
        for column, old, new in zip(row.columns, cells, row.cells, strict=True)
        if old != new
    ]
    # An empty cell leaves its field as the earlier row has set it. Another row may name the
    # record, as its parent, by a key that it has only in the earlier version.
    return all(new for _, new in changed) and not any(names_record(name) for name, _ in changed)


def _decoded(earlier: bytes) -> list[str]:
    decoder = CsvDecoder()
    (cells,) = [*decoder.feed(earlier), *decoder.flush()]
    return cells

"""Finds out whether a row can take the place of an earlier row of its record; keeps which do."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from sfbulk.load.row import RecordKey, Row


class Replaced:
    """The rows of a file in whose place later rows of it are sent; iterates over their numbers.

    Args:
        pairs: the number of a replaced row, and of the row that replaces it; that one may be
            replaced itself by a later pair.
    """

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._earlier = array("Q")
        self._later = array("Q")
        for earlier, later in pairs:
            self.add(earlier, later)

    def __len__(self) -> int:
        return len(self._earlier)

    def __iter__(self) -> Iterator[int]:
        return iter(self._earlier)

    def add(self, earlier: int, later: int) -> None:
        """Note that a row replaces an earlier one."""
        self._earlier.append(earlier)
        self._later.append(later)

    def last_versions(self) -> dict[int, int]:
        """For each replaced row, the row that is sent in its place."""
        found: dict[int, int] = {}
        for earlier, later in zip(reversed(self._earlier), reversed(self._later), strict=True):
            found[earlier] = found.get(later, later)
        return found

    def by(self, rows: AbstractSet[int]) -> Replaced:
        """Those in whose place these rows are sent."""
        last = self.last_versions()
        return Replaced(pair for pair in self._pairs() if last[pair[0]] in rows)

    def without(self, other: Iterable[int]) -> Replaced:
        """All but these."""
        others = frozenset(other)
        return Replaced(pair for pair in self._pairs() if pair[0] not in others)

    def undone(self, number: int) -> Replaced:
        """As if the rows after a number had not come."""
        return Replaced(pair for pair in self._pairs() if pair[1] <= number)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return zip(self._earlier, self._later, strict=True)


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

"""The keys of a row: of its own record, of the records that it refers to, and of a new record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk import Operation
from sfbulk.load import RecordKey
from sfbulk.normalize import key_normalizer
from target_sfbulk.encode import CLEARS_THE_FIELD
from target_sfbulk.mapping import finds_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_sfbulk.mapping import CsvColumn
    from target_sfbulk.preflight import StreamPlan

EMPTY_CELLS = ("", CLEARS_THE_FIELD)
"""Cells without a value."""


class RowKeys:
    """Makes the keys of the rows of one stream.

    Args:
        plan: How the stream is loaded.
        columns: The columns of its cells.
    """

    def __init__(self, plan: StreamPlan, columns: Sequence[CsvColumn]) -> None:
        places = list(enumerate(columns))
        self._own = _KeyMaker(plan.sobject, plan.key) if plan.key else None
        self._parents = [(at, _KeyMaker(c.parent, c)) for at, c in places if c.parent]
        self._parents_of_all = tuple(
            _KeyMaker(c.parent, c)(cell)
            for c, cell in plan.constants
            if c.parent and cell not in EMPTY_CELLS
        )
        self._known_as = [
            (at, _KeyMaker(plan.sobject, c))
            for at, c in places
            if plan.operation is Operation.INSERT and not c.parent and finds_records(c.field)
        ]

    def key(self, cell: str) -> RecordKey | None:
        """The key of the record itself; None if the stream has no key field."""
        return self._own(cell) if self._own else None

    def parents(self, cells: Sequence[str]) -> tuple[RecordKey, ...]:
        """The keys of the records that the lookups of a row refer to."""
        return self._parents_of_all + _keys(self._parents, cells)

    def known_as(self, cells: Sequence[str]) -> tuple[RecordKey, ...]:
        """For an insert, keys by which other rows may refer to the new record."""
        return _keys(self._known_as, cells) if self._known_as else ()


class _KeyMaker:
    """Makes keys of the cells of a column that names records of an object."""

    def __init__(self, sobject: str, column: CsvColumn) -> None:
        self._sobject = sobject.casefold()
        self._field = column.field.name.casefold()
        self._form = key_normalizer(column.field)

    def __call__(self, cell: str) -> RecordKey:
        return RecordKey(self._sobject, self._field, self._form(cell))


def _keys(makers: Sequence[tuple[int, _KeyMaker]], cells: Sequence[str]) -> tuple[RecordKey, ...]:
    return tuple(maker(cells[at]) for at, maker in makers if cells[at] not in EMPTY_CELLS)

"""Gives rows with different columns the same ones, so that they share a job.

An empty cell leaves the field alone in an update or upsert, and is the default in an insert (Bulk
API guide). So a column that a record does not have can stand as an empty cell.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from sfbulk.jobs.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sfbulk.load.records import RowRules
    from sfbulk.load.row import Row

# Enough to see the columns of nearly all records; one that comes later costs one more job.
_FIRST_ROWS = 1_000
_FIRST_CHARACTERS = 1_000_000

_NEW_RECORDS = (Operation.INSERT, Operation.UPSERT)


def aligned(rows: Iterable[tuple[int, Row]], rules: RowRules) -> Iterator[tuple[int, Row]]:
    """API call, with the first row: the numbered rows, with the columns of all rows before.

    The first rows are taken together and have the columns of all of them. An error of `rows` is
    raised after the rows that came before it.
    """
    source = iter(rows)
    alignment = _Alignment(rules)
    first: list[tuple[int, Row]] = []
    failure: Exception | None = None
    try:
        size = 0
        for number, row in islice(source, _FIRST_ROWS):
            alignment.learn(row.columns)
            first.append((number, row))
            size += sum(map(len, row.cells))
            if size > _FIRST_CHARACTERS:
                break
    except Exception as error:  # noqa: BLE001 - raised below, after the rows before it
        failure = error
    for number, row in first:
        yield number, alignment.align(row)
    if failure:
        raise failure
    for number, row in source:
        alignment.learn(row.columns)
        yield number, alignment.align(row)


class _Alignment:
    def __init__(self, rules: RowRules) -> None:
        self._rules = rules
        # In the order in which they first appeared.
        self._fills: dict[str, str] = {}
        self._own_only: set[str] = set()
        self._wide: dict[tuple[str, ...], tuple[str, ...]] = {}

    def learn(self, columns: tuple[str, ...]) -> None:
        if columns in self._wide:
            return
        for name in columns:
            if name not in self._fills:
                column = self._rules.columns.column(name)
                self._fills[name] = column.fills
                unclear = column.empty_is_unclear and self._rules.operation in _NEW_RECORDS
                # A column that Salesforce does not know fails the job of every row that has it.
                if unclear or not column.known:
                    self._own_only.add(name)
                self._wide.clear()
        self._wide[columns] = ()

    def align(self, row: Row) -> Row:
        wide = self._wide.get(row.columns) or self._widened(row.columns)
        if wide == row.columns:
            return row
        cells = dict(zip(row.columns, row.cells, strict=True))
        values = dict(zip(row.columns, row.values, strict=True))
        return row._replace(
            columns=wide,
            cells=[cells.get(name, "") for name in wide],
            values=[values.get(name, "") for name in wide],
        )

    def _widened(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        own, fillers = set(columns), Counter(self._fills.values())
        # Of two columns that set one field, an empty one may undo the other.
        wide = tuple(
            name
            for name, fills in self._fills.items()
            if name in own or (fillers[fills] == 1 and name not in self._own_only)
        )
        self._wide[columns] = wide
        return wide

"""Checks the types of CSV cells, as the Bulk APIs do before the save rules.

A cell of the wrong type rejects its row. The error has the column, counted from 0, and the XML
Schema type (recorded for Bulk API 1.0 and 2.0: amp-labs/connectors, partial-failure.csv of v60;
Snowfakery issue 793).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.rules.columns import Column
    from sfbulk_sandbox.schema.schema import Field
    from sfbulk_sandbox.schema.values import Stored

NULL = "#N/A"
_TYPES = {
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "int",
    Kind.NUMBER: "double",
    Kind.DATE: "date",
    Kind.DATETIME: "dateTime",
    Kind.TIME: "time",
}
_PLAIN_NUMBER = r"(?:-?\d{1,15}(?:\.\d{1,15})?)?"
_PLAIN_NUMBERS = re.compile(rf"{_PLAIN_NUMBER}(?:,{_PLAIN_NUMBER})*", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


def typed_parser(field: Field, behaviour: Behaviour) -> Callable[[str], Stored] | None:
    """A function that parses a field's cells, or raises RowError; None for text fields."""
    if field.kind is not Kind.ID and field.kind not in _TYPES:
        return None
    parse = values.parser(field)
    if field.kind is not Kind.INTEGER or behaviour.has("whole_numbers", "lenient"):
        return parse

    def whole(text: str) -> Stored:
        if not _WHOLE.fullmatch(text):
            raise values.wrong_type(field, text)
        return parse(text)

    return whole


@dataclass(frozen=True)
class _TypedColumn:
    place: int
    field: Field
    parse: Callable[[str], Stored]

    def errors(self, rows: Sequence[Sequence[str]]) -> dict[int, RowError]:
        """Return the errors of this column's cells by index of the row."""
        # A row may be too short. It is rejected for that, not here.
        cells = [row[self.place] if self.place < len(row) else "" for row in rows]
        # One match for all numbers of the usual form costs far less than one for each.
        if self.field.kind is Kind.NUMBER and _are_plain_numbers(cells):
            return {}
        wrong = {cell for cell in set(cells) if self._is_wrong(cell)}
        return {row: self._error(cell) for row, cell in enumerate(cells) if cell in wrong}

    def _is_wrong(self, cell: str) -> bool:
        if not cell or cell == NULL:
            return False
        try:
            self.parse(cell)
        except RowError:
            return True
        return False

    def _error(self, cell: str) -> RowError:
        kind = "long" if self.field.type == "long" else _TYPES[self.field.kind]
        text = (
            f"Failed to deserialize field at col {self.place}. "
            f"Due to, '{cell}' is not a valid value for the type xsd:{kind}"
        )
        return RowError("INVALID_FIELD", text, (self.field.name,))


def _are_plain_numbers(cells: Sequence[str]) -> bool:
    joined = ",".join(cells)
    # A cell with a comma is not a number, and would be read as two.
    return joined.count(",") == len(cells) - 1 and bool(_PLAIN_NUMBERS.fullmatch(joined))


class CellTypes:
    """The types of the columns of one load."""

    def __init__(self, columns: Sequence[Column], behaviour: Behaviour) -> None:
        parsers = [typed_parser(column.field, behaviour) for column in columns]
        self._typed = [
            _TypedColumn(place, column.field, parse)
            for place, (column, parse) in enumerate(zip(columns, parsers, strict=True))
            if parse is not None and column.parent is None and column.field.kind in _TYPES
        ]

    def refused(self, rows: Sequence[Sequence[str]]) -> dict[int, RowError]:
        """Return the errors of rows by index: for each row, the error of its first wrong cell."""
        found: dict[int, RowError] = {}
        # From the last column to the first, so that a row keeps the error of its first wrong cell.
        for column in reversed(self._typed):
            found.update(column.errors(rows))
        return found

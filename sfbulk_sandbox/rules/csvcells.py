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

    def error(self, cell: str) -> RowError | None:
        """Return the error of a cell of the wrong type; None if the type is right."""
        if not cell or cell == NULL:
            return None
        try:
            self.parse(cell)
        except RowError:
            kind = "long" if self.field.type == "long" else _TYPES[self.field.kind]
            text = (
                f"Failed to deserialize field at col {self.place}. "
                f"Due to, '{cell}' is not a valid value for the type xsd:{kind}"
            )
            return RowError("INVALID_FIELD", text, (self.field.name,))
        return None


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
        found = {place: self._error(row) for place, row in enumerate(rows)}
        return {place: error for place, error in found.items() if error}

    def _error(self, row: Sequence[str]) -> RowError | None:
        for column in self._typed:
            if column.place < len(row) and (error := column.error(row[column.place])):
                return error
        return None

"""Turns the text cells of a result page into JSON tokens, without a Python loop over cells."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import polars as pl

from sfbulk.errors import DataError
from sfbulk.frames import text_blocks
from sfbulk_singer.numbers import NUMBER, NUMBER_GRAMMAR
from tap_sfbulk.columns import CellKind, to_select
from tap_sfbulk.emit.compounds import output_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.emit.bad_values import BadValues

# A number in JSON's grammar is a JSON token as it is.
_NUMBER = f"^{NUMBER_GRAMMAR}$"
_PLAIN_INTEGER = r"^(?:0|-?[1-9][0-9]*)$"
_BOOLEAN = r"^(?:true|false)$"
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_TIME = f"^{_CLOCK}(?:\\.[0-9]+)?{_ZONE}?$"
_INSTANT = f"^{_DAY}T{_CLOCK}(?:\\.[0-9]+)?{_ZONE}$"

UTC_STAMP = f"^{_DAY}T{_CLOCK}\\.[0-9]{{3}}Z$"
"""How Salesforce writes a date-time today; older API versions end with an offset."""

_READY = {
    CellKind.NUMBER: _NUMBER,
    CellKind.INTEGER: _PLAIN_INTEGER,
    CellKind.BOOLEAN: _BOOLEAN,
    CellKind.DATE: f"^{_DAY}$",
    CellKind.TIME: _TIME,
    CellKind.DATETIME: UTC_STAMP,
}
"""What the cells of a kind look like that leave as they are. All other kinds are free text."""

_OFFSET_WITHOUT_COLON = r"([+-][0-9]{2})([0-9]{2})$"
_MAX_INTEGER_DIGITS = 40


class TokenReader:
    """Reads the pages of one query as blocks of JSON tokens.

    Args:
        sobject: Named in errors.
        columns: Of the stream's rows. The query selects what they are made of (`to_select`).
        bad_values: Counts values that do not fit the type of their column, which become null.
            Without it they are an error.
    """

    def __init__(
        self, sobject: str, columns: Sequence[PageColumn], bad_values: BadValues | None = None
    ) -> None:
        self._sobject = sobject
        self._bad_values = bad_values
        self._columns = to_select(columns)
        kinds = {column.name: column.kind for column in self._columns}
        self._output = [output_column(column, kinds) for column in columns]

    def blocks(self, page: Path, what: str | None = None) -> Iterator[pl.DataFrame]:
        """The rows of a page, block by block: each cell a JSON token, a string's text, or null.

        Args:
            page: A CSV file.
            what: What the page is, for errors; None names the object alone.

        Yields:
            Frames with the stream's columns in their order.

        Raises:
            CsvError: If the page does not have the selected columns, or is not CSV in UTF-8.
            DataError: If a value does not fit the type of its column.
        """
        names = [column.name for column in self._columns]
        what = what or f"A result page of {self._sobject}"
        for block in text_blocks(page, names, what=what):
            yield self._with_tokens(block).select(self._output)

    def _with_tokens(self, block: pl.DataFrame) -> pl.DataFrame:
        ways = {CellKind.INTEGER: self._integers, CellKind.DATETIME: self._instants}
        return block.with_columns(
            ways.get(column.kind, self._without_others)(block, column)
            for column in self._not_ready(block)
        )

    def _not_ready(self, block: pl.DataFrame) -> list[PageColumn]:
        """The columns with a value that cannot leave as it is."""
        checked = [column for column in self._columns if column.kind in _READY]
        if not checked or block.is_empty():
            return []
        ready = block.select(
            pl.col(c.name).str.contains(_READY[c.kind]).all() for c in checked
        ).row(0)
        return [column for column, fit in zip(checked, ready, strict=True) if not fit]

    def _without_others(self, block: pl.DataFrame, column: PageColumn) -> pl.Series:
        """The column without the values that are not ready."""
        ready = block.get_column(column.name).str.contains(_READY[column.kind])
        return self._without_bad(block, column, ~ready)

    def _instants(self, block: pl.DataFrame, column: PageColumn) -> pl.Series:
        """The column with `+0000` as `+00:00`, which JSON Schema's date-time asks for."""
        values = block.get_column(column.name)
        bad = ~values.str.contains(_INSTANT)
        if bad.any():
            values = self._without_bad(block, column, bad)
        return values.str.replace(_OFFSET_WITHOUT_COLON, "${1}:${2}")

    def _integers(self, block: pl.DataFrame, column: PageColumn) -> pl.Series:
        """The column with `47.0` as `47` and `1.0E7` as `10000000`."""
        values = block.get_column(column.name)
        odd = values.filter(~values.str.contains(_PLAIN_INTEGER)).unique()
        whole = {text: whole_number(text) for text in odd}
        wrong = [text for text, number in whole.items() if number is None]
        if not wrong:
            return values.replace(whole)
        return self._without_bad(block, column, values.is_in(wrong)).replace(whole)

    def _without_bad(self, block: pl.DataFrame, column: PageColumn, bad: pl.Series) -> pl.Series:
        """The column with null for its bad values.

        Raises:
            DataError: If bad values are an error.
        """
        bad = bad.fill_null(value=False)
        if self._bad_values is None:
            raise self._refusal(block, column, bad)
        self._bad_values.add(column.name, column.kind.value, int(bad.sum()))
        return block.get_column(column.name).set(bad, None)

    def _refusal(self, block: pl.DataFrame, column: PageColumn, bad: pl.Series) -> DataError:
        where = ""
        if "Id" in block.columns:
            where = f" of record {block.filter(bad).get_column('Id')[0]}"
        return DataError(
            f"{self._sobject}.{column.name}{where} has a value that is not a valid "
            f"{column.kind.value}. Deselect the field, declare it a string in the catalog's "
            'schema, or send such values as null with `on_bad_value: "null"`.'
        )


def whole_number(text: str) -> str | None:
    """The digits of a whole number in any notation; None if the text is not a whole number."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # A number with an exponent of a million is short text, but its digits would fill the memory.
    if number.adjusted() > _MAX_INTEGER_DIGITS or number != number.to_integral_value():
        return None
    return str(int(number))

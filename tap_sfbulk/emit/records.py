"""Reads columns of JSON tokens as Python records, for what needs each record by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tap_sfbulk.schema import CellKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl
    from typing_extensions import Self

    from tap_sfbulk.schema import PageColumn


class JsonNumber(Decimal):
    """A number that keeps the digits it was written with: `1.0E7` stays `1.0E7`."""

    __slots__ = ("_digits",)
    _digits: str

    def __new__(cls, digits: str) -> Self:
        """A number from text in JSON's number grammar."""
        number = super().__new__(cls, digits)
        number._digits = digits
        return number

    def __str__(self) -> str:
        """The digits as they were written."""
        return self._digits


_READERS: dict[CellKind, Callable[[str], Any]] = {
    CellKind.TEXT: str,
    CellKind.DATETIME: str,
    CellKind.NUMBER: JsonNumber,
    CellKind.INTEGER: int,
    CellKind.BOOLEAN: "true".__eq__,
}


def records(block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterator[dict[str, Any]]:
    """One dict for each row of a block; numbers keep their digits as `JsonNumber`."""
    members = [(column.name, _READERS[column.kind]) for column in columns]
    for row in block.iter_rows():
        yield {
            name: None if token is None else read(token)
            for (name, read), token in zip(members, row, strict=True)
        }

"""Reads columns of JSON tokens as Python records, for what needs each record by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk_singer.numbers import number
from tap_sfbulk.columns import CellKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl

    from tap_sfbulk.columns import PageColumn

_OBJECT = msgspec.json.Decoder(float_hook=number)

_READERS: dict[CellKind, Callable[[str], Any]] = {
    CellKind.NUMBER: number,
    CellKind.INTEGER: int,
    CellKind.BOOLEAN: "true".__eq__,
    CellKind.OBJECT: _OBJECT.decode,
}
"""How a token is read. Cells of all other kinds are the text of a string."""


def records(block: pl.DataFrame, columns: Sequence[PageColumn]) -> Iterator[dict[str, Any]]:
    """One dict for each row of a block; numbers keep their digits (`sfbulk_singer.numbers`)."""
    members = [(column.name, _READERS.get(column.kind, str)) for column in columns]
    for row in block.iter_rows():
        yield {
            name: None if token is None else read(token)
            for (name, read), token in zip(members, row, strict=True)
        }

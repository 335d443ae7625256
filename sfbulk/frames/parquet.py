"""Writes a CSV file of rows as Parquet, block by block, with the types of its fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from sfbulk.frames.exact import MAX_DIGITS, TIMESTAMP, decimals, exactly
from sfbulk.frames.text import text_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sfbulk.describe.model import FieldDescribe

_WHOLE = ("int", "long")
_FRACTIONAL = ("double", "currency", "percent")


def write_parquet(
    rows: Path, fields: Mapping[str, FieldDescribe | None], path: Path, *, sobject: str
) -> None:
    """Write a CSV file as a Parquet file.

    The file is read twice: first to find, for each column, the narrowest type that holds all of its
    values exactly; a column that none holds stays text. Memory: one block.

    Args:
        rows: CSV with a header row, as `text_blocks` reads it.
        fields: the field of each column; None if it is not known, which makes it text.
        path: the Parquet file.
        sobject: named in errors.

    Raises:
        CsvError: the file is not CSV, or has other columns.
        OSError: a file cannot be read or written.
    """
    names = list(fields)
    left = {name: _types(field) for name, field in fields.items()}
    for block in text_blocks(rows, names, sobject=sobject):
        for name in names:
            while left[name] and exactly(block[name], left[name][0]) is None:
                left[name].pop(0)
    schema = {name: next(iter(left[name]), pl.String()) for name in names}

    # Polars would otherwise need the whole file in memory, or infer types of its own.
    def typed(*_: object) -> Iterator[pl.DataFrame]:
        for block in text_blocks(rows, names, sobject=sobject):
            yield pl.DataFrame([_column(block[name], schema[name]) for name in names])

    register_io_source(typed, schema=pl.Schema(schema)).sink_parquet(path)


def _types(field: FieldDescribe | None) -> list[pl.DataType]:
    """The types that a field may have, the narrowest first."""
    kind = field.type if field else ""
    if field and kind in _FRACTIONAL:
        return decimals(field.precision, field.scale)
    if kind in _WHOLE:
        return [pl.Int64(), pl.Decimal(MAX_DIGITS, 0)]
    types = {"boolean": pl.Boolean(), "date": pl.Date(), "datetime": TIMESTAMP}
    return [types[kind]] if kind in types else []


def _column(column: pl.Series, kind: pl.DataType) -> pl.Series:
    typed = None if kind == pl.String else exactly(column, kind)
    # Never None otherwise: the first reading has tried each block.
    return column if typed is None else typed

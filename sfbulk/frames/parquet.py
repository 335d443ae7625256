"""Writes rows as Parquet, with the types of their fields, and reads rows of Parquet."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.io.plugins import register_io_source

from sfbulk.errors import DataError
from sfbulk.frames.exact import MAX_DIGITS, TIMESTAMP, decimals, exactly
from sfbulk.frames.text import text_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sfbulk.describe.model import FieldDescribe

# Rows in memory at a time.
_ROWS = 20_000

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
    names, what = list(fields), f"A result page of {sobject}"
    left = {name: _types(field) for name, field in fields.items()}
    for block in text_blocks(rows, names, what=what):
        for name in names:
            while left[name] and exactly(block[name], left[name][0]) is None:
                left[name].pop(0)
    schema = {name: next(iter(left[name]), pl.String()) for name in names}

    # Polars would otherwise need the whole file in memory, or infer types of its own.
    def typed(*_: object) -> Iterator[pl.DataFrame]:
        for block in text_blocks(rows, names, what=what):
            yield pl.DataFrame([_column(block[name], schema[name]) for name in names])

    try:
        register_io_source(typed, schema=pl.Schema(schema)).sink_parquet(path)
    except pl.exceptions.PolarsError as error:
        # Such as a full disk, which Polars does not raise as an OSError.
        raise OSError(f"{path} cannot be written: {error}") from error


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


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, as values that a load takes.

    A timestamp without a time zone is one in UTC, and bytes are text in base64. Memory: a block.

    Raises:
        DataError: it is not a Parquet file.
        OSError: it cannot be read.
    """
    try:
        for row in _rows(pl.scan_parquet(path)):
            yield {
                name: b64encode(value).decode() if isinstance(value, bytes) else value
                for name, value in row.items()
            }
    except pl.exceptions.PolarsError:
        raise DataError(f"{path} is not a Parquet file, or a damaged one.") from None


def _rows(table: pl.LazyFrame) -> Iterator[dict[str, Any]]:
    schema = table.collect_schema()
    # As text a float of 32 bits has its own shortest digits, not those of 64 bits.
    floats = [name for name, kind in schema.items() if kind == pl.Float32]
    naive = [name for name, k in schema.items() if isinstance(k, pl.Datetime) and not k.time_zone]
    table = table.with_columns(
        pl.col(floats).cast(pl.String), pl.col(naive).dt.replace_time_zone("UTC")
    )
    at = 0
    while rows := table.slice(at, _ROWS).collect().rows(named=True):
        at += len(rows)
        yield from rows

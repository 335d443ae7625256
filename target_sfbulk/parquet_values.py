"""Reads the rows of a Parquet file as the records that RECORD messages would have.

Numbers are exact: a decimal has no zeros at its end, so that a key is the same text whichever way
it comes, and a float has the shortest digits that mean it.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from sfbulk_singer.numbers import NUMBER, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Rows in memory at a time.
_ROWS = 20_000

_AS_THEY_ARE = (pl.String, pl.Boolean, pl.Null)


def parquet_records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, one after the other.

    Raises:
        OSError: It cannot be read.
        polars.exceptions.PolarsError: It is not a Parquet file.
    """
    table = pl.scan_parquet(path)
    schema = table.collect_schema()
    # As text a float of 32 bits has its own shortest digits, not those of 64 bits.
    floats = [name for name, kind in schema.items() if kind.is_float()]
    table = table.with_columns(pl.col(floats).cast(pl.String))
    converted = {name: _converter(kind) for name, kind in schema.items()}
    at = 0
    while rows := table.slice(at, _ROWS).collect().rows():
        at += len(rows)
        for row in rows:
            yield {
                name: value if value is None or convert is None else convert(value)
                for (name, convert), value in zip(converted.items(), row, strict=True)
            }


def _converter(kind: pl.DataType) -> Callable[[Any], Any] | None:
    if kind.is_integer() or isinstance(kind, _AS_THEY_ARE):
        return None
    return _float_text if kind.is_float() else _json_value


def _json_value(value: Any) -> Any:
    """A value of Parquet as the value that JSON has for it."""
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _json_value(item) for name, item in value.items()}
    for kind, convert in _BY_TYPE.items():
        if isinstance(value, kind):
            return convert(value)
    return value


def _exact(value: Decimal) -> Decimal | int:
    whole, _, fraction = f"{value:f}".partition(".")
    fraction = fraction.rstrip("0")
    return Decimal(f"{whole}.{fraction}") if fraction else int(whole)


def _float_text(text: str) -> Any:
    """A number from the text of a float; JSON has none for infinity and the like."""
    return number(text) if NUMBER.fullmatch(text) else text


_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    Decimal: _exact,
    float: lambda value: _float_text(repr(value)),
    date: lambda value: value.isoformat(),
    time: lambda value: value.isoformat(),
    timedelta: str,
    bytes: lambda value: b64encode(value).decode(),
}

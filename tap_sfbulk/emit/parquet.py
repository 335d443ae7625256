"""Turns columns of JSON tokens into the types of a Parquet file, exactly or not at all.

A type that does not hold a value of a column exactly gives way to the next wider one, and the last
one is text. It stays so for the rest of the stream, so that files differ as little as possible.
"""

from __future__ import annotations

import io
import logging
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from sfbulk_singer.numbers import NUMBER
from tap_sfbulk.annotations import KEY as ANNOTATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

Codec = Literal["uncompressed", "snappy", "gzip"]

_MAX_DIGITS = 38
_WIDE_SCALE = 18
_INT64_DIGITS = 18
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_INSTANT = r"^[0-9-]{10}T[0-9:]{8}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
_TIMESTAMP = pl.Datetime("us", "UTC")


class ParquetTypes:
    """The types of the columns of one stream.

    Args:
        stream: Named in the log.
        properties: JSON Schema of the columns by name.
    """

    def __init__(self, stream: str, properties: Mapping[str, Mapping[str, Any]]) -> None:
        self._stream = stream
        self._types = {name: _types_for(each) for name, each in properties.items()}

    def file(self, tokens: pl.DataFrame, codec: Codec) -> bytes:
        """A Parquet file of columns of JSON tokens, a string's text, or null."""
        typed = tokens.select(self._typed(column) for column in tokens)
        buffer = io.BytesIO()
        typed.write_parquet(buffer, compression=codec)
        return buffer.getvalue()

    def _typed(self, column: pl.Series) -> pl.Series:
        types = self._types.get(column.name, [])
        for number, each in enumerate(types):
            typed = exactly(column, each)
            if typed is not None:
                self._widen(column.name, number)
                return typed
        self._widen(column.name, len(types))
        return column

    def _widen(self, name: str, number: int) -> None:
        """From now on leave out the first types of a column."""
        if not number:
            return
        types = self._types[name]
        self._types[name] = types[number:]
        log.warning(
            "%s.%s has a value that Parquet's %s does not hold exactly. From this file on the "
            "column is %s.",
            self._stream,
            name,
            types[0],
            next(iter(types[number:]), pl.String()),
        )


def _types_for(schema: Mapping[str, Any]) -> list[pl.DataType]:
    """Types for a property, the narrowest first; what none of them holds is text."""
    given = schema.get("type", "string")
    named = {given} if isinstance(given, str) else set(given)
    named.discard("null")
    if named == {"integer"}:
        return [pl.Int64(), pl.Decimal(_MAX_DIGITS, 0)]
    if named == {"number"}:
        return list(_decimals(schema.get(ANNOTATIONS, {})))
    if named == {"boolean"}:
        return [pl.Boolean()]
    formats: dict[Any, pl.DataType] = {"date": pl.Date(), "date-time": _TIMESTAMP}
    form = schema.get("format")
    return [formats[form]] if named == {"string"} and form in formats else []


def _decimals(sizes: Mapping[str, int]) -> dict[pl.DataType, None]:
    """Decimals that keep the digits of a number field, each once.

    Salesforce may store more digits than the describe says, in formulas for example.
    """
    precision, scale = sizes.get("precision", 0), sizes.get("scale", 0)
    wide = dict.fromkeys([pl.Decimal(_MAX_DIGITS, _WIDE_SCALE)])
    if not 0 < precision <= _MAX_DIGITS:
        return dict.fromkeys(wide)
    return dict.fromkeys([pl.Decimal(precision, scale), pl.Decimal(_MAX_DIGITS, scale), *wide])


def exactly(column: pl.Series, dtype: pl.DataType) -> pl.Series | None:
    """A column of tokens in a type; None if the type does not hold each value exactly."""
    if isinstance(dtype, pl.Decimal):
        return _number(column, dtype, dtype.precision, dtype.scale)
    if dtype == pl.Int64:
        return _number(column, dtype, _INT64_DIGITS, 0)
    if dtype == pl.Boolean:
        return column == "true" if column.is_in(["true", "false"]).all() else None
    if dtype == pl.Date:
        return _parsed(column, _DATE, column.str.to_date("%Y-%m-%d", strict=False))
    instants = column.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return _parsed(column, _INSTANT, instants)


def _number(column: pl.Series, dtype: pl.DataType, precision: int, scale: int) -> pl.Series | None:
    whole = f"(?:0|[1-9][0-9]{{0,{max(precision - scale, 1) - 1}}})" if precision > scale else "0"
    plain = f"^-?{whole}(?:\\.[0-9]{{1,{scale}}})?$" if scale else f"^-?{whole}$"
    odd = column.filter(~column.str.contains(plain)).unique()
    if odd.len():
        spelled = {text: plain_digits(text) for text in odd}
        if None in spelled.values():
            return None
        column = column.replace(spelled)
        if not column.str.contains(plain).all():
            return None
    return column.cast(dtype)


def _parsed(column: pl.Series, form: str, parsed: pl.Series) -> pl.Series | None:
    fits = column.str.contains(form).all() and parsed.null_count() == column.null_count()
    return parsed if fits else None


def plain_digits(text: str) -> str | None:
    """A JSON number without exponent and without zeros at its end; None if it is too long."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number:
        return "0"
    if abs(number.adjusted()) > _MAX_DIGITS or len(number.as_tuple().digits) > 2 * _MAX_DIGITS:
        return None
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

"""The types of columns of text: a type holds each value of a column exactly, or it is not taken."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import polars as pl

from sfbulk.normalize import NUMBER

MAX_DIGITS = 38
"""Digits of the largest decimal of Parquet and Arrow."""
TIMESTAMP = pl.Datetime("us", "UTC")
"""The type of an instant."""

_WIDE_SCALE = 18
_INT64_DIGITS = 18
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_INSTANT = r"^[0-9-]{10}T[0-9:]{8}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"


def decimals(precision: int, scale: int) -> list[pl.DataType]:
    """Decimals that keep the digits of a number field, the narrowest first.

    Salesforce may store more digits than the describe says, in formulas for example.
    """
    wide: list[pl.DataType] = [pl.Decimal(MAX_DIGITS, _WIDE_SCALE)]
    if not 0 < precision <= MAX_DIGITS:
        return wide
    own = [pl.Decimal(precision, scale), pl.Decimal(MAX_DIGITS, scale), *wide]
    return list(dict.fromkeys(own))


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
    # Most numbers are written plainly; only the others are parsed one by one.
    odd = column.filter(~column.str.contains(plain)).unique()
    if odd.len():
        spelled = {text: _plain_digits(text) for text in odd}
        if None in spelled.values():
            return None
        column = column.replace(spelled)
        if not column.str.contains(plain).all():
            return None
    return column.cast(dtype)


def _parsed(column: pl.Series, form: str, parsed: pl.Series) -> pl.Series | None:
    fits = column.str.contains(form).all() and parsed.null_count() == column.null_count()
    return parsed if fits else None


def _plain_digits(text: str) -> str | None:
    """A JSON number without exponent and without zeros at its end; None if it is too long."""
    if not NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number:
        return "0"
    if abs(number.adjusted()) > MAX_DIGITS or len(number.as_tuple().digits) > 2 * MAX_DIGITS:
        return None
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits

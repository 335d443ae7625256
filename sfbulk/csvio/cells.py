"""Python values to the text of one cell; no I/O."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch
from typing import Any

from sfbulk.errors import DataError
from sfbulk.soql import utc_text

NULL = "#N/A"
"""Clears a field on update and upsert (Bulk API guide: Valid CSV Record Rows)."""


@singledispatch
def cell_text(value: Any) -> str | None:
    """The text Salesforce takes for `value`; None for no value, which an empty text is too.

    Salesforce does not tell a null from an empty text in either direction, so neither
    does this: what to write for both depends on the operation.

    Raises:
        DataError: a type or value that has no text in Salesforce; does not quote it.
    """
    raise DataError(
        f"a value of type {type(value).__name__} cannot be sent: give None, text, a number, "
        "a bool, a date or a datetime"
    )


@cell_text.register
def _(value: None) -> None:
    return value


@cell_text.register
def _(value: str) -> str | None:
    if value == NULL:
        raise DataError(
            f"the text {NULL} cannot be stored: Salesforce reads it as 'clear the field'. "
            "Give None if that is meant"
        )
    return value or None


@cell_text.register
def _(value: bool) -> str:
    return "true" if value else "false"


@cell_text.register
def _(value: int) -> str:
    return str(value)


@cell_text.register
def _(value: float) -> str:
    # repr gives the shortest digits that are the same float.
    return _digits(Decimal(repr(value)))


@cell_text.register
def _(value: Decimal) -> str:
    return _digits(value)


@cell_text.register
def _(value: date) -> str:
    return value.isoformat()


@cell_text.register
def _(value: datetime) -> str:
    if value.tzinfo is None:
        raise DataError("a datetime without a time zone names no instant: give it one")
    return utc_text(value)


def _digits(value: Decimal) -> str:
    if not value.is_finite():
        raise DataError("a number that is infinite or not a number cannot be sent")
    return format(value, "f")

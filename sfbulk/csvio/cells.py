"""Turns Python values into the text of a CSV cell; no I/O."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from sfbulk.errors import DataError
from sfbulk.soql import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable

NULL = "#N/A"
"""Clears a field in an update or upsert (Bulk API guide: Valid CSV Record Rows)."""


def cell_text(value: Any) -> str | None:
    """The text of `value` in Salesforce's form; None for a null or an empty text.

    Salesforce does not distinguish a null from an empty text, so this function does not either.
    What to write for them depends on the operation.

    Raises:
        DataError: a type or value that Salesforce has no text for; does not quote it.
    """
    # Looking up the very type is several times as fast as finding the one it derives from.
    text = _BY_TYPE.get(type(value))
    return _text(value) if text is None else text(value)


@singledispatch
def _text(value: Any) -> str | None:
    raise DataError(
        f"a value of type {type(value).__name__} cannot be sent: use None, text, a number, "
        "a bool, a date or a datetime"
    )


@_text.register
def _(value: None) -> None:
    return value


@_text.register
def _(value: str) -> str | None:
    if value == NULL:
        raise DataError(
            f"the text {NULL} cannot be stored: Salesforce reads it as 'clear the field'. "
            "Use None to clear the field"
        )
    return value or None


@_text.register
def _(value: bool) -> str:
    return "true" if value else "false"


@_text.register
def _(value: int) -> str:
    return str(value)


@_text.register
def _(value: float) -> str:
    # repr has the fewest digits that give the same float.
    return _digits(Decimal(repr(value)))


@_text.register
def _(value: Decimal) -> str:
    return _digits(value)


@_text.register
def _(value: date) -> str:
    return value.isoformat()


@_text.register
def _(value: datetime) -> str:
    if value.tzinfo is None:
        raise DataError("a datetime must have a time zone, such as timezone.utc")
    return utc_text(value)


def _digits(value: Decimal) -> str:
    if not value.is_finite():
        raise DataError("a number that is infinite or not a number (NaN) cannot be sent")
    return format(value, "f")


_BY_TYPE: dict[type, Callable[[Any], str | None]] = {
    kind: _text.dispatch(kind)
    for kind in (type(None), str, bool, int, float, Decimal, date, datetime)
}

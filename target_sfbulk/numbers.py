"""Keeps a JSON number's own digits from the input line to the CSV cell and the rejects file."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A number as JSON writes it (RFC 8259, section 6)."""


class WrittenNumber(Decimal):
    """A number that a Decimal alone would write otherwise, such as `1.0E7` as `1.0E+7`."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> WrittenNumber:  # noqa: PYI034 - Self needs Python 3.11
        """A decimal that remembers the text it was read from."""
        number = super().__new__(cls, written)
        number.written = written
        return number


def number(written: str) -> Decimal:
    """A JSON number that is no integer, exact in value and in text.

    Raises:
        ValueError: Its exponent is beyond what a Decimal holds.
    """
    try:
        exact = Decimal(written)
    except InvalidOperation:
        raise ValueError("a number is out of range") from None
    return exact if str(exact) == written else WrittenNumber(written)


def json_text(value: Any) -> str:
    """A JSON value as compact JSON; a text as itself; a stream map's date or time in ISO form."""
    if type(value) is str:
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    return json_line(value).decode()


def json_line(value: Any) -> bytes:
    """A JSON value as compact JSON in UTF-8, without a line end."""
    return _ENCODER.encode(value)


def _as_written(value: object) -> msgspec.Raw:
    if isinstance(value, WrittenNumber):
        return msgspec.Raw(value.written.encode())
    raise TypeError(f"A {type(value).__name__} is no JSON value.")


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=_as_written)

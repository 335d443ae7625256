"""JSON numbers that keep the digits they were written with, from input to output."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from sfbulk.normalize import NUMBER, NUMBER_GRAMMAR

__all__ = ["NUMBER", "NUMBER_GRAMMAR", "WrittenNumber", "as_written", "number"]


class WrittenNumber(Decimal):
    """A number that a Decimal alone would write otherwise, such as `1.0E7` as `1.0E+7`."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> WrittenNumber:  # noqa: PYI034 - Self needs Python 3.11
        """A Decimal that keeps the text it was read from."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        """The text it was read from."""
        return self.written


def number(written: str) -> Decimal:
    """A JSON number, exact in value and in text.

    Raises:
        ValueError: Its exponent is beyond what a Decimal holds.
    """
    try:
        exact = Decimal(written)
    except InvalidOperation:
        raise ValueError("a number is out of range") from None
    return exact if str(exact) == written else WrittenNumber(written)


def as_written(value: object) -> msgspec.Raw:
    """The JSON of a `WrittenNumber`: the `enc_hook` of a msgspec encoder.

    With `decimal_format="number"` msgspec itself writes a plain Decimal.

    Raises:
        TypeError: The value is something else.
    """
    if isinstance(value, WrittenNumber):
        return msgspec.Raw(value.written.encode())
    raise TypeError(f"A {type(value).__name__} is not a JSON value.")

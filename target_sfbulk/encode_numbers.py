"""Encodes numbers for number fields, rounded as Salesforce rounds, and whole numbers as text."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any

from sfbulk_singer.numbers import NUMBER
from target_sfbulk.json_lines import json_text
from target_sfbulk.losses import UnconvertibleError

if TYPE_CHECKING:
    from target_sfbulk.losses import Encode, OnLoss

# What databases write as text beyond JSON's grammar: `05000`, `+5`, `.5`, `5.`.
_WRITTEN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
# More digits than any number in Salesforce has; the digits of a large exponent would fill the
# memory.
_MOST_DIGITS = 40
# Sums of binary floats are off by less than this share of their value.
_NOISE = Decimal("1e-12")
_EXACT = Context(prec=3 * _MOST_DIGITS, rounding=ROUND_HALF_UP)
_ZERO = Decimal(0)


def number_encoder(scale: int, on_loss: OnLoss) -> Encode:
    """The encoder of a field with this number of decimals; more are rounded, half away from zero.

    SOAP API guide, Field Types: Salesforce rounds decimals beyond the scale without a message.
    """
    change = f"it has more than the field's {scale} decimals, and Salesforce would round it"
    step = Decimal(1).scaleb(-scale)

    def encode(value: Any) -> str:
        if type(value) is int:
            return str(value)
        if type(value) is Decimal:
            text = str(value)
            # A negative zero is a zero.
            if "E" not in text and len(text.partition(".")[2]) <= scale and value:
                return text
        number = exact_number(value)
        rounded = _rounded(number, step)
        if rounded != number:
            on_loss(change)
            return _plain(rounded)
        text = json_text(value)
        return text if number and NUMBER.fullmatch(text) else _plain(number)

    return encode


def integer_encoder(on_loss: OnLoss) -> Encode:
    """The encoder of a whole number field.

    Salesforce refuses a fraction in such a field, so only the noise of binary floats is fitted.
    """

    def encode(value: Any) -> str:
        if type(value) is int:
            return str(value)
        number = exact_number(value)
        whole = _rounded(number, Decimal(1))
        if whole != number:
            if abs(number - whole) > _NOISE * max(abs(number), Decimal(1)):
                raise UnconvertibleError("a whole number is needed and it has a fraction")
            on_loss("a whole number is needed and it differs from one by a rounding error")
        return _plain(whole)

    return encode


def whole_text(value: Any) -> str:
    """A number under an integer SCHEMA as text: `5` for `5`, `5.0` and `5E0`."""
    if isinstance(value, Decimal) and _in_range(value) and value == value.to_integral_value():
        return _plain(value.to_integral_value())
    return json_text(value)


def plain_text(value: Any) -> str:
    """A number under a number SCHEMA as the text of a key: `1.5` for `1.5`, `1.50` and `15E-1`."""
    if isinstance(value, Decimal) and _in_range(value):
        text = _plain(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    return json_text(value)


def exact_number(value: Any) -> Decimal:
    """The number that a value is, also as a text.

    Raises:
        UnconvertibleError: It is not a number, or beyond what Salesforce holds.
    """
    # A stream map may have computed a float; its JSON text has the shortest digits that are exact.
    text = value.strip() if type(value) is str else json_text(value)
    if not _WRITTEN.fullmatch(text):
        raise UnconvertibleError("it is not a number")
    try:
        number = Decimal(text)
    except ArithmeticError:
        raise UnconvertibleError("it is outside the range of Salesforce") from None
    if number.adjusted() > _MOST_DIGITS and number:
        raise UnconvertibleError("it is outside the range of Salesforce")
    return number


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    # Nothing that Salesforce stores is so small, and its digits could not be counted.
    if number.adjusted() < -_MOST_DIGITS:
        return _ZERO
    return number if number.as_tuple().exponent >= 0 else number.quantize(step, context=_EXACT)  # type: ignore[operator] # a finite number has an exponent


def _in_range(number: Decimal) -> bool:
    return not number or -_MOST_DIGITS <= number.adjusted() <= _MOST_DIGITS


def _plain(number: Decimal) -> str:
    return format(number, "f") if number else "0"

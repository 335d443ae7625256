"""A JSON number keeps its digits, whatever a Decimal would write for it."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_singer.numbers import NUMBER, as_written, number

NUMBERS = st.from_regex(NUMBER, fullmatch=True).filter(
    lambda text: len(text.lower().partition("e")[2]) < 6
)
ENCODER = msgspec.json.Encoder(enc_hook=as_written, decimal_format="number")


@given(NUMBERS)
def test_a_number_is_written_with_the_digits_it_was_read_with(text: str) -> None:
    read = number(text)
    assert read == Decimal(text)
    assert str(read) == text
    assert ENCODER.encode({"x": read}) == b'{"x":%s}' % text.encode()


@given(st.text("0123456789+-.eE", max_size=8))
def test_the_grammar_takes_what_json_takes_and_nothing_else(text: str) -> None:
    try:
        json.loads(text)
    except ValueError:
        assert not NUMBER.fullmatch(text)
    else:
        assert NUMBER.fullmatch(text)


def test_a_number_beyond_what_a_decimal_holds_is_an_error() -> None:
    with pytest.raises(ValueError, match="out of range"):
        number("1e99999999999999999999")


def test_only_numbers_are_written_as_numbers() -> None:
    with pytest.raises(TypeError, match=re.escape("A object is not a JSON value.")):
        ENCODER.encode(object())

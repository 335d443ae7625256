"""Record values to cells: exact where the field can hold them, refused with a reason where not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import FieldDescribe
from sfbulk_singer.numbers import number
from target_sfbulk.encode import UnconvertibleError, encoder_for


def from_json(text: str) -> Any:
    """A value as the target's reader hands it over."""
    return msgspec.json.Decoder(float_hook=number).decode(text)


def field(kind: str, scale: int = 0, *, case_sensitive: bool = False) -> FieldDescribe:
    return FieldDescribe("F__c", type=kind, scale=scale, case_sensitive=case_sensitive)


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", '"007"', "007"),
        ("string", '" a\\r\\nb "', " a\r\nb "),
        ("string", "7", "7"),
        ("string", "1.50", "1.50"),
        ("string", "1.0E7", "1.0E7"),
        ("string", "0.00000001", "0.00000001"),
        ("string", "123456789012345678", "123456789012345678"),
        ("string", "true", "true"),
        ("string", '{"a": [1, 2.50, 1e5], "b": null}', '{"a":[1,2.50,1e5],"b":null}'),
        ("textarea", '["x", "é"]', '["x","é"]'),
        ("picklist", '"New"', "New"),
        ("a type of tomorrow", '"x"', "x"),
        ("multipicklist", '["a", "b", 3]', "a;b;3"),
        ("multipicklist", '"a;b"', "a;b"),
        ("multipicklist", "[]", "#N/A"),
        ("boolean", "true", "true"),
        ("boolean", "false", "false"),
        ("boolean", '"TRUE"', "true"),
        ("int", "42", "42"),
        ("int", "47.0", "47"),
        ("int", "1.2E3", "1200"),
        ("int", '"-5"', "-5"),
        ("double", "1.0E7", "1.0E7"),
        ("double", "-0", "0"),
        ("currency", "12", "12"),
        ("date", '"2026-11-23"', "2026-11-23"),
        ("date", '"2026-11-23T00:00:00.000Z"', "2026-11-23"),
        ("date", '"2026-11-23T00:00:00+00:00"', "2026-11-23"),
        ("datetime", '"2026-11-23T09:15:00Z"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23T09:15:00.0+01:00"', "2026-11-23T08:15:00.000Z"),
        ("datetime", '"2026-11-23T00:15:00-0830"', "2026-11-23T08:45:00.000Z"),
        ("datetime", '"2026-11-23 09:15:00.000000"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23"', "2026-11-23T00:00:00.000Z"),
        ("time", '"18:30"', "18:30:00.000Z"),
        ("time", '"18:30:01.25Z"', "18:30:01.250Z"),
        ("reference", '"0013z00002QeTIW"', "0013z00002QeTIW"),
        ("id", '"0013z00002QeTIWAA3"', "0013z00002QeTIWAA3"),
    ],
)
def test_a_value_becomes_the_cell_its_field_takes(kind: str, value: str, cell: str) -> None:
    assert encoder_for(field(kind))(from_json(value)) == cell


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("string", '"#N/A"', "reads it as null"),
        ("multipicklist", '["a;b"]', "separator"),
        ("multipicklist", '["#N/A"]', "reads it as null"),
        ("multipicklist", '["a", null]', "a choice is null"),
        ("multipicklist", '["a", ""]', "empty"),
        ("multipicklist", '[["a"]]', "a list or an object"),
        ("boolean", "1", "neither true nor false"),
        ("boolean", '"yes"', "neither true nor false"),
        ("int", "47.5", "fraction"),
        ("int", "true", "not a number"),
        ("int", '"0x10"', "not a number"),
        ("int", "1E400000000", "outside the range"),
        ("double", '"NaN"', "not a number"),
        ("double", "[1]", "not a number"),
        ("currency", "0.001", "would round"),
        ("date", '"2026-11-23T09:15:00Z"', "cut off"),
        ("date", '"2026-02-30"', "no such date or time"),
        ("date", "20261123", "not a date"),
        ("date", '"23.11.2026"', "not a date"),
        ("datetime", '"2026-11-23T09:15:00.123Z"', "whole seconds"),
        ("datetime", '"2026-11-23T09:15:00.000001+01:00"', "whole seconds"),
        ("datetime", '"2026-11-23T09:15:00+24:00"', "no such date or time"),
        ("datetime", '"2026-11-23T09:15:00+01:60"', "no such date or time"),
        ("datetime", '"2026-11-23T25:00:00Z"', "no such date or time"),
        ("datetime", '"yesterday"', "not a date and time"),
        ("datetime", '"0001-01-01T00:00:00+01:00"', "outside the range"),
        ("datetime", "1700000000", "not a date and time"),
        ("time", '"18:30:00+02:00"', "not a time"),
        ("time", '"18:30:00.0001"', "milliseconds"),
        ("time", '"24:30"', "no such date or time"),
        ("reference", '"0013z00002QeTI"', "15 or 18"),
        ("reference", '"0013z00002QeTIWAAA"', "check characters"),
        ("reference", "13", "15 or 18"),
    ],
)
def test_a_value_that_would_be_altered_is_refused(kind: str, value: str, reason: str) -> None:
    with pytest.raises(UnconvertibleError) as refused:
        encoder_for(field(kind))(from_json(value))
    assert reason in str(refused.value)


@given(st.text(min_size=1).filter(lambda text: text != "#N/A"))
def test_text_is_kept_character_for_character(text: str) -> None:
    assert encoder_for(field("string"))(text) == text


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=4, min_value=-(10**13), max_value=10**13
    )
)
def test_a_number_keeps_its_value_and_digits_or_is_refused(value: Decimal) -> None:
    fits = value == value.quantize(Decimal("0.01"))
    encode = encoder_for(field("currency", scale=2))
    text = format(value, "f")
    if fits:
        assert encode(from_json(text)) == text
    else:
        with pytest.raises(UnconvertibleError):
            encode(from_json(text))


@given(
    st.datetimes(min_value=datetime(1700, 1, 2), max_value=datetime(4000, 1, 1)),  # noqa: DTZ001 - zones are added below
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_is_the_same_in_utc(naive: datetime, offset: int) -> None:
    naive = naive.replace(microsecond=0)
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    cell = encoder_for(field("datetime"))(instant.isoformat())
    assert datetime.strptime(cell, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc) == instant

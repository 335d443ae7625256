"""Record values to cells: as they are, or as Salesforce would store them, or refused."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import FieldDescribe
from sfbulk_singer.numbers import number
from target_sfbulk.encode import encoder_for
from target_sfbulk.losses import UnconvertibleError


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
        ("multipicklist", "[]", ""),
        ("multipicklist", '"[\\"a\\", \\"b\\"]"', "a;b"),
        ("multipicklist", '"[a]"', "[a]"),
        ("boolean", "true", "true"),
        ("boolean", "false", "false"),
        ("boolean", '"TRUE"', "true"),
        ("boolean", "1", "true"),
        ("boolean", "0", "false"),
        ("boolean", "1.0", "true"),
        ("boolean", "-0.0", "false"),
        ("boolean", '"0"', "false"),
        ("boolean", '"Yes"', "true"),
        ("boolean", '"n"', "false"),
        ("boolean", '" t "', "true"),
        ("boolean", '"off"', "false"),
        ("int", "42", "42"),
        ("int", "47.0", "47"),
        ("int", "1.2E3", "1200"),
        ("int", '"-5"', "-5"),
        ("int", '"05000"', "5000"),
        ("int", '"+5"', "5"),
        ("int", '" 5 "', "5"),
        ("int", '"12.0"', "12"),
        ("int", "-0.0", "0"),
        ("double", '"05000"', "5000"),
        ("double", '"+5"', "5"),
        ("double", '" 5. "', "5"),
        ("double", '"1e3"', "1e3"),
        ("double", "-0.0", "0"),
        ("double", "1.0E7", "1.0E7"),
        ("double", "-0", "0"),
        ("currency", "12", "12"),
        ("date", '"2026-11-23"', "2026-11-23"),
        ("date", '"2026-11-23T00:00:00.000Z"', "2026-11-23"),
        ("date", '"2026-11-23T00:00:00+00:00"', "2026-11-23"),
        ("date", '"2026-11-23T00:00:00+02:00"', "2026-11-23"),
        ("date", '"2026-11-23 00:00:00.000000"', "2026-11-23"),
        ("date", '" 2026-11-23 "', "2026-11-23"),
        ("date", '"20261123"', "2026-11-23"),
        ("datetime", '"2026-11-23T09:15:00Z"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23T09:15:00.0+01:00"', "2026-11-23T08:15:00.000Z"),
        ("datetime", '"2026-11-23T00:15:00-0830"', "2026-11-23T08:45:00.000Z"),
        ("datetime", '"2026-11-23 09:15:00.000000"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23"', "2026-11-23T00:00:00.000Z"),
        ("datetime", '"2026-11-23 09:15:00+00"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23 09:15:00 UTC"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"2026-11-23 09:15:00.000 -0800"', "2026-11-23T17:15:00.000Z"),
        ("datetime", '"2026-11-23t09:15z"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"20261123T091500Z"', "2026-11-23T09:15:00.000Z"),
        ("datetime", '"1890-01-01 00:00:00+00:19:32"', "1889-12-31T23:40:28.000Z"),
        ("datetime", '"2026-12-31T24:00:00Z"', "2027-01-01T00:00:00.000Z"),
        ("datetime", '"9999-12-31T00:00:00"', "9999-12-31T00:00:00.000Z"),
        ("time", '"18:30"', "18:30:00.000Z"),
        ("time", '"18:30:01.25Z"', "18:30:01.250Z"),
        ("time", '"5:06:07"', "05:06:07.000Z"),
        ("time", '"1970-01-01T05:06:07"', "05:06:07.000Z"),
        ("reference", '"0013z00002QeTIW"', "0013z00002QeTIW"),
        ("reference", '" 0013z00002QeTIWAA3 "', "0013z00002QeTIWAA3"),
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
        ("boolean", "2", "neither true nor false"),
        ("boolean", "[1]", "neither true nor false"),
        ("boolean", '"maybe"', "neither true nor false"),
        ("int", "47.5", "fraction"),
        ("int", "true", "not a number"),
        ("int", '"0x10"', "not a number"),
        ("int", "1E400000000", "outside the range"),
        ("double", '"NaN"', "not a number"),
        ("double", "[1]", "not a number"),
        ("double", '"1,000"', "not a number"),
        ("double", '"1_000"', "not a number"),
        ("double", '"\\u0665"', "not a number"),
        ("double", "1e400", "outside the range"),
        ("double", '"1e99999999999999999999"', "outside the range"),
        ("currency", "0.001", "would round"),
        ("date", '"2026-11-23T09:15:00Z"', "cut off"),
        ("date", '"2026-02-30"', "no such date or time"),
        ("date", "20261123", "not a date"),
        ("date", '"23.11.2026"', "not a date"),
        ("date", '"20261345"', "no such date or time"),
        ("date", '"0000-00-00"', "no such date or time"),
        ("date", '"0044-03-15 BC"', "not a date"),
        ("date", '"infinity"', "not a date"),
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
        ("time", '"24:00:00"', "no such date or time"),
        ("time", '"838:59:59"', "not a time"),
        ("time", '"2026-11-23T05:06:07"', "not a time"),
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


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("currency", "0.30000000000000004", "0.30"),
        ("currency", "0.305", "0.31"),
        ("currency", "-0.305", "-0.31"),
        ("currency", "999.995", "1000.00"),
        ("currency", "-0.001", "0"),
        ("currency", "1e-400000000", "0"),
        ("currency", '" +.005 "', "0.01"),
        ("int", "11.999999999999998", "12"),
        ("date", '"2026-03-04T23:30:00-05:00"', "2026-03-04"),
        ("date", '"2026-03-04T00:30:00+05:00"', "2026-03-04"),
        ("date", '"2026-03-04 05:06:07.123456+00"', "2026-03-04"),
        ("datetime", '"2026-03-04T05:06:07.123456+00:00"', "2026-03-04T05:06:07.000Z"),
        ("datetime", '"2026-03-04 05:06:07.123456789 +0100"', "2026-03-04T04:06:07.000Z"),
        ("datetime", '"2026-03-04T05:06:07,999Z"', "2026-03-04T05:06:07.000Z"),
        ("datetime", '"2016-12-31T23:59:60Z"', "2017-01-01T00:00:00.000Z"),
        ("time", '"05:06:07.1239999"', "05:06:07.123Z"),
    ],
)
def test_what_warehouses_hold_is_fitted_and_noted_once_or_refused(
    kind: str, value: str, cell: str
) -> None:
    noted: list[str] = []
    one = field(kind, scale=2)
    assert encoder_for(one, on_loss=noted.append)(from_json(value)) == cell
    assert len(noted) == 1
    with pytest.raises(UnconvertibleError, match=re.escape(noted[0])):
        encoder_for(one)(from_json(value))


INTEGER: dict[str, Any] = {"type": ["null", "integer"]}
NUMBER: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "values", "text"),
    [
        (INTEGER, ["5", "5.0", "5E0", "0.5e1"], "5"),
        (INTEGER, ["1000", "1E3", "1000.00"], "1000"),
        (INTEGER, ["0", "-0", "-0.0", "0E5"], "0"),
        (INTEGER, ["123456789012345678901", "123456789012345678901.0"], "123456789012345678901"),
        (INTEGER, ["5.5"], "5.5"),
        (INTEGER, ['"5.0"'], "5.0"),
        ({"type": "number", "multipleOf": 1}, ["5", "5.0"], "5"),
        ({"type": "number", "multipleOf": Decimal("1e400")}, ["5", "5.0"], "5"),
        (NUMBER, ["1.5", "1.50", "15E-1"], "1.5"),
        (NUMBER, ["5", "5.0", "5.00"], "5"),
        ({"type": ["number"], "multipleOf": Decimal("0.01")}, ["5", "5.00"], "5"),
        (NUMBER, ["1E3", "1000"], "1000"),
        ({"type": ["integer", "string"]}, ["7", "7.0"], "7"),
        ({}, ["7.0"], "7.0"),
        ({"type": "string"}, ["7.0"], "7.0"),
    ],
)
def test_a_number_is_one_text_key_by_the_type_of_its_schema(
    schema: dict[str, Any], values: list[str], text: str
) -> None:
    key = FieldDescribe("F__c", type="string", external_id=True)
    assert {encoder_for(key, schema)(from_json(value)) for value in values} == {text}


def test_a_text_that_is_no_key_keeps_the_digits_of_a_number_and_a_whole_number_has_none() -> None:
    assert encoder_for(field("string"), NUMBER)(from_json("1.50")) == "1.50"
    assert encoder_for(field("string"), INTEGER)(from_json("1.0")) == "1"


@given(st.decimals(-(10**18), 10**18, places=6), st.integers(0, 4))
def test_a_number_is_rounded_half_away_from_zero(value: Decimal, scale: int) -> None:
    noted: list[str] = []
    encode = encoder_for(field("currency", scale=scale), on_loss=noted.append)
    # In whole numbers of the sixth decimal, without the decimal module's rounding.
    millionths, unit = int(value.copy_abs().scaleb(6)), 10 ** (6 - scale)
    whole, rest = divmod(millionths, unit)
    stored = (whole + (2 * rest >= unit)) * unit * (-1 if value < 0 else 1)
    assert int(Decimal(encode(from_json(format(value, "f")))).scaleb(6)) == stored
    assert len(noted) == (rest > 0)
    if not rest:
        assert encoder_for(field("currency", scale=scale))(from_json(format(value, "f")))


@given(
    st.datetimes(min_value=datetime(1700, 1, 2), max_value=datetime(4000, 1, 1)),  # noqa: DTZ001 - zones are added below
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["{}", " {} "]),
    st.sampled_from("T "),
)
def test_a_date_field_has_the_day_as_it_is_written(
    naive: datetime, offset: int, blanks: str, separator: str
) -> None:
    noted: list[str] = []
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = blanks.format(instant.isoformat(sep=separator))
    assert encoder_for(field("date"), on_loss=noted.append)(text) == naive.date().isoformat()
    assert bool(noted) == (naive.time() != time())


@given(st.times())
def test_a_time_is_cut_to_milliseconds(of_day: time) -> None:
    noted: list[str] = []
    cell = encoder_for(field("time"), on_loss=noted.append)(of_day.isoformat())
    kept = of_day.replace(microsecond=of_day.microsecond // 1000 * 1000)
    assert cell == f"{kept.isoformat(timespec='milliseconds')}Z"
    assert bool(noted) == (kept != of_day)


@given(
    st.datetimes(min_value=datetime(1700, 1, 2), max_value=datetime(4000, 1, 1)),  # noqa: DTZ001 - zones are added below
    st.integers(-14 * 60, 14 * 60),
)
def test_an_instant_is_the_same_in_utc_in_whole_seconds(naive: datetime, offset: int) -> None:
    noted: list[str] = []
    written = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    cell = encoder_for(field("datetime"), on_loss=noted.append)(written.isoformat())
    instant = written.replace(microsecond=0)
    assert bool(noted) == (instant != written)
    assert datetime.strptime(cell, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc) == instant

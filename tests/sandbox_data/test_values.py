"""Values: what text becomes when stored, and the forms of Bulk CSV and REST JSON."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules.cells import rule_for
from sfbulk_sandbox.schema.schema import Field, Schema
from sfbulk_sandbox.schema.values import bulk_text, json_value, number_text, parse_cell

_INVOICE = Schema.standard().sobject("Invoice__c")


def _field(name: str) -> Field:
    field = _INVOICE.field(name) if _INVOICE else None
    assert field is not None
    return field


# What Java's Double.toString prints for those a double can hold; the digits for the others.
_JAVA = [
    ("0", "0.0"),
    ("-0.00", "0.0"),
    ("1", "1.0"),
    ("23456", "23456.0"),
    ("-1.50", "-1.5"),
    ("0.001", "0.001"),
    ("0.00099", "9.9E-4"),
    ("1E-7", "1.0E-7"),
    ("9999999", "9999999.0"),
    ("9999999.99", "9999999.99"),
    ("10000000", "1.0E7"),
    ("1.0E7", "1.0E7"),
    ("912260031", "9.12260031E8"),
    ("12345678.9", "1.23456789E7"),
    ("123456789012345678", "1.23456789012345678E17"),
    ("-999999999999999999", "-9.99999999999999999E17"),
    ("+5.", "5.0"),
    (".5", "0.5"),
]


@pytest.mark.parametrize(("text", "expected"), _JAVA)
def test_a_number_leaves_bulk_in_java_form_with_every_digit(text: str, expected: str) -> None:
    field = _field("Quantity__c")
    assert bulk_text(field, parse_cell(field, text)) == expected


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-1e18, max_value=1e18)
)
def test_no_digit_of_a_number_is_lost(number: Decimal) -> None:
    field = _field("Quantity__c")
    stored = parse_cell(field, str(number))
    assert Decimal(bulk_text(field, stored)) == number
    assert json_value(field, stored) == number


@given(
    st.one_of(
        st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-3e7, max_value=3e7),
        st.integers(-(10**9), 10**9),
    )
)
def test_a_number_in_javas_form_already_stays_as_it_is(number: Decimal | int) -> None:
    field = _field("Quantity__c")
    shown = number_text(Decimal(number))
    assert parse_cell(field, str(number)) == shown
    assert parse_cell(field, shown) == shown


@pytest.mark.parametrize(("name", "digits", "scale"), [("Amount__c", 16, 2), ("Tax_Rate__c", 3, 2)])
@given(
    number=st.one_of(
        st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-3e3, max_value=3e3),
        st.decimals(allow_nan=False, allow_infinity=False, places=1, min_value=-3e7, max_value=3e7),
    )
)
def test_a_saved_number_is_rounded_to_its_scale_and_kept_within_its_digits(
    name: str, digits: int, scale: int, number: Decimal
) -> None:
    rule = rule_for(_field(name))
    if abs(number) >= 10**digits:
        with pytest.raises(RowError, match="outside of valid range"):
            rule(str(number))
        return
    away_from_zero = Decimal(5).scaleb(-scale - 1).copy_sign(number)
    kept = (number + away_from_zero).quantize(Decimal(1).scaleb(-scale), ROUND_DOWN)
    assert rule(str(number)) == number_text(kept)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_the_exponent_form_begins_where_java_begins_it(number: float) -> None:
    text = number_text(Decimal(repr(number)))
    plain = number == 0 or 1e-3 <= abs(number) < 1e7
    assert ("E" not in text) == plain
    assert float(text) == number
    assert "." in text


@given(st.datetimes(datetime(1701, 1, 1), datetime(3999, 12, 31)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - the offset is the second value
def test_an_instant_is_kept_in_utc_to_the_second(local: datetime, minutes: int) -> None:
    field = _field("Due_At__c")
    zone = timezone(timedelta(minutes=minutes))
    moment = local.replace(tzinfo=zone)
    stored = parse_cell(field, moment.isoformat())
    expected = moment.astimezone(timezone.utc).strftime("%m-%dT%H:%M:%S")
    assert bulk_text(field, stored).endswith(f"-{expected}.000Z")
    assert str(json_value(field, stored)).endswith(f"-{expected}.000+0000")


@pytest.mark.parametrize(
    ("name", "text", "bulk", "json"),
    [
        ("Due_At__c", "2026-11-23T09:15:00.000Z", "2026-11-23T09:15:00.000Z", None),
        ("Due_At__c", "2026-11-23T09:15:00+0100", "2026-11-23T08:15:00.000Z", None),
        ("Due_At__c", "2026-11-23T09:15:00", "2026-11-23T09:15:00.000Z", None),
        ("Issued_On__c", "2026-11-23", "2026-11-23", "2026-11-23"),
        ("Issued_On__c", "2026-11-23Z", "2026-11-23", "2026-11-23"),
        ("Cut_Off__c", "18:00:00.000Z", "18:00:00.000Z", "18:00:00.000Z"),
        ("Cut_Off__c", "18:00", "18:00:00.000Z", "18:00:00.000Z"),
        ("Is_Disputed__c", "TRUE", "true", True),
        ("Is_Disputed__c", "0", "false", False),
        ("Is_Disputed__c", "", "false", False),
        ("Scan_Bytes__c", "123456789012345678", "123456789012345678", 123456789012345678),
        ("Terms__c", "<p>a &amp; b</p>", "<p>a &amp; b</p>", "<p>a &amp; b</p>"),
        ("Notes__c", " a\r\n\u2028b ", " a\r\n\u2028b ", " a\r\n\u2028b "),
        ("Account__c", "0013z00002QeTIW", "0013z00002QeTIWAA3", "0013z00002QeTIWAA3"),
    ],
)
def test_each_type_has_its_forms(name: str, text: str, bulk: str, json: object) -> None:
    field = _field(name)
    stored = parse_cell(field, text)
    assert bulk_text(field, stored) == bulk
    if json is not None:
        assert json_value(field, stored) == json


def test_the_empty_text_is_null_in_every_form() -> None:
    field = _field("Notes__c")
    assert parse_cell(field, "") is None
    assert bulk_text(field, None) == ""
    assert json_value(field, None) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Quantity__c", "1,5"),
        ("Quantity__c", "1_000"),
        ("Quantity__c", "NaN"),
        ("Quantity__c", " 1"),
        ("Quantity__c", "٣"),
        ("Quantity__c", "1E400"),
        ("Issued_On__c", "2026-02-30"),
        ("Issued_On__c", "23.11.2026"),
        ("Issued_On__c", "1699-12-31"),
        ("Due_At__c", "2026-11-23"),
        ("Due_At__c", "2026-11-23T25:00:00Z"),
        ("Due_At__c", "0001-01-01T00:00:00+14:00"),
        ("Cut_Off__c", "24:00"),
        ("Is_Disputed__c", "yes"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_label(name: str, text: str) -> None:
    field = _field(name)
    with pytest.raises(RowError) as refused:
        parse_cell(field, text)
    assert refused.value.code == "INVALID_TYPE_ON_FIELD_IN_RECORD"
    assert refused.value.message == f"{field.label}: value not of required type: {text}"
    assert refused.value.fields == (name,)


def test_a_text_may_be_as_long_as_its_field_and_no_longer() -> None:
    field = _field("Ext_Id__c")
    assert parse_cell(field, "x" * 40) == "x" * 40
    with pytest.raises(RowError) as refused:
        parse_cell(field, "x" * 41)
    text = f"External Id: data value too large: {'x' * 41} (max length=40)"
    assert (refused.value.code, refused.value.message) == ("STRING_TOO_LONG", text)

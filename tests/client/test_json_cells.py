"""Values of REST's JSON as cells of Bulk API's CSV, also in forms that the sandbox never sends."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.csvio import decode_rows
from sfbulk.errors import DataError
from sfbulk.read.json_cells import RecordCells, parse_json


def cell(value: str, *, is_datetime: bool | None = False) -> str:
    """The cell of a value, given as JSON."""
    record = parse_json(f'{{"Value": {value}}}'.encode())
    cells = RecordCells(["Value"], lambda _path: is_datetime)
    (row,) = decode_rows([cells.header + b"\n" + cells.row(record) + b"\n"])
    return row["Value"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # Recordings of Bulk API results: with an exponent from 1.0E7 on.
        ("950000000.0", "9.5E8"),
        ("9.5E8", "9.5E8"),
        ("10000000.0", "1.0E7"),
        ("9999999.0", "9999999.0"),
        ("-16147805824397.0", "-1.6147805824397E13"),
        ("0.0001", "1.0E-4"),
        ("0.001", "0.001"),
        ("123456789012345678.0", "1.23456789012345678E17"),
        ("47.0", "47.0"),
        ("0.0", "0.0"),
        ("0.10", "0.10"),
        # Whole numbers have no fraction in either API.
        ("950000000", "950000000"),
        ("123456789012345678", "123456789012345678"),
        ("true", "true"),
        ("false", "false"),
        ("null", ""),
        ('""', ""),
    ],
)
def test_a_value_has_the_text_of_bulk(written: str, expected: str) -> None:
    assert cell(written) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_no_digit_of_a_number_is_lost(number: Decimal) -> None:
    assert Decimal(cell(f"{number:f}")) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T09:15:00.000+0000", "2026-11-23T09:15:00.000Z"),
        ("2026-11-23T09:15:00.123+0000", "2026-11-23T09:15:00.123Z"),
        ("2026-11-23T09:15:00+0000", "2026-11-23T09:15:00.000Z"),
        ("2026-11-23T09:15:00.000Z", "2026-11-23T09:15:00.000Z"),
        ("2026-11-23", "2026-11-23"),
    ],
)
def test_datetimes_have_the_text_of_bulk_and_text_stays_as_it_is(text: str, expected: str) -> None:
    written = json.dumps(text)
    assert cell(written, is_datetime=True) == expected
    assert cell(written, is_datetime=None) == expected
    assert cell(written, is_datetime=False) == text


def test_half_a_character_is_a_question_mark_as_in_java() -> None:
    assert cell('"a\\ud800b"') == "a?b"


@pytest.mark.parametrize("record", ["{}", '{"value2": 1}', '{"Value": {"city": "Kiel"}}'])
def test_a_record_without_the_field_or_with_a_compound_is_an_error(record: str) -> None:
    with pytest.raises(DataError):
        RecordCells(["Value"], lambda _path: False).row(parse_json(record.encode()))

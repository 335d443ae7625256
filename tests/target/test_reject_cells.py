"""Records as cells of a spreadsheet and back: nothing is lost, and no cell means two things."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_sfbulk.json_lines import escaped_json_line, json_line, read_json
from target_sfbulk.reject_cells import (
    ABSENT,
    CellError,
    cell_types,
    read_cell,
    read_header,
    write_cell,
    write_header,
)

ODD_TEXTS = st.sampled_from(
    [
        *("", "#N/A", "json:", 'json:""', "007", "5", "-0", "1E+20", "1.2E+17", "true", "TRUE"),
        *("{}", "[]", '{"a":1}', "[1,", "null", "=1+1", "@x", "#NAME?", "a\r\nb", "\r", "\0", "\n"),
        *(" x ", '"', "'5", "\ufeffx", "\u2028", "\ud800", "x;y,z\tz", "1e999999999999"),
    ]
)
NUMBERS = st.sampled_from(
    ["0", "5", "-5", "1.0", "1.50", "1e5", "1.0E7", "1.5E+17", "12345678901234567890.10", "1e400"]
).map(lambda text: read_json(text.encode()))
SCALARS = st.none() | st.booleans() | NUMBERS | st.integers() | ODD_TEXTS | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS, inner, max_size=3),
    max_leaves=5,
)
TYPES = st.lists(
    st.sampled_from(["null", "string", "number", "integer", "boolean", "object", "array"])
)
SCHEMAS = TYPES.map(lambda types: {"type": types}) | TYPES.map(
    lambda types: {"anyOf": [{"type": one} for one in types]}
)


def through_csv(cells: list[str]) -> list[str]:
    """Cells as a file has them."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    data = text.getvalue().encode("utf-8-sig")
    (row,) = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return row


def exactly(value: Any) -> bytes:
    try:
        return json_line(value)
    except UnicodeEncodeError:
        return escaped_json_line(value)


@given(
    st.dictionaries(ODD_TEXTS | st.text() | st.just("sf__Run"), st.tuples(VALUES, SCHEMAS)),
    st.sets(st.integers(0, 5)),
)
def test_a_record_comes_back_from_a_row_of_cells(
    fields: dict[str, tuple[Any, dict[str, Any]]], absent: set[int]
) -> None:
    record = {
        name: value for at, (name, (value, _)) in enumerate(fields.items()) if at not in absent
    }
    types = {name: cell_types(schema) for name, (_, schema) in fields.items()}
    headers = through_csv([*map(write_header, fields), "end"])[:-1]
    assert not any(header.startswith("sf__") or not header for header in headers)
    assert len(set(headers)) == len(headers)
    cells = [write_cell(record[name], types[name]) if name in record else "" for name in fields]
    row = dict(zip(map(read_header, headers), through_csv([*cells, "end"]), strict=False))
    read = {name: read_cell(cell, types[name]) for name, cell in row.items()}
    found = {name: value for name, value in read.items() if value is not ABSENT}
    assert {name: exactly(value) for name, value in found.items()} == {
        name: exactly(value) for name, value in record.items()
    }


TEXT, ANY, WHOLE, FLAG = (
    cell_types(schema)
    for schema in (
        {"type": ["null", "string"], "format": "date"},
        {},
        {"type": ["integer", "null"]},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    )
)


@pytest.mark.parametrize(
    ("value", "types", "cell"),
    [
        (None, TEXT, "#N/A"),
        ("", TEXT, 'json:""'),
        ("#N/A", TEXT, 'json:"#N/A"'),
        ("007", TEXT, "007"),
        ("5", TEXT, "5"),
        (5, TEXT, "json:5"),
        (5, ANY, "5"),
        ("5", ANY, 'json:"5"'),
        (5, WHOLE, "5"),
        ("x", WHOLE, "x"),
        (True, FLAG, "true"),
        ("=1+1", TEXT, "=1+1"),
        ("a\r\nb", TEXT, r'json:"a\r\nb"'),
        ("a\nb", TEXT, "a\nb"),
        ({"a": [1, "é"]}, ANY, '{"a":[1,"é"]}'),
    ],
)
def test_a_cell_is_as_plain_as_it_can_be(value: Any, types: frozenset[str], cell: str) -> None:
    assert write_cell(value, types) == cell


@pytest.mark.parametrize(
    ("cell", "types", "value"),
    [("TRUE", FLAG, True), ("False", FLAG, False), ("1,5", WHOLE, "1,5"), ("05", WHOLE, "05")],
)
def test_what_a_spreadsheet_or_a_hand_has_written_is_understood(
    cell: str, types: frozenset[str], value: Any
) -> None:
    assert read_cell(cell, types) == value


@pytest.mark.parametrize("cell", ["1.23457E+17", "1,2E+10", "-4E-05", "#NAME?", "json:", "json:{"])
def test_a_value_that_is_lost_is_an_error_that_does_not_quote_it(cell: str) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(cell, TEXT)
    assert cell not in str(caught.value).replace("after `json:`", "")

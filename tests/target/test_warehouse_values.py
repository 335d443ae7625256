"""Each type of field, with a value in each form in which a warehouse or a tap may write it."""

from __future__ import annotations

from typing import Any

import pytest

from sfbulk import FieldDescribe
from target_sfbulk.encode import encoder_for, is_blank
from target_sfbulk.json_lines import json_text
from target_sfbulk.losses import UnconvertibleError
from tests.target.test_encode import from_json

# Values are the elements of a JSON list, as a tap writes them.
SAME = {
    "boolean": {
        "true": (
            'true, 1, 1.0, 1E0, "t", "T", "TRUE", "true   ", "Y", "yes", "on", "1", '
            '"1.0", "01", "\\t1\\n", "\\u0001"'
        ),
        "false": (
            'false, 0, 0.0, -0.0, -0, "f", "False", "N", "no ", "off", "0", "0.0", "00", '
            '"-0", "\\u0000"'
        ),
    },
    "int": {
        "5": '5, 5.0, 5E0, 0.5e1, "5", "5.0", " 5 ", "+5", "05", "5."',
        "0": '0, -0, -0.0, "-0", "-0.00", "0E5"',
        "1200": '1.2E3, "1.2e+3", "1200.000000 "',
        "-7": '-7, "-07", "-7.0"',
    },
    "currency": {
        "5": '5, "+5", "05", "5.", " 5 "',
        "5.50": '5.50, "5.50", "5.50  ", "05.50", "+5.50"',
        "0": '0, -0, -0.0, "-0.00", "-.0"',
        "0.5": '0.5, ".5", "+.5", "0.5 "',
    },
    "date": {
        "2026-03-04": (
            '"2026-03-04", "2026-03-04 ", "20260304", "2026-03-04Z", "2026-03-04+00:00", '
            '"2026-03-04-08:00", "2026-03-04T00:00:00", "2026-03-04 00:00:00.000000", '
            '"2026-03-04 00:00:00.0000000 +00:00", "2026-03-04T00:00:00.000000000Z", '
            '"2026-03-04 00:00:00 UTC", "2026-03-04T00:00:00-08", '
            '"2026-03-04T00:00:00+0530", "2026-03-04\\n"'
        ),
        "0001-01-01": '"0001-01-01", "0001-01-01T00:00:00"',
    },
    "datetime": {
        "2026-03-04T05:06:07.000Z": (
            '"2026-03-04T05:06:07", " 2026-03-04 05:06:07 ", '
            '"2026-03-04 05:06:07.000000", "2026-03-04 05:06:07+00", '
            '"2026-03-04t05:06:07z", "2026-03-04 05:06:07 UTC", '
            '"2026-03-04 05:06:07.000 Z", "20260304T050607Z", '
            '"2026-03-04T10:36:07+0530", "2026-03-04T10:36:07 +05:30", '
            '"2026-03-03T21:06:07-08", "2026-03-04T05:06:07-00:00", '
            '"2026-03-04T05:06:07,0GMT"'
        ),
        "2026-03-05T00:00:00.000Z": (
            '"2026-03-04T24:00:00", "2026-03-04 24:00:00+00", "2026-03-05", "20260305", '
            '"2026-03-05Z", "2026-03-05T00:00Z"'
        ),
        "9999-12-31T00:00:00.000Z": '"9999-12-31", "9999-12-31 00:00:00"',
    },
    "time": {
        "05:06:07.000Z": (
            '"05:06:07", "5:06:07", " 05:06:07 ", "05:06:07.0000000", "05:06:07+00", '
            '"05:06:07 +00:00", "05:06:07Z", "1970-01-01T05:06:07+00:00", '
            '"1900-01-01 05:06:07", "1899-12-30T05:06:07", "2000-01-01T05:06:07Z"'
        ),
        "05:06:00.000Z": '"05:06", "5:06"',
    },
    "reference": {
        "0013z00002QeTIW": '"0013z00002QeTIW", "0013z00002QeTIW   "',
        "0013z00002QeTIWAA3": '"0013z00002QeTIWAA3", "\\t0013z00002QeTIWAA3"',
    },
    "multipicklist": {
        "a;b": '["a","b"], "a;b", "a; b ", ";a;;b;", [" a ","b  "], "[\\"a\\",\\"b\\"]"',
        "1;2": '[1,2], "[1,2]", "1;2"',
        "": '[], "[]"',
    },
    "picklist": {
        "New": '"New", "New      ", " New"',
        "5": '5, "5 "',
        "true": "true",
    },
    "email": {
        "a@b.co": '"a@b.co", "a@b.co      ", " a@b.co\\n"',
    },
    "phone": {
        "555 1234": '"555 1234", "555 1234   "',
        "5551234": '5551234, "5551234"',
    },
    "url": {
        "http://x.co": '"http://x.co", "http://x.co   "',
    },
    # Text is kept as it is; what is no text is its JSON.
    "string": {
        " x ": '" x "',
        "   ": '"   "',
        "a\u0085\u2028\ufeff😀": '"a\\u0085\\u2028\\ufeff\\ud83d\\ude00"',
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11": '"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"',
        "\\x01ff": '"\\\\x01ff"',
        "1E400": "1E400",
        "1 day, 2:03:04": '"1 day, 2:03:04"',
        "$5.00": '"$5.00"',
        '"a"=>"1"': '"\\"a\\"=>\\"1\\""',
        '{"a":[1.50,null]}': '{"a": [1.50, null]}',
        "[]": "[]",
    },
}
SAME["double"] = SAME["percent"] = SAME["currency"]
SAME["id"] = SAME["reference"]
SAME["long"] = SAME["int"]
SAME["combobox"] = SAME["picklist"]
SAME["textarea"] = SAME["encryptedstring"] = SAME["anyType"] = SAME["string"]

NO_NUMBER = (
    '"1,234", "1.234,5", "1 234", "1\'234", "1_234", "$5.00", "USD5", "(5)", "5-", "5%", '
    '"NaN", "Infinity", "-inf", 1e400, -1e400, true, "1e400", "0x1F", "\\u0665", ".", '
    '"-", "e5", "NULL", [5], {"a":5}'
)
NO_DATE = (
    '"0044-03-15 BC", "infinity", "-infinity", "0000-00-00", "2026-02-30", "NaT", '
    '"03/04/2026", "04-MAR-26", "2026-063", "2026-W10-3", "2026-03", 20260304, '
    '1772582400, 1772582400000, "1772582400", "10000-01-01", "-0044-03-15", true, '
    '"2026-03-04T05:06:07 EST", "2026-03-04T05:06:07 America/New_York", "None", '
    '"2026-03-04 05:06:07 PM", "2026-03-04T25:00:00", {"year":2026}, ["2026-03-04"]'
)
REFUSED = {
    "boolean": '2, -1, 0.5, "maybe", "NULL", [1], {}, "null", "\\\\x01", 1e400',
    "int": NO_NUMBER + ', 0.1, "12.50 ", 47.5',
    "currency": NO_NUMBER,
    "date": NO_DATE,
    "datetime": NO_DATE + ', "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"',
    "time": (
        '"24:00:00", "25:00", "23:59:60", "838:59:59", "-01:00:00", "PT5H", 18367, '
        '"1 day, 0:00:00", "05:06:07+02", "5:06 PM", "2026-03-04T05:06:07", true'
    ),
    "reference": (
        '13, "13", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true, [], {}, '
        '"0013Z00002QETIWAA3", 123456789012345, "https://x/0013z00002QeTIWAA3"'
    ),
    "multipicklist": '["a;b"], ["a",null], ["a",""], ["  "], [["a"]], "[null]", "#N/A", " #N/A "',
    "string": '"#N/A"',
    "picklist": '"#N/A", "#N/A   "',
    "email": '" #N/A"',
}
# A text of blanks is an empty value of these, as a CHAR column holds it.
BLANKS = (" ", "          ", "\t\n", "\u00a0\u3000")
BLANK_IS_EMPTY = (
    *("boolean", "int", "long", "double", "currency", "percent", "date", "datetime", "time"),
    *("reference", "id", "multipicklist", "picklist", "combobox", "email", "phone", "url"),
)


def field(kind: str, **more: Any) -> FieldDescribe:
    return FieldDescribe("F__c", type=kind, scale=2, **more)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (kind, cell, value)
        for kind, cells in SAME.items()
        for cell, values in cells.items()
        for value in from_json(f"[{values}]")
    ],
)
def test_every_form_of_a_value_is_one_cell_and_nothing_is_lost(
    kind: str, cell: str, value: Any
) -> None:
    assert encoder_for(field(kind))(value) == cell


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind, values in REFUSED.items() for value in from_json(f"[{values}]")],
)
def test_what_is_no_value_of_the_field_is_refused_and_not_quoted(kind: str, value: Any) -> None:
    noted: list[str] = []
    with pytest.raises(UnconvertibleError) as refused:
        encoder_for(field(kind), on_loss=noted.append)(value)
    assert not is_blank(value)
    shown = json_text(value)
    # The reason names `#N/A` itself; short texts are words of it by chance.
    assert len(shown) < 8 or shown not in str(refused.value)


@pytest.mark.parametrize("kind", BLANK_IS_EMPTY)
@pytest.mark.parametrize("blank", BLANKS)
def test_a_text_of_blanks_is_no_value_of_a_typed_field(kind: str, blank: str) -> None:
    assert is_blank(blank)
    with pytest.raises(UnconvertibleError):
        encoder_for(field(kind))(blank)


@pytest.mark.parametrize("role", ["external_id", "id_lookup"])
def test_a_text_that_finds_records_has_no_blanks_around_it(role: str) -> None:
    encode = encoder_for(field("string", **{role: True}))
    assert {encode(text) for text in ("A-1", "A-1   ", " A-1")} == {"A-1"}
    for text in ("   ", " #N/A"):
        with pytest.raises(UnconvertibleError):
            encode(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("kind", ["string", "double", "int", "boolean", "email", "date"])
def test_a_float_of_a_stream_map_that_is_no_number_is_refused(kind: str, value: float) -> None:
    with pytest.raises(UnconvertibleError):
        encoder_for(field(kind))(value)


ODD_SCHEMAS: list[Any] = [True, False, None, [], "string", 5, {"type": 5}, {"type": None}]
ODD_SCHEMAS += [{"type": [None, ["string"]]}, {"anyOf": None}, {"anyOf": {"a": 1}}, {"$ref": "#"}]
ODD_SCHEMAS += [
    {"anyOf": [True, None, {}]},
    {"type": {"a": 1}},
    {"oneOf": [[]]},
    {"multipleOf": []},
]


@pytest.mark.parametrize("schema", ODD_SCHEMAS)
def test_a_schema_that_says_no_type_changes_nothing(schema: Any) -> None:
    key = field("string", external_id=True)
    assert encoder_for(key, schema)(from_json("5.0")) == "5.0"


INTEGERS: list[Any] = [{"type": "integer"}, {"type": ["integer", "null"]}]
INTEGERS += [{"oneOf": [True, {"type": ["null", "integer"]}]}, {"type": [5, "integer"]}]


@pytest.mark.parametrize("schema", INTEGERS)
def test_an_integer_schema_in_any_form_gives_one_key(schema: Any) -> None:
    key = field("string", external_id=True)
    assert {encoder_for(key, schema)(from_json(text)) for text in ("5", "5.0", '"5"')} == {"5"}

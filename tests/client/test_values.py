"""The normal form of the texts of one value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.describe.model import FieldDescribe
from sfbulk.normalize import key_normalizer, long_id, normalizer


def field(kind: str, **more: Any) -> FieldDescribe:
    return FieldDescribe(name="F", type=kind, **more)


def test_ids_of_15_characters_get_the_suffix_of_recorded_ids() -> None:
    assert long_id("0013z00002QeTIW") == "0013z00002QeTIWAA3"
    assert long_id("0013z00002QeTIWAA3") == "0013z00002QeTIWAA3"


@pytest.mark.parametrize(
    ("kind", "sent", "returned"),
    [
        ("double", "42", "42.0"),
        ("currency", "912260031", "9.12260031E8"),
        ("double", "-0.0", "0"),
        ("double", ".5", "0.5"),
        ("double", "-.5", "-0.5"),
        ("percent", "+5", "5.0"),
        ("currency", "5.", "5.0"),
        ("currency", " 5 ", "5.0"),
        ("int", "05", "5"),
        ("double", "+.5e1", "5.0"),
        ("double", "1e-400", "1e-400"),
        ("double", " . ", "."),
        ("boolean", "true", "TRUE"),
        ("boolean", " 1", "true"),
        ("boolean", "0", "false"),
        ("datetime", "2026-11-23T09:15:00.000Z", "2026-11-23T10:15:00+01:00"),
        ("string", "a\r\nb", "a\nb"),
        ("reference", "0013z00002QeTIW", "0013z00002QeTIWAA3"),
    ],
)
def test_a_cell_and_its_form_in_results_are_one_value(kind: str, sent: str, returned: str) -> None:
    form = normalizer(field(kind))
    assert form(sent) == form(returned)


def test_a_key_is_the_same_in_any_case_unless_its_field_says_otherwise() -> None:
    assert key_normalizer(field("string"))("Abc ") == key_normalizer(field("string"))("aBC")
    sensitive = key_normalizer(field("string", case_sensitive=True))
    assert sensitive("Abc") != sensitive("aBC")
    assert key_normalizer(field("double"))("1") == key_normalizer(field("double"))("1.0")
    assert key_normalizer(field("id"))("0013z00002QeTIW") == "0013z00002QeTIWAA3"
    assert key_normalizer(field("id"))("0013z00002QeTIW") != key_normalizer(field("id"))(
        "0013z00002QeTIw"
    )


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15), max_value=10**15
    )
)
def test_every_spelling_of_a_number_has_one_form(value: Any) -> None:
    form = normalizer(field("double"))
    spellings = {
        format(value, "f"),
        f"{value:E}".replace("E+", "E"),
        f"{value}0" if "." in f"{value}" else f"{value}",
    }
    assert len({form(text) for text in spellings}) == 1

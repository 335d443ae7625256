"""Settings as Meltano and environment variables write them are those that were meant."""

from __future__ import annotations

from typing import Any

import pytest

from sfbulk_singer.setting_forms import in_own_types

ENTRY = {
    "type": ["object", "null"],
    "properties": {
        "sobject": {"type": ["string", "null"]},
        "fields": {
            "type": ["object", "null"],
            "additionalProperties": {"type": ["string", "null"]},
        },
        "limit": {"type": ["integer", "null"]},
    },
    "additionalProperties": False,
}
OWN: dict[str, dict[str, Any]] = {
    "name": {"type": ["string", "null"]},
    "either": {"type": ["string", "integer"]},
    "count": {"type": ["integer", "null"]},
    "size": {"type": ["number", "null"]},
    "on": {"type": ["boolean", "null"]},
    "names": {"type": ["array", "null"], "items": {"type": "string"}},
    "streams": {"type": ["object", "null"], "additionalProperties": ENTRY},
}
BUILT_IN: dict[str, dict[str, Any]] = {
    "flattening_enabled": {"type": ["boolean", "null"]},
    "stream_maps": {"type": ["object", "null"], "properties": {}},
}


def meant(**config: Any) -> dict[str, Any]:
    return in_own_types(config, OWN, BUILT_IN)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "12", 12),
        ("count", " 12 ", 12),
        ("size", "12", 12),
        ("size", "12.5", 12.5),
        ("on", "true", True),
        ("on", "False", False),
        ("on", "0", False),
        ("either", "12", "12"),
        ("name", "12", "12"),
        ("name", " a ", " a "),
        ("names", '["a", "b"]', ["a", "b"]),
        ("names", "a, b", ["a", "b"]),
        ("streams", '{"a": {"limit": "3"}}', {"a": {"limit": 3}}),
        ("flattening_enabled", "true", True),
    ],
)
def test_a_text_is_read_as_the_type_of_its_setting(name: str, text: str, value: Any) -> None:
    assert meant(**{name: text}) == {name: value}


@pytest.mark.parametrize("name", [*OWN, "flattening_enabled"])
@pytest.mark.parametrize("text", ["", "__NULL__"])
def test_an_empty_text_is_null_for_every_type(name: str, text: str) -> None:
    assert meant(**{name: text}) == {name: None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "twelve"),
        ("count", "1.5"),
        ("size", "nan"),
        ("on", "maybe"),
        ("streams", "{"),
        ("count", 12),
        ("name", 68.0),
        ("nobody_knows", ""),
    ],
)
def test_what_has_no_such_form_stays_for_the_check_of_types(name: str, value: Any) -> None:
    assert meant(**{name: value}) == {name: value}


def test_keys_that_were_split_at_their_dots_are_put_together() -> None:
    streams = {
        "mart": {"invoice": {"sobject": "X", "fields": {"a": "B", "c": ""}}, "sobject": "Y"},
        "a": {"b": {"c": {"fields": {"x": {"y": "Z"}}}}},
        "plain": {},
    }
    assert meant(streams=streams) == {
        "streams": {
            "mart": {"sobject": "Y"},
            "mart.invoice": {"sobject": "X", "fields": {"a": "B", "c": None}},
            "a.b.c": {"fields": {"x.y": "Z"}},
            "plain": {},
        }
    }


def test_a_misspelled_setting_is_not_taken_for_a_part_of_a_key() -> None:
    streams = {"people": {"field": {"a": "B"}, "sobjct": "X"}}
    assert meant(streams=streams) == {"streams": streams}


def test_dotted_names_of_settings_are_inside_their_object() -> None:
    config = {
        "streams.people.sobject": "Contact",
        "streams": {"people": {"limit": 1}},
        "streams.people.fields.a": "B",
    }
    assert meant(**config) == {
        "streams": {"people": {"sobject": "Contact", "limit": 1, "fields": {"a": "B"}}}
    }


def test_what_is_inside_a_setting_of_the_sdk_is_left_to_it() -> None:
    maps = {"a": "__NULL__", "b": {"c": "", "__else__": None}}
    assert meant(stream_maps=maps) == {"stream_maps": maps}


def test_streams_of_stream_maps_that_were_split_at_their_dots_are_put_together() -> None:
    maps = {
        "mart": {"dim": {"a": "b"}, "fact": {"daily": {"c": "d"}}},
        "plain": {"e": "f", "__key_properties__": ["e"]},
        "empty": {},
        "wrong": {"g": "h", "i": {"j": "k"}},
        "__else__": None,
    }
    assert meant(stream_maps=maps) == {
        "stream_maps": {
            "mart.dim": {"a": "b"},
            "mart.fact.daily": {"c": "d"},
            "plain": {"e": "f", "__key_properties__": ["e"]},
            "empty": {},
            "wrong": {"g": "h", "i": {"j": "k"}},
            "__else__": None,
        }
    }


def test_the_file_that_meltano_writes_gives_the_settings_of_its_project() -> None:
    # Printed by `meltano config print` (4.4), where `mart.dim` also leaves out a field with null.
    written = {
        "streams": {"mart": {"dim": {"fields": {"key": "Ext_Id__c", "y": ""}, "sobject": "A"}}},
        "size": "50",
        "on": True,
    }
    assert meant(**written) == {
        "streams": {"mart.dim": {"sobject": "A", "fields": {"key": "Ext_Id__c", "y": None}}},
        "size": 50,
        "on": True,
    }

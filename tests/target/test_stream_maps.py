"""Stream maps: the examples of docs/target.md, and expressions that fail."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sfbulk_singer.stream_maps import map_problems
from tests.e2e.commands import ROOT
from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

FIELDS = {
    "key": "Ext_Id__c",
    "email": "Email",
    "department": "Department",
    "full_name": "LastName",
    "score": "Fax",
    "born": "Birthdate",
    "title": "Title",
    "tags": "Description",
    "email_hash": "AssistantName",
    "region": "MailingCity",
    "first_name": None,
    "last_name": None,
}
NAMES = (*FIELDS, "internal_note")
RUN: dict[str, Any] = {
    "external_id": "Ext_Id__c",
    "streams": {"people": {"sobject": "Contact", "fields": FIELDS}},
}

# What the map makes of the record does not matter where it fails.
BARE: dict[str, Any] = {
    "external_id": "Ext_Id__c",
    "unknown_fields": "drop",
    "streams": {
        "people": {
            "sobject": "Contact",
            "fields": {"key": "Ext_Id__c", "last_name": "LastName"},
        }
    },
}


def example() -> dict[str, Any]:
    page = (ROOT / "docs" / "target.md").read_text("utf-8")
    found = re.search(r"<!-- example: stream maps -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    settings: dict[str, Any] = yaml.safe_load(found.group(1))
    return settings


def people(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    names = [name for name in NAMES if name not in {"full_name", "email_hash", "region", "title"}]
    empty = dict.fromkeys(names)
    return [
        schema("people", *names),
        *(record("people", **{**empty, **row}) for row in rows),
        state(done=True),
    ]


def test_each_example_of_the_documentation_does_what_it_says(org: Org) -> None:
    full = {
        "key": "P-1",
        "email": " Ann@Example.COM ",
        "first_name": "Ann",
        "last_name": "Lee",
        "score": 123.456,
        "born": "1999-12-31T23:00:00Z",
        "tags": ["a", "b"],
        "internal_note": "not sent",
    }
    bare = {"key": "P-2", "last_name": "Sol", "department": "Legal"}
    run = org.load(*people(full, bare, {"key": "P-3", "first_name": "Out"}), **RUN, **example())
    assert run.code == 0, run.log
    columns = [column for column in FIELDS.values() if column]
    rows = org.query(f"SELECT {', '.join(columns)} FROM Contact ORDER BY Ext_Id__c")  # noqa: S608 - our own names
    digest = hashlib.md5(b" Ann@Example.COM ", usedforsecurity=False).hexdigest()
    assert [tuple(row[column] for column in columns) for row in rows] == [
        (
            "P-1",
            "ann@example.com",
            "Sales",
            "Ann Lee",
            "123.46",
            "1999-12-31",
            "Lead",
            "a, b",
            digest,
            "EMEA",
        ),
        ("P-2", None, "Legal", "Sol", None, None, None, None, None, "EMEA"),
    ]


@pytest.mark.parametrize(
    ("stream_map", "told"),
    [
        (
            {"score": "f'{score:.2f}'"},
            "fails in `score: f'{score:.2f}'`: `score` is null here. Write `None if score is None",
        ),
        (
            {"email": "email.upper()"},
            "fails in `email: email.upper()`: `email` is null here. Write `None if email is None",
        ),
        (
            {"__filter__": "score > born"},
            "fails in `__filter__: score > born`: `score` and `born` are null here. Write",
        ),
        ({"score": "round(1.5)"}, "fails in `score: round(1.5)`: Function 'round' not defined"),
        ({"score": "scroe"}, "fails in `score: scroe`: 'scroe' is not defined"),
        ({"score": "int(last_name)"}, "fails in `score: int(last_name)`: ValueError."),
        (
            {"score": "department * 1.1"},
            "fails in `score: department * 1.1`: `department` is an exact decimal, and",
        ),
    ],
)
def test_an_expression_that_fails_on_a_record_is_one_line_with_what_helps(
    org: Org, stream_map: dict[str, Any], told: str
) -> None:
    run = org.load(
        *people({"key": "P-1", "last_name": "secret", "department": 0.5}),
        **BARE,
        stream_maps={"people": stream_map},
    )
    assert run.code == 1
    assert f"Line 2 of the input, stream `people`: The stream map of `people` {told}" in run.reason
    assert "Traceback" not in run.log
    assert "secret" not in run.log


def test_the_map_of_a_stream_with_dots_in_its_name_is_found_as_meltano_writes_it(org: Org) -> None:
    run = org.load(
        schema("mart.dim", "key", "last_name"),
        record("mart.dim", key="P-1", last_name="lee"),
        **{**BARE, "streams": {"mart": {"dim": BARE["streams"]["people"]}}},
        stream_maps={"mart": {"dim": {"last_name": "last_name.upper()"}}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "LEE"}]


def test_what_stands_before_an_expression_that_fails_is_loaded(org: Org) -> None:
    good, done, bad = (
        record("people", key="P-1", last_name="Lee"),
        state(done=1),
        record("people", key="P-2", last_name=None),
    )
    maps = {"people": {"last_name": "last_name[:2]"}}
    run = org.load(schema("people", "key", "last_name"), good, done, bad, **BARE, stream_maps=maps)
    assert (run.code, run.states) == (1, [{"done": 1}]), run.log
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Le"}]


@pytest.mark.parametrize(
    ("maps", "told"),
    [
        ({"people": {"a": "((("}}, "stream_maps, people, a: `(((` is not an expression."),
        (
            {"people": {"__filter__": ""}},
            "stream_maps, people, __filter__: `` is not an expression.",
        ),
        ({"people": {"__else__": "x"}}, "stream_maps, people: __else__ must be null or __NULL__"),
        ({"__else__": "x"}, "stream_maps: __else__ must be null or __NULL__"),
    ],
)
def test_maps_that_cannot_work_are_problems_before_the_first_request(
    org: Org, maps: dict[str, Any], told: str
) -> None:
    before = len(org.sandbox.requests)
    run = org.load(*people({"key": "P-1"}), **RUN, stream_maps=maps)
    assert run.code == 1
    assert told in run.reason
    assert "Traceback" not in run.log
    assert len(org.sandbox.requests) == before


def test_faker_is_asked_for_by_the_name_of_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    maps = {"people": {"email": "None if email is None else fake.email()", "a": "fake", "b": None}}
    assert list(map_problems({"faker_config": {"seed": 1}, "stream_maps": maps})) == [
        f"{setting} needs the package Faker, which is not installed. Install sfbulk[faker] "
        "(with Meltano: pip_url: sfbulk[faker])."
        for setting in ("faker_config", "stream_maps, people, email: `fake`")
    ]

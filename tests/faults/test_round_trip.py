"""All of Unicode, the longest fields, the widest rows and numbers at every edge, there and back.

target-sfbulk loads them, tap-sfbulk reads them by each API, and target-sfbulk loads what the tap
wrote into an empty org. Each value is compared with the one that was made here.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import sign_in
from tests.faults.commands import forked
from tests.target.foreign_streams import KEY, KEY_FIELD, LONGEST, TEXT, TYPES
from tests.target.support import Org, record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OBJECT = "Edge__c"
LONG = [f"Long{number}__c" for number in range(3)]
WIDE = [f"W{number:04}__c" for number in range(1_000)]
NUMBER = "Number__c"
SURROGATES = range(0xD800, 0xE000)
NUMBERS: tuple[str, ...] = (
    "0",
    "-0.0",
    "0.000001",
    "-0.000001",
    "999999999999.999999",
    "-999999999999.999999",
)
NUMBERS += ("1E11", "900719925474.099299", "0.1", "123456789.123456", "1e-6", "100", "-1")


def described() -> dict[str, Any]:
    fields = [{"name": "Id", "type": "id", "idLookup": True}, {"name": KEY, **TEXT, **KEY_FIELD}]
    fields += [{"name": name, **TEXT} for name in (*LONG, *WIDE)]
    fields += [{"name": NUMBER, **TYPES["number"]}]
    rights = dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True)
    labelled = [{"label": each["name"], **each} for each in fields]
    return {"name": OBJECT, "label": OBJECT, "keyPrefix": "a99", **rights, "fields": labelled}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    folder = tmp_path / "describe"
    folder.mkdir()
    (folder / f"{OBJECT}.json").write_text(json.dumps(described()))
    with Sandbox(describe=folder) as sandbox:
        yield Org(sandbox, tmp_path)


def rows() -> Iterator[dict[str, Any]]:
    """Each row with its key; a value is not blank at its ends, which Salesforce cuts off."""
    whole = [code for code in range(1, sys.maxunicode + 1) if code not in SURROGATES]
    # Salesforce stores a carriage return as a line feed.
    texts = ["".join(map(chr, whole)).replace("\r", "")[at::40] for at in range(40)]
    for number, text in enumerate(texts):
        yield {KEY: f"unicode {number}", LONG[0]: f"<{text}>"}
    yield {KEY: "long", **dict.fromkeys(LONG, "é" * (LONGEST - 1) + "x")}
    yield {KEY: "quotes", **dict.fromkeys(LONG, '"' * LONGEST)}
    yield {KEY: "wide", **{name: f"{name:_<396}," for name in WIDE}}
    for digits in NUMBERS:
        yield {KEY: f"number {digits}", NUMBER: Decimal(digits)}
    for at, text in enumerate(
        ("#N/A.", "a\x00b", "=1+1", "null", "'", '","', "\\", "-", "\u2028x")
    ):
        yield {KEY: f"text {at}", LONG[0]: text}


def load(org: Org, *messages: dict[str, Any] | bytes) -> None:
    streams = {"edges": {"sobject": OBJECT}}
    run = org.load(*messages, external_id=KEY, streams=streams, unknown_fields="drop")
    assert run.code == 0, run.log[-3_000:]


def read(org: Org, api: str) -> list[bytes]:
    """The tap's lines."""
    names = ", ".join([KEY, NUMBER, *LONG, *WIDE])
    config = {
        **sign_in(org.sandbox),
        "streams_to_discover": ["User"],
        "api_type": api,
        "queries": [{"name": "edges", "soql": f"SELECT {names} FROM {OBJECT}"}],  # noqa: S608 - our own names
    }
    taken = forked("tap-sfbulk").run(org.folder, {"config": config})
    assert taken.code == 0, taken.log
    return [line for line in taken.messages if b'"stream":"edges"' in line]


def values(lines: list[bytes]) -> dict[str, dict[str, Any]]:
    """What records have, by key."""
    messages = [json.loads(line, parse_float=Decimal) for line in lines]
    found = [each["record"] for each in messages if each["type"] == "RECORD"]
    return {
        row.pop(KEY): {name: value for name, value in row.items() if value is not None}
        for row in found
    }


@pytest.mark.slow
def test_every_value_goes_there_and_back(org: Org) -> None:
    made = list(rows())
    wanted = {row[KEY]: {n: v for n, v in row.items() if n != KEY} for row in made}
    assert sum(map(len, wanted["wide"].values())) < 400_000
    load(
        org,
        schema("edges", KEY, NUMBER, *LONG, *WIDE, key=KEY),
        *(json.dumps(record("edges", **row), default=str).encode() for row in made),
    )
    by_bulk = read(org, "BULK2")
    assert differences(values(by_bulk), wanted) == []
    assert differences(values(read(org, "REST")), wanted) == []
    org.sandbox.control.reset()
    load(org, *by_bulk)
    assert differences(values(read(org, "BULK2")), wanted) == []


def differences(found: dict[str, dict[str, Any]], wanted: dict[str, dict[str, Any]]) -> list[str]:
    assert found.keys() == wanted.keys()
    return [
        f"{key}.{name}: {ascii(found[key].get(name))[:90]} for {ascii(value)[:90]}"
        for key, row in wanted.items()
        for name, value in row.items()
        if found[key].get(name) != value
    ]

"""The SDK's standard suite for targets, run into a sandbox whose one object takes its streams."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class, target_test_streams

from sfbulk_sandbox import Sandbox
from target_sfbulk.target import TargetSfbulk
from tests.target.support import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOBJECT = "Singer_Row__c"
TEXT = {"type": "textarea", "length": 32000, "createable": True, "updateable": True}
KEY = {**TEXT, "type": "string", "length": 255, "externalId": True, "idLookup": True}
NUMBER = {**TEXT, "type": "double", "precision": 18, "scale": 2}
BOOLEAN = {**TEXT, "type": "boolean"}
FIELDS: dict[str, dict[str, Any]] = {
    "Id": {"type": "id", "idLookup": True},
    "Stream_Key__c": KEY,
    "Number__c": NUMBER,
    "Flag__c": BOOLEAN,
    "Choices__c": {**TEXT, "type": "multipicklist"},
    **{f"Text{at}__c": TEXT for at in range(1, 5)},
}
# The suite's record fields and the fields that hold them; streams without `id` are inserted.
HELD_BY = {
    "id": "Stream_Key__c",
    "Id": "Stream_Key__c",
    "_id": "Stream_Key__c",
    "metric": "Number__c",
    "a1": "Number__c",
    "a3": "Flag__c",
    "fruits": "Choices__c",
    "strings": "Text1__c",
    "info": "Text1__c",
    "optional": "Text1__c",
    "clientName": "Text1__c",
    "object_store": "Text1__c",
    "name": "Text1__c",
    "a2": "Text1__c",
    "a4": "Text2__c",
    "d": "Text2__c",
    "email": "Text3__c",
    "a5": "Text3__c",
    "a6": "Text4__c",
}
CONFIG: dict[str, Any] = {}
StandardTargetTests: Any = get_target_test_class(TargetSfbulk, config=CONFIG)


def describe() -> dict[str, Any]:
    fields = [{"name": name, "label": name, **facts} for name, facts in FIELDS.items()]
    rights = dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True)
    return {"name": SOBJECT, "label": SOBJECT, "keyPrefix": "a0S", **rights, "fields": fields}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("describe")
    (folder / f"{SOBJECT}.json").write_text(json.dumps(describe()))
    with Sandbox(describe=folder) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def org(sandbox: Sandbox, tmp_path: Path) -> Org:
    """An empty org, and settings that send the suite's streams into it."""
    sandbox.control.reset()
    entry: dict[str, Any] = {"sobject": SOBJECT, "fields": HELD_BY}
    CONFIG.clear()
    CONFIG.update(
        {
            "instance_url": sandbox.url,
            "access_token": sandbox.access_token,
            "output_dir": str(tmp_path / "output"),
            "external_id": "Stream_Key__c",
            # One of the suite's streams has Salesforce's own read-only fields.
            "unknown_fields": "drop",
            "streams": {
                "test_object_schema_*": {**entry, "operation": "insert"},
                "*": entry,
            },
        }
    )
    return Org(sandbox, tmp_path)


class TestTargetSfbulk(StandardTargetTests):  # type: ignore[misc] # the SDK makes the class at run time
    """All of it; nothing is switched off."""


def suite_lines(name: str) -> list[dict[str, Any]]:
    text = (resources.files(target_test_streams) / f"{name}.singer").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def cell(value: Any) -> Any:
    """A record value as the org's REST API gives it back from the field that holds it."""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list)) else value


@pytest.mark.parametrize(
    ("name", "field", "held_by"),
    [
        ("optional_attributes", "optional", "Text1__c"),
        ("record_missing_fields", "optional", "Text1__c"),
        ("camelcase", "clientName", "Text1__c"),
        ("schema_updates", "a4", "Text2__c"),
        ("schema_updates", "a5", "Text3__c"),
        ("duplicate_records", "metric", "Number__c"),
        ("special_chars_in_attributes", "d", "Text2__c"),
        ("pk_updates", "email", "Text3__c"),
    ],
)
def test_what_the_suite_sends_lands(org: Org, name: str, field: str, held_by: str) -> None:
    messages = suite_lines(name)
    run = org.load(*messages, **{k: v for k, v in CONFIG.items() if k != "output_dir"})
    assert run.code == 0, run.log
    last = {
        str(next(r[k] for k in ("id", "Id", "_id") if k in r)): r.get(field)
        for r in (m["record"] for m in messages if m["type"] == "RECORD")
    }
    assert last
    rows = org.query(f"SELECT Stream_Key__c, {held_by} FROM {SOBJECT}")  # noqa: S608 - our own names
    assert {r["Stream_Key__c"]: r[held_by] for r in rows} == {k: cell(v) for k, v in last.items()}
    # They are short, so all rows are settled together, and the last STATE replaces the others.
    assert run.states == [m["value"] for m in messages if m["type"] == "STATE"][-1:]


def test_states_of_the_suite_are_relayed_when_their_rows_are_in(org: Org) -> None:
    # The SDK keeps this file out of its suite: when states leave is a target's own affair.
    run = org.load(
        *suite_lines("multiple_state_messages"),
        **{k: v for k, v in CONFIG.items() if k != "output_dir"},
    )
    assert run.code == 0, run.log
    # The jobs of the two streams may end one after the other.
    assert run.states[-1] == {
        "test_multiple_state_messages_a": 5,
        "test_multiple_state_messages_b": 6,
    }

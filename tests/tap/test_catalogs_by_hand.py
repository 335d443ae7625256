"""Catalogs that users wrote or changed by hand, in odd forms, as the command meets them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import ROOT
from tests.tap.conftest import TapCommand

if TYPE_CHECKING:
    from pathlib import Path


def by_hand(*names: str, **entry: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {} for name in names}
    stream = {"tap_stream_id": "Account", "schema": {"properties": properties}, **entry}
    contact = {"tap_stream_id": "Contact", "schema": {"properties": {"LastName": {}}}}
    return {"streams": [stream, contact]}


@pytest.mark.parametrize("names", [("Name",), ("Id", "Name"), ("name",), ("ID", "name")])
def test_keys_are_read_and_promised_whatever_the_schema_names(
    tap: TapCommand, names: tuple[str, ...]
) -> None:
    run = tap(catalog=by_hand(*names))
    assert run.code == 0, run.log
    assert run.schemas["Account"]["properties"].keys() == {"Id", "SystemModstamp", "Name"}
    assert run.records("Account")[0]["Id"] == "001000000000001AAA"
    assert len(run.records("Contact")) == 5
    assert run.state["bookmarks"]["Account"]["replication_key_value"] == "2026-01-03T00:00:00.000Z"


@pytest.mark.parametrize(
    "entry",
    [
        {"key_properties": ["Id", "id"]},
        {"key_properties": ["id"]},
        {"metadata": [{"breadcrumb": [], "metadata": {"table-key-properties": ["ID"]}}]},
        {"replication_key": "systemMODstamp"},
        {"metadata": None},
    ],
)
def test_names_in_any_case_are_those_of_the_fields(tap: TapCommand, entry: dict[str, Any]) -> None:
    run = tap(catalog=by_hand("Id", "Name", "SystemModstamp", **entry))
    assert run.code == 0, run.log
    [schema] = [m for m in run.messages if m["type"] == "SCHEMA" and m["stream"] == "Account"]
    assert schema["key_properties"] == ["Id"]
    assert schema["bookmark_properties"] == ["SystemModstamp"]
    assert [row["Id"][-4] for row in run.records("Account")] == ["1", "2", "3"]


def test_a_key_that_no_row_has_fails_its_stream(tap: TapCommand) -> None:
    run = tap(catalog=by_hand("Id", "Name", key_properties=["Nam"]))
    assert run.code == 1
    assert "key property Nam of Account is no field that is read (did you mean `Name`?)" in (
        run.reason
    )
    assert run.records("Account") == []
    assert len(run.records("Contact")) == 5


@pytest.mark.parametrize(("mark", "is_read"), [("false", False), ("False", False), ("true", True)])
def test_a_mark_that_is_text_holds(tap: TapCommand, mark: str, *, is_read: bool) -> None:
    metadata = [
        {"breadcrumb": [], "metadata": {"selected": mark}},
        {"breadcrumb": ["properties", "Name"], "metadata": {"selected": "false"}},
        {"breadcrumb": ["properties", "type"], "metadata": {"selected": False}},
    ]
    run = tap(catalog=by_hand("Id", "Name", "Type", metadata=metadata))
    assert run.code == 0, run.log
    assert bool(run.records("Account")) == is_read
    if is_read:
        assert run.records("Account")[0].keys() == {"Id", "SystemModstamp"}


def test_the_documented_way_to_send_a_time_as_plain_text(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tap.md").read_text("utf-8")
    found = re.search(r"<!-- example: a time as plain text -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    declared = yaml.safe_load(found.group(1))["schema"]["Invoice__c"]
    with Sandbox() as sandbox:
        tap = TapCommand(sandbox, tmp_path)
        tap.config["streams_to_discover"] = ["Invoice__c"]
        entries = tap.discover()
        for name, schema in declared.items():
            # As Meltano does it: what is declared, beside what was discovered.
            entries["Invoice__c"]["schema"]["properties"][name].update(schema)
        run = tap(catalog={"streams": [*entries.values()]})
    assert run.code == 0, run.log
    assert not run.schemas["Invoice__c"]["properties"]["Cut_Off__c"].get("format")
    times = [row["Cut_Off__c"] for row in run.records("Invoice__c") if row["Cut_Off__c"]]
    assert "18:00:00.000Z" in times

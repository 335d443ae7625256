"""Catalogs that singer-io's and MeltanoLabs' tap-salesforce discovered, and those written by hand.

The two files have the form that those taps write, by their `do_discover`: keys in the metadata
only, `unsupported` for what they do not read in bulk, types of their own, hidden fields too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.tap.conftest import Run, TapCommand

CATALOGS = Path(__file__).parent / "catalogs"
TAPS = ["singer_io", "meltanolabs"]
FORCED = {
    "replication-method": "FULL_TABLE",
    "reason": "No replication keys found from the Salesforce API",
}


def catalog_of(tap_name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((CATALOGS / f"{tap_name}.json").read_text("utf-8"))
    return document


def metadata(catalog: dict[str, Any], stream: str, *breadcrumb: str) -> dict[str, Any]:
    [entry] = [each for each in catalog["streams"] if each["tap_stream_id"] == stream]
    found: list[dict[str, Any]] = [
        each["metadata"] for each in entry["metadata"] if each["breadcrumb"] == list(breadcrumb)
    ]
    return found[0]


def told(run: Run) -> list[dict[str, Any]]:
    assert run.code == 0, run.log
    return [message for message in run.messages if message["type"] == "SCHEMA"]


@pytest.mark.parametrize("tap_name", TAPS)
def test_a_catalog_of_another_tap_gives_what_no_catalog_gives(
    tap: TapCommand, tap_name: str
) -> None:
    without, given = tap(), tap(catalog=catalog_of(tap_name))
    assert told(given) == told(without)
    assert given.state == without.state
    assert given.records("Account") == without.records("Account")
    assert "Account: the catalog has fields that the org does not show" in given.log
    assert "RetiredField__c" in given.log


@pytest.mark.parametrize("tap_name", TAPS)
def test_marks_that_leave_something_out_hold(tap: TapCommand, tap_name: str) -> None:
    catalog = catalog_of(tap_name)
    metadata(catalog, "Account")["selected"] = True
    metadata(catalog, "Contact")["selected"] = False
    metadata(catalog, "Account", "properties", "Industry")["selected"] = False
    run = tap(catalog=catalog)
    [schema] = told(run)
    assert schema["stream"] == "Account"
    assert "Industry" not in schema["schema"]["properties"]
    assert "BillingAddress" in schema["schema"]["properties"]


def test_singer_io_reads_what_is_marked_only(tap: TapCommand) -> None:
    catalog = catalog_of("singer_io")
    metadata(catalog, "Account")["selected"] = True
    for name in ("Name", "BillingAddress"):
        metadata(catalog, "Account", "properties", name)["selected"] = True
    [schema] = told(tap(catalog=catalog))
    assert schema["stream"] == "Account"
    mentioned = {name for each in catalog["streams"] for name in each["schema"]["properties"]}
    assert set(schema["schema"]["properties"]) & mentioned == {
        "Id",
        "Name",
        "BillingAddress",
        "SystemModstamp",
    }


def test_old_marks_in_the_schema_hold(tap: TapCommand) -> None:
    catalog = catalog_of("singer_io")
    account, contact = catalog["streams"]
    account["schema"]["selected"], contact["schema"]["selected"] = "true", False
    account["schema"]["properties"]["Industry"]["selected"] = False
    [schema] = told(tap(catalog=catalog))
    assert schema["stream"] == "Account"
    assert "Industry" not in schema["schema"]["properties"]
    assert "Name" in schema["schema"]["properties"]


@pytest.mark.parametrize(
    "said", [{"forced-replication-method": FORCED}, {"replication-method": "FULL_TABLE"}]
)
@pytest.mark.parametrize("tap_name", TAPS)
def test_a_replication_method_of_theirs_is_honoured(
    tap: TapCommand, tap_name: str, said: dict[str, Any]
) -> None:
    catalog = catalog_of(tap_name)
    root = metadata(catalog, "Account")
    root.pop("replication-method", None)
    root.update(said)
    run = tap(catalog=catalog, start_date="2026-01-03")
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3
    assert len(run.records("Contact")) == 3
    assert "window_end" not in run.state["bookmarks"].get("Account", {})


def test_a_replication_key_of_theirs_is_honoured_if_it_is_possible(tap: TapCommand) -> None:
    catalog = catalog_of("meltanolabs")
    metadata(catalog, "Account")["replication-key"] = "CreatedDate"
    metadata(catalog, "Contact")["replication-key"] = "LastName"
    run = tap(catalog=catalog)
    assert run.code == 0, run.log
    keys = {name: each["replication_key"] for name, each in run.state["bookmarks"].items()}
    assert keys == {"Account": "CreatedDate", "Contact": "SystemModstamp"}
    assert "Contact: the catalog's replication key LastName is not possible" in run.log


def test_a_number_declared_as_text_in_a_catalog_of_another_tap_comes_as_text(
    tap: TapCommand,
) -> None:
    catalog = catalog_of("meltanolabs")
    account = catalog["streams"][0]["schema"]["properties"]
    account["NumberOfEmployees"] = {"type": ["string", "null"]}
    run = tap(catalog=catalog)
    assert {r["NumberOfEmployees"] for r in run.records("Account")} == {"47", "0", None}


@pytest.mark.parametrize("is_marked", [False, True])
def test_what_a_catalog_written_by_hand_does_not_say_is_what_the_tap_does(
    tap: TapCommand, *, is_marked: bool
) -> None:
    properties = {"Id": {"type": "string"}, "Name": {"type": ["string", "null"]}}
    properties["SystemModstamp"] = {"type": ["string", "null"], "format": "date-time"}
    entry: dict[str, Any] = {"tap_stream_id": "Account", "schema": {"properties": properties}}
    if is_marked:
        entry["metadata"] = [
            {"breadcrumb": ["properties", "Name"], "metadata": {"selected": False}}
        ]
    run = tap(catalog={"streams": [entry]})
    [schema] = told(run)
    assert schema["key_properties"] == ["Id"]
    assert run.state["bookmarks"]["Account"]["replication_key"] == "SystemModstamp"
    assert set(schema["schema"]["properties"]) == set(properties) - (
        {"Name"} if is_marked else set()
    )


def test_a_catalog_that_says_there_is_no_key_is_believed(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    entry["key_properties"] = metadata({"streams": [entry]}, "Account")["table-key-properties"] = []
    [schema] = told(tap(catalog={"streams": [entry]}))
    assert not schema["key_properties"]

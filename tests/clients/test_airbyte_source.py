"""Airbyte's source-salesforce reads the sandbox as if it were Salesforce.

It signs in at https://login.salesforce.com and nowhere else, so a proxy leads it here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients.conftest import Salesforce, invoices, json_lines, write_invoices
from tests.clients.installed import python_client, run
from tests.clients.our_tap import OurTap

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Opened = Callable[[Path | None], AbstractContextManager[Salesforce]]

# A location is an object, which the bulk APIs do not read.
LOCATION = "Pickup__c"


class Source:
    """The command, with its config in a folder."""

    def __init__(self, salesforce: Salesforce, folder: Path, **settings: Any) -> None:
        self._salesforce, self._folder = salesforce, folder
        only = [{"criteria": "exacts", "value": "Invoice__c"}]
        config = salesforce.config() | {"auth_type": "Client", "streams_criteria": only}
        # A query for each year. `P1Y` is in its manual, but it cannot go on from a state with it.
        dates = {"start_date": "2024-01-01T00:00:00Z", "stream_slice_step": "P365D"}
        self._config = self._file("config.json", config | dates | settings)

    def check(self) -> str:
        """Return the status of the connection."""
        status: str = self._one("CONNECTION_STATUS", "check")["connectionStatus"]["status"]
        return status

    def discover(self) -> dict[str, Any]:
        """Return the streams of the catalog by name."""
        catalog = self._one("CATALOG", "discover")["catalog"]
        return {stream["name"]: stream for stream in catalog["streams"]}

    def read(self, mode: str, state: Any = None) -> list[dict[str, Any]]:
        """Return the messages of a sync of the invoices."""
        stream = {
            "stream": self.discover()["Invoice__c"],
            "sync_mode": mode,
            "cursor_field": ["SystemModstamp"],
            "destination_sync_mode": "append",
        }
        words: list[str | Path] = [
            "read",
            "--catalog",
            self._file("catalog.json", {"streams": [stream]}),
        ]
        if state is not None:
            words += ["--state", self._file("state.json", state)]
        return self._messages(*words)

    def _one(self, kind: str, *words: str) -> dict[str, Any]:
        (message,) = (one for one in self._messages(*words) if one["type"] == kind)
        return message

    def _messages(self, *words: str | Path) -> list[dict[str, Any]]:
        command = python_client("airbyte-source-salesforce") / "source-salesforce"
        command_line = (command, *words, "--config", self._config)
        # It keeps results of bulk queries in the current folder.
        output = run(*command_line, cwd=self._folder, environment=self._salesforce.environment)
        return json_lines(output)

    def _file(self, name: str, document: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(document), "utf-8")
        return path


def records(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the records by key."""
    found = [message["record"]["data"] for message in messages if message["type"] == "RECORD"]
    # It leaves out what is null.
    absent = dict.fromkeys(invoices()[0])
    return {record["Ext_Id__c"]: absent | record for record in found}


def as_the_source_writes(row: dict[str, Any], *, bulk: bool) -> dict[str, Any]:
    """Return a row in the form its API has, with what the source is known to do to values.

    Over Bulk API 2.0 it reads results from a file whose line ends it translates.
    """
    written = dict(row)
    if bulk and row["Notes__c"]:
        written["Notes__c"] = row["Notes__c"].replace("\r\n", "\n")
    if not bulk and row["Due_At__c"]:
        written["Due_At__c"] = row["Due_At__c"].replace("Z", "+0000")
    return written


def test_the_airbyte_source_checks_its_connection_and_discovers(
    salesforce: Opened, tmp_path: Path
) -> None:
    with salesforce(write_invoices(tmp_path / "data")) as there:
        source = Source(there, tmp_path)
        assert source.check() == "SUCCEEDED"
        stream = source.discover()["Invoice__c"]
        assert Source(there, tmp_path, client_secret="wrong").check() == "FAILED"
    assert stream["supported_sync_modes"] == ["full_refresh", "incremental"]
    assert stream["default_cursor_field"] == ["SystemModstamp"]
    assert stream["source_defined_primary_key"] == [["Id"]]
    assert stream["json_schema"]["properties"]["Quantity__c"] == {"type": ["number", "null"]}


@pytest.mark.parametrize("bulk", [False, True], ids=["REST", "BULK"])
def test_the_airbyte_source_reads_every_value(
    salesforce: Opened, tmp_path: Path, *, bulk: bool
) -> None:
    expected = {row["Ext_Id__c"]: as_the_source_writes(row, bulk=bulk) for row in invoices()}
    names = list(invoices()[0])
    with salesforce(write_invoices(tmp_path / "data")) as there:
        source = Source(there, tmp_path, force_use_bulk_api=bulk, preserve_na_values=True)
        read = records(source.read("full_refresh"))
        deleted = [call.path for call in there.sandbox.requests if call.method == "DELETE"]
    assert {key: {name: row[name] for name in names} for key, row in read.items()} == expected
    assert (LOCATION in read["I-1"]) is not bulk
    # It deletes its query jobs.
    assert len(deleted) == int(bulk)


def test_the_airbyte_source_takes_na_for_null_unless_told(
    salesforce: Opened, tmp_path: Path
) -> None:
    """A known fault of its own: pandas takes the words for absent values."""
    with salesforce(write_invoices(tmp_path / "data")) as there:
        read = records(Source(there, tmp_path, force_use_bulk_api=True).read("full_refresh"))
    expected = {row["Ext_Id__c"]: as_the_source_writes(row, bulk=True) for row in invoices()}
    lost = {key for key, row in read.items() if row["Notes__c"] != expected[key]["Notes__c"]}
    assert lost == {"I-2", "I-3"}
    assert read["I-2"]["Notes__c"] is None


@pytest.mark.parametrize("bulk", [False, True], ids=["REST", "BULK"])
def test_the_airbyte_source_goes_on_from_its_state(
    salesforce: Opened, tmp_path: Path, *, bulk: bool
) -> None:
    with salesforce(write_invoices(tmp_path / "data")) as there:
        source = Source(there, tmp_path, force_use_bulk_api=bulk)
        first = source.read("incremental")
        assert set(records(first)) == {row["Ext_Id__c"] for row in invoices()}
        there.change("Invoice__c/Ext_Id__c/I-5", {"Notes__c": "changed"})
        state = [message["state"] for message in first if message["type"] == "STATE"][-1]
        second = records(source.read("incremental", [state]))
    assert {key: row["Notes__c"] for key, row in second.items()} == {"I-5": "changed"}


def test_our_tap_reads_on_from_the_airbyte_sources_state(
    salesforce: Opened, tmp_path: Path
) -> None:
    with salesforce(write_invoices(tmp_path / "data")) as there:
        first = Source(there, tmp_path).read("incremental")
        assert len(records(first)) == len(invoices())
        there.change("Invoice__c/Ext_Id__c/I-2", {"Notes__c": "changed"})
        state = [message["state"] for message in first if message["type"] == "STATE"][-1]
        # A whole state is a list of the states of its streams.
        read = OurTap(there, tmp_path).read(state=[state])
        alone = OurTap(there, tmp_path).read(state=state)
    changed = [message["record"] for message in read if message["type"] == "RECORD"]
    assert [(row["Ext_Id__c"], row["Notes__c"]) for row in changed] == [("I-2", "changed")]
    assert [message["record"] for message in alone if message["type"] == "RECORD"] == changed

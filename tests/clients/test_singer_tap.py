"""singer-io's tap-salesforce, which PyPI serves, reads the sandbox as if it were Salesforce.

It signs in at https://login.salesforce.com and nowhere else, so a proxy leads it here.
"""

from __future__ import annotations

import csv
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

# So many rows the tap asks for in a chunk; there is no setting for it.
CHUNK_ROWS = 100_000
TIMED_OUT = """<?xml version="1.0" encoding="UTF-8"?>
<batchInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">
 <id>751000000000001AAA</id><jobId>750000000000001AAA</jobId><state>Failed</state>
 <stateMessage>InvalidBatch : Failed to process query: QUERY_TIMEOUT</stateMessage>
</batchInfo>"""


class Tap:
    """The command, with its config in a folder."""

    def __init__(self, salesforce: Salesforce, folder: Path, api: str) -> None:
        self._salesforce, self._folder = salesforce, folder
        config = salesforce.config() | {"api_type": api, "start_date": "2024-01-01T00:00:00Z"}
        self._config = self._file("config.json", config)

    def discover(self) -> dict[str, Any]:
        """Return the streams of the catalog by name."""
        catalog = json.loads(self._run("--discover"))
        return {stream["stream"]: stream for stream in catalog["streams"]}

    def read(self, stream: dict[str, Any], state: Any = None) -> list[dict[str, Any]]:
        """Return the messages of a sync."""
        words: list[str | Path] = [
            "--properties",
            self._file("catalog.json", {"streams": [stream]}),
        ]
        if state is not None:
            words += ["--state", self._file("state.json", state)]
        return json_lines(self._run(*words))

    def _run(self, *words: str | Path) -> str:
        command = python_client("tap-salesforce") / "tap-salesforce"
        command_line = (command, "--config", self._config, *words)
        return run(*command_line, cwd=self._folder, environment=self._salesforce.environment)

    def _file(self, name: str, document: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(document), "utf-8")
        return path


def selected(stream: dict[str, Any], *fields: str, **settings: str) -> dict[str, Any]:
    """Return a stream of the catalog with these fields selected."""
    for entry in stream["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"] |= {"selected": True, **settings}
        elif entry["breadcrumb"][1] in fields:
            entry["metadata"]["selected"] = True
    return stream


def records(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the records by key."""
    found = [message["record"] for message in messages if message["type"] == "RECORD"]
    return {record["Ext_Id__c"]: record for record in found}


def as_the_tap_writes(row: dict[str, Any], api: str) -> dict[str, Any]:
    """Return a row with what the tap is known to do to values.

    singer-python makes a datetime of a date. Over BULK the tap decodes a `text/csv` without a
    charset as Latin-1, as requests proposes for text, and keeps rows in a file whose line ends it
    translates.
    """
    written = dict(row)
    if row["Issued_On__c"]:
        written["Issued_On__c"] = f"{row['Issued_On__c']}T00:00:00.000000Z"
        written["Due_At__c"] = row["Due_At__c"].replace(".000Z", ".000000Z")
    if api == "BULK" and row["Notes__c"]:
        written["Notes__c"] = row["Notes__c"].encode().decode("latin-1").replace("\r\n", "\n")
    return written


@pytest.mark.parametrize("api", ["REST", "BULK"])
def test_the_singer_tap_discovers_and_reads_every_value(
    salesforce: Opened, tmp_path: Path, api: str
) -> None:
    expected = {row["Ext_Id__c"]: as_the_tap_writes(row, api) for row in invoices()}
    names = list(invoices()[0])
    with salesforce(write_invoices(tmp_path / "data")) as there:
        tap = Tap(there, tmp_path, api)
        streams = tap.discover()
        # The bulk APIs do not read it.
        assert ("TaskStatus" in streams) is (api == "REST")
        properties = streams["Invoice__c"]["schema"]["properties"]
        assert properties["Quantity__c"] == {"type": ["null", "number"]}
        assert properties["Is_Disputed__c"] == {"type": ["null", "boolean"]}
        read = records(tap.read(selected(streams["Invoice__c"], *names)))
    shown = {key: {name: row[name] for name in names} for key, row in read.items()}
    assert shown == expected


@pytest.mark.parametrize("api", ["REST", "BULK"])
def test_the_singer_tap_goes_on_from_its_bookmark(
    salesforce: Opened, tmp_path: Path, api: str
) -> None:
    incremental = {"replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    with salesforce(write_invoices(tmp_path / "data")) as there:
        tap = Tap(there, tmp_path, api)
        stream = selected(tap.discover()["Invoice__c"], "Ext_Id__c", "Notes__c", **incremental)
        first = tap.read(stream)
        assert set(records(first)) == {row["Ext_Id__c"] for row in invoices()}
        there.change("Invoice__c/Ext_Id__c/I-2", {"Notes__c": "changed"})
        state = [message["value"] for message in first if message["type"] == "STATE"][-1]
        assert state["bookmarks"]["Invoice__c"] == {"SystemModstamp": "2024-05-08T10:00:00.000000Z"}
        second = records(tap.read(stream, state))
    # What was last changed when the bookmark says comes again.
    assert {key: row["Notes__c"] for key, row in second.items()} == {"I-8": None, "I-2": "changed"}


def test_the_singer_tap_reads_in_chunks_by_primary_key(salesforce: Opened, tmp_path: Path) -> None:
    texts = {f"I-{n}": f"Notiz {n}" for n in range(CHUNK_ROWS + 3)}
    data = tmp_path / "data"
    data.mkdir()
    with (data / "Invoice__c.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Ext_Id__c", "Notes__c", "SystemModstamp"])
        writer.writerows([*pair, "2024-05-01T10:00:00.000Z"] for pair in texts.items())
    with salesforce(data) as there:
        tap = Tap(there, tmp_path, "BULK")
        chosen = selected(tap.discover()["Invoice__c"], "Ext_Id__c", "Notes__c")
        control = there.sandbox.control
        # It chunks only what Salesforce could not read in time otherwise.
        answer = {"status": 200, "headers": {"Content-Type": "application/xml"}, "body": TIMED_OUT}
        control.add_fault(kind="answer", method="GET", path="*/batch/751*", **answer)
        # It looks again after a minute if a chunk is not ready, so it sees them late.
        control.add_fault(kind="delay", method="GET", path="*/job/*/batch", seconds=10)
        read = tap.read(chosen)
        headers = [call.headers.get("sforce-enable-pkchunking") for call in there.sandbox.requests]
    assert f"true; chunkSize={CHUNK_ROWS}" in headers
    assert {key: row["Notes__c"] for key, row in records(read).items()} == texts
    states = [message["value"] for message in read if message["type"] == "STATE"]
    marks = [state["bookmarks"]["Invoice__c"] for state in states if "bookmarks" in state]
    left = [len(mark["BatchIDs"]) for mark in marks if "BatchIDs" in mark]
    assert left[:2] == [1, 0]


def schema_of(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the SCHEMA message of the only stream."""
    (message,) = [message for message in messages if message["type"] == "SCHEMA"]
    return message


def test_our_tap_takes_over_the_singer_taps_catalog_and_state(
    salesforce: Opened, tmp_path: Path
) -> None:
    incremental = {"replication-method": "INCREMENTAL", "replication-key": "SystemModstamp"}
    names = ["Id", "Ext_Id__c", "Notes__c", "Issued_On__c", "SystemModstamp"]
    with salesforce(write_invoices(tmp_path / "data")) as there:
        theirs, ours = Tap(there, tmp_path, "REST"), OurTap(there, tmp_path)
        stream = selected(theirs.discover()["Invoice__c"], *names, **incremental)
        first = theirs.read(stream)
        there.change("Invoice__c/Ext_Id__c/I-2", {"Notes__c": "changed"})
        state = [message for message in first if message["type"] == "STATE"][-1]
        for entry in stream["metadata"]:
            if entry["breadcrumb"]:
                entry["metadata"]["selected"] = entry["breadcrumb"][1] in names
        second = ours.read(catalog={"streams": [stream]}, state=state)
        alone = ours.read()
    # What was last changed in the ten minutes before their bookmark comes again.
    assert {key: row["Notes__c"] for key, row in records(second).items()} == {
        "I-8": None,
        "I-2": "changed",
    }
    of_all, of_theirs = schema_of(alone), schema_of(second)
    assert of_theirs["key_properties"] == ["Id"] == of_all["key_properties"]
    assert of_theirs["bookmark_properties"] == ["SystemModstamp"]
    properties = of_all["schema"]["properties"]
    # What their catalog cannot know is selected.
    known = [*names, "_sdc_deleted_at"]
    assert of_theirs["schema"]["properties"] == {name: properties[name] for name in known}

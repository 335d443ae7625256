"""A dry run reads and checks everything, and writes what would be sent; the org stays as it is."""

from __future__ import annotations

import csv
import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.support import Org

SETTINGS: dict[str, Any] = {
    "dry_run": True,
    "external_id": "Ext_Id__c",
    "streams": {
        "accounts": {
            "sobject": "Account",
            "fields": {"key": "Ext_Id__c", "name": "Name"},
            "constants": {"Industry": "Energy"},
        },
        "people": {
            "sobject": "Contact",
            "fields": {"key": "Ext_Id__c", "name": "LastName"},
            "lookups": {"team": "Account.Ext_Id__c"},
        },
    },
}
MESSAGES = (
    schema("accounts", "key", "name"),
    *(record("accounts", key=f"A-{at}", name=f"Secretive {at}") for at in range(5)),
    schema("people", "key", "name", "team"),
    record("people", key="C-1", name="Lin, or so", team="A-1"),
    record("people", key="C-2", name=None, team=None),
    state(done=1),
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def changes(org: Org) -> list[str]:
    """The requests that could change the org."""
    return [
        f"{request.method} {request.path}"
        for request in org.sandbox.requests
        if request.method != "GET" and not request.path.endswith("/composite")
    ]


def test_it_writes_the_files_that_would_be_sent_and_changes_nothing(org: Org) -> None:
    run = org.load(*MESSAGES, **SETTINGS, batch_size_rows=3)
    assert run.code == 0, run.log
    assert run.states == []
    assert changes(org) == []
    assert org.jobs() == []
    assert org.query("SELECT Id FROM Account") == []
    folder = run.output / "dry-run"
    accounts = [*rows(folder / "accounts-0001.csv"), *rows(folder / "accounts-0002.csv")]
    assert accounts == [
        {"Ext_Id__c": f"A-{at}", "Name": f"Secretive {at}", "Industry": "Energy"} for at in range(5)
    ]
    # The parents were written before the rows that name them came, so none of these waits.
    people = rows(folder / "people-0001.csv")
    assert people == [
        {"Ext_Id__c": "C-1", "LastName": "Lin, or so", "Account.Ext_Id__c": "A-1"},
        {"Ext_Id__c": "C-2", "LastName": "", "Account.Ext_Id__c": "#N/A"},
    ]
    assert not (run.output / "accounts.report.json").exists()
    assert "accounts: 5 rows read; upsert into Account would send 5 rows in 2 jobs" in run.log
    assert "with the columns Ext_Id__c, Name, Industry" in run.log
    assert "Dry run: nothing was sent, and no STATE was written" in run.log
    assert "Secretive" not in run.log


def test_a_dry_run_refuses_what_a_run_would_refuse_by_the_same_budget(org: Org) -> None:
    bad = record("people", key=None, name="Sol")
    run = org.load(*MESSAGES, bad, **SETTINGS)
    assert run.code == 1
    assert "1 of 8 rows were rejected, and max_rejects allows 0." in run.reason
    assert "The other rows read could be sent." in run.reason
    assert run.states == []
    folder = run.output / "dry-run"
    assert '"MISSING_KEY"' in (folder / "people.rejects.jsonl").read_text("utf-8")
    assert not (run.output / "people.rejects.jsonl").exists()
    assert org.load(*MESSAGES, bad, **SETTINGS, max_rejects=1).code == 0
    # The files are those of the last dry run alone.
    assert len((folder / "people.rejects.jsonl").read_text("utf-8").splitlines()) == 1


def test_its_files_replace_those_of_an_earlier_dry_run(org: Org) -> None:
    assert org.load(*MESSAGES, **SETTINGS, batch_size_rows=1).code == 0
    other = org.folder / "output" / "dry-run" / "accounts-eu-0001.csv"
    other.write_text("of another stream")
    assert org.load(*MESSAGES, **SETTINGS).code == 0
    found = sorted(path.name for path in (org.folder / "output" / "dry-run").glob("acc*.csv"))
    assert found == ["accounts-0001.csv", "accounts-eu-0001.csv"]


def test_rejects_of_another_stream_stay_though_its_name_begins_alike(org: Org) -> None:
    streams = {
        name: {"sobject": "Account", "fields": {"key": "Ext_Id__c"}}
        for name in ("eu", "eu.rejects.old")
    }
    settings: dict[str, Any] = {**SETTINGS, "streams": streams, "max_rejects": 2}
    for name in reversed(streams):
        assert org.load(schema(name, "key"), record(name, key=None), **settings).code == 0
    found = (org.folder / "output" / "dry-run").glob("eu.rejects.old.rejects.*.csv")
    assert len(list(found)) == 1


def test_its_report_names_each_file_with_its_rows(org: Org) -> None:
    run = org.load(*MESSAGES, **SETTINGS)
    report = (run.output / "dry-run").joinpath("accounts.report.json").read_text("utf-8")
    path = run.output / "dry-run" / "accounts-0001.csv"
    assert '"dry_run": true' in report
    assert f'"path": "{path}"' in report
    assert f'"bytes": {path.stat().st_size}' in report
    assert '"rows": 5' in report
    assert '"loaded": 0' in report


@pytest.mark.parametrize("value", [True, "true", "1"])
def test_a_dry_run_can_be_asked_for_as_text(org: Org, value: Any) -> None:
    run = org.load(*MESSAGES, **{**SETTINGS, "dry_run": value})
    assert run.code == 0
    assert changes(org) == []


@pytest.mark.parametrize("name", ["dryrun", "dry-run", "Dry_Run", "dry_runs"])
def test_a_name_that_was_meant_for_it_never_loads(org: Org, name: str) -> None:
    settings = {**SETTINGS, name: True}
    del settings["dry_run"]
    run = org.load(*MESSAGES, **settings)
    assert run.code == 1
    assert f"There is no setting `{name}` (did you mean `dry_run`?)." in run.reason
    assert org.sandbox.requests == []


@pytest.mark.parametrize(
    ("settings", "keys", "field", "told"),
    [
        ({"new_only": True}, ["old", "old", "new"], "skipped", "2 skipped"),
        ({}, ["hot"] * 5, "replaced", "3 replaced by later ones"),
    ],
)
def test_records_that_a_run_does_not_send_are_counted(
    org: Org, settings: dict[str, Any], keys: list[str], field: str, told: str
) -> None:
    org.create("Account", Name="Acme", Ext_Id__c="old")
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        *(record("Account", Ext_Id__c=key, Name=f"{at}") for at, key in enumerate(keys)),
        external_id="Ext_Id__c",
        dry_run=True,
        streams={"Account": settings},
    )
    assert run.code == 0, run.log
    report = json.loads((run.output / "dry-run" / "Account.report.json").read_text("utf-8"))
    sent = sum(file["rows"] for file in report["files"])
    assert (report["read"], sent, report[field]) == (
        len(keys),
        len(keys) - int(told[0]),
        int(told[0]),
    )
    assert f", {told}, 0 rejected" in run.log


def test_keys_are_looked_up_as_in_a_run_and_what_is_not_found_is_a_reject(org: Org) -> None:
    there = org.create("Account", Name="Acme", Ext_Id__c="A-1")
    org.sandbox.control.forget_requests()
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c="A-1", Name="New"),
        record("Account", Ext_Id__c="A-2", Name="Nobody"),
        operation="update",
        external_id="Ext_Id__c",
        dry_run=True,
        max_rejects=1,
    )
    assert run.code == 0, run.log
    folder = run.output / "dry-run"
    assert rows(folder / "Account-0001.csv") == [{"Id": there, "Name": "New"}]
    assert '"A-2"' in (folder / "Account.rejects.jsonl").read_text("utf-8")
    assert "update into Account would send 1 rows in 1 jobs, 1 rejected" in run.log
    assert changes(org) == []
    assert org.query("SELECT Name FROM Account") == [{"Name": "Acme"}]


@pytest.mark.parametrize("api_type", ["BULK2", "BULK"])
def test_records_that_the_run_itself_would_create_are_found(org: Org, api_type: str) -> None:
    there = org.create("Account", Name="Acme", Ext_Id__c="A-0")
    org.sandbox.control.forget_requests()
    both = {"sobject": "Account", "external_id": "Ext_Id__c"}
    run = org.load(
        schema("new", "Ext_Id__c", "Name"),
        schema("changes", "Ext_Id__c", "Phone"),
        schema("gone", "Ext_Id__c"),
        record("changes", Ext_Id__c="A-2", Phone="too early"),
        record("new", Ext_Id__c="A-1", Name="One"),
        record("changes", Ext_Id__c="a-1", Phone="1"),
        record("changes", Ext_Id__c="A-0", Phone="0"),
        record("new", Ext_Id__c="A-2", Name="Two"),
        record("gone", Ext_Id__c="A-2"),
        record("gone", Ext_Id__c="A-3"),
        api_type=api_type,
        streams={
            "new": {"sobject": "Account", "operation": "insert"},
            "changes": {**both, "operation": "update"},
            "gone": {**both, "operation": "delete"},
        },
        dry_run=True,
        max_rejects=2,
    )
    assert run.code == 0, run.log
    folder = run.output / "dry-run"
    changed = [row for path in folder.glob("changes-*.csv") for row in rows(path)]
    assert sorted(changed, key=lambda row: row["Phone"]) == [
        {"Id": there, "Phone": "0"},
        {"Id": "new record A-1", "Phone": "1"},
    ]
    deleted = [row for path in sorted(folder.glob("gone-*.csv")) for row in rows(path)]
    assert deleted == [{"Id": "new record A-2"}]
    assert "too early" in (folder / "changes.rejects.jsonl").read_text("utf-8")
    assert '"A-3"' in (folder / "gone.rejects.jsonl").read_text("utf-8")
    assert changes(org) == []


def test_its_files_are_byte_for_byte_what_a_run_uploads_and_it_leaves_nothing_else(
    org: Org,
) -> None:
    org.create("Contact", LastName="Old", Ext_Id__c="L-1")
    org.create("Account", Name="Gone", Ext_Id__c="A-9")
    org.sandbox.control.forget_requests()
    messages = (
        *MESSAGES,
        schema("more", "Ext_Id__c", "LastName", "Title", "when"),
        record("more", Ext_Id__c="L-1", LastName="Lin", Title="x", when="2026-01-02"),
        record("more", Ext_Id__c="L-2", LastName='"a",\r\n\u2028\u00e9', Title=None, when=None),
        schema("gone", "Ext_Id__c"),
        record("gone", Ext_Id__c="A-9"),
    )
    settings = {
        **SETTINGS,
        "streams": {
            **SETTINGS["streams"],
            "more": {"sobject": "Contact", "new_only": True, "fields": {"when": None}},
            "gone": {"sobject": "Account", "operation": "delete", "external_id": "Ext_Id__c"},
        },
        "max_rejects": 1,
    }
    run = org.load(*messages, **settings)
    assert run.code == 0, run.log
    assert changes(org) == []
    assert [path.name for path in run.output.iterdir()] == ["dry-run"]
    folder = run.output / "dry-run"
    written = {sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.csv")}
    run = org.load(*messages, **{**settings, "dry_run": False})
    assert run.code == 0, run.log
    uploads = [r.body_sha256 for r in org.sandbox.requests if r.path.endswith("/batches")]
    assert len(uploads) == 5
    assert written == set(uploads)


def test_nothing_is_sent_by_bulk_api_1_0_either(org: Org) -> None:
    run = org.load(*MESSAGES, **SETTINGS, api_type="BULK")
    assert run.code == 0, run.log
    assert changes(org) == []
    assert len(rows(run.output / "dry-run" / "accounts-0001.csv")) == 5

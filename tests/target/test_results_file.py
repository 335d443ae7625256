"""Results files: key, Id and job of each row that is in Salesforce, compared with the org."""

from __future__ import annotations

import csv
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

APIS = pytest.mark.parametrize("api", ["BULK2", "BULK"])


def results(run: Run, stream: str = "Account") -> list[dict[str, str]]:
    with (run.output / f"{stream}.results.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ids(org: Org) -> dict[str, str]:
    rows = org.query("SELECT Id, Ext_Id__c FROM Account")
    return {row["Ext_Id__c"]: row["Id"] for row in rows}


def accounts(*keys: str, name: str | None = "Acmé") -> list[dict[str, Any]]:
    rows = (record("Account", ext=key, Name=name) for key in keys)
    return [schema("Account", "ext", "Name", key="ext"), *rows, state(done=True)]


MAPPED = {"Account": {"fields": {"ext": "Ext_Id__c"}}}


@APIS
def test_an_upsert_writes_key_id_created_and_job_and_no_refused_row(org: Org, api: str) -> None:
    old = org.create("Account", Name="Old", Ext_Id__c="A,1")
    bad = record("Account", ext="bad", Name="x" * 255 + "y" * 10)
    run = org.load(
        *accounts("A,1", "Ä-2")[:-1],
        bad,
        state(done=True),
        streams=MAPPED,
        external_id="Ext_Id__c",
        write_results=True,
        api_type=api,
        max_rejects=1,
    )
    assert (run.code, run.states) == (0, [{"done": True}]), run.log
    assert [reject["record"]["ext"] for reject in run.rejects("Account")] == ["bad"]
    job = run.report("Account")["job_ids"][0]
    assert results(run) == [
        {"ext": "A,1", "sf__Id": old, "sf__Created": "false", "job_id": job},
        {"ext": "Ä-2", "sf__Id": ids(org)["Ä-2"], "sf__Created": "true", "job_id": job},
    ]


@APIS
def test_an_insert_writes_the_key_properties_of_the_schema(org: Org, api: str) -> None:
    run = org.load(
        *accounts("1", "2"),
        streams=MAPPED,
        operation="insert",
        write_results=True,
        api_type=api,
    )
    assert run.code == 0, run.log
    assert {row["ext"]: row["sf__Id"] for row in results(run)} == ids(org)
    assert len(ids(org)) == 2


@APIS
@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_row_whose_key_was_resolved_has_its_key_and_its_id(
    org: Org, api: str, operation: str
) -> None:
    old = org.create("Account", Name="Old", Ext_Id__c="A-1")
    run = org.load(
        *accounts("A-1", "gone"),
        streams={"Account": {"fields": {"ext": "Ext_Id__c", "Name": "Name"}}},
        operation=operation,
        external_id="Ext_Id__c",
        write_results=True,
        unknown_fields="drop",
        api_type=api,
        max_rejects=1,
    )
    assert run.code == 0, run.log
    assert [(row["ext"], row["sf__Id"], row["sf__Created"]) for row in results(run)] == [
        ("A-1", old, "false")
    ]


def test_an_insert_without_any_key_writes_only_the_id(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="a"),
        record("Account", Name="a"),
        operation="insert",
        write_results=True,
    )
    assert run.code == 0, run.log
    assert list(results(run)[0]) == ["sf__Id", "sf__Created", "job_id"]
    found = {row["Id"] for row in org.query("SELECT Id FROM Account")}
    assert {row["sf__Id"] for row in results(run)} == found
    assert len(found) == 2


def test_a_second_run_appends_and_removes_a_row_that_was_cut_off(org: Org) -> None:
    settings = {"streams": MAPPED, "external_id": "Ext_Id__c", "write_results": True}
    first = org.load(*accounts('A "1"\nx'), **settings)
    path = first.output / "Account.results.csv"
    with path.open("ab") as file:
        file.write(b'"torn\n')
    second = org.load(*accounts("A-2"), **settings)
    assert (first.code, second.code) == (0, 0), second.log
    assert [row["ext"] for row in results(second)] == ['A "1"\nx', "A-2"]


def test_a_file_with_other_columns_ends_the_run_before_a_row_is_sent(org: Org) -> None:
    settings = {"streams": MAPPED, "write_results": True}
    assert org.load(*accounts("A-1"), external_id="Ext_Id__c", **settings).code == 0
    messages = [schema("Account", "Name"), record("Account", Name="b")]
    run = org.load(*messages, operation="insert", write_results=True)
    assert run.code == 1
    assert "Account.results.csv has other columns" in run.reason
    assert list(ids(org)) == ["A-1"]


def test_a_dry_run_and_a_run_without_the_setting_write_no_results(org: Org) -> None:
    settings = {"streams": MAPPED, "external_id": "Ext_Id__c"}
    for more in ({}, {"write_results": True, "dry_run": True}):
        run = org.load(*accounts("A-1"), **settings, **more)
        assert run.code == 0, run.log
        assert not list(run.output.rglob("*.results.csv"))


UPSERT: dict[str, Any] = {
    "streams": MAPPED,
    "external_id": "Ext_Id__c",
    "write_results": True,
}


@APIS
def test_a_row_that_was_sent_again_has_one_line_with_the_job_that_loaded_it(
    org: Org, api: str
) -> None:
    code = "UNABLE_TO_LOCK_ROW"
    org.sandbox.control.add_fault(
        kind="row_error", where={"Ext_Id__c": "A-2"}, code=code, attempts=1
    )
    run = org.load(*accounts("A-1", "A-2", "A-3"), **UPSERT, api_type=api)
    assert run.code == 0, run.log
    assert {row["ext"]: row["sf__Id"] for row in results(run)} == ids(org)
    assert len(results(run)) == 3
    jobs = {row["ext"]: row["job_id"] for row in results(run)}
    assert jobs["A-1"] == jobs["A-3"]
    if api == "BULK2":
        assert jobs["A-2"] != jobs["A-1"]


@APIS
def test_each_of_several_jobs_writes_its_rows(org: Org, api: str) -> None:
    keys = [f"A-{number}" for number in range(7)]
    run = org.load(*accounts(*keys), **UPSERT, api_type=api, batch_size_rows=2)
    assert run.code == 0, run.log
    assert {row["ext"]: row["sf__Id"] for row in results(run)} == ids(org)
    assert len(results(run)) == 7
    if api == "BULK2":
        assert len({row["job_id"] for row in results(run)}) == 4


@APIS
def test_a_hard_delete_writes_the_ids_of_the_deleted_records(org: Org, api: str) -> None:
    gone = [org.create("Account", Name="Old", Ext_Id__c=f"A-{number}") for number in range(2)]
    rows = (record("Account", Id=each) for each in gone)
    run = org.load(
        schema("Account", "Id"), *rows, operation="hardDelete", write_results=True, api_type=api
    )
    assert run.code == 0, run.log
    found = [(row["Id"], row["sf__Id"], row["sf__Created"]) for row in results(run)]
    assert sorted(found) == sorted((each, each, "false") for each in gone)
    assert ids(org) == {}


def test_a_run_that_ends_at_its_first_reject_has_written_the_rows_that_are_in(org: Org) -> None:
    messages = accounts("A-1", "A-2", "bad", "A-4")
    org.sandbox.control.add_fault(kind="row_error", where={"Ext_Id__c": "bad"}, code="NO")
    run = org.load(*messages, **UPSERT, batch_size_rows=1, max_jobs_in_flight=1)
    assert run.code == 1
    assert "max_rejects allows 0" in run.reason
    assert {row["ext"]: row["sf__Id"] for row in results(run)} == ids(org)
    assert {"A-1", "A-2"} <= set(ids(org)) < {"A-1", "A-2", "A-4", "bad"}


@pytest.mark.parametrize(
    ("before", "written"),
    [
        ("sfbulk.load.journal_file:LoadJournal.reported", ["1", "2", "3", "4"]),
        # Salesforce has the rows of the job, and the killed run has not written them.
        ("target_sfbulk.results_file:ResultsFile.append", ["3", "4"]),
    ],
)
def test_a_run_that_is_killed_around_its_results_leaves_a_file_that_the_next_one_goes_on_with(
    org: Org, before: str, written: list[str]
) -> None:
    settings = {**UPSERT, "external_id": None, "operation": "insert"}
    arguments = ["--config", str(org.config(**settings))]
    killed = forked("target-sfbulk").run_line(
        org.folder, arguments, stdin=as_lines(accounts("1", "2")), kill=Kill(before=before)
    )
    assert killed.code == -SIGKILL
    run = org.load(*accounts("1", "2", "3", "4"), **settings)
    assert run.code == 0, run.log
    assert sorted(row["ext"] for row in results(run)) == written
    assert len(ids(org)) == 4
    assert {row["ext"]: row["sf__Id"] for row in results(run)}.items() <= ids(org).items()

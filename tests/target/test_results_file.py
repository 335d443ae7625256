"""Results files: key, Id and job of each row that is in Salesforce, compared with the org."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

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

"""Result lists without rows, in each form that Salesforce may give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run


@pytest.mark.parametrize("form", ["header", "no_content", "empty"])
def test_a_load_without_refused_rows_is_a_success_whatever_an_empty_list_looks_like(
    org: Org, form: str
) -> None:
    org.sandbox.control.set_behaviour(empty_results=form)
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        *(record("Account", Ext_Id__c=f"A-{at}", Name="x") for at in range(3)),
        state(done=3),
        external_id="Ext_Id__c",
    )
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    assert len(org.query("SELECT Id FROM Account")) == 3


@pytest.mark.parametrize("form", ["header", "no_content", "empty"])
def test_a_load_of_which_every_row_is_refused_names_them_all(org: Org, form: str) -> None:
    org.sandbox.control.set_behaviour(empty_results=form)
    run = org.load(
        schema("Account", "Ext_Id__c", "Phone"),
        *(record("Account", Ext_Id__c=f"A-{at}", Phone="1") for at in range(3)),
        state(done=3),
        external_id="Ext_Id__c",
        max_rejects="3",
    )
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    assert {reject["code"] for reject in run.rejects("Account")} == {"REQUIRED_FIELD_MISSING"}


HEAD = '"Id","Success","Created","Error"\n'
LISTS = {
    "empty": "",
    "without rows": HEAD,
    "without some rows": HEAD + '"","false","false","BAD:bad:Name --"\n',
    "without its end": HEAD + '"","fal',
    "unreadable": "<html>We are down for maintenance</html>",
}


def load_by_bulk1(org: Org, body: str, *names: str | None) -> Run:
    """Accounts whose batch has these results, whatever became of its rows."""
    org.sandbox.control.add_fault(
        kind="answer", method="GET", path="*/batch/*/result", status=200, body=body, times=None
    )
    rows = [record("Account", Ext_Id__c=f"A-{at}", Name=name) for at, name in enumerate(names)]
    return org.load(
        schema("Account", "Ext_Id__c", "Name"),
        *rows,
        state(done=len(rows)),
        operation="insert",
        api_type="BULK",
        max_rejects=len(rows),
    )


@pytest.mark.parametrize("form", ["empty", "without rows", "without its end", "unreadable"])
def test_a_batch_without_results_of_which_no_row_failed_is_loaded(org: Org, form: str) -> None:
    run = load_by_bulk1(org, LISTS[form], "A", "B", "C")
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    report = run.report("Account")
    assert (report["loaded"], report["created"], report["rejected"]) == (3, 3, 0)
    assert len(org.query("SELECT Id FROM Account")) == 3


@pytest.mark.parametrize("form", LISTS)
def test_a_batch_without_results_of_which_every_row_failed_is_rejected(org: Org, form: str) -> None:
    run = load_by_bulk1(org, LISTS[form], None, None, None)
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    rejects = run.rejects("Account")
    assert [line["record"]["Ext_Id__c"] for line in rejects] == ["A-0", "A-1", "A-2"]
    assert {(line["kind"], line["code"]) for line in rejects} == {("rejected", "UNKNOWN")}
    assert "Salesforce refused it" in rejects[0]["message"]


@pytest.mark.parametrize("form", LISTS)
def test_rows_of_a_batch_without_results_of_which_some_failed_are_unknown(
    org: Org, form: str
) -> None:
    run = load_by_bulk1(org, LISTS[form], "A", None, "C")
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    rejects = run.rejects("Account")
    assert [line["record"]["Ext_Id__c"] for line in rejects] == ["A-0", "A-1", "A-2"]
    assert {line["kind"] for line in rejects} == {"unknown"}
    assert len(org.query("SELECT Id FROM Account")) == 2


def test_a_batch_whose_results_contradict_its_counts_is_an_error_and_its_rows_are_known(
    org: Org,
) -> None:
    row = '"","false","false","BAD:bad:Name --"\n'
    good = '"001X00000000001IAA","true","true",""\n'
    run = load_by_bulk1(org, HEAD + good + row + row, "A", "B", "C")
    assert (run.code, run.states) == (1, [])
    assert "3 rows, 2 of them failed, but Salesforce processed 3, of which 0 failed" in run.reason
    assert [line["record"]["Ext_Id__c"] for line in run.rejects("Account")] == ["A-1", "A-2"]


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>We are down</p>\n", "{}\n", "Id,Name\n"])
def test_a_page_in_place_of_results_settles_no_row_and_the_next_run_reads_them(
    org: Org, page: str
) -> None:
    fault = {"kind": "answer", "path": "*/successfulResults*", "status": 200, "body": page}
    org.sandbox.control.add_fault(**fault, times=None)
    messages = [schema("Account", "Name"), record("Account", Name="A"), state(at=1)]
    first = org.load(*messages, operation="insert")
    assert (first.code, first.states) == (1, [])
    assert "The successfulResults of job 750" in first.reason
    assert "no column sf__Id. Run again" in first.reason
    org.sandbox.control.clear_faults()
    again = org.load(*messages, operation="insert")
    assert (again.code, again.states) == (0, [{"at": 1}]), again.log
    assert len(org.query("SELECT Id FROM Account")) == 1


def test_a_result_list_that_is_no_csv_is_named_with_its_job_and_read_by_the_next_run(
    org: Org,
) -> None:
    org.sandbox.control.add_fault(
        kind="answer", path="*/failedResults*", status=200, body='"sf__Id","sf__Error"\n"1"x\n'
    )
    messages = [schema("Account", "Name"), record("Account", Name="A"), state(at=1)]
    first = org.load(*messages, operation="insert")
    assert first.code == 1
    assert first.states == []
    assert "The failedResults of job 750" in first.reason
    assert "Account, of 0 rows" in first.reason
    assert "Run again" in first.reason
    assert "Traceback" not in first.log
    again = org.load(*messages, operation="insert")
    assert again.code == 0, again.log
    assert again.states == [{"at": 1}]
    assert len(org.query("SELECT Id FROM Account")) == 1

"""Rows that are in no result list of a job that has ended: of a kind of their own, by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

LISTS = {
    "successfulResults": '"sf__Id","sf__Created",Ext_Id__c,Name\n',
    "failedResults": '"sf__Id","sf__Error",Ext_Id__c,Name\n',
    "unprocessedrecords": "Ext_Id__c,Name\n",
}


def empty(org: Org, *lists: str) -> None:
    """Let some result lists have no rows."""
    for name in lists:
        org.sandbox.control.add_fault(
            kind="answer",
            method="GET",
            path=f"*/{name}",
            status=200,
            headers={"Content-Type": "text/csv"},
            body=LISTS[name],
            times=None,
        )


def load(org: Org, **settings: Any) -> Run:
    """A, b and c; b has no name and is refused."""
    return org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c="a", Name="A"),
        record("Account", Ext_Id__c="b", Name=None),
        record("Account", Ext_Id__c="c", Name="C"),
        state(done=3),
        **{"external_id": "Ext_Id__c", **settings},
    )


def kinds(run: Run) -> dict[str, str]:
    return {each["record"]["Ext_Id__c"]: each["kind"] for each in run.rejects("Account")}


def test_rows_missing_from_the_failed_results_are_unknown(org: Org) -> None:
    empty(org, "failedResults")
    run = load(org)
    assert (run.code, run.states) == (1, [{"done": 3}])
    (reject,) = run.rejects("Account")
    assert (reject["record"], reject["kind"], reject["code"]) == (
        {"Ext_Id__c": "b", "Name": None},
        "unknown",
        "UNKNOWN",
    )
    assert reject["fields"] == ["Ext_Id__c"]
    assert reject["job_id"] in run.report("Account")["job_ids"]
    assert "query `Account` by `Ext_Id__c` before sending it again" in reject["message"]
    assert "UNKNOWN on Ext_Id__c: the job ended" in run.reason
    assert run.report("Account")["loaded"] == 2


@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_rows_missing_from_the_successful_results_are_unknown(org: Org, operation: str) -> None:
    empty(org, "successfulResults")
    keys = {} if operation == "upsert" else {"external_id": None}
    run = load(org, operation=operation, **keys, max_rejects="3")
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    assert kinds(run) == {"a": "unknown", "b": "rejected", "c": "unknown"}
    # They are in, in truth: they must not be taken for rows that were never tried.
    assert [row["Name"] for row in org.query("SELECT Name FROM Account ORDER BY Name")] == [
        "A",
        "C",
    ]


@pytest.mark.parametrize("operation", ["upsert", "insert"])
@pytest.mark.parametrize("end", ["job_failed", "job_aborted"])
def test_rows_of_a_failed_job_that_are_in_no_list_are_unknown(
    org: Org, end: str, operation: str
) -> None:
    org.sandbox.control.add_fault(kind=end, object="Account", after_rows=1)
    empty(org, "unprocessedrecords")
    keys = {} if operation == "upsert" else {"external_id": None}
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        *(record("Account", Ext_Id__c=key, Name=key) for key in "abc"),
        state(done=3),
        operation=operation,
        **{"external_id": "Ext_Id__c", **keys},
    )
    assert (run.code, run.states) == (1, [{"done": 3}])
    assert kinds(run) == {"b": "unknown", "c": "unknown"}
    ended = {"job_failed": "Failed", "job_aborted": "Aborted"}[end]
    assert all(
        f"the job ended {ended} and none of its results" in each["message"]
        for each in run.rejects("Account")
    )


def test_rows_that_the_job_lists_as_unprocessed_are_not_unknown(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=1)
    run = load(org)
    assert kinds(run) == {"b": "unprocessed", "c": "unprocessed"}


def test_rows_of_a_job_that_failed_before_its_first_row_were_not_tried(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=0)
    empty(org, "unprocessedrecords")
    run = load(org)
    assert kinds(run) == {"a": "unprocessed", "b": "unprocessed", "c": "unprocessed"}


def test_unknown_rows_are_not_sent_again(org: Org) -> None:
    empty(org, "successfulResults", "failedResults")
    run = load(org)
    assert kinds(run) == {"a": "unknown", "b": "unknown", "c": "unknown"}
    assert org.jobs_created() == 1

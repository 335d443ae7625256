"""The jobs of a run: how many run in parallel, how they are cut, and by which API."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

ACCOUNTS = schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c")
BY_KEY = {"external_id": "Ext_Id__c"}


def test_ten_jobs_with_five_in_flight_take_two_rounds(org: Org) -> None:
    org.sandbox.control.jobs_after_seconds(3)
    begun = time.monotonic()
    run = org.load(
        ACCOUNTS,
        *(record("Account", Ext_Id__c=f"A-{n}", Name="x") for n in range(20)),
        state(done=1),
        **BY_KEY,
        batch_size_rows=2,
    )
    seconds = time.monotonic() - begun
    assert (run.code, run.states) == (0, [{"done": 1}]), run.log
    assert org.jobs_created() == 10
    # One after the other they would take 30 s. The last poll may come some seconds late.
    assert 6 <= seconds < 20


def test_the_last_version_of_each_record_wins_over_many_jobs(org: Org) -> None:
    keys = range(10_000)
    versions = ("old", "new")
    run = org.load(
        ACCOUNTS,
        *(record("Account", Ext_Id__c=f"K-{n}", Name=name) for name in versions for n in keys),
        **BY_KEY,
        batch_size_rows=700,
    )
    assert run.code == 0, run.log
    assert org.jobs_created() >= 2 * 10_000 / 700
    assert org.query("SELECT COUNT(Id) n FROM Account WHERE Name = 'new'")[0]["n"] == len(keys)


@pytest.mark.parametrize("operation", ["upsert", "update", "delete"])
def test_many_versions_of_a_record_are_few_jobs(org: Org, operation: str) -> None:
    """One job for each would take hours in an org, and use up its batches of the day."""
    org.create("Account", Ext_Id__c="hot", Name="before")
    count = 3_000
    run = org.load(
        ACCOUNTS,
        *(record("Account", Ext_Id__c="hot", Name=f"{n}") for n in range(count)),
        state(done=1),
        **BY_KEY,
        operation=operation,
        # The second delete of a record finds none.
        max_rejects=1,
    )
    assert (run.code, run.states) == (0, [{"done": 1}]), run.log
    assert org.jobs_created() <= 2
    report = run.report("Account")
    assert report["read"] == count == report["loaded"] + report["replaced"] + report["rejected"]
    assert report["replaced"] == count - 2
    left = [] if operation == "delete" else [{"Name": f"{count - 1}"}]
    assert org.query("SELECT Name FROM Account WHERE Ext_Id__c = 'hot'") == left


def test_no_field_of_an_earlier_version_is_lost(org: Org) -> None:
    versions: list[dict[str, str | None]] = [
        {"Name": "1", "Phone": "1"},
        {"Name": "2", "Phone": "2"},
        {"Name": "3"},
        {"Name": "4", "Site": "4"},
        {"Name": "5", "Phone": None, "Site": "5"},
    ]
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "Phone", "Site", key="Ext_Id__c"),
        *(record("Account", Ext_Id__c="hot", **version) for version in versions),
        **BY_KEY,
    )
    assert run.code == 0, run.log
    (found,) = org.query("SELECT Name, Phone, Site FROM Account WHERE Ext_Id__c = 'hot'")
    assert found == {"Name": "5", "Phone": None, "Site": "5"}
    # The third lacks the phone of the second. The fourth replaces the third, the fifth the fourth.
    assert (run.report("Account")["loaded"], run.report("Account")["replaced"]) == (3, 2)


@pytest.mark.parametrize("covered", [2, 3])
def test_a_run_that_ends_early_loads_the_version_that_its_state_covers(
    org: Org, covered: int
) -> None:
    lines = [record("Account", Ext_Id__c="hot", Name=f"{n}") for n in range(1, 5)]
    lines.insert(covered, state(done=covered))
    run = org.load(ACCOUNTS, *lines, b"no message\n", **BY_KEY)
    assert (run.code, run.states[-1]) == (1, {"done": covered}), run.log
    # The next version was to be sent in its place, and comes again with the next run.
    assert org.query("SELECT Name FROM Account") == [{"Name": f"{covered}"}]
    report = run.report("Account")
    assert (report["loaded"], report["replaced"]) == (2, covered - 2)
    assert f"{4 - covered} are not sent." in run.log


def test_a_record_that_another_replaces_has_no_outcome_as_long_as_that_one_has_none(
    org: Org,
) -> None:
    body = '[{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]'
    second_job = "*/jobs/ingest/*2IAA/*Results"
    org.sandbox.control.add_fault(kind="answer", path=second_job, status=403, body=body)
    versions = [record("Account", Ext_Id__c="hot", Name=f"{n}") for n in range(5)]
    run = org.load(ACCOUNTS, *versions, state(done=1), **BY_KEY)
    assert (run.code, run.states) == (1, []), run.log
    assert "1 are loaded or in a rejects file, 4 are without an outcome" in run.log


@pytest.mark.parametrize("concurrency", ["Parallel", "Serial"])
def test_bulk_api_1_0_loads_as_2_0_does(org: Org, concurrency: str) -> None:
    run = org.load(
        ACCOUNTS,
        record("Account", Ext_Id__c="A-1", Name="old"),
        record("Account", Ext_Id__c="A-2", Name="x" * 300),
        record("Account", Ext_Id__c="A-1", Name="new"),
        state(done=1),
        **BY_KEY,
        api_type="BULK",
        concurrency=concurrency,
    )
    assert (run.code, run.states) == (1, [{"done": 1}])
    assert org.query("SELECT Ext_Id__c, Name FROM Account") == [{"Ext_Id__c": "A-1", "Name": "new"}]
    (reject,) = run.rejects("Account")
    assert (reject["record"]["Ext_Id__c"], reject["code"]) == ("A-2", "STRING_TOO_LONG")
    report = run.report("Account")
    assert (report["loaded"], report["created"], report["rejected"]) == (2, 1, 1)
    assert org.jobs_created() == 0
    paths = [call.path for call in org.sandbox.requests if call.method == "POST"]
    assert sum(bool(re.search(r"/async/[0-9.]+/job$", path)) for path in paths) == 1
    # The job is closed: an open one would stay in the org for a day.
    closed = [path for path in paths if path.endswith(reject["job_id"])]
    assert len(closed) == 1


def test_a_mode_of_bulk_api_1_0_is_refused_for_2_0(org: Org) -> None:
    run = org.load(ACCOUNTS, **BY_KEY, concurrency="Serial")
    assert run.code == 1
    assert "concurrency: Serial is a mode of Bulk API 1.0" in run.reason


def test_a_quota_stops_a_load_by_bulk_api_1_0_before_its_first_batch(org: Org) -> None:
    org.sandbox.control.use_up("DailyBulkApiBatches", 0)
    run = org.load(
        ACCOUNTS,
        record("Account", Ext_Id__c="A-1", Name="x"),
        state(done=1),
        **BY_KEY,
        api_type="BULK",
        quota_percent_total=80,
    )
    assert (run.code, run.states) == (1, [])
    assert org.query("SELECT Id FROM Account") == []


@pytest.mark.parametrize("api", ["BULK2", "BULK"])
def test_the_log_has_one_line_for_the_outcome_of_a_job(org: Org, api: str) -> None:
    run = org.load(
        ACCOUNTS,
        *(record("Account", Ext_Id__c=f"A-{n}", Name=name) for n, name in enumerate("xy")),
        record("Account", Ext_Id__c="A-2", Name=None),
        state(done=1),
        **BY_KEY,
        api_type=api,
        max_rejects=1,
    )
    assert run.code == 0, run.log
    (line,) = (line for line in run.log.splitlines() if "Of 3 rows, " in line)
    ended = "JobComplete" if api == "BULK2" else "Completed"
    (reject,) = run.rejects("Account")
    counts = "Of 3 rows, 2 succeeded, 1 failed, 0 not processed."
    assert f"ob {reject['job_id']} on Account (upsert) is {ended}. {counts}" in line


def test_a_child_finds_its_parent_by_the_name_that_it_has_between_two_others(org: Org) -> None:
    account = org.create("Account", Name="A", Ext_Id__c="before")
    accounts = [record("Account", Id=account, Ext_Id__c=name) for name in ("1", "2", "3")]
    run = org.load(
        schema("Account", "Id", "Ext_Id__c"),
        schema("Contact", "LastName", "parent"),
        *accounts[:2],
        record("Contact", LastName="C", parent="2"),
        accounts[2],
        streams={
            "Account": {"operation": "update"},
            "Contact": {"operation": "insert", "lookups": {"parent": "Account.Ext_Id__c"}},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT AccountId FROM Contact") == [{"AccountId": account}]
    assert org.query("SELECT Ext_Id__c FROM Account") == [{"Ext_Id__c": "3"}]

"""`Salesforce` against a running sandbox."""

from __future__ import annotations

import logging
import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    DataError,
    JobAborted,
    JobFailed,
    JobState,
    LineEnding,
    NotFound,
    Operation,
    Salesforce,
    SObjectDescribe,
    client,
)
from sfbulk.load.spool import FileLimits
from sfbulk.soql import select
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock

ALL = "SELECT Id, Name, Ext_Id__c FROM Account"


def names(sf: Salesforce) -> list[str]:
    return sorted(row["Name"] or "" for row in sf.query(ALL))


def calls(sandbox: Sandbox, method: str) -> list[str]:
    return [call.path.rpartition("/jobs/")[2] for call in sandbox.requests if call.method == method]


def jobs_left(sandbox: Sandbox, sf: Salesforce) -> set[str]:
    """States of the jobs the test created and did not delete."""
    deleted = set(calls(sandbox, "DELETE"))
    made = {path for path in calls(sandbox, "GET") if path.count("/") == 1} - deleted
    return {JobState(sf._transport.json(_get(sf, path))["state"]).value for path in made}


def _get(sf: Salesforce, path: str) -> Any:
    return sf._get(f"/jobs/{path}", "Look at a job")


@pytest.mark.parametrize("flow", ["access_token", "client_credentials", "refresh_token"])
def test_each_flow_signs_in(sandbox: Sandbox, flow: str) -> None:
    app = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    settings = {
        "access_token": {"instance_url": sandbox.url, "access_token": sandbox.access_token},
        "client_credentials": {"login_url": sandbox.url, **app},
        "refresh_token": {
            "login_url": sandbox.url,
            "refresh_token": sandbox.refresh_token,
            **app,
        },
    }[flow]
    with Salesforce.from_settings(settings) as sf:
        assert sf.describe("Account").name == "Account"
        assert sf.instance_url == sandbox.url
        assert sf.api_version == "68.0"


def test_no_request_is_made_before_one_is_needed(sandbox: Sandbox, sf: Salesforce) -> None:
    assert sandbox.requests == []
    sf.describe_global()
    assert [call.method for call in sandbox.requests] == ["POST", "GET"]


def test_the_servers_time_is_aware_utc_to_the_second(sf: Salesforce) -> None:
    time = sf.server_time()
    assert time.utcoffset() == timedelta(0)
    assert time.microsecond == 0
    assert abs(time - datetime.now(timezone.utc)) < timedelta(minutes=1)  # noqa: TID251 - compared with the test's own clock


def test_objects_are_described(sf: Salesforce) -> None:
    summaries = {summary.name: summary for summary in sf.describe_global()}
    assert summaries["Account"].queryable
    described = sf.describe("account")
    key = described.field("ext_id__c")
    assert key is not None
    assert (key.external_id, key.id_lookup, key.type) == (True, True, "string")


def test_one_unknown_object_does_not_affect_the_others(sf: Salesforce) -> None:
    found = sf.describe_many(["Account", "Nope__c", "Contact", "Account"])
    assert list(found) == ["Account", "Nope__c", "Contact"]
    assert isinstance(found["Contact"], SObjectDescribe)
    assert isinstance(found["Nope__c"], NotFound)
    assert "Nope__c" in str(found["Nope__c"])


def test_a_query_returns_every_row_and_leaves_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.set_page_rows(7)
    rows = list(sf.query(ALL))
    assert sorted(row["Name"] or "" for row in rows) == ACCOUNTS
    assert {tuple(row) for row in rows} == {("Id", "Name", "Ext_Id__c")}
    assert len(calls(sandbox, "DELETE")) == 1
    assert jobs_left(sandbox, sf) == set()


def test_an_empty_cell_is_none_and_no_rows_are_no_rows(sf: Salesforce) -> None:
    sf.update("Account", [{"Id": next(iter(sf.query(ALL)))["Id"], "Ext_Id__c": None}])
    (row,) = sf.query("SELECT Id, Ext_Id__c FROM Account WHERE Ext_Id__c = null")
    assert row["Ext_Id__c"] is None
    assert list(sf.query("SELECT Id FROM Account WHERE Name = 'nobody'")) == []


def test_deleted_rows_are_read_on_request(sf: Salesforce) -> None:
    gone = next(iter(sf.query(ALL)))
    assert sf.delete("Account", [gone]).succeeded == 1
    soql = "SELECT Id FROM Account WHERE IsDeleted = true"
    assert list(sf.query(soql)) == []
    assert list(sf.query(soql, include_deleted=True)) == [{"Id": gone["Id"]}]


def test_a_loop_that_ends_early_leaves_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    rows = sf.query(ALL)
    next(rows)
    rows.close()
    assert len(calls(sandbox, "DELETE")) == 1


def test_an_error_while_the_query_runs_aborts_the_job(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.hold_jobs()
    sandbox.control.add_fault(
        kind="answer", method="GET", path="*/jobs/query/*", status=403, body="<html>"
    )
    with pytest.raises(ApiError, match="403"):
        list(sf.query(ALL))
    assert len(calls(sandbox, "PATCH")) == 1
    (job,) = calls(sandbox, "PATCH")
    assert sf._transport.json(_get(sf, job))["state"] == "Aborted"


def test_an_abort_that_fails_does_not_hide_the_error(
    sandbox: Sandbox, sf: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.control.hold_jobs()
    for method, status in (("GET", 403), ("PATCH", 400)):
        sandbox.control.add_fault(
            kind="answer", method=method, path="*/jobs/query/*", status=status, body="x"
        )
    with caplog.at_level(logging.WARNING), pytest.raises(ApiError, match="403"):
        list(sf.query(ALL))
    assert "Could not abort job 750" in caplog.text


def test_a_wrong_query_is_refused_with_salesforces_words(sf: Salesforce) -> None:
    with pytest.raises(ApiError, match="No such column 'Nope'") as caught:
        list(sf.query("SELECT Nope FROM Account"))
    assert (caught.value.code, caught.value.status) == ("INVALID_FIELD", 400)


def test_a_session_that_ends_during_a_query_is_renewed(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.set_page_rows(5)
    rows = sf.query(ALL)
    first = next(rows)
    assert sandbox.control.end_sessions() > 0
    assert len([first, *rows]) == len(ACCOUNTS)


def test_pages_are_files_that_are_removed_when_the_next_page_is_read(
    sf: Salesforce, tmp_path: Path
) -> None:
    job = sf.query_job(ALL)
    seen = []
    for page in job.pages(tmp_path, max_records=10):
        header, *lines = page.path.read_bytes().splitlines()
        assert header == b'"Id","Name","Ext_Id__c"'
        assert len(lines) == page.expected_rows
        seen.append(page)
        assert len(list(tmp_path.rglob("*.csv"))) <= 2
    assert [page.expected_rows for page in seen] == [10, 10, 5]
    assert [page.next_locator for page in seen][-1] is None
    assert [page.locator for page in seen][1:] == [page.next_locator for page in seen][:-1]
    assert list(tmp_path.iterdir()) == []
    job.delete()
    job.delete()
    with pytest.raises(NotFound):
        job.refresh()


RECORDS: list[dict[str, Any]] = [
    {"Ext_Id__c": "E001", "Name": "Changed", "Site": 'x,"y" é 😀'},
    {"Ext_Id__c": "N1", "Name": "New", "Site": "one\ntwo"},
    {"Ext_Id__c": "N2", "Name": "New", "Site": "one\r\ntwo"},
    {"Ext_Id__c": "N3", "Name": "New", "Site": "carriage\rreturn"},
    {"Name": "Reordered", "Site": "s", "Ext_Id__c": "N4"},
    {"Ext_Id__c": "N5", "Name": "New", "NumberOfEmployees": 12},
    {"Ext_Id__c": "N6", "Name": "New", "AnnualRevenue": Decimal(123456789012345)},
]


def test_an_upsert_sends_what_it_is_given(sf: Salesforce) -> None:
    summary = sf.upsert("Account", iter(RECORDS), external_id="Ext_Id__c")
    assert (summary.succeeded, summary.failed, summary.unprocessed) == (7, 0, 0)
    assert len(summary.job_ids) == 1
    assert summary.fitted == {"Site": 2}
    columns = ("Ext_Id__c", "Name", "Site", "NumberOfEmployees", "AnnualRevenue")
    read = {row["Ext_Id__c"]: row for row in sf.query(select(columns, "Account"))}
    for record in RECORDS:
        row = read[record["Ext_Id__c"]]
        for column in ("Name", "Site"):
            if column in record:
                assert row[column] == re.sub("\r\n?", "\n", record[column])
    assert float(read["N5"]["NumberOfEmployees"] or 0) == 12
    assert Decimal(read["N6"]["AnnualRevenue"] or 0) == Decimal(123456789012345)


def test_null_clears_a_field_and_a_missing_column_does_not_change_it(sf: Salesforce) -> None:
    sf.upsert(
        "Account", [{"Ext_Id__c": "E001", "Site": "a", "Phone": "1"}], external_id="Ext_Id__c"
    )
    sf.upsert("Account", [{"Ext_Id__c": "E001", "Site": None}], external_id="Ext_Id__c")
    (row,) = sf.query("SELECT Site, Phone FROM Account WHERE Ext_Id__c = 'E001'")
    assert row == {"Site": None, "Phone": "1"}


def test_a_later_version_of_a_record_is_applied_later(sandbox: Sandbox, sf: Salesforce) -> None:
    versions = [{"Ext_Id__c": "e001", "Name": "first"}, {"Ext_Id__c": "E001", "Name": "last"}]
    summary = sf.upsert("Account", versions, external_id="Ext_Id__c")
    assert (summary.succeeded, len(summary.job_ids)) == (2, 2)
    assert "last" in names(sf)
    assert "first" not in names(sf)
    assert len(calls(sandbox, "DELETE")) == 4


def test_rejected_rows_are_counted_and_have_their_reason(sf: Salesforce) -> None:
    records: list[dict[str, Any]] = [
        {"Name": "Fine", "Ext_Id__c": "X1"},
        {"Name": None, "Ext_Id__c": "X2"},
    ]
    summary = sf.insert("Account", records)
    assert (summary.succeeded, summary.failed) == (1, 1)
    (refused,) = summary.failures
    (error,) = refused.errors
    assert (error.code, error.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))
    assert (refused.number, refused.id) == (2, None)


def test_update_and_delete_find_records_by_id(sf: Salesforce) -> None:
    rows = list(sf.query(ALL))
    changes = [{"Id": row["Id"], "Name": f"{row['Name']}!"} for row in rows]
    assert sf.update("Account", changes).succeeded == len(ACCOUNTS)
    assert names(sf) == [f"{name}!" for name in ACCOUNTS]
    assert sf.delete("Account", rows[:5]).succeeded == 5
    assert len(names(sf)) == len(ACCOUNTS) - 5


def test_records_are_split_into_jobs_by_size(
    sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=1_000, rows=1_000))
    records = ({"Name": f"Many {number:03d}"} for number in range(300))
    summary = sf.insert("Account", records)
    # '"Many 000"\n' has 11 bytes after a header of 7: 90 rows fit into 1,000 bytes.
    assert summary.succeeded == 300
    assert len(summary.job_ids) == 4


def test_the_object_is_described_once_for_all_jobs_and_columns_of_a_load_and_once_for_results(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=1_000, rows=1))
    row = {"Name": "New", "Site": "x", "Phone": "1", "Fax": "2"}
    outcomes = list(sf.load("Account", Operation.INSERT, [row] * 5))
    assert len({outcome.job_id for outcome in outcomes}) == 5
    assert sum(call.path.endswith("/Account/describe") for call in sandbox.requests) == 2


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"Ext_Id__c": "1", "Name": "#N/A"}, "Record 2: Name: the text #N/A"),
        ({"Ext_Id__c": "1", "Name": object()}, "Record 2: Name: a value of type object"),
        ({"Name": "x"}, "Record 2: it has no Ext_Id__c"),
        ({"Ext_Id__c": None, "Name": "x"}, "Record 2: its Ext_Id__c, .* is empty"),
        (
            {"Ext_Id__c": "1", "AccountId": "1", "Account.Name": "x"},
            "Record 2: AccountId and Account.Name set the same field",
        ),
        (
            {"Ext_Id__c": "1", "Name": "x", "NAME": "y"},
            "Record 2: Name and NAME are the same column",
        ),
        ({}, "Record 2: it has no Ext_Id__c"),
    ],
)
def test_a_record_that_cannot_be_sent_is_named_before_any_job(
    sandbox: Sandbox, sf: Salesforce, record: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        sf.upsert("Account", [{"Ext_Id__c": "0", "Name": "x"}, record], external_id="Ext_Id__c")
    assert caught.value.row == 2
    assert not [call for call in sandbox.requests if "/jobs/" in call.path]


def test_no_records_make_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    assert sf.insert("Account", []).job_ids == []
    assert sandbox.requests == []


def test_a_job_that_fails_raises_its_reason_and_the_counts(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    with pytest.raises(JobFailed, match=r"Nope__c.* Of 1 rows, 0 succeeded, 0 failed, 1 not") as e:
        sf.insert("Account", [{"Name": "x", "Nope__c": "y"}])
    assert e.value.job_id is not None
    assert calls(sandbox, "DELETE") == []


def test_a_job_that_stops_half_way_says_what_is_in(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=200)
    with pytest.raises(JobFailed, match="Of 500 rows, 200 succeeded, 0 failed, 300 not processed"):
        sf.insert("Account", ({"Name": str(number)} for number in range(500)))


@pytest.mark.usefixtures("line_breaks_kept")
def test_every_step_of_an_ingest_job_by_hand(sandbox: Sandbox, sf: Salesforce) -> None:
    job = sf.ingest_job(
        "Account", Operation.UPSERT, external_id="Ext_Id__c", line_ending=LineEnding.CRLF
    )
    assert (job.state, job.object_name) == (JobState.OPEN, "Account")
    job.upload([b'"Ext_Id__c","Name"\r\n', b'"E001","a\r\nb"\r\n', b'"Z",""\r\n'])
    job.close()
    info = job.wait(timeout=60)
    assert (info.state, info.records_processed, info.records_failed) == (
        JobState.JOB_COMPLETE,
        2,
        1,
    )
    (success,) = job.successful()
    assert (success.created, success.row["Name"]) == (False, "a\r\nb")
    (refused,) = job.failed()
    assert refused.row["Ext_Id__c"] == "Z"
    assert list(job.unprocessed()) == []
    job.delete()
    (put,) = [call for call in sandbox.requests if call.method == "PUT"]
    assert put.headers["content-length"] == "43"


def test_wait_returns_an_aborted_job(sf: Salesforce) -> None:
    job = sf.ingest_job("Account", Operation.INSERT)
    job.upload(b'"Name"\n"x"\n')
    assert job.abort().state is JobState.ABORTED
    assert job.wait().state is JobState.ABORTED
    assert list(job.unprocessed()) == [{"Name": "x"}]


def test_an_aborted_query_is_an_error(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.hold_jobs()
    job = sf.query_job(ALL)
    job.abort()
    with pytest.raises(JobAborted, match=job.id):
        job.wait()


@pytest.mark.parametrize("size", [0, 100_000_001])
def test_an_upload_of_the_wrong_size_is_refused_before_it_is_sent(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, size: int
) -> None:
    file = tmp_path / "job.csv"
    with file.open("wb") as out:
        out.truncate(size)
    job = sf.ingest_job("Account", Operation.INSERT)
    with pytest.raises(DataError, match="1 to 100,000,000"):
        job.upload(file)
    assert calls(sandbox, "PUT") == []


@pytest.mark.parametrize(
    ("operation", "external_id"), [(Operation.UPSERT, None), (Operation.INSERT, "Ext_Id__c")]
)
def test_only_an_upsert_has_a_key_field(
    sandbox: Sandbox, sf: Salesforce, operation: Operation, external_id: str | None
) -> None:
    with pytest.raises(DataError, match="external_id"):
        sf.ingest_job("Account", operation, external_id=external_id)
    assert sandbox.requests == []


def test_a_broken_download_loses_and_doubles_nothing(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.set_page_rows(10)
    sandbox.control.add_fault(kind="cut", path="*/results", after_bytes=200, times=2)
    assert names(sf) == ACCOUNTS


def test_polls_have_growing_pauses_between_them(
    sandbox: Sandbox, sf: Salesforce, clock: FakeClock
) -> None:
    sandbox.control.jobs_after_polls(25)
    assert len(list(sf.query(ALL))) == len(ACCOUNTS)
    assert clock.slept[0] == pytest.approx(0.2)
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == 30.0


def _dates() -> Iterator[dict[str, Any]]:
    yield {
        "Name": "Deal",
        "StageName": "Prospecting",
        "CloseDate": date(2026, 11, 23),
        "Amount": 1.5,
        "IsPrivate": True,
    }


def test_typed_values_are_stored_as_they_are(sf: Salesforce) -> None:
    summary = sf.insert("Opportunity", _dates())
    assert summary.failures == []
    (row,) = sf.query("SELECT CloseDate, Amount FROM Opportunity")
    assert row["CloseDate"] == "2026-11-23"
    assert float(row["Amount"] or 0) == 1.5


def test_jobs_of_a_run_that_ended_are_opened_by_their_ids(sf: Salesforce) -> None:
    query = sf.query_job("SELECT Name FROM Account")
    load = sf.ingest_job("Account", Operation.INSERT)
    load.upload(b"Name\nBefore\n")
    load.close()
    load.wait()
    found = sf.open_query_job(query.id)
    assert sorted(str(row["Name"]) for row in found.rows()) == ACCOUNTS
    (saved,) = sf.open_ingest_job(load.id).successful()
    assert saved.row == {"Name": "Before"}
    for open_one in (sf.open_query_job, sf.open_ingest_job):
        with pytest.raises(NotFound, match="750000000000001AAA"):
            open_one("750000000000001AAA")
    with pytest.raises(NotFound):
        sf.open_query_job(load.id)


def test_records_are_counted_exactly_and_by_conditions(sf: Salesforce) -> None:
    assert sf.count("Account") == 25
    assert sf.count("Account", ["Ext_Id__c > 'E005'", "Name < 'Account 010' OR Name = 'x'"]) == 4
    assert sf.count("Contact") == 0
    sf.delete("Account", [{"Ext_Id__c": "E001"}], external_id="Ext_Id__c")
    assert sf.count("Account") == 24
    with pytest.raises(ApiError, match="Nope"):
        sf.count("Nope__c")

"""Loads by Bulk API 1.0 on the sandbox: every operation in every form, and the outcomes of rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    BatchState,
    Bulk1JobState,
    Concurrency,
    ContentType,
    DataError,
    IngestSummary,
    JobError,
    JobTimeout,
    LimitExceeded,
    LineEnding,
    NotFound,
    Operation,
    QuotaReached,
    RowStatus,
    Salesforce,
    client_bulk1,
)
from sfbulk.load import record_load
from sfbulk.load.group import BufferLimits
from sfbulk.load.spool import FileLimits
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock

    InOrg = Callable[[str], list[tuple[object, ...]]]

FORMS = [(form, mode) for form in ContentType for mode in Concurrency]
ODD = 'x,"y" <é>&\r\n😀'
STORED = ODD.replace("\r\n", "\n")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three rows, so that a few records make several."""
    monkeypatch.setattr(client_bulk1, "BATCH_LIMITS", FileLimits(bytes=10_000_000, rows=3))


def few_on_the_way(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(record_load, "BUFFER_LIMITS", BufferLimits(rows=rows))


def asked(sandbox: Sandbox, method: str, ending: str = "") -> list[Any]:
    return [
        call
        for call in sandbox.requests
        if call.method == method and "/async/" in call.path and call.path.endswith(ending)
    ]


@pytest.mark.parametrize(("form", "mode"), FORMS)
@pytest.mark.usefixtures("small_batches")
def test_every_operation_works_in_every_form(
    sandbox: Sandbox, sf: Salesforce, in_org: InOrg, form: ContentType, mode: Concurrency
) -> None:
    how: dict[str, Any] = {"content_type": form, "concurrency": mode}
    new = [{"Name": f"N{n}", "Ext_Id__c": f"X{n}", "Site": ODD} for n in range(7)]
    inserted = list(sf.bulk1.load("Account", Operation.INSERT, new, **how))
    assert [outcome.number for outcome in inserted] == list(range(1, 8))
    assert all(outcome.created and outcome.success for outcome in inserted)
    ids = [outcome.id for outcome in inserted]
    assert in_org("SELECT Id, Site FROM Account WHERE Ext_Id__c LIKE 'X%' ORDER BY Name") == [
        (record_id, STORED) for record_id in ids
    ]

    changes = [{"Id": ids[0], "Site": None}, {"Id": ids[1], "Name": "Changed"}]
    updated = list(sf.bulk1.load("Account", Operation.UPDATE, changes, **how))
    assert [(one.id, one.created) for one in updated] == [(ids[0], False), (ids[1], False)]
    soql = "SELECT Name, Site FROM Account WHERE Ext_Id__c IN ('X0', 'X1') ORDER BY Ext_Id__c"
    assert in_org(soql) == [("N0", None), ("Changed", STORED)]

    mixed = [{"Ext_Id__c": "X2", "Name": "Known"}, {"Ext_Id__c": "X9", "Name": "New"}]
    how["external_id"] = "Ext_Id__c"
    upserted = list(sf.bulk1.load("Account", Operation.UPSERT, mixed, **how))
    del how["external_id"]
    assert [one.created for one in upserted] == [False, True]
    assert upserted[0].id == ids[2]

    going = [{"Id": ids[3]}, {"Id": ids[4], "Name": "x"}]
    assert sf.bulk1.delete("Account", going, **how).succeeded == 2
    gone = sf.bulk1.hard_delete("Account", [{"Id": ids[5]}], **how)
    assert (gone.succeeded, gone.failures) == (1, [])
    left = in_org("SELECT Id FROM Account WHERE Ext_Id__c LIKE 'X%' ORDER BY Id")
    assert [row[0] for row in left] == [*ids[:3], ids[6], upserted[1].id]
    states = [sf.bulk1.job(job_id).info for job_id in _jobs(sandbox)]
    assert {job.state for job in states} == {Bulk1JobState.CLOSED}
    assert {job.concurrency_mode for job in states} == {mode.value}
    assert {job.content_type for job in states} == {form.value}


def _jobs(sandbox: Sandbox) -> list[str]:
    return list(dict.fromkeys(call.path.split("/")[5] for call in asked(sandbox, "POST", "/batch")))


@pytest.mark.parametrize("form", ContentType)
@pytest.mark.usefixtures("small_batches")
def test_results_keep_the_order_of_the_records_across_batches(
    sf: Salesforce, form: ContentType
) -> None:
    records: list[dict[str, Any]] = [
        {"Name": "a"},
        {"Fax": "no name"},
        {"Name": "b", "Fax": "1"},
        {"Name": "c"},
        {"Fax": "no name either"},
        {"Name": "d"},
        {"Name": "e", "NumberOfEmployees": 5, "AnnualRevenue": Decimal("12.50")},
    ]
    outcomes = list(sf.bulk1.load("Account", Operation.INSERT, iter(records), content_type=form))
    assert [outcome.number for outcome in outcomes] == list(range(1, 8))
    assert [outcome.number for outcome in outcomes if not outcome.success] == [2, 5]
    summary = sf.bulk1.insert("Account", iter(records), content_type=form)
    assert (summary.succeeded, summary.failed, summary.unprocessed) == (5, 2, 0)
    assert [outcome.number for outcome in summary.failures] == [2, 5]
    error = summary.failures[0].error
    assert error is not None
    assert (error.code, error.fields) == ("REQUIRED_FIELD_MISSING", ("Name",))
    assert "Name" in error.message
    assert "no name" not in repr(summary.failures)


@pytest.mark.parametrize("form", ContentType)
def test_values_arrive_as_they_are(sf: Salesforce, in_org: InOrg, form: ContentType) -> None:
    sf.bulk1.insert(
        "Account",
        [{"Name": ODD, "NumberOfEmployees": 12, "AnnualRevenue": Decimal(1234567)}],
        content_type=form,
    )
    soql = "SELECT Name, NumberOfEmployees, AnnualRevenue FROM Account WHERE Name LIKE 'x,%'"
    ((name, employees, revenue),) = in_org(soql)
    assert (name, employees, float(str(revenue))) == (STORED, 12, 1234567.0)


@pytest.mark.parametrize("form", ContentType)
def test_a_parent_is_found_by_its_own_key(sf: Salesforce, in_org: InOrg, form: ContentType) -> None:
    record = {"LastName": "Child", "Account.Ext_Id__c": "E007"}
    assert sf.bulk1.insert("Contact", [record], content_type=form).succeeded == 1
    assert in_org("SELECT Account.Name FROM Contact WHERE LastName = 'Child'") == [(ACCOUNTS[6],)]


def test_a_csv_file_and_rows_with_columns_are_loaded(
    sf: Salesforce, in_org: InOrg, tmp_path: Path
) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(f'Name,Site\n"{ODD.replace(chr(34), chr(34) * 2)}",\nb,s\n'.encode())
    assert sf.bulk1.insert("Account", file).succeeded == 2
    rows = [("c", None), ("d", "s")]
    assert sf.bulk1.insert("Account", rows, columns=["Name", "Site"]).succeeded == 2
    soql = "SELECT Name, Site FROM Account WHERE Ext_Id__c = null ORDER BY Name"
    assert in_org(soql) == [("b", "s"), ("c", None), ("d", "s"), (STORED, None)]


@pytest.mark.usefixtures("small_batches")
def test_a_later_version_of_a_record_is_loaded_later(
    sandbox: Sandbox, sf: Salesforce, in_org: InOrg
) -> None:
    versions = [{"Ext_Id__c": "E001", "Site": str(n)} for n in range(4)]
    summary = sf.bulk1.upsert("Account", versions, external_id="Ext_Id__c")
    assert (summary.succeeded, summary.replaced) == (2, 2)
    assert len(asked(sandbox, "POST", "/batch")) == 2
    assert in_org("SELECT Site FROM Account WHERE Ext_Id__c = 'E001'") == [("3",)]


def test_data_is_sent_compressed_by_default(sandbox: Sandbox, sf: Salesforce) -> None:
    records = [{"Name": "a" * 200}] * 50
    sf.bulk1.insert("Account", records)
    sf.bulk1.insert("Account", records, compressed=False)
    packed, plain = asked(sandbox, "POST", "/batch")
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == (
        "gzip",
        False,
    )
    assert packed.body_bytes * 20 < plain.body_bytes


def test_no_records_make_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    assert sf.bulk1.insert("Account", []) == IngestSummary()
    assert sf.bulk1.insert("Account", b"Name\n") == IngestSummary()
    assert sandbox.requests == []


@pytest.mark.usefixtures("small_batches")
def test_a_source_is_read_as_it_is_loaded_and_batches_share_a_job(
    sandbox: Sandbox, sf: Salesforce, in_org: InOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_on_the_way(monkeypatch, 5)
    monkeypatch.setattr("sfbulk.load.alignment._FIRST_ROWS", 1)
    read: list[int] = []

    def records() -> Iterator[dict[str, str]]:
        for number in range(12):
            read.append(number)
            yield {"Name": f"R{number:02}"}

    outcomes = sf.bulk1.load("Account", Operation.INSERT, records())
    assert next(outcomes).number == 1
    assert len(read) <= 7
    assert [outcome.number for outcome in outcomes] == list(range(2, 13))
    assert len(_jobs(sandbox)) == 1
    names = in_org("SELECT Name FROM Account WHERE Name LIKE 'R%' ORDER BY Name")
    assert names == [(f"R{number:02}",) for number in range(12)]


def test_a_loop_that_ends_early_aborts_the_job(sandbox: Sandbox, sf: Salesforce) -> None:
    outcomes = sf.bulk1.load("Account", Operation.INSERT, [{"Name": "a"}, {"Name": "b"}])
    next(outcomes)
    outcomes.close()
    (job_id,) = _jobs(sandbox)
    assert sf.bulk1.job(job_id).state is Bulk1JobState.ABORTED


@pytest.mark.usefixtures("small_batches")
def test_a_batch_that_fails_as_a_whole_leaves_its_rows_unprocessed(
    sf: Salesforce, in_org: InOrg
) -> None:
    records = [{"Name": "a"}, {"Name": "b", "Foo__c": "1"}, {"Name": "c"}]
    outcomes = list(sf.bulk1.load("Account", Operation.INSERT, records))
    assert [outcome.status for outcome in outcomes] == [
        RowStatus.SUCCEEDED,
        RowStatus.UNPROCESSED,
        RowStatus.SUCCEEDED,
    ]
    error = outcomes[1].error
    assert error is not None
    assert (error.code, error.message) == ("InvalidBatch", "Field name not found : Foo__c")
    assert in_org("SELECT Name FROM Account WHERE Ext_Id__c = null") == [("a",), ("c",)]


def test_rows_of_a_partly_loaded_batch_are_not_called_unprocessed(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=2)
    summary = sf.bulk1.insert("Account", [{"Name": str(n)} for n in range(5)])
    assert (summary.unknown, len(summary.failures)) == (5, 5)
    assert sandbox.org.counts()["Account"] == len(ACCOUNTS) + 2


def test_a_batch_that_failed_before_its_first_row_is_unprocessed(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", message="Timeout : too slow")
    summary = sf.bulk1.insert("Account", [{"Name": "a"}])
    (outcome,) = summary.failures
    assert (outcome.status, outcome.error and outcome.error.code) == (
        RowStatus.UNPROCESSED,
        "Timeout",
    )


@pytest.mark.usefixtures("small_batches")
def test_an_aborted_job_reports_every_row(sandbox: Sandbox, sf: Salesforce, in_org: InOrg) -> None:
    sandbox.control.add_fault(kind="job_aborted", object="Account", skip=1)
    records = [{"Name": f"J{n}"} for n in range(12)]
    outcomes = list(sf.bulk1.load("Account", Operation.INSERT, records))
    saved = in_org("SELECT Name FROM Account WHERE Name LIKE 'J%' ORDER BY Name")
    assert [f"J{one.number - 1}" for one in outcomes if one.success] == [name for (name,) in saved]
    assert [one.status for one in outcomes].count(RowStatus.UNPROCESSED) == 9
    assert (len(saved), len(outcomes)) == (3, 12)


@pytest.mark.usefixtures("small_batches")
def test_batches_refused_after_others_were_loaded_leave_their_rows_unprocessed(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_on_the_way(monkeypatch, 5)
    sandbox.control.use_up("DailyBulkApiBatches", remaining=2)
    records = [{"Name": f"Q{n}"} for n in range(12)]
    outcomes = list(sf.bulk1.load("Account", Operation.INSERT, records))
    assert [one.status for one in outcomes] == [
        *[RowStatus.SUCCEEDED] * 6,
        *[RowStatus.UNPROCESSED] * 6,
    ]
    error = outcomes[-1].error
    assert error is not None
    assert (error.code, outcomes[-1].batch_id) == ("ExceededQuota", None)
    assert sandbox.org.counts()["Account"] == len(ACCOUNTS) + 6
    (job_id,) = _jobs(sandbox)
    assert sf.bulk1.job(job_id).state is Bulk1JobState.CLOSED


@pytest.mark.usefixtures("small_batches")
def test_a_quota_that_is_reached_during_a_load_leaves_the_rest_unprocessed(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    settings = {
        "instance_url": sandbox.url,
        "access_token": sandbox.access_token,
        "quota_percent_total": 80.0,
    }
    sandbox.control.use_up("DailyBulkApiBatches", remaining=3002)
    with Salesforce.from_settings(settings, clock=clock) as sf:
        summary = sf.bulk1.insert("Account", [{"Name": f"G{n}"} for n in range(12)])
        assert (summary.succeeded, summary.unprocessed) == (6, 6)
        error = summary.failures[-1].error
        assert error is not None
        assert error.code == "QuotaReached"
        with pytest.raises(QuotaReached):
            sf.bulk1.insert("Account", [{"Name": "a"}])


def test_rows_that_are_rejected_for_a_temporary_reason_have_it(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="row_error", object="Account", where={"Name": "L1"})
    records = [{"Name": f"L{n}"} for n in range(3)]
    outcomes = list(sf.bulk1.load("Account", Operation.INSERT, records))
    assert [one.error and one.error.code for one in outcomes] == [
        None,
        "UNABLE_TO_LOCK_ROW",
        None,
    ]


def test_a_record_that_cannot_be_sent_stops_the_load_before_the_job(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records: list[dict[str, Any]] = [{"Name": "a", "Site": "b"}, {"Name": "a", "Site": object()}]
    with pytest.raises(DataError, match="Record 2: Site"):
        sf.bulk1.insert("Account", records)
    assert asked(sandbox, "POST") == []


def test_a_source_that_raises_aborts_the_job_and_its_error_is_raised(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_on_the_way(monkeypatch, 0)

    def records() -> Iterator[dict[str, str]]:
        yield {"Name": "a"}
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        sf.bulk1.insert("Account", records())
    (job_id,) = _jobs(sandbox)
    assert sf.bulk1.job(job_id).state is Bulk1JobState.ABORTED


def test_refusals_have_salesforces_words(sandbox: Sandbox, sf: Salesforce) -> None:
    with pytest.raises(NotFound, match="InvalidJob: Unable to find object: Nope__c"):
        sf.bulk1.insert("Nope__c", [{"Name": "a"}])
    with pytest.raises(DataError, match="an upsert needs external_id"):
        sf.bulk1.ingest_job("Account", Operation.UPSERT)
    with pytest.raises(ApiError, match="does not match an External ID"):
        sf.bulk1.upsert("Account", [{"Name": "a"}], external_id="Name")
    sandbox.control.use_up("DailyBulkApiBatches")
    with pytest.raises(LimitExceeded, match=r"ApiBatchItems Limit exceeded\."):
        sf.bulk1.insert("Account", [{"Name": "a"}])


def test_a_load_works_step_by_step(
    sandbox: Sandbox, sf: Salesforce, in_org: InOrg, tmp_path: Path
) -> None:
    sandbox.control.hold_jobs()
    job = sf.bulk1.ingest_job("Account", Operation.INSERT, line_ending=LineEnding.CRLF)
    assert (job.state, job.object_name) == (Bulk1JobState.OPEN, "Account")
    assert repr(job) == f"<Bulk1Job {job.id} Open on Account>"
    first = job.add_batch(b'Name,Description\na,"x\ny"\n')
    file = tmp_path / "more.csv"
    file.write_bytes(b"Name\nb\n")
    second = job.add_batch(file, compressed=True)
    third = job.add_batch(piece for piece in (b"Name\n", b"c\n"))
    assert first.state is BatchState.QUEUED
    assert job.close().state is Bulk1JobState.CLOSED
    assert [batch.id for batch in job.batches()] == [first.id, second.id, third.id]
    with pytest.raises(JobTimeout, match=f"3 batches of job {job.id} on Account have not ended"):
        job.wait(timeout=5)
    sandbox.control.jobs_at_once()
    assert {batch.state for batch in job.wait()} == {BatchState.COMPLETED}
    assert [batch.id for batch in job.wait([second.id])] == [second.id]
    assert job.batch(third.id).number_records_processed == 1
    assert job.request(second.id) == b"Name\nb\n"
    assert [(row.success, row.created) for row in job.row_results(third.id)] == [(True, True)]
    info = job.refresh()
    assert (info.number_batches_completed, info.number_records_processed) == (3, 3)
    with pytest.raises(ApiError, match=f"Add a batch to insert job {job.id}.*not Open"):
        job.add_batch(b"Name\nd\n")
    assert in_org("SELECT Description FROM Account WHERE Name = 'a'") == [("x\r\ny",)]
    create = asked(sandbox, "POST", "/job")[0]
    assert create.headers["sforce-line-ending"] == "CRLF"


def test_an_aborted_job_leaves_waiting_batches_unprocessed(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.hold_jobs()
    job = sf.bulk1.ingest_job("Account", Operation.INSERT, retry_batches=False)
    batch = job.add_batch(b"Name\na\n")
    assert job.abort().state is Bulk1JobState.ABORTED
    assert job.batch(batch.id).state is BatchState.NOT_PROCESSED
    with pytest.raises(ApiError, match="Records not processed"):
        list(job.row_results(batch.id))
    with pytest.raises(ApiError, match="InvalidJobState"):
        job.abort()
    assert asked(sandbox, "POST", "/job")[0].headers["sforce-disable-batch-retry"] == "TRUE"


@pytest.mark.parametrize("size", [0, 10_000_001])
def test_a_batch_beyond_the_limits_is_not_sent(sandbox: Sandbox, sf: Salesforce, size: int) -> None:
    job = sf.bulk1.ingest_job("Account", Operation.INSERT)
    with pytest.raises(DataError, match=f"has {size:,} bytes; Salesforce accepts 1 to 10,000,000"):
        job.add_batch(b"x" * size)
    assert asked(sandbox, "POST", "/batch") == []


def test_a_batch_of_another_program_is_an_error(sandbox: Sandbox, sf: Salesforce) -> None:
    outcomes = sf.bulk1.load("Account", Operation.INSERT, [{"Name": "a"}])
    next(outcomes)
    (job_id,) = _jobs(sandbox)
    sf.bulk1.job(job_id).add_batch(b"Name\nb\n")
    with pytest.raises(JobError, match="has 2 batches, but 1 were sent"):
        list(outcomes)

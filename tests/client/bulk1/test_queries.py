"""Queries by Bulk API 1.0 on the sandbox: three forms, several files, chunks by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    BatchState,
    Bulk1JobState,
    ContentType,
    DataError,
    JobAborted,
    JobFailed,
    NotSupportedByBulk,
    PkChunking,
)
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfbulk import Salesforce
    from sfbulk_sandbox import Sandbox

    InOrg = Callable[[str], list[tuple[object, ...]]]

ALL = "SELECT Id, Name, Ext_Id__c FROM Account"


def jobs(sandbox: Sandbox) -> list[str]:
    """Jobs that were given a batch, in their order."""
    paths = [call.path for call in sandbox.requests if call.method == "POST"]
    return list(dict.fromkeys(path.split("/")[5] for path in paths if path.endswith("/batch")))


def states(sandbox: Sandbox, sf: Salesforce) -> set[Bulk1JobState]:
    return {sf.bulk1.job(job_id).state for job_id in jobs(sandbox)}


@pytest.mark.parametrize("form", ContentType)
@pytest.mark.parametrize("page", [7, 25, 1000])
def test_every_row_comes_once_from_any_number_of_files(
    sandbox: Sandbox, sf: Salesforce, in_org: Callable[..., Any], form: ContentType, page: int
) -> None:
    sandbox.control.set_page_rows(page)
    rows = list(sf.bulk1.query(f"{ALL} ORDER BY Name", content_type=form))
    assert [tuple(row.values()) for row in rows] == in_org(f"{ALL} ORDER BY Name")
    assert {tuple(row) for row in rows} == {("Id", "Name", "Ext_Id__c")}
    assert states(sandbox, sf) == {Bulk1JobState.CLOSED}


@pytest.mark.parametrize("form", ContentType)
def test_no_rows_are_no_rows(sf: Salesforce, form: ContentType) -> None:
    soql = "SELECT Id FROM Account WHERE Name = 'nobody'"
    assert list(sf.bulk1.query(soql, content_type=form)) == []


@pytest.mark.parametrize("form", ContentType)
def test_parents_are_named_by_their_path_and_no_value_is_none(
    sf: Salesforce, form: ContentType
) -> None:
    sf.bulk1.insert("Contact", [{"LastName": "Child", "Account.Ext_Id__c": "E003"}])
    soql = "SELECT LastName, Fax, IsDeleted, Account.Name FROM Contact WHERE LastName = 'Child'"
    (row,) = sf.bulk1.query(soql, content_type=form)
    assert row == {
        "LastName": "Child",
        "Fax": None,
        "IsDeleted": False if form is ContentType.JSON else "false",
        "Account.Name": ACCOUNTS[2],
    }


def test_deleted_rows_are_read_on_request(sf: Salesforce) -> None:
    gone = next(iter(sf.bulk1.query(ALL)))
    assert sf.bulk1.delete("Account", [gone]).succeeded == 1
    soql = "SELECT Id FROM Account WHERE IsDeleted = true"
    assert list(sf.bulk1.query(soql)) == []
    assert list(sf.bulk1.query(soql, include_deleted=True)) == [{"Id": gone["Id"]}]


@pytest.mark.parametrize("form", ContentType)
@pytest.mark.parametrize("size", [1, 7, 25, 100_000])
def test_chunks_together_have_every_row_once(
    sandbox: Sandbox, sf: Salesforce, form: ContentType, size: int
) -> None:
    if size > 1:
        sandbox.control.set_page_rows(3)
    chunking = PkChunking(chunk_size=size)
    rows = list(sf.bulk1.query(ALL, content_type=form, pk_chunking=chunking))
    assert sorted(row["Name"] for row in rows) == ACCOUNTS
    (job_id,) = jobs(sandbox)
    original, *chunks = sf.bulk1.job(job_id).batches()
    assert original.state is BatchState.NOT_PROCESSED
    assert len(chunks) == -(-len(ACCOUNTS) // size)
    assert states(sandbox, sf) == {Bulk1JobState.CLOSED}


def test_chunks_begin_with_the_row_that_is_named(sf: Salesforce) -> None:
    ids = [row["Id"] for row in sf.bulk1.query("SELECT Id FROM Account ORDER BY Id")]
    chunking = PkChunking(chunk_size=4, start_row=ids[10])
    found = [row["Id"] for row in sf.bulk1.query("SELECT Id FROM Account", pk_chunking=chunking)]
    assert sorted(found) == ids[10:]


def test_chunks_of_a_filtered_query_may_be_empty(sf: Salesforce) -> None:
    soql = "SELECT Name FROM Account WHERE Name = 'Account 003' OR Name = 'Account 020'"
    found = sf.bulk1.query(soql, pk_chunking=PkChunking(chunk_size=2))
    assert sorted(row["Name"] for row in found) == ["Account 003", "Account 020"]
    nobody = "SELECT Name FROM Account WHERE Name = 'nobody'"
    assert list(sf.bulk1.query(nobody, pk_chunking=PkChunking(chunk_size=2))) == []


def test_a_chunked_query_of_an_object_without_rows_has_none(sf: Salesforce) -> None:
    chunking = PkChunking()
    assert list(sf.bulk1.query("SELECT Id FROM Contact", pk_chunking=chunking)) == []


@pytest.mark.parametrize("form", ContentType)
@pytest.mark.parametrize("failing", [0, 2, 3])
def test_a_chunk_that_fails_is_queried_again(
    sandbox: Sandbox, sf: Salesforce, form: ContentType, failing: int
) -> None:
    sandbox.control.add_fault(
        kind="job_failed", object="Account", operation="query", skip=failing, after_rows=2
    )
    chunking = PkChunking(chunk_size=7)
    rows = list(sf.bulk1.query(ALL, content_type=form, pk_chunking=chunking))
    assert sorted(row["Name"] for row in rows) == ACCOUNTS
    assert len(jobs(sandbox)) == 2
    assert states(sandbox, sf) == {Bulk1JobState.CLOSED}


def test_a_chunk_that_always_fails_ends_the_query(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", operation="query", times=4)
    with pytest.raises(JobFailed, match="InternalServerError"):
        list(sf.bulk1.query(ALL, pk_chunking=PkChunking(chunk_size=1000)))
    assert len(jobs(sandbox)) == 4
    assert Bulk1JobState.OPEN not in states(sandbox, sf)


def test_a_query_that_salesforce_refuses_says_why(sandbox: Sandbox, sf: Salesforce) -> None:
    with pytest.raises(JobFailed, match="No such column 'Nope'") as caught:
        list(sf.bulk1.query("SELECT Nope FROM Account"))
    assert caught.value.code == "InvalidBatch"
    assert caught.value.job_id == jobs(sandbox)[0]
    assert states(sandbox, sf) == {Bulk1JobState.ABORTED}


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT BillingAddress FROM Account", "InvalidBatch"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FeatureNotEnabled"),
    ],
)
def test_an_object_without_bulk_api_has_its_own_error(sf: Salesforce, soql: str, code: str) -> None:
    with pytest.raises(NotSupportedByBulk, match="not supported in Bulk Query") as caught:
        list(sf.bulk1.query(soql))
    assert caught.value.code == code


def test_a_query_too_large_for_a_batch_says_what_helps(sandbox: Sandbox, sf: Salesforce) -> None:
    for text in (
        "InvalidBatch : QUERY_TIMEOUT",
        "InternalServerError : Retried more than 30 times",
    ):
        sandbox.control.add_fault(kind="job_failed", operation="query", message=text)
        with pytest.raises(JobFailed, match=f"{text}.*Divide the query by PK chunking"):
            list(sf.bulk1.query(ALL))


def test_rows_of_a_query_can_be_deleted_while_they_are_read(
    sf: Salesforce, in_org: Callable[..., Any]
) -> None:
    found = sf.bulk1.query("SELECT Id, Name FROM Account WHERE Name > 'Account 003'")
    assert sf.bulk1.delete("Account", found).succeeded == len(ACCOUNTS) - 3
    assert len(in_org("SELECT Id FROM Account")) == 3


def test_a_query_without_an_object_makes_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    with pytest.raises(DataError, match="no FROM"):
        list(sf.bulk1.query("SELECT Id"))
    assert sandbox.requests == []


def test_an_object_that_cannot_be_chunked_is_refused(sf: Salesforce) -> None:
    with pytest.raises(ApiError, match="FeatureNotEnabled: PK chunking is not supported"):
        list(sf.bulk1.query("SELECT Id FROM Group", pk_chunking=PkChunking()))


def test_an_aborted_job_is_an_error(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.hold_jobs()
    job = sf.bulk1.query_job("Account")
    batch = job.add_batch(ALL.encode())
    sf.bulk1.job(job.id).abort()
    assert job.batch(batch.id).state is BatchState.NOT_PROCESSED


@pytest.mark.parametrize("pk_chunking", [None, PkChunking()])
def test_a_query_whose_job_is_aborted_returns_no_rows(
    sandbox: Sandbox, sf: Salesforce, pk_chunking: PkChunking | None
) -> None:
    class AbortedAtFirstPoll:
        """Another user, who aborts the job as soon as it has a batch."""

        def __init__(self, clock: Any) -> None:
            self._clock = clock

        def __getattr__(self, name: str) -> Any:
            return getattr(self._clock, name)

        def sleep(self, seconds: float) -> None:
            self._clock.sleep(seconds)
            job = sf.bulk1.job(jobs(sandbox)[0])
            if job.state is not Bulk1JobState.ABORTED:
                job.abort()

    sandbox.control.hold_jobs()
    sf._transport.clock = AbortedAtFirstPoll(sf._transport.clock)
    with pytest.raises(JobAborted, match="by a user or an administrator"):
        list(sf.bulk1.query(ALL, pk_chunking=pk_chunking))


def test_a_loop_that_ends_early_closes_the_job(sandbox: Sandbox, sf: Salesforce) -> None:
    rows = sf.bulk1.query(ALL)
    next(rows)
    rows.close()
    assert states(sandbox, sf) == {Bulk1JobState.CLOSED}


def test_a_query_works_step_by_step(sandbox: Sandbox, sf: Salesforce, tmp_path: Path) -> None:
    sandbox.control.set_page_rows(10)
    job = sf.bulk1.query_job("Account", include_deleted=True)
    assert job.info.operation == "queryAll"
    first = job.add_batch(ALL.encode())
    second = job.add_batch(b"SELECT Id FROM Account WHERE Name = 'nobody'")
    assert [batch.number_records_processed for batch in job.wait()] == [25, 0]
    assert job.request(second.id).endswith(b"'nobody'")
    result_ids = job.result_ids(first.id)
    assert [len(list(job.rows(first.id, result_id))) for result_id in result_ids] == [10, 10, 5]
    file = tmp_path / "result.csv"
    job.save_result(first.id, result_ids[2], file)
    header, *rows = file.read_text(encoding="utf-8").splitlines()
    assert (header, len(rows)) == ('"Id","Name","Ext_Id__c"', 5)
    assert job.close().state is Bulk1JobState.CLOSED

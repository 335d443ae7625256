"""Result pages of Bulk API 1.0: the same pages as of 2.0, chunk by chunk, and resumed."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

import pytest

from sfbulk import (
    Bulk1JobState,
    DataError,
    JobFailed,
    NotFound,
    NotSupportedByBulk,
    RowCountMismatch,
)
from sfbulk.bulk1.chunking import chunk_parent
from sfbulk.csvio import decode_rows
from sfbulk.jobs.files import read_chunks
from sfbulk.read import ReadApi, disposing
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sfbulk import ResultPage, Salesforce
    from sfbulk.read import ReadJob
    from sfbulk_sandbox import Sandbox

ALL = "SELECT Id, Name FROM Account"


def submitted(sf: Salesforce, soql: str = ALL, chunk_size: int | None = 7) -> ReadJob:
    return sf.read_job(soql, api=ReadApi.BULK1, chunk_size=chunk_size)


def names(pages: Iterable[ResultPage]) -> list[str]:
    found = []
    for page in pages:
        rows = [row["Name"] for row in decode_rows(read_chunks(page.path))]
        page.check_rows(len(rows))
        found += rows
    return found


def batches(sandbox: Sandbox) -> int:
    """How many batches the client has added."""
    return sum(c.method == "POST" and c.path.endswith("/batch") for c in sandbox.requests)


@pytest.mark.parametrize("rows_in_a_file", [3, 1000])
@pytest.mark.parametrize("size", [4, 25, None])
def test_every_row_comes_once_and_the_job_is_closed(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, rows_in_a_file: int, size: int | None
) -> None:
    sandbox.control.set_page_rows(rows_in_a_file)
    job = submitted(sf, chunk_size=size)
    with disposing(job):
        assert sorted(names(job.pages(tmp_path))) == ACCOUNTS
    assert job.records_processed == len(ACCOUNTS)
    assert sf.bulk1.job(job.id).state is Bulk1JobState.CLOSED
    assert list(tmp_path.iterdir()) == []
    (create,) = [c for c in sandbox.requests if c.method == "POST" and c.path.endswith("/job")]
    asked = create.headers["sforce-enable-pkchunking"]
    assert asked == (f"chunkSize={size}" if size else "TRUE")


@pytest.mark.parametrize("rows_in_a_file", [3, 1000])
@pytest.mark.parametrize("read_before", [1, 2, 3])
def test_a_later_run_reads_exactly_the_rest(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, rows_in_a_file: int, read_before: int
) -> None:
    sandbox.control.set_page_rows(rows_in_a_file)
    job = submitted(sf)
    pages = job.pages(tmp_path)
    before, locator = [], None
    for page in itertools.islice(pages, read_before):
        before += names([page])
        locator = page.next_locator
    pages.close()
    again = sf.open_read_job(job.id, ALL, api=ReadApi.BULK1)
    rest = names(again.pages(tmp_path, start=locator))
    assert sorted(before + rest) == ACCOUNTS
    assert batches(sandbox) == 1


def test_a_page_that_the_job_does_not_have_is_an_error(sf: Salesforce, tmp_path: Path) -> None:
    job = submitted(sf)
    with pytest.raises(NotFound, match=f"Job {job.id} on Account has no page 751/752"):
        list(job.pages(tmp_path, start="751/752"))


def test_a_job_that_salesforce_has_removed_is_not_found(sf: Salesforce) -> None:
    with pytest.raises(NotFound):
        sf.open_read_job("750000000000001AAA", ALL, api=ReadApi.BULK1)


def test_a_chunk_that_is_queried_again_cannot_be_resumed(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", operation="query", skip=1)
    job, locators, found = submitted(sf), [], []
    with disposing(job):
        for page in job.pages(tmp_path):
            found += names([page])
            locators.append(page.next_locator)
    assert sorted(found) == ACCOUNTS
    assert sandbox.control.faults == []
    # Four chunks, of which one failed: its rows come last.
    assert [locator is not None for locator in locators] == [True, True, False, False]
    assert job.records_processed is None


def test_chunks_without_rows_are_no_pages(sf: Salesforce, tmp_path: Path) -> None:
    some = f"{ALL} WHERE Name = 'Account 003' OR Name = 'Account 020'"
    assert sorted(names(submitted(sf, some, 2).pages(tmp_path))) == ["Account 003", "Account 020"]
    none = submitted(sf, "SELECT Id, Name FROM Contact")
    assert list(none.pages(tmp_path)) == []
    assert none.records_processed == 0


@pytest.mark.parametrize("rows_in_a_file", [3, 1000])
def test_fewer_rows_than_salesforce_found_are_an_error(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, rows_in_a_file: int
) -> None:
    sandbox.control.set_page_rows(rows_in_a_file)
    sandbox.control.add_fault(
        kind="answer", path="*/result/*", status=200, body='"Id","Name"\n"1","only"\n', times=None
    )
    with pytest.raises(RowCountMismatch, match="Run the query again"):
        names(submitted(sf).pages(tmp_path))
    assert sandbox.control.requests_like(path="*/result/*")


@pytest.mark.parametrize("known", [True, False])
def test_rows_that_the_pages_before_lacked_are_an_error_of_a_resumed_query_too(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, known: bool
) -> None:
    """The first run ends before it has compared the count of the batch with its files."""
    sandbox.control.set_page_rows(3)
    # Several files are downloaded at the same time, so all are damaged, whichever is first.
    sandbox.control.add_fault(
        kind="answer", path="*/result/*", status=200, body='"Id","Name"\n"1","only"\n', times=None
    )
    job = submitted(sf)
    pages = job.pages(tmp_path)
    first = next(pages)
    locator, rows_before = first.next_locator, len(names([first]))
    pages.close()
    sandbox.control.clear_faults()
    again = sf.open_read_job(job.id, ALL, api=ReadApi.BULK1)
    rest = again.pages(tmp_path, start=locator, rows_before=rows_before if known else None)
    if not known:
        assert len(names(rest)) == len(ACCOUNTS) - 3
        return
    with pytest.raises(RowCountMismatch, match="Run the query again"):
        names(rest)


def test_a_download_that_breaks_off_is_made_again(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.add_fault(kind="cut", path="*/result/*", after_bytes=100, times=2)
    assert sorted(names(submitted(sf).pages(tmp_path))) == ACCOUNTS
    assert sandbox.control.faults == []


def test_an_object_that_cannot_be_chunked_is_read_in_one_batch(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    sandbox.control.seed({"Group": [{"Name": "Team"}]})
    assert "Team" in names(submitted(sf, "SELECT Id, Name FROM Group").pages(tmp_path))
    assert "Group cannot be divided by PK chunking, so its query is one batch" in caplog.text
    assert batches(sandbox) == 1


@pytest.mark.parametrize("rest", [" ORDER BY Name", " LIMIT 5"])
def test_a_query_that_salesforce_does_not_divide_is_one_batch(
    sf: Salesforce, tmp_path: Path, rest: str
) -> None:
    assert names(submitted(sf, ALL + rest).pages(tmp_path)) == ACCOUNTS[: 5 if "5" in rest else 25]


def test_an_object_without_bulk_api_is_refused(sf: Salesforce) -> None:
    with pytest.raises(NotSupportedByBulk):
        submitted(sf, "SELECT Id FROM TaskStatus").wait()


def test_a_failed_query_is_aborted(sandbox: Sandbox, sf: Salesforce, tmp_path: Path) -> None:
    job = submitted(sf, "SELECT Nope FROM Account")
    with pytest.raises(JobFailed, match="No such column 'Nope'"), disposing(job):
        list(job.pages(tmp_path))
    assert sf.bulk1.job(job.id).state is Bulk1JobState.ABORTED
    assert batches(sandbox) == 1


def test_chunk_sizes_beyond_those_of_salesforce_are_refused(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    with pytest.raises(DataError, match="chunk_size must be from 1 to 250,000"):
        submitted(sf, chunk_size=250_001)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("sobject", "parent"),
    [
        ("AccountShare", "Account"),
        ("CaseHistory", "Case"),
        ("OpportunityFieldHistory", "Opportunity"),
        ("AccountFeed", "Account"),
        ("Bill__Share", "Bill__c"),
        ("ns__Bill__History", "ns__Bill__c"),
        ("LoginHistory", None),
        ("Account", None),
        ("Share__c", None),
        ("History_Of_Share__c", None),
    ],
)
def test_sharing_and_history_rows_are_divided_by_their_parent(
    sobject: str, parent: str | None
) -> None:
    assert chunk_parent(sobject) == parent

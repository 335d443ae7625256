"""A query that Bulk API refuses is read by REST: decided by Salesforce's words alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from sfbulk import ApiError, JobFailed, NotSupportedByBulk
from sfbulk.csvio import decode_rows
from sfbulk.jobs.files import read_chunks
from sfbulk.read import ReadApi, disposing
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk import Salesforce
    from sfbulk.read import ReadJob
    from sfbulk_sandbox import Sandbox

STATUS = "SELECT Id, ApiName FROM TaskStatus"
NAMES = "SELECT Id, Name FROM Account"
BULK = [ReadApi.BULK2, ReadApi.BULK1]

# As Salesforce writes them in a failed job; with other codes they are errors of a creation.
REFUSALS = [
    "Entity 'Account' is not supported by the Bulk API.",
    "Entity '01I0e000000FMSK.Tag' is not supported by the Bulk Query API.",
    "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query",
    "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
    "Binary field not supported",
    "INVALID_TYPE_FOR_OPERATION: entity type Account does not support query",
]


def rows(job: ReadJob, spool: Path, column: str) -> list[str]:
    with disposing(job):
        return [
            row[column] for page in job.pages(spool) for row in decode_rows(read_chunks(page.path))
        ]


def created(sandbox: Sandbox) -> list[str]:
    """What was asked for: jobs and REST queries, in their order."""
    kinds = {"/jobs/query": "BULK2", "/job": "BULK", "/query": "REST", "/queryAll": "REST"}
    return [
        next(kind for end, kind in kinds.items() if call.path.endswith(end))
        for call in sandbox.requests
        if call.path.endswith(tuple(kinds)) and call.method in ("POST", "GET")
    ]


@pytest.mark.parametrize("api", BULK)
def test_an_object_that_bulk_refuses_is_read_by_rest(
    sandbox: Sandbox,
    sf: Salesforce,
    tmp_path: Path,
    api: ReadApi,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    job = sf.read_job(STATUS, api=api, or_rest=True)
    expected = [str(name) for _, name in sandbox.org.query(STATUS).rows()]
    assert len(expected) > 2
    assert sorted(rows(job, tmp_path, "ApiName")) == sorted(expected)
    # Bulk API 1.0 refuses PK chunking for it first, and that alone is no reason.
    assert created(sandbox) == [api.value] * (1 + (api is ReadApi.BULK1)) + ["REST"]
    assert job.api is ReadApi.REST
    (line,) = [r.getMessage() for r in caplog.records if "by REST" in r.getMessage()]
    assert line.startswith("TaskStatus is read by REST, because Bulk API refuses it: ")
    assert "is not supported by the Bulk API" in line


@pytest.mark.parametrize("api", BULK)
@pytest.mark.parametrize("words", REFUSALS)
def test_a_job_that_fails_with_such_words_is_read_by_rest_and_removed(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, api: ReadApi, words: str
) -> None:
    sandbox.control.add_fault(
        kind="job_failed", object="Account", message=f"InvalidBatch : {words}"
    )
    job = sf.read_job(NAMES, api=api, or_rest=True)
    assert job.api is api
    assert sorted(rows(job, tmp_path, "Name")) == ACCOUNTS
    assert sandbox.control.faults == []
    assert created(sandbox) == [api.value, "REST"]
    if api is ReadApi.BULK2:
        assert [c.method for c in sandbox.requests if "/jobs/query/" in c.path][-1] == "DELETE"


@pytest.mark.parametrize("api", BULK)
@pytest.mark.parametrize(
    "words", ["InternalServerError : Retried more than 30 times", "InvalidBatch : No such column"]
)
def test_other_failures_are_not_tried_by_rest(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, api: ReadApi, words: str
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", message=words)
    # Without PK chunking, which would query a chunk again.
    query = f"{NAMES} LIMIT 100"
    with pytest.raises(JobFailed, match=words):
        rows(sf.read_job(query, api=api, or_rest=True), tmp_path, "Name")
    assert created(sandbox) == [api.value]


def test_what_rest_cannot_run_either_is_an_error_with_the_first_reason(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    with pytest.raises(NotSupportedByBulk, match="Aggregate Relationships"):
        sf.read_job("SELECT Id, (SELECT Id FROM Contacts) FROM Account", or_rest=True)
    assert created(sandbox) == ["BULK2"]


def test_an_object_that_nobody_can_query_has_the_error_of_rest(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    body = [
        {
            "errorCode": "INVALID_TYPE_FOR_OPERATION",
            "message": "entity type Account does not support query",
        }
    ]
    sandbox.control.add_fault(kind="answer", path="*/query", status=400, body=body, times=2)
    with pytest.raises(ApiError, match=r"Query Account by REST: .* does not support query"):
        rows(sf.read_job(NAMES, or_rest=True), tmp_path, "Name")
    assert created(sandbox) == ["BULK2", "REST"]


def test_without_the_choice_a_refusal_is_an_error(sandbox: Sandbox, sf: Salesforce) -> None:
    with pytest.raises(NotSupportedByBulk):
        sf.read_job(STATUS)
    assert created(sandbox) == ["BULK2"]


def test_a_job_that_runs_is_aborted_like_any_other(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.hold_jobs()
    job = sf.read_job(NAMES, or_rest=True)
    assert not job.has_ended
    assert job.created is not None
    with pytest.raises(KeyError), disposing(job):
        raise KeyError
    assert sf.open_query_job(job.id).state.value == "Aborted"

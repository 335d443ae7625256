"""The client reads every kind of recorded document, in any clone."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from sfbulk import BatchState, Bulk1JobState, ContentType, JobState
from sfbulk.bulk1.documents import read_batch, read_batches, read_job, read_result_ids
from sfbulk.bulk1.row_results import read_row_results
from sfbulk.bulk2.states import parse_job
from sfbulk.describe.model import FieldDescribe, SObjectSummary
from sfbulk.errors import ApiError, LimitExceeded, NotFound, SessionExpired
from sfbulk.http.mapping import api_error
from sfbulk.http.wire import Reply, Request
from tests.recordings.kinds import all_kinds, answer

ASK = Request("GET", "/services/async/68.0/job/750", "Read job 750")
JOB_ID = "750aB00000kind1IAA"


def said(kind: str) -> Reply:
    body = answer(kind)
    return Reply(200, {}, (body if isinstance(body, str) else json.dumps(body)).encode())


def jobs_of_bulk2() -> list[str]:
    kinds = [kind for kind in all_kinds() if kind.startswith("bulk2/")]
    return [kind for kind in kinds if isinstance(answer(kind), dict) and "state" in answer(kind)]


@pytest.mark.parametrize("kind", jobs_of_bulk2())
def test_a_job_of_bulk2_is_read(kind: str) -> None:
    said_by_org = answer(kind)
    job = parse_job(said_by_org)
    assert (job.id, job.state) == (JOB_ID, JobState(said_by_org["state"]))
    assert (job.object, job.operation) == (said_by_org["object"], said_by_org["operation"])
    assert job.error_message == said_by_org.get("errorMessage")


@pytest.mark.parametrize(
    ("kind", "state"),
    [("job created", "Open"), ("job closed", "Closed"), ("job aborted", "Aborted")],
)
def test_a_job_of_bulk1_is_read(kind: str, state: str) -> None:
    job = read_job(ASK, said(f"bulk1/{kind}"))
    assert (job.id, job.state) == (JOB_ID, Bulk1JobState(state))
    absent = {name for name, value in dataclasses.asdict(job).items() if value is None}
    assert absent <= {"external_id_field_name", "assignment_rule_id"}


@pytest.mark.parametrize(
    ("kind", "state"),
    [("batch added", "Queued"), ("batch completed", "Completed"), ("batch in JSON", "Queued")],
)
def test_a_batch_is_read(kind: str, state: str) -> None:
    batch = read_batch(ASK, said(f"bulk1/{kind}"))
    assert (batch.job_id, batch.state) == (JOB_ID, BatchState(state))
    assert batch.created_date is not None


def test_lists_are_read() -> None:
    listed = read_batches(ASK, said("bulk1/list of batches"))
    assert [batch.state for batch in listed] == [BatchState.COMPLETED] * 2
    assert read_batches(ASK, said("bulk1/list without batches")) == []
    for kind in ("list of query results", "query results in JSON"):
        (result_id,) = read_result_ids(ASK, said(f"bulk1/{kind}"))
        assert result_id.startswith("752")


def test_results_of_rows_are_read() -> None:
    good = list(read_row_results(ContentType.CSV, [said("bulk1/results of rows").content]))
    assert [(row.success, row.created, row.error) for row in good] == [(True, True, None)] * 2
    (bad,) = read_row_results(ContentType.CSV, [said("bulk1/result of a refused row").content])
    assert bad.error is not None
    assert (bad.id, bad.error.code, bad.error.fields) == (None, "REQUIRED_FIELD_MISSING", ("Name",))


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("sign_in/session that ended", 401, SessionExpired),
        ("bulk1/session that is not valid", 400, SessionExpired),
        ("rest/resource that there is not", 404, NotFound),
        ("bulk2/no query jobs left today", 400, LimitExceeded),
        ("bulk1/object that there is not", 400, NotFound),
        ("bulk2/abort of a finished job", 400, ApiError),
    ],
)
def test_a_refusal_is_an_error_with_salesforces_words(
    kind: str, status: int, error: type[ApiError]
) -> None:
    body = said(kind).content
    found = api_error("Ask", status, {}, body)
    assert type(found) is error
    code = re.search(r'(?:"errorCode": "|<exceptionCode>)(\w+)', body.decode())
    assert code is not None
    assert found.code == code[1]


def test_every_key_of_a_describe_has_an_attribute() -> None:
    of_fields = {each.name for each in dataclasses.fields(FieldDescribe)}
    of_lists = {each.name for each in dataclasses.fields(SObjectSummary)}
    for version in ("42.0", "59.0", "retired versions"):
        assert {snake(key) for key in answer(f"describe/keys of a field in {version}")} <= of_fields
    for version in ("46.0", "52.0"):
        keys = {snake(key) for key in answer(f"describe/list entry in {version}")}
        assert {"name", "key_prefix", "queryable", "createable"} <= keys & of_lists


def snake(key: str) -> str:
    return re.sub("([A-Z])", lambda found: "_" + found[1].lower(), key)

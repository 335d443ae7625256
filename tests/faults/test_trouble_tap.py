"""Salesforce's own trouble while the tap reads: every row arrives, or the run says why not.

Each case is the second of four runs over an org that changes. What has arrived is compared with the
org by SQLite: a run that ends well has brought everything, and so has the run after any end.
"""

# ruff: noqa: E501 - a case is one line

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.changes import (
    ASYNC,
    DATA,
    abort,
    delete,
    element,
    last_twice,
    lines,
    nothing,
    only_header,
    refused,
    refused_by_bulk1,
    values,
    without_last,
)
from tests.faults.rewriting import Answer, Edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox import Sandbox
    from tests.faults.changes import Change
    from tests.faults.tap_trouble import NewReader

HOUR = 3600
JOBS = f"{DATA}/jobs/query"
# An id ends so; the paths below it do not.
JOB, RESULTS = f"{JOBS}/750*AA", f"{JOBS}/*/results"
BATCHES, LIST, FILE = f"{ASYNC}/*/batch*", f"{ASYNC}/*/result", f"{ASYNC}/*/result/*"
QUERY = f"{DATA}/query*"
NOT_FOUND = refused("NOT_FOUND", "The requested resource does not exist", 404)
RETIRED = refused("GONE", "This version is no longer available", 410)
THIS_JOB = r"job 750\w{15}"
AGAIN = "Run the query again"
VERSION = "Set api_version"
LIMIT = "Run again when the limit allows it"
QUICK = {"the count is 0", "results are late", "a page lacks a row"}


@dataclass(frozen=True)
class Case:
    """Trouble of one run, and how it may end."""

    name: str
    edits: tuple[Edit, ...] = ()
    says: tuple[str, ...] = ()
    """What the last ERROR line must say, as patterns; empty if the run comes through."""
    api: str = "BULK2"
    fault: dict[str, Any] | None = None
    does: Callable[[Sandbox, str], None] | None = None
    """What another user does to the job, before the request of the only edit."""
    chunks: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({self.api})"


def get(path: str, change: Change | None = None, **more: Any) -> Edit:
    return Edit("GET", path, change, **more)


def always(path: str, change: Change, method: str = "GET", skip: int = 0) -> Edit:
    return Edit(method, path, change, skip=skip, times=None)


def no_list(answer: Answer) -> Answer:
    return answer.with_text(lambda text: re.sub("<result>.*</result>", "", text))


def counts(number: int | None) -> Edit:
    return always(JOB, values(numberRecordsProcessed=number))


BULK2 = [
    Case("failed after a part", fault={"kind": "job_failed", "after_rows": 3}, says=(THIS_JOB, "failed")),
    Case("failed without a reason", (get(JOB, values(state="Failed")),), (THIS_JOB, "gives no reason")),
    Case("aborted while it runs", fault={"kind": "job_aborted", "after_rows": 3}, says=(THIS_JOB, "aborted")),
    Case("aborted in the queue", (get(JOB),), (THIS_JOB, "aborted"), does=abort),
    Case("deleted in the queue", (get(JOB),), (THIS_JOB, "NOT_FOUND"), does=delete),
    Case("deleted before its first page", (get(RESULTS),), (THIS_JOB, "NOT_FOUND"), does=delete),
    Case("deleted between pages", (get(RESULTS, skip=1),), (THIS_JOB, "NOT_FOUND"), does=delete),
    Case("unknown state when created", (Edit("POST", JOBS, values(state="Pondering")),), ("Job 750", "'Pondering'", "Look at the job")),
    Case("unknown state when polled", (get(JOB, values(state="Pondering")),), ("Job 750", "'Pondering'", "Look at the job")),
    Case("results are late", (get(RESULTS, NOT_FOUND, times=2),)),
    Case("later pages are late", (get(RESULTS, NOT_FOUND, skip=2, times=2),)),
    Case("results are not ready", (get(RESULTS, refused("INVALIDJOBSTATE")),)),
    Case("results are not complete", (get(RESULTS, refused("JOB_NOT_COMPLETE", status=412)),)),
    Case("results are gone", (always(RESULTS, NOT_FOUND),), (THIS_JOB, "NOT_FOUND")),
    Case("later results are gone", (always(RESULTS, NOT_FOUND, skip=1),), (THIS_JOB, "NOT_FOUND")),
    Case("results are empty", (always(RESULTS, nothing),), (THIS_JOB, AGAIN)),
    Case("a page has no rows", (always(RESULTS, only_header, skip=1),), (THIS_JOB, AGAIN)),
    Case("a page lacks a row at first", (get(RESULTS, without_last()),)),
    Case("a page lacks a row", (always(RESULTS, without_last()),), (THIS_JOB, AGAIN)),
    Case("a page lacks a row and says so", (get(RESULTS, without_last(Sforce_NumberOfRecords="3")),), (THIS_JOB, AGAIN)),
    Case("a row comes twice", (get(RESULTS, last_twice(Sforce_NumberOfRecords="5")), counts(17)), ("have the same Id", "Its state is not moved")),
    Case("a row comes in place of another", (get(RESULTS, lines(lambda it: it[:-1] + it[-2:-1])),), ("have the same Id",)),
    Case("a column has another name", (get(RESULTS, lines(lambda it: [it[0].replace('"Name"', '"Nom"'), *it[1:]])),), ("Missing: Name", AGAIN)),
    Case("pages go in a circle", (always(RESULTS, lambda it: it.with_headers(Sforce_Locator="MQ")),), (THIS_JOB,)),
    Case("the count is too high", (counts(17),), (THIS_JOB, "16 rows", "17", AGAIN)),
    Case("the count is too low", (counts(15),), (THIS_JOB, "16 rows", "15", AGAIN)),
    Case("the count is 0", (counts(0),), (THIS_JOB, "processed 0", AGAIN)),
    Case("there is no count", (counts(None),)),
    Case("the version is retired", (always(f"{DATA}*", RETIRED, "*"),), ("GONE", VERSION)),
    Case("the version is retired meanwhile", (always(RESULTS, RETIRED, skip=1),), (THIS_JOB, "GONE", VERSION)),
    Case("a field is gone", (Edit("POST", JOBS, refused("INVALID_FIELD", "No such column 'Name' on entity 'Account'")),), ("on Account", "'Name'")),
    Case("a field goes meanwhile", (get(JOB, values(state="Failed", errorMessage="InvalidBatch : Field name not found : Name")),), (THIS_JOB, "on Account", "Name")),
    Case("the object is gone", (Edit("POST", JOBS, refused("INVALID_TYPE", "sObject type 'Account' is not supported.")),), ("Account", "INVALID_TYPE")),
    Case("no more jobs today", (Edit("POST", JOBS, refused("LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been exceeded")),), ("on Account", "10000", LIMIT)),
    Case("no more requests today", (always(RESULTS, refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403), skip=1),), (THIS_JOB, LIMIT)),
    Case("the right to read is lost", (always(RESULTS, refused("INSUFFICIENT_ACCESS", "no", 403), skip=1),), (THIS_JOB, "The user needs")),
    Case("the API is switched off", (always(JOB, refused("API_DISABLED_FOR_ORG", "no", 403)),), (THIS_JOB, "The user needs")),
    Case("maintenance", (always(RESULTS, refused("SERVER_UNAVAILABLE", "Down", 503), skip=1),), (THIS_JOB, "Run again later")),
]  # fmt: skip
BULK1 = [
    Case("a batch fails after a part, once", fault={"kind": "job_failed", "after_rows": 3}),
    Case("a batch fails again and again", fault={"kind": "job_failed", "after_rows": 3, "times": None}, says=("Batch 751", "Account")),
    Case("aborted", fault={"kind": "job_aborted", "after_rows": 3}, says=("Batch 751", "was aborted")),
    Case("unknown state of a batch", (always(BATCHES, element("state", "Pondering")),), ("Batch 751", "'Pondering'", "Look at the job")),
    Case("unknown state of a job", (Edit("POST", ASYNC, element("state", "Pondering")),), ("Job 750", "'Pondering'", "Look at the job")),
    Case("the list of results is empty", (always(LIST, no_list),), ("batch 751", "0 rows", AGAIN)),
    Case("results are late", (get(FILE, refused_by_bulk1("InvalidResult", status=404), times=2),)),
    Case("results are gone", (always(FILE, refused_by_bulk1("InvalidResult", status=404), skip=1),), (THIS_JOB, "InvalidResult")),
    Case("a file lacks a row", (always(FILE, without_last()),), ("batch 751", AGAIN)),
    Case("a row comes twice", (get(FILE, last_twice()), always(BATCHES, element("numberRecordsProcessed", "17"))), ("have the same Id",)),
    Case("the count is 0", (always(BATCHES, element("numberRecordsProcessed", "0")),), ("batch 751", AGAIN)),
    Case("the version is retired", (always("/services/async*", refused_by_bulk1("InvalidVersion", "retired"), "*"),), ("InvalidVersion", VERSION)),
    Case("no more batches today", (always(BATCHES, refused_by_bulk1("ExceededQuota", "ApiBatchItems Limit exceeded."), "POST"),), (THIS_JOB, LIMIT)),
    Case("the job is gone", (always(BATCHES, refused_by_bulk1("InvalidJob", "Unable to find object: 750", 404)),), (THIS_JOB,)),
    Case("the list of a chunk is empty", (get(LIST, no_list),), ("batch 751", "0 rows", AGAIN), chunks=True),
    Case("a chunk fails, and the list of another one is empty", (get(LIST, no_list),), ("batch 751", "0 rows", AGAIN), fault={"kind": "job_failed", "skip": 1}, chunks=True),
    Case("a chunk fails once", fault={"kind": "job_failed", "skip": 1}, chunks=True),
]  # fmt: skip
REST = [
    Case("a page lacks a record", (get(QUERY, lambda it: it.with_json(records=it.json()["records"][1:])),), ("REST query of Account", AGAIN)),
    Case("the count is too high", (get(QUERY, values(totalSize=17)),), ("REST query of Account", AGAIN)),
    Case("the count is 0", (get(QUERY, values(totalSize=0)),), ("REST query of Account", AGAIN)),
    Case("a record comes twice", (get(QUERY, lambda it: it.with_json(totalSize=17, records=[*it.json()["records"], it.json()["records"][0]])),), ("have the same Id",)),
    Case("a field is gone", (get(QUERY, refused("INVALID_FIELD", "No such column 'Name'")),), ("Account by REST", "'Name'")),
    Case("the version is retired", (always(QUERY, RETIRED),), ("Account by REST", VERSION)),
]  # fmt: skip
CASES = [
    *BULK2,
    *(Case(**{**each.__dict__, "api": "BULK"}) for each in BULK1),
    *(Case(**{**each.__dict__, "api": "REST"}) for each in REST),
]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            marks=() if case.name in QUICK and case.api == "BULK2" else pytest.mark.slow,
            id=str(case),
        )
        for case in CASES
    ],
)
def test_a_run_in_trouble_brings_everything_or_the_next_one_does(
    new_reader: NewReader, case: Case
) -> None:
    options = {"stream_options": {"Account": {"chunk_size": 3}}} if case.chunks else {}
    reader = new_reader(api_type=case.api, **options)
    assert reader.run().code == 0
    reader.clock.sleep(HOUR)
    reader.control.seed({"Account": [{"Name": f"New {number}"} for number in range(10)]})
    before = None if case.chunks else reader.state
    reader.begin_again(before)
    edits = [Edit(**edit.given()) for edit in case.edits]
    if case.does:
        does = case.does
        if case.does is abort:
            reader.control.jobs_after_polls(2)
        edits[0].before = lambda path: does(reader.sandbox, path)
    reader.edits.extend(edits)
    if case.fault:
        reader.control.add_fault(**case.fault)
    ended = reader.run()
    assert all(edit.struck for edit in edits)
    assert case.fault is None or case.fault.get("times", 1) is None or not reader.control.faults
    if case.says:
        assert ended.code == 1, ended.log
        assert re.search(".*".join(case.says), ended.reason), ended.reason
    else:
        assert ended.code == 0, ended.log
        assert reader.missing() == []
        assert len(reader.rows) == len(set(reader.rows))
    reader.edits.clear()
    reader.control.clear_faults()
    reader.control.jobs_at_once()
    for name in ("After", "Later"):
        reader.clock.sleep(HOUR)
        reader.control.seed({"Account": [{"Name": name}]})
        ended = reader.run()
        assert ended.code == 0, ended.log
        assert reader.missing() == []

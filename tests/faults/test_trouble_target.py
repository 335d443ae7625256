"""Salesforce's own trouble while the target loads: each row is in once, or the run says why not.

Judged by the rows of the org: no STATE covers a record that is neither in the org nor in the rejects
file, no run that ends well has left one out, and none is in twice, also after the run that follows.
"""

# ruff: noqa: E501 - a case is one line

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.changes import (
    ASYNC,
    DATA,
    abort,
    close,
    delete,
    element,
    end_bulk1,
    last_twice,
    lines,
    nothing,
    only_header,
    refused,
    refused_by_bulk1,
    values,
    without_last,
)
from tests.faults.commands import forked
from tests.faults.rewriting import Edit, Rewriting
from tests.target.support import Org, as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.changes import Change
    from tests.target.support import Run

JOBS = f"{DATA}/jobs/ingest"
# An id ends so; the paths below it do not.
JOB, GOOD, BAD = f"{JOBS}/750*AA", f"{JOBS}/*/successfulResults", f"{JOBS}/*/failedResults"
ADD, BATCHES, LIST = f"{ASYNC}/750*/batch", f"{ASYNC}/750*/batch*", f"{ASYNC}/*/batch/*/result"
NOT_FOUND = refused("NOT_FOUND", "The requested resource does not exist", 404)
RETIRED = refused("GONE", "This version is no longer available", 410)
THIS_JOB = r"[Jj]ob 750\w{15}"
VERSION, LIMIT, LOOK = "Set api_version", "Run again when the limit allows it", "Look at the job"
UNKNOWN = "may or may not be in Salesforce"
ROWS = 10
ONE_REFUSED: dict[str, Any] = {"kind": "row_error", "rows": [2], "code": "X", "times": 1}
QUICK = {
    "results are late",
    "failed rows count more than they are",
    "hard delete",
    "aborted at the upload",
}


@dataclass(frozen=True)
class Case:
    """Trouble of one run, and how it may end."""

    name: str
    edits: tuple[Edit, ...] = ()
    says: tuple[str, ...] = ()
    """What the last ERROR line must say, as patterns; empty if the run comes through."""
    faults: tuple[dict[str, Any], ...] = ()
    does: Callable[[Sandbox, str], None] | None = None
    """What another user does to the job, before the request of the only edit."""
    rejects: tuple[str, ...] = ()
    """The kinds of the records that the rejects file has after the run."""
    polls: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} ({self.settings.get('api_type', 'BULK2')})"


def get(path: str, change: Change | None = None, **more: Any) -> Edit:
    return Edit("GET", path, change, **more)


def always(path: str, change: Change, method: str = "GET", skip: int = 0) -> Edit:
    return Edit(method, path, change, skip=skip, times=None)


def counts(**changed: Any) -> Edit:
    return always(JOB, values(**changed))


def renamed(old: str, new: str) -> Change:
    return lines(lambda rows: [rows[0], *(row.replace(old, new) for row in rows[1:])])


FIVES = {"batch_size_rows": 5}
REJECTED = ("1 x X", "rejects.jsonl")
ONE: dict[str, Any] = {"faults": (ONE_REFUSED,), "says": REJECTED, "rejects": ("rejected",)}
BULK2 = [
    Case("failed after a part", says=("ended Failed",), faults=({"kind": "job_failed", "after_rows": 3},), rejects=("unprocessed",) * 7),
    Case("aborted after a part", faults=({"kind": "job_aborted", "after_rows": 3},)),
    Case("aborted in the queue", (get(JOB),), does=abort, polls=2),
    Case("locks pass", faults=({"kind": "row_error", "every": 3, "attempts": 2},)),
    Case("locks stay", says=("UNABLE_TO_LOCK_ROW", "rejects.jsonl"), faults=({"kind": "row_error", "where": {"Name": "Name [12]"}},), rejects=("rejected",) * 2),
    Case("aborted at the upload", (Edit("PUT", "*/batches"),), (THIS_JOB, "Aborted", "10 are not sent"), does=abort),
    Case("aborted at the close", (Edit("PATCH", JOB),), (THIS_JOB, "Aborted"), does=abort),
    Case("closed at the close", (Edit("PATCH", JOB),), (THIS_JOB, "not allowed"), does=close),
    Case("closed at the upload", (Edit("PUT", "*/batches"),), (THIS_JOB, "10 are not sent"), does=close),
    Case("results are late", (get(GOOD, NOT_FOUND, times=2),), **ONE),
    Case("failed results are late", (get(BAD, NOT_FOUND, times=2),), **ONE),
    Case("results are not ready", (get(GOOD, refused("INVALIDJOBSTATE")),), **ONE),
    Case("results are empty at first", (get(GOOD, only_header),), **ONE),
    Case("failed results are empty at first", (get(BAD, nothing),), **ONE),
    Case("results lack a row at first", (get(GOOD, without_last()),), **ONE),
    Case("failed results lack a row at first", (get(BAD, without_last()),), **ONE),
    Case("a result comes twice at first", (get(GOOD, last_twice()),), **ONE),
    Case("deleted before its results are read", (get(GOOD),), (THIS_JOB, "NOT_FOUND"), does=delete),
    Case("results are gone", (always(GOOD, NOT_FOUND),), (THIS_JOB, "NOT_FOUND", UNKNOWN)),
    Case("results lack a row", (always(GOOD, without_last()),), ("UNKNOWN", "query `Account`"), rejects=("unknown",)),
    Case("failed results lack a row", (always(BAD, without_last()),), ("UNKNOWN", "query `Account`"), faults=(ONE_REFUSED,), rejects=("unknown",)),
    Case("a result comes twice", (always(GOOD, last_twice()),), (THIS_JOB, "11 rows", LOOK)),
    Case("a result is of no row that was sent", (always(GOOD, renamed("A-9", "Z-9")), always(BAD, renamed("A-9", "Z-9")))),
    Case("all results are of no row that was sent", (always(GOOD, renamed("A-", "Z-")),)),
    Case("values come back otherwise", (always(GOOD, renamed("Name ", "NAME  ")), always(BAD, renamed("Name ", "NAM"))), **ONE),
    Case("failed rows count more than they are", (counts(numberRecordsFailed=3),), (THIS_JOB, "contradict its counts", LOOK)),
    Case("fewer rows count than there are", (counts(numberRecordsProcessed=7),), (THIS_JOB, "contradict its counts", LOOK)),
    Case("no row counts", (counts(numberRecordsProcessed=0),), (THIS_JOB, "contradict its counts", LOOK)),
    Case("more rows count than there are", (counts(numberRecordsProcessed=13),), (THIS_JOB, "13 rows", LOOK)),
    Case("counts are late", (get(JOB, values(numberRecordsProcessed=0)),)),
    Case("there are no counts", (counts(numberRecordsProcessed=None, numberRecordsFailed=None),)),
    Case("unknown state when created", (Edit("POST", JOBS, values(state="Pondering")),), ("Job 750", "'Pondering'", LOOK, "10 are not sent")),
    Case("unknown state when closed", (Edit("PATCH", JOB, values(state="Pondering")),), ("Job 750", "'Pondering'", LOOK)),
    Case("unknown state when polled", (get(JOB, values(state="Pondering")),), ("Job 750", "'Pondering'", LOOK)),
    Case("the version is retired", (always(f"{DATA}*", RETIRED, "*"),), ("GONE", VERSION)),
    Case("the version is retired meanwhile", (always(GOOD, RETIRED),), (THIS_JOB, "GONE", VERSION)),
    Case("no more jobs today", (always(JOBS, refused("LIMIT_EXCEEDED", "Max jobs exceeded"), "POST", skip=1),), ("on Account", LIMIT, "5 are not sent"), settings=FIVES),
    Case("no more requests today", (always(GOOD, refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403)),), (THIS_JOB, LIMIT)),
    Case("the storage is full", says=("STORAGE_LIMIT_EXCEEDED",), faults=({"kind": "row_error", "code": "STORAGE_LIMIT_EXCEEDED", "every": 2},), rejects=("rejected",) * 5),
    Case("the org is read only", says=("INSUFFICIENT_ACCESS_OR_READONLY",), faults=({"kind": "row_error", "code": "INSUFFICIENT_ACCESS_OR_READONLY", "every": 2},), rejects=("rejected",) * 5),
    Case("a field goes meanwhile", says=("Field name not found : Name",), faults=({"kind": "job_failed", "message": "InvalidBatch : Field name not found : Name"},), rejects=("unprocessed",) * 10),
    Case("the right to read is lost", (always(JOB, refused("INSUFFICIENT_ACCESS", "no", 403)),), (THIS_JOB, "The user needs")),
    Case("maintenance", (always(JOB, refused("SERVER_UNAVAILABLE", "Down", 503)),), (THIS_JOB, "Run again later")),
    Case("slow", polls=4),
]  # fmt: skip
BULK1 = [
    Case("failed after a part", says=("ended Failed", UNKNOWN), faults=({"kind": "job_failed", "after_rows": 3},), rejects=("unknown",) * 10),
    Case("not processed after a part", says=("ended NotProcessed", UNKNOWN), faults=({"kind": "job_aborted", "after_rows": 3},), rejects=("unknown",) * 10),
    Case("locks pass", faults=({"kind": "row_error", "every": 3, "attempts": 2},)),
    Case("results are late", (get(LIST, refused_by_bulk1("InvalidBatch", "Unable to find batch", 404)),)),
    Case("a result comes twice", (always(LIST, last_twice()),), ("batch 751", "11 rows", LOOK)),
    Case("failed rows count more than they are", (always(BATCHES, element("numberRecordsFailed", "3")),), ("batch 751", "3 failed", LOOK)),
    Case("fewer rows count than there are", (always(BATCHES, element("numberRecordsProcessed", "3")),), ("batch 751", "processed 3", LOOK)),
    Case("unknown state of a batch", (always(BATCHES, element("state", "Pondering")),), ("Batch 751", "'Pondering'", LOOK)),
    Case("unknown state of a batch that was added", (Edit("POST", ADD, element("state", "Pondering")),), ("Batch 751", "'Pondering'", LOOK)),
    Case("unknown state of a job", (Edit("POST", ASYNC, element("state", "Pondering")),), ("Job 750", "'Pondering'", LOOK, "10 are not sent")),
    Case("closed between batches", (Edit("POST", ADD, skip=1),), (THIS_JOB, "'Closed'", "5 are not sent"), does=end_bulk1("Closed"), settings=FIVES),
    Case("aborted between batches", (Edit("POST", ADD, skip=1),), (THIS_JOB, "'Aborted'", "5 are not sent"), does=end_bulk1("Aborted"), settings=FIVES),
    Case("no more batches today", (always(ADD, refused_by_bulk1("ExceededQuota", "ApiBatchItems Limit exceeded."), "POST", skip=1),), (THIS_JOB, LIMIT, "5 are not sent"), settings=FIVES),
    Case("the version is retired", (always("/services/async*", refused_by_bulk1("InvalidVersion", "retired"), "*"),), ("InvalidVersion", VERSION, "10 are not sent")),
    Case("the job is gone", (always(BATCHES, refused_by_bulk1("InvalidJob", "Unable to find object: 750", 404)),), (THIS_JOB,)),
]  # fmt: skip
CASES = [
    *BULK2,
    *(Case(**{**each.__dict__, "settings": {**each.settings, "api_type": "BULK"}}) for each in BULK1),
]  # fmt: skip


class Loads:
    """Runs of the command with the same records, and what the org has of them."""

    def __init__(self, proxy: Rewriting, folder: Path, settings: dict[str, Any]) -> None:
        self.org = Org(proxy.sandbox, folder)
        self._settings = {"instance_url": proxy.url, **settings}

    def run(self, done: int = 0) -> Run:
        """Load the records after the first ones, with a STATE after every second one."""
        messages = [schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c")]
        for number in range(done, ROWS):
            messages.append(record("Account", Ext_Id__c=f"A-{number}", Name=f"Name {number}"))
            messages += [state(done=number + 1)] if number % 2 else []
        line = ["--config", str(self.org.config(**self._settings))]
        command = forked("target-sfbulk")
        ended = command.run_line(self.org.folder, line, stdin=as_lines(messages), hurried=True)
        assert "Traceback" not in ended.log, ended.log
        return self.org.run_of(ended)

    def loaded(self) -> Counter[str]:
        """How often each record is in the org."""
        rows = self.org.sandbox.org.query("SELECT Ext_Id__c, Name FROM Account").rows()
        assert all(str(key)[2:] == str(name)[5:] for key, name in rows)
        keys = self.org.sandbox.org.query("SELECT Ext_Id__c FROM Account").rows()
        return Counter(str(key) for (key,) in keys)

    def rejected(self, run: Run) -> list[tuple[str, str]]:
        """Key and kind of each line of the rejects file."""
        if not (run.output / "Account.rejects.jsonl").exists():
            return []
        return [(each["record"]["Ext_Id__c"], each["kind"]) for each in run.rejects("Account")]


@pytest.fixture(scope="module")
def proxy(running_sandbox: Sandbox) -> Iterator[Rewriting]:
    with Rewriting(running_sandbox) as proxy:
        yield proxy


@pytest.fixture
def control(proxy: Rewriting) -> Any:
    proxy.edits.clear()
    proxy.sandbox.control.jobs_at_once()
    proxy.sandbox.control.reset()
    return proxy.sandbox.control


def marked(case: Case, operation: str) -> Any:
    quick = case.name in QUICK and "api_type" not in case.settings and operation == "upsert"
    marks = () if quick else pytest.mark.slow
    return pytest.param(case, operation, marks=marks, id=f"{case}-{operation}")


@pytest.mark.parametrize(
    ("case", "operation"),
    [marked(case, operation) for case in CASES for operation in ("upsert", "insert")],
)
def test_a_load_in_trouble_has_each_row_in_the_org_or_in_the_rejects_file(
    proxy: Rewriting, control: Any, tmp_path: Path, case: Case, operation: str
) -> None:
    key = {"external_id": "Ext_Id__c"} if operation == "upsert" else {}
    loads = Loads(proxy, tmp_path, {"operation": operation, **key, **case.settings})
    if case.polls:
        control.jobs_after_polls(case.polls)
    for fault in case.faults:
        control.add_fault(**fault)
    edits = [Edit(**edit.given()) for edit in case.edits]
    if does := case.does:
        edits[0].before = lambda path: does(proxy.sandbox, path)
    proxy.edits.extend(edits)
    run = loads.run()
    assert all(edit.struck for edit in edits)
    done = judge(loads, run, case)
    proxy.edits.clear()
    control.clear_faults()
    control.jobs_at_once()
    after = loads.run(done)
    rejected = dict(loads.rejected(after))
    loaded = loads.loaded()
    assert loaded.keys() | rejected.keys() == {f"A-{number}" for number in range(ROWS)}, after.log
    assert max(loaded.values(), default=0) <= 1, after.log
    assert [key for key in rejected if loaded[key] and rejected[key] != "unknown"] == []


def judge(loads: Loads, run: Run, case: Case) -> int:
    """Check how the run in trouble ended; how many records its last STATE covers."""
    if case.says:
        assert run.code == 1, run.log
        assert re.search(".*".join(case.says), run.reason), run.reason
    else:
        assert (run.code, run.states[-1:]) == (0, [{"done": ROWS}]), run.log
    done = int(run.states[-1]["done"]) if run.states else 0
    loaded, rejected = loads.loaded(), dict(loads.rejected(run))
    assert sorted(rejected.values()) == sorted(case.rejects)
    covered = {f"A-{number}" for number in range(done)}
    assert covered <= loaded.keys() | rejected.keys(), run.log
    if run.code == 0:
        assert len(loaded) == ROWS
    return done


@pytest.mark.parametrize("api", ["BULK2", "BULK"])
def test_a_hard_delete_without_the_right_says_that_nothing_was_sent(
    proxy: Rewriting, control: Any, tmp_path: Path, api: str
) -> None:
    control.set_behaviour(hard_delete="refused")
    org = Org(proxy.sandbox, tmp_path)
    ids = [org.create("Account", Name=f"{number}") for number in range(3)]
    messages = [schema("Account", "Id", key="Id"), *(record("Account", Id=one) for one in ids)]
    run = org.load(*messages, state(done=3), operation="hardDelete", api_type=api)
    assert (run.code, run.states) == (1, [])
    assert "special user profile permission" in run.reason
    assert run.reason.endswith("No STATE was written. Of 3 records, 3 are not sent.")

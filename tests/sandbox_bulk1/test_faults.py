"""Scripted faults as a client of Bulk API 1.0 meets them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.hand_clock import HandClock
from tests.sandbox_bulk1.async_api import AsyncApi, batches, error, fields, info, rows

LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"


def test_a_session_expires_on_the_nth_call(sandbox: Sandbox, api: AsyncApi) -> None:
    sandbox.control.add_fault(kind="expired_session", path="/services/async/*/batch", skip=1)
    job = api.job("insert", "Account")
    api.run(job, "Name\nx\n")
    for _ in range(2):
        refusal = api.call("POST", job + "/batch", "Name\ny\n", "text/csv")
        assert error(refusal) == (400, "InvalidSessionId", "Invalid session id")
    assert sandbox.org.counts()["Account"] == 1


def test_a_batch_is_lost_or_never_served(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    for kind in ("closed", "lost"):
        sandbox.control.add_fault(kind=kind, method="POST", path="*/batch")
        with pytest.raises(requests.ConnectionError):
            api.call("POST", job + "/batch", f"Name\n{kind}\n", "text/csv")
    (batch,) = batches(api.get(job + "/batch"))
    api.wait(f"{job}/batch/{batch['id']}")
    assert api.get(f"{job}/batch/{batch['id']}/request").text == "Name\nlost\n"


def test_a_single_batch_of_a_query_fails(sandbox: Sandbox, api: AsyncApi) -> None:
    api.accounts(3)
    sandbox.control.add_fault(
        kind="job_failed", object="Account", operation="query", message="Retried more than fifteen"
    )
    job = api.job("query", "Account")
    assert api.failure(job, "SELECT Id FROM Account") == "Retried more than fifteen"
    api.run(job, "SELECT Name FROM Account")
    assert [batch["state"] for batch in batches(api.get(job + "/batch"))] == ["Failed", "Completed"]


def test_somebody_else_aborts_a_job_between_its_batches(sandbox: Sandbox, api: AsyncApi) -> None:
    sandbox.control.hold_jobs()
    sandbox.control.add_fault(kind="job_aborted", skip=1, after_rows=1)
    job = api.job("insert", "Account")
    added = [api.add(job, f"Name\n{name}\n{name}\n") for name in "abc"]
    sandbox.control.release_jobs()
    states = [api.wait(batch)["state"] for batch in added]
    assert states == ["Completed", "NotProcessed", "NotProcessed"]
    assert fields(api.get(job))["state"] == "Aborted"
    assert error(api.get(added[1] + "/result"))[1:] == ("InvalidBatch", "Records not processed")
    assert sandbox.org.counts()["Account"] == 3


def test_a_row_is_locked_for_a_while(sandbox: Sandbox, api: AsyncApi) -> None:
    ids = api.accounts(3)
    sandbox.control.add_fault(kind="row_error", operation="update", rows=[2], attempts=1)
    body = "Id,Phone\n" + "".join(f"{one},1\n" for one in ids)
    first = api.load("update", "Account", body)
    assert [row[1:] for row in first] == [
        ["true", "false", ""],
        ["false", "false", LOCKED],
        ["true", "false", ""],
    ]
    again = api.load("update", "Account", body)
    assert [row[1] for row in again] == ["true"] * 3


def test_batches_take_seconds_of_the_clock() -> None:
    clock = HandClock()
    with Sandbox(sample=False, clock=clock) as sandbox:
        api = AsyncApi(sandbox)
        sandbox.control.jobs_after_seconds(60)
        job = api.job("insert", "Account", concurrencyMode="Serial")
        added = [api.add(job, f"Name\n{name}\n") for name in "ab"]
        states = []
        for seconds in (0, 59, 1):
            clock.time += timedelta(seconds=seconds)
            states.append([info(api.get(batch))["state"] for batch in added])
        api.session.close()
    assert states == [["Queued", "Queued"], ["InProgress", "Queued"], ["Completed", "Completed"]]


def test_api_requests_of_the_day_are_used_up(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    sandbox.control.add_fault(kind="used_up", limit="DailyApiRequests")
    assert error(api.get(job)) == (400, "ExceededQuota", "TotalRequests Limit exceeded.")


def test_a_result_is_cut(sandbox: Sandbox, api: AsyncApi) -> None:
    batch = api.run(api.job("insert", "Account"), "Name\nx\ny\n")
    sandbox.control.add_fault(kind="cut", path="*/result", after_bytes=10)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.get(batch + "/result")
    assert len(rows(api.get(batch + "/result"))) == 3

"""Bounds at the edge of time, and what helps where a window is the trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.test_command import JOBS

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import TapCommand


def expect_query(sandbox: Sandbox, words: str) -> None:
    """Note whether a query with these words is asked: then no fault is left."""
    sandbox.control.add_fault(kind="expired_session", path=JOBS, request_body=words)


@pytest.mark.parametrize(
    "start",
    ["0001-01-01T00:00:00+10:00", "0001-01-01T00:00:00Z", "0001-01-01", "1699-12-31T23:59:59Z"],
)
def test_a_start_before_all_rows_reads_all_history(
    sandbox: Sandbox, tap: TapCommand, start: str
) -> None:
    # Salesforce refuses earlier dates.
    expect_query(sandbox, " >= 1700-01-01T00:00:00")
    run = tap(start_date=start)
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3
    assert sandbox.control.faults == []


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59-10:00", "9999-12-31", "4001-01-01T00:00:00Z"])
def test_an_end_after_all_time_reads_up_to_now(tap: TapCommand, end: str) -> None:
    run = tap(end_date=end)
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3


def test_a_start_that_is_after_all_rows_of_any_org_reads_none(tap: TapCommand) -> None:
    run = tap(start_date="9999-01-01T00:00:00Z")
    assert run.code == 0, run.log
    assert run.records("Account") == []
    assert "Traceback" not in run.log


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00.000Z", "1700-01-01T00:00:00.000Z"])
def test_a_bookmark_at_the_beginning_of_time_reads_all_history(
    sandbox: Sandbox, tap: TapCommand, stamp: str
) -> None:
    state = {"replication_key": "SystemModstamp", "replication_key_value": stamp}
    expect_query(sandbox, " >= 1700-01-01T00:00:00")
    run = tap(state={"bookmarks": {"Account": state}}, streams_to_discover=["Account"])
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3
    assert sandbox.control.faults == []


def test_a_lookback_longer_than_all_history_is_a_problem_of_the_settings(tap: TapCommand) -> None:
    run = tap(lookback=10**18)
    assert run.code == 1
    assert "lookback" in run.reason
    assert "Traceback" not in run.log


TROUBLE = [
    "INVALID_FIELD: field 'SystemModstamp' can not be filtered in a query call",
    "InternalServerError : Retried more than fifteen times",
    "QUERY_TIMEOUT: Your query request was running for too long.",
    "OPERATION_TOO_LARGE : Query is not selective enough",
]


@pytest.mark.parametrize(
    "message", [*TROUBLE[:2], *(pytest.param(one, marks=pytest.mark.slow) for one in TROUBLE[2:])]
)
def test_a_job_that_failed_on_its_window_says_what_helps(
    sandbox: Sandbox, tap: TapCommand, message: str
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", message=message, times=None)
    run = tap(stream_options={"Account": {"where": "Name != null"}})
    assert run.code == 1
    assert message in run.reason
    for help_ in ("limited by SystemModstamp", "FULL_TABLE", "`where`"):
        assert help_ in run.reason


def test_a_refused_filter_says_what_helps_and_another_refusal_does_not(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    for text in (
        "field 'SystemModstamp' can not be filtered in a query call",
        "No such column 'X'",
    ):
        body = [{"errorCode": "INVALID_FIELD", "message": text}]
        sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=400, body=body)
    run = tap()
    account, contact = run.reason.split("; Contact: ")
    assert "Create a query job on Account: HTTP 400 INVALID_FIELD" in account
    assert "FULL_TABLE" in account
    assert "Create a query job on Contact: HTTP 400 INVALID_FIELD" in contact
    assert "FULL_TABLE" not in contact


def test_a_refused_job_that_ends_the_run_names_its_object(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
    sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=403, body=body)
    run = tap()
    assert run.code == 1
    assert "Create a query job on Account: HTTP 403 REQUEST_LIMIT_EXCEEDED" in run.reason

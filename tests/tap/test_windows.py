"""A window that is too large for one job is halved until it is not, and every row arrives."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk.errors import ApiError, JobFailed, LimitExceeded, SalesforceError
from tap_sfbulk.state import Window
from tap_sfbulk.windows import EPOCH, SECOND, first_part, half, is_too_large, length_of, step_in

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import Run, TapCommand

TIMEOUT = "InternalServerError : Retried more than fifteen times"


SECONDS_AROUND = {"start_date": "2023-12-31T23:59:56Z", "end_date": "2024-01-01T00:00:04Z"}


def campaigns(sandbox: Sandbox, stamped: list[str]) -> None:
    lines = [f"C-{number},{stamp}" for number, stamp in enumerate(stamped)]
    sandbox.control.seed_csv("Campaign", "\n".join(["Name,SystemModstamp", *lines]))


def stamps(count: int) -> list[str]:
    """One every 60 days."""
    first = datetime(2020, 1, 1, tzinfo=timezone.utc)
    return [f"{first + timedelta(days=60 * n):%Y-%m-%dT%H:%M:%S.000Z}" for n in range(count)]


def too_large(sandbox: Sandbox, rows: int, message: str = TIMEOUT) -> None:
    sandbox.control.add_fault(
        kind="job_failed",
        object="Campaign",
        operation="query*",
        over_rows=rows,
        message=message,
        times=None,
    )


def jobs(sandbox: Sandbox) -> int:
    return sum(r.method == "POST" and r.path.endswith("/jobs/query") for r in sandbox.requests)


def names(run: Run) -> list[str]:
    return sorted(record["Name"] for record in run.records("Campaign"))


def entry(run: Run) -> dict[str, Any]:
    kept: dict[str, Any] = run.state["bookmarks"]["Campaign"]
    return kept


@pytest.mark.parametrize("message", [TIMEOUT, "QUERY_TIMEOUT : Your query request was running"])
def test_a_first_load_that_is_too_large_is_read_in_parts(
    sandbox: Sandbox, tap: TapCommand, message: str
) -> None:
    # The first row is older than any start that is assumed.
    campaigns(sandbox, ["1990-01-01T00:00:00.000Z", *stamps(39)])
    too_large(sandbox, 12, message)
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 0, run.log
    assert names(run) == sorted(f"C-{number}" for number in range(40))
    assert entry(run)["window_end"] == "2026-11-23T09:00:00.000Z"
    assert entry(run)["window_seconds"] > 0
    # A bookmark after each part, for a run that ends before the last one.
    ends = [
        message["value"]["bookmarks"]["Campaign"].get("window_end")
        for message in run.messages
        if message["type"] == "STATE"
    ]
    assert len(set(ends)) > 3


def test_a_run_that_ended_between_two_parts_is_gone_on_with(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    campaigns(sandbox, stamps(40))
    too_large(sandbox, 12)
    whole = tap(streams_to_discover=["Campaign"])
    middle = next(
        message["value"]
        for message in whole.messages
        if message["type"] == "STATE"
        and message["value"]["bookmarks"]["Campaign"].get("window_end", "") > "2021"
    )
    seen_before = {
        message["record"]["Name"]
        for message in whole.messages[: whole.messages.index({"type": "STATE", "value": middle})]
        if message["type"] == "RECORD"
    }
    asked = jobs(sandbox)
    rest = tap(state=middle, streams_to_discover=["Campaign"])
    assert rest.code == 0, rest.log
    assert seen_before | set(names(rest)) == {f"C-{number}" for number in range(40)}
    assert "C-0" not in names(rest)
    # The step is known, so no job of the next run is too large.
    failed = [line for line in rest.log.splitlines() if "read in two or more parts" in line]
    assert failed == []
    assert jobs(sandbox) > asked


def test_parts_that_were_read_leave_no_job_when_the_run_ends_early(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    campaigns(sandbox, stamps(40))
    too_large(sandbox, 12)
    sandbox.control.add_fault(
        kind="answer", method="POST", path="*/jobs/query", status=401, skip=5, times=None
    )
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 1
    read = {
        message["value"]["bookmarks"]["Campaign"]["window_end"]
        for message in run.messages
        if message["type"] == "STATE"
    }
    assert len(read) > 1
    assert len(sandbox.control.requests_like("DELETE", "*/jobs/query/*")) == len(read)


def test_rows_of_one_second_that_are_too_many_say_what_to_do(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    campaigns(sandbox, ["2024-01-01T00:00:00.000Z"] * 5)
    too_large(sandbox, 3)
    run = tap(streams_to_discover=["Campaign"], **SECONDS_AROUND)
    assert run.code == 1
    assert "Even the rows of one second, up to 2024-01-01T00:00:01+00:00, are" in run.reason
    assert "`api_type: BULK` in the `stream_options` of Campaign" in run.reason
    assert jobs(sandbox) == 5


def test_a_whole_table_that_is_too_large_says_what_to_do(sandbox: Sandbox, tap: TapCommand) -> None:
    campaigns(sandbox, stamps(5))
    catalog = tap.discover(streams_to_discover=["Campaign"])
    catalog["Campaign"]["replication_method"] = "FULL_TABLE"
    too_large(sandbox, 3)
    run = tap(catalog={"streams": [*catalog.values()]}, streams_to_discover=["Campaign"])
    assert run.code == 1
    assert "read it by windows (INCREMENTAL)" in run.reason
    assert jobs(sandbox) == 1


def test_a_job_that_fails_for_another_reason_is_not_divided(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    campaigns(sandbox, stamps(5))
    too_large(sandbox, 3, "InvalidBatch : Field name not found : X")
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 1
    assert jobs(sandbox) == 1
    assert "window_seconds" not in str(run.state)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (JobFailed(f"The query job failed: {TIMEOUT}", job_id="750"), True),
        (JobFailed("failed: QUERY_TIMEOUT : Your query request was running for too long"), True),
        (JobFailed("failed: InternalServerError : Failed to write query result"), True),
        (ApiError("Read: too long", status=400, code="QUERY_TIMEOUT"), True),
        (ApiError("exceeded 100000 distinct who/what's", code="OPERATION_TOO_LARGE"), True),
        (LimitExceeded("Max bulk v2 query result size stored", code="LIMIT_EXCEEDED"), False),
        (JobFailed("failed: InvalidBatch : Field name not found : X"), False),
    ],
)
def test_only_a_query_that_is_too_large_is_divided(error: SalesforceError, expected: bool) -> None:
    assert is_too_large(error) is expected


lowers = st.none() | st.integers(0, 900_000_000)


@given(lower=lowers, upper=st.integers(0, 900_000_000), row=st.integers(-1000, 900_000_000))
@settings(deadline=None)
def test_parts_cover_a_window_once_however_often_it_is_halved(
    lower: int | None, upper: int, row: int
) -> None:
    """A row in the window is in exactly one part; every part is shorter than the window."""
    if upper <= (lower or 0):
        return
    window = Window(None if lower is None else EPOCH + lower * SECOND, EPOCH + upper * SECOND)
    stamp = EPOCH + row * SECOND
    step = half(window)
    if step is None:
        assert length_of(window) <= SECOND
        return
    assert SECOND <= step <= length_of(window) / 2 + SECOND
    rest: Window | None = window
    found = 0
    parts = 0
    while rest:
        part = first_part(rest, step)
        assert not part.is_empty
        found += (part.lower is None or part.lower <= stamp) and stamp < part.upper
        parts += 1
        rest = Window(part.upper, window.upper) if part.upper < window.upper else None
    assert parts in (2, 3)
    inside = (window.lower is None or window.lower <= stamp) and stamp < window.upper
    assert found == inside


@pytest.mark.slow
def test_a_dense_second_does_not_leave_years_to_be_read_by_seconds(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    campaigns(sandbox, [*stamps(4), *["2021-01-01T00:00:00.000Z"] * 5, *stamps(40)[20:30]])
    too_large(sandbox, 5)
    bounds = {"start_date": "2020-12-31T23:59:00Z", "end_date": "2021-02-01T00:00:00Z"}
    campaigns(sandbox, [f"2021-01-01T00:00:0{second}.000Z" for second in (1, 2)])
    run = tap(streams_to_discover=["Campaign"], **bounds)
    assert run.code == 0, run.log
    assert len(names(run)) == 7
    # 31 days in parts of one or two seconds would be a million jobs.
    assert jobs(sandbox) < 80
    assert entry(run)["window_seconds"] > 3600
    # What a part may have is known in the next run too.
    rest = tap(state=run.state, streams_to_discover=["Campaign"], lookback=0)
    assert rest.code == 0, rest.log
    assert len(names(rest)) == 10
    assert jobs(sandbox) < 120


@pytest.mark.parametrize("kept", [None, 0, -1, "60", 1.5, [60], 10**30, True])
def test_a_step_that_is_not_usable_only_costs_time(kept: object) -> None:
    assert step_in({"window_seconds": kept}) is None
    assert step_in({"window_seconds": 60}) == timedelta(seconds=60)

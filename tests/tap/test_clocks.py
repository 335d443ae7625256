"""No single wrong clock moves the bookmark past rows that were not read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import ConfigError
from tap_sfbulk.clocks import TOLERANCE, bookmark_ahead, date_ahead
from tests.tap.conftest import ACCOUNTS, CONTACTS

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, Run, TapCommand

CLOCK = "/services/data/v68.0"
NOW = "2026-11-23T09:00:00.000Z"
FIVE_HOURS_AHEAD = "Mon, 23 Nov 2026 14:00:00 GMT"


def date_header(sandbox: Sandbox, date: str, *, covers: bool) -> None:
    """One answer has another date, and Salesforce may say up to when changes are covered."""
    sandbox.control.add_fault(
        kind="answer", path=CLOCK, status=200, headers={"Date": date}, body={}
    )
    if not covers:
        sandbox.control.add_fault(kind="answer", path="*/updated", status=404, times=None)


def state_read_to(instant: str) -> dict[str, Any]:
    entry = {"replication_key": "SystemModstamp", "window_end": instant}
    return {"bookmarks": {"Account": entry}}


def window_end(run: Run, stream: str = "Account") -> str:
    end: str = run.state["bookmarks"][stream]["window_end"]
    return end


def warnings_of(run: Run, stream: str) -> list[str]:
    return [line for line in run.log.splitlines() if "WARNING" in line and stream in line]


@pytest.mark.parametrize("covers", [True, False])
def test_a_date_header_that_is_ahead_does_not_move_the_bookmark_into_the_future(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, covers: bool
) -> None:
    date_header(sandbox, FIVE_HOURS_AHEAD, covers=covers)
    first = tap()
    assert first.code == 0, first.log
    assert window_end(first) == window_end(first, "Contact") == NOW
    (line,) = warnings_of(first, "Account")
    assert "a second clock says 2026-11-23T09:00:00.000Z" in line
    clock.sleep(3600)
    sandbox.org.save_record("update", "Account", {"Id": ACCOUNTS[0]["Id"], "Name": "Changed"})
    clock.sleep(6 * 3600)
    second = tap(state=first.state)
    assert [row["Name"] for row in second.records("Account")] == ["Changed"]
    assert not warnings_of(second, "Account")


def test_a_date_header_that_is_behind_reads_nothing_and_says_so(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    date_header(sandbox, "Mon, 23 Nov 2026 04:00:00 GMT", covers=True)
    run = tap(state=state_read_to(NOW))
    assert run.code == 1
    assert "1 stream could not be read. Account: The state says that Account was" in run.reason
    assert "5:00:00 earlier" in run.reason
    assert run.state["bookmarks"]["Account"]["window_end"] == NOW
    # A stream without a bookmark has nothing that could be ahead.
    assert len(run.records("Contact")) == len(CONTACTS)


def test_a_state_from_the_future_within_the_lookback_is_a_warning(tap: TapCommand) -> None:
    run = tap(state=state_read_to("2026-11-23T09:09:00Z"))
    assert run.code == 0, run.log
    (line,) = warnings_of(run, "Account")  # By two clocks, and told once.
    assert "Account was read up to 2026-11-23T09:09:00.000Z" in line
    assert window_end(run) == NOW


def test_a_state_from_the_future_beyond_the_lookback_is_an_error_of_its_stream(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(state=state_read_to("2026-11-23T09:11:00Z"))
    assert run.code == 1
    assert "The state says that Account" in run.reason
    assert "set the bookmark of this stream in the state back" in run.reason
    assert len(run.records("Contact")) == len(CONTACTS)
    assert sum(r.method == "POST" and r.path.endswith("/jobs/query") for r in sandbox.requests) == 1


def test_a_state_and_a_date_header_that_are_both_ahead_are_found_out_by_the_job(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    date_header(sandbox, FIVE_HOURS_AHEAD, covers=False)
    run = tap(state=state_read_to("2026-11-23T13:00:00Z"))
    assert run.code == 1
    assert "The state says that Account" in run.reason
    assert run.records("Account") == []
    assert window_end(run) == "2026-11-23T13:00:00Z"


def test_an_end_date_before_the_bookmark_is_no_wrong_clock(tap: TapCommand) -> None:
    run = tap(state=state_read_to(NOW), end_date="2026-01-02")
    assert run.code == 0, run.log
    assert not warnings_of(run, "Account")


def test_without_the_jobs_time_the_machines_clock_is_the_second_one(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    # Further ahead than this machine's clock ever is.
    date_header(sandbox, "Fri, 23 Nov 2096 14:00:00 GMT", covers=False)
    job = {
        "id": "750000000000001AAA",
        "operation": "queryAll",
        "object": "Account",
        "apiVersion": 68.0,
    }
    sandbox.control.add_fault(
        kind="answer",
        method="POST",
        path="*/jobs/query",
        status=200,
        body=job | {"state": "JobComplete", "numberRecordsProcessed": 0},
    )
    before = SYSTEM_CLOCK.now()
    run = tap(streams_to_discover=["Account"])
    assert run.code == 0, run.log
    end = datetime.fromisoformat(window_end(run).replace("Z", "+00:00"))
    assert before - timedelta(seconds=1) <= end <= SYSTEM_CLOCK.now()
    assert warnings_of(run, "Account")


def test_a_transaction_that_is_open_for_longer_than_the_lookback_is_a_warning_with_the_times(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    body = {"ids": [], "latestDateCovered": "2026-11-23T04:00:00.000+0000"}
    sandbox.control.add_fault(kind="answer", path="*/updated", times=None, status=200, body=body)
    run = tap(state=state_read_to("2026-11-23T08:00:00Z"))
    assert run.code == 0, run.log
    for stream in ("Account", "Contact"):
        (line,) = warnings_of(run, stream)
        assert "only up to 2026-11-23T04:00:00.000Z (latestDateCovered), 5:00:00 before" in line
        assert NOW in line
        assert window_end(run, stream) == "2026-11-23T04:00:00.000Z"
    assert not warnings_of(tap(lookback=6 * 3600), "Account")


seconds = st.integers(0, 100_000).map(lambda number: timedelta(seconds=number))
START = datetime(2026, 11, 23, tzinfo=timezone.utc)


@given(read_to=seconds, now=seconds, lookback=seconds)
def test_a_bookmark_ahead_is_told_and_beyond_the_lookback_refused(
    read_to: timedelta, now: timedelta, lookback: timedelta
) -> None:
    ahead = read_to - now
    if ahead > max(lookback, TOLERANCE):
        with pytest.raises(ConfigError, match="The state says that Account"):
            bookmark_ahead("Account", START + read_to, START + now, lookback)
    else:
        told = bookmark_ahead("Account", START + read_to, START + now, lookback)
        assert (told is not None) == (ahead > timedelta(0))


@given(upper=seconds, second=seconds)
def test_a_date_ahead_of_a_second_clock_is_told(upper: timedelta, second: timedelta) -> None:
    told = date_ahead("Account", START + upper, START + second)
    assert (told is not None) == (upper - second > TOLERANCE)

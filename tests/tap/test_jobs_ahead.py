"""Jobs are submitted ahead of the stream that is read, and none is left behind."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.tap.conftest import SECONDS, TapCommand, finished
from tests.tap.many_objects import JOBS, ROWS, job_calls, many_objects, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.tap.conftest import Run

COUNT = 20


@pytest.fixture(scope="module")
def large_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    data, describe = many_objects(tmp_path_factory.mktemp("many"), COUNT)
    with Sandbox(data, describe) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(large_org: Sandbox) -> Sandbox:
    large_org.control.jobs_at_once()
    large_org.control.set_latency(0)
    large_org.control.reset()
    return large_org


def timed(tap: TapCommand, **given: Any) -> tuple[Run, float]:
    """Run the command as a user does, its start included, and return the seconds too."""
    start = time.monotonic()
    done = subprocess.run(tap.line(**given), capture_output=True, timeout=SECONDS, check=False)
    seconds = time.monotonic() - start
    run = finished(done.returncode, done.stdout, done.stderr)
    assert run.code == 0, run.log
    return run, seconds


def every_row(run: Run) -> list[str]:
    return [message["record"]["Name"] for message in run.messages if message["type"] == "RECORD"]


ALL = [f"{name} {number}" for name in names(COUNT) for number in range(ROWS)]


def test_twenty_streams_take_about_as_long_as_the_job_of_one(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.jobs_after_seconds(3)
    _, one = timed(tap, streams_to_discover=names(1))
    run, many = timed(tap, streams_to_discover=["Item*"])
    assert sorted(every_row(run)) == ALL
    # One after the other they would take 60 s. The rest is work of this machine, which other tests
    # use too.
    assert many < 2 * one


def test_a_run_overlaps_its_calls(sandbox: Sandbox, tap: TapCommand) -> None:
    _, none = timed(tap, streams_to_discover=names(1), max_jobs_ahead=0)
    sandbox.control.set_latency(0.1)
    sandbox.control.forget_requests()
    run, many = timed(tap, streams_to_discover=["Item*"])
    assert sorted(every_row(run)) == ALL
    # One after another they would take all of this, and the start of the command too.
    calls = len(sandbox.requests)
    assert calls >= 5 * COUNT
    assert many < none + 0.1 * calls / 3


@pytest.mark.parametrize("most", [0, 4])
def test_no_more_jobs_are_ahead_than_were_asked_for(
    sandbox: Sandbox, tap: TapCommand, most: int
) -> None:
    sandbox.control.hold_jobs()
    line = tap.line(streams_to_discover=["Item*"], max_jobs_ahead=most)
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: len(job_calls(sandbox, "GET")) > 3 * (most + 1))
    assert len(job_calls(sandbox, "POST")) == most + 1
    sandbox.control.jobs_at_once()
    out, log = running.communicate(timeout=60)
    assert sorted(every_row(finished(running.returncode, out, log))) == ALL
    assert sorted(job_calls(sandbox, "DELETE")) == sorted(set(job_calls(sandbox, "GET")))
    assert len(job_calls(sandbox, "DELETE")) == COUNT


@pytest.mark.parametrize("held", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_signal_leaves_no_job_behind(sandbox: Sandbox, tap: TapCommand, *, held: bool) -> None:
    if held:
        sandbox.control.hold_jobs()
    else:
        # The pages of the first stream are long in coming, and the other jobs have ended.
        sandbox.control.add_fault(kind="delay", path=f"{JOBS}/*/results", seconds=5)
    line = tap.line(streams_to_discover=["Item*"])
    running = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until(lambda: len(set(job_calls(sandbox, "GET"))) >= COUNT)
    running.send_signal(signal.SIGTERM)
    out, log = running.communicate(timeout=30)
    run = finished(running.returncode, out, log)
    assert run.code == 1
    assert "SIGTERM" in run.reason
    gone = {*job_calls(sandbox, "PATCH"), *job_calls(sandbox, "DELETE")}
    assert gone == set(job_calls(sandbox, "GET"))
    assert len(gone) == len(job_calls(sandbox, "POST"))


def test_a_refused_query_fails_its_stream_in_its_turn(sandbox: Sandbox, tap: TapCommand) -> None:
    refusal = [{"errorCode": "MALFORMED_QUERY", "message": "no"}]
    sandbox.control.add_fault(
        kind="answer", method="POST", path=JOBS, status=400, body=refusal, skip=7
    )
    run = tap(streams_to_discover=["Item*"])
    assert run.code == 1
    assert "1 stream could not be read. Item" in run.reason
    assert len(every_row(run)) == len(ALL) - ROWS
    assert len(job_calls(sandbox, "DELETE")) == COUNT - 1


LIMIT = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "Limit exceeded."}]


def test_an_error_that_ends_the_run_leaves_no_job_behind(sandbox: Sandbox, tap: TapCommand) -> None:
    sandbox.control.add_fault(
        kind="answer", method="POST", path=JOBS, status=403, body=LIMIT, skip=7, times=None
    )
    run = tap(streams_to_discover=["Item*"])
    assert run.code == 1
    assert "REQUEST_LIMIT_EXCEEDED" in run.reason
    made = [r for r in sandbox.requests if r.method == "POST" and r.path == JOBS]
    assert len([r for r in made if r.status == 200]) == 7
    gone = {*job_calls(sandbox, "PATCH"), *job_calls(sandbox, "DELETE")}
    assert len(gone) == 7


def test_a_limit_that_jobs_ahead_have_reached_is_tried_again_without_them(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.add_fault(
        kind="answer", method="POST", path=JOBS, status=403, body=LIMIT, skip=7, times=5
    )
    run = tap(streams_to_discover=["Item*"])
    assert run.code == 0, run.log
    assert sorted(every_row(run)) == ALL
    assert len(job_calls(sandbox, "DELETE")) == COUNT


def test_a_quota_is_used_by_the_streams_that_are_read_first(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    # Of the 10,000 query jobs of a day these are 7; 70 requests are enough for them.
    run = tap(streams_to_discover=["Item*"], quota_percent_per_run=0.07)
    assert run.code == 1
    assert "quota_percent_per_run" in run.reason
    assert "DailyBulkV2QueryJobs" in run.reason
    assert len(job_calls(sandbox, "POST")) == 7
    assert every_row(run) == ALL[: 7 * ROWS]
    kept = [name for name, each in run.state["bookmarks"].items() if "window_end" in each]
    assert kept == names(7)
    assert len({*job_calls(sandbox, "PATCH"), *job_calls(sandbox, "DELETE")}) == 7


def test_a_connection_test_creates_no_job(sandbox: Sandbox, tap: TapCommand) -> None:
    run = tap("--test", streams_to_discover=["Item*"], api_type="auto")
    assert run.code == 0, run.log
    assert len(every_row(run)) == COUNT
    assert [r.path for r in sandbox.requests if "/jobs/" in r.path] == []


def test_a_page_that_cannot_be_written_names_the_folder_and_the_setting(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.seed({"Item005__c": [{"Name": f"Row {n}"} for n in range(50)]})
    spool = tap.folder / "spool"
    spool.mkdir()
    line = tap.line(streams_to_discover=["Item*"], spool_dir=str(spool))
    # No file may be larger than 1024 bytes.
    limited = ["bash", "-c", 'ulimit -f 1; exec "$@"', "--", *line]
    done = subprocess.run(limited, capture_output=True, timeout=60, check=False)
    run = finished(done.returncode, done.stdout, done.stderr)
    assert run.code == 1
    assert str(spool) in run.reason
    assert "spool_dir" in run.reason
    assert "Traceback" not in run.log
    assert list(spool.iterdir()) == []
    # The job of these pages is kept: its results can still be read.
    assert len(job_calls(sandbox, "DELETE")) == COUNT - 1


def until(happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        threading.Event().wait(0.025)
    raise AssertionError

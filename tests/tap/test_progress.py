"""What a run tells of itself: lines at a pace, metrics of each stream, and a line at its end."""

from __future__ import annotations

import json
import logging
import re
import subprocess
from typing import TYPE_CHECKING, Any

from sfbulk import Salesforce
from sfbulk.read import ReadApi
from sfbulk.usage import Usage
from sfbulk_singer.progress import PACE_SECONDS
from tap_sfbulk.progress import StreamProgress
from tests.client.scripted import FakeClock
from tests.tap.conftest import SECONDS
from tests.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import Run, TapCommand


def metrics(run: Run, stream: str) -> dict[str, Any]:
    lines = [line.partition("METRIC: ")[2] for line in run.log.splitlines() if "METRIC: " in line]
    points = [json.loads(line) for line in lines]
    return {p["metric"]: p["value"] for p in points if p["tags"]["stream"] == stream}


def test_the_last_line_counts_what_the_run_has_used(sandbox: Sandbox, tap: TapCommand) -> None:
    run = tap()
    sent = [r for r in sandbox.requests if not r.path.startswith("/services/oauth2")]
    last = run.log.splitlines()[-1]
    found = re.search(
        r"Read 8 rows of 2 streams in [0-9.]+ s, with 2 query jobs and (\d+) API requests\.", last
    )
    assert found, last
    assert int(found[1]) == len(sent)


def test_each_stream_has_its_metrics(sandbox: Sandbox, tap: TapCommand) -> None:
    sandbox.control.set_page_rows(2)
    run = tap()
    for stream, rows, pages in (("Account", 3, 2), ("Contact", 5, 3)):
        told = metrics(run, stream)
        assert told["record_count"] == rows
        assert told["job_count"] == 1
        assert told["byte_count"] > 100 * rows
        assert told["sync_duration"] > 0
        # What is covered, the creation, a poll or more, the pages; and perhaps the deletion.
        assert pages + 3 <= told["http_request_count"] <= pages + 8


def test_a_run_that_is_refused_tells_what_it_has_used(tap: TapCommand) -> None:
    run = tap(quota_percent_per_run=0.019)
    assert run.code == 1
    assert "with 1 query jobs" in run.log
    assert "| ERROR " in run.log.splitlines()[-1]


def test_a_terminal_shows_a_table_and_the_log_above_it(sandbox: Sandbox, tap: TapCommand) -> None:
    sandbox.control.hold_jobs()
    with (
        Terminal() as terminal,
        subprocess.Popen(
            tap.line(), stdout=subprocess.PIPE, stderr=terminal.end, env=terminal.environment
        ) as process,
    ):
        terminal.hand_over()
        terminal.until("UploadComplete")
        sandbox.control.jobs_at_once()
        assert process.stdout
        messages = process.stdout.read()
        shown = terminal.text()
        assert process.wait(SECONDS) == 0
    assert messages.count(b'"RECORD"') == 8
    assert re.search(r"Stream +. +Rows . Rows/s . Pages left . Seconds", shown)
    assert re.search(r"Account +. +0 .", shown)
    assert "0 rows of 1 stream; " in shown
    assert re.search(r"job\s+750\w{15}\s+is\s+UploadComplete", shown)
    log = [line for line in shown.splitlines() if "| INFO " in line or "METRIC" in line]
    assert any("Read 8 rows of 2 streams" in line for line in log)
    # The table is removed before the last line.
    assert "Read 8 rows of 2 streams" in shown.rpartition("Pages left")[2]


def test_lines_come_at_their_pace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tap_sfbulk")
    clock = FakeClock()
    progress = StreamProgress("Account", clock, Usage(), lambda: 3)
    for _ in range(4):
        clock.sleep(PACE_SECONDS / 2)
        progress.tick()
    progress.took_page(600, 1000, left=None)
    clock.sleep(PACE_SECONDS)
    progress.took_page(300, 1000, left=1)
    assert caplog.messages == [
        "Account: waiting for its job for 30 s; 3 more jobs waiting",
        "Account: waiting for its job for 60 s; 3 more jobs waiting",
        "Account: 900 rows, 10 rows/s, about 1 page left; 3 more jobs waiting",
    ]


def test_a_line_names_the_job_its_state_and_how_much_of_it_is_read(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "tap_sfbulk")
    clock = FakeClock()
    progress = StreamProgress("Contact", clock, Usage(), lambda: 1)
    sandbox.control.hold_jobs()
    settings = {"instance_url": sandbox.url, "access_token": sandbox.access_token}
    with Salesforce.from_settings(settings) as org:
        job = org.read_job("SELECT Id FROM Contact", api=ReadApi.BULK2)
        progress.took_job(job, 0)
        clock.sleep(PACE_SECONDS)
        progress.tick()
        sandbox.control.release_jobs()
        sandbox.control.set_page_rows(2)
        job.wait()
        next(job.pages(tmp_path))
        clock.sleep(PACE_SECONDS)
        progress.took_page(2, 100, left=2)
    begun, read = caplog.messages
    assert begun == (
        f"Contact: waiting for its job for 30 s; job {job.id} is UploadComplete; 1 more job waiting"
    )
    assert read == (
        f"Contact: 2 rows, 0 rows/s, about 2 pages left; job {job.id} is JobComplete, "
        "2 of 5 rows are read (40%); 1 more job waiting"
    )

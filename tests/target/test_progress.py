"""What a target tells of its run: a table on a terminal, lines at a pace elsewhere."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from sfbulk_singer.progress import PACE_SECONDS
from target_sfbulk.progress import RunProgress
from target_sfbulk.report import StreamReport
from tests.client.scripted import FakeClock
from tests.target.support import COMMAND, as_lines, record, schema, state
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.target.support import Org

SECRET = "Nobody may read this"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
# A name that would be markup for rich.
STREAM = "Account[/red]:fire:"
STREAMS = {STREAM: {"sobject": "Account"}}
MESSAGES = (
    schema(STREAM, "Ext_Id__c", "Name", key="Ext_Id__c"),
    record(STREAM, Ext_Id__c="A-1", Name=SECRET),
    record(STREAM, Ext_Id__c="A-2", Name=SECRET),
    # Salesforce requires the name.
    record(STREAM, Ext_Id__c="A-3", Name=None),
    state(done=SECRET[:6]),
)
STATE_1 = '{"at": 1}'


@contextmanager
def on_terminal(
    org: Org, terminal: Terminal, *, stdout: int | None = None, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """The command with stderr, and perhaps stdout, on a terminal."""
    config = org.config(external_id="Ext_Id__c", streams=STREAMS, **settings)
    with subprocess.Popen(
        [COMMAND, "--config", config],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=terminal.end,
        env=terminal.environment,
    ) as process:
        terminal.hand_over()
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def send(process: subprocess.Popen[bytes], *messages: dict[str, object], end: bool = True) -> None:
    assert process.stdin is not None
    process.stdin.write(as_lines(messages))
    process.stdin.flush()
    if end:
        process.stdin.close()


def assert_clean(terminal: Terminal) -> str:
    """Check that the table is gone before the last line, and the cursor back; return that line."""
    assert terminal.raw.rindex(SHOW_CURSOR) > terminal.raw.rindex(HIDE_CURSOR)
    last = [line for line in terminal.plain.splitlines() if line.strip()][-1]
    assert terminal.raw.rindex(SHOW_CURSOR) < terminal.raw.rindex(last[-30:])
    assert SECRET not in terminal.plain
    assert "Traceback" not in terminal.plain
    return last


def test_a_terminal_shows_a_table_and_at_the_end_two_that_stay(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    with Terminal() as terminal:
        with on_terminal(org, terminal, max_rejects=1) as process:
            send(process, *MESSAGES)
            shown = terminal.until(
                "3 rows of 1 stream read, 0 in; 1 job in flight", then="UploadComplete"
            )
            while not org.sandbox.control.release_jobs():
                pass
            assert process.stdout is not None
            assert json.loads(process.stdout.read()) == {"done": "Nobody"}
            terminal.text()
            assert process.wait(30) == 0
        heads = r"Stream +. Read . Sent . In . Refused . Skipped . Jobs in flight"
        assert re.search(heads, shown), shown
        assert re.search(r"in\s+flight:\s+750\w{15}\s+UploadComplete", shown), shown
        assert re.search(re.escape(STREAM) + r" . +3 . +3 . +0 . +0 . +0 . +1 .", shown), shown
        assert_clean(terminal)
    after = terminal.plain.rpartition("Jobs in flight")[2]
    assert re.search(re.escape(STREAM) + r" . +3 . +3 . +2 . +2 . +1 . +0 . +1 . ", after), after
    assert re.search(r". +1 . REQUIRED_FIELD_MISSING", after), after
    assert "rejects.jsonl" in after
    assert "rows read; upsert into" not in terminal.plain


def test_state_on_the_same_terminal_is_a_line_of_its_own(org: Org) -> None:
    with Terminal() as terminal:
        settings = {"batch_wait_limit_seconds": 0.1, "max_rejects": 1}
        with on_terminal(org, terminal, stdout=terminal.end, **settings) as process:
            send(process, *MESSAGES[:2], state(at=1), end=False)
            # The table comes back under it.
            terminal.until(STATE_1, then="1 row of 1 stream read, 1 in")
            send(process, MESSAGES[2], state(at=2))
            terminal.text()
            assert process.wait(30) == 0
        assert_clean(terminal)
    lines = [line.strip() for line in re.split(r"[\r\n]+", terminal.plain)]
    assert lines.count(STATE_1) == lines.count(STATE_1.replace("1", "2")) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_leaves_the_terminal_clean(org: Org, times: int) -> None:
    org.sandbox.control.hold_jobs()
    with Terminal() as terminal:
        with on_terminal(org, terminal) as process:
            send(process, *MESSAGES[:2], state(at=1))
            terminal.until("1 job in flight")
            process.send_signal(signal.SIGTERM)
            terminal.until("SIGTERM: loading the rows read so far")
            if times == 1:
                while not org.sandbox.control.release_jobs():
                    pass
            else:
                process.send_signal(signal.SIGTERM)
            terminal.text()
            assert process.wait(30) == 1
        assert_clean(terminal)
    assert re.search(r"ERROR .*SIGTERM(: stopped|\ again: stopped at once)", terminal.plain)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"garbage", "is not a Singer message"),
        (record(STREAM, Ext_Id__c="A-1", Nobody=1), "Nobody"),
        (record(STREAM, Ext_Id__c="A-3", Name=None), "max_rejects allows 0"),
    ],
)
def test_an_error_leaves_the_terminal_clean(org: Org, last: dict[str, object], reason: str) -> None:
    with Terminal() as terminal:
        with on_terminal(org, terminal) as process:
            send(process, *MESSAGES[:2], last)
            terminal.text()
            assert process.wait(30) == 1
        line = assert_clean(terminal)
    assert "| ERROR " in line
    assert reason in line
    # The tables of results are written once.
    assert terminal.plain.count(" Created ") == 1


def test_without_a_terminal_the_log_has_lines_and_rich_is_not_imported(org: Org) -> None:
    run = org.load(*MESSAGES, external_id="Ext_Id__c", streams=STREAMS, max_rejects=1)
    assert run.code == 0, run.log
    assert f"{STREAM}: 3 rows read; upsert into Account: 2 done, 2 of them created" in run.log
    assert "Jobs in flight" not in run.log
    code = "import sys, target_sfbulk.target; sys.exit('rich.live' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class _Load:
    pending_rows = 500
    sent_rows = 1_200
    running: tuple[str, ...] = ("750 InProgress",)
    unwritten_rejects = 2


def test_lines_come_at_their_pace(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "target-sfbulk")
    clock = FakeClock()
    progress = RunProgress(clock)
    report = StreamReport("Account", "Account", "upsert", "run", "time", "file")
    load = _Load()
    progress.begin(load, report)  # type: ignore[arg-type] # its counts are all that is needed
    report.read, report.loaded, report.rejected = 3_000, 690, 8
    for _ in range(4):
        clock.sleep(PACE_SECONDS / 2)
        progress.tick()
    load.pending_rows, load.running = 0, ()
    report.skipped = 490
    # Nothing happens between the last two.
    for _ in range(2):
        clock.sleep(PACE_SECONDS)
        progress.tick()
    told = "1,200 sent, 690 in, 10 refused"
    assert caplog.messages == [
        f"Account: 3,000 rows read, 100 rows/s; {told}; 1 job in flight: 750 InProgress",
        f"Account: 3,000 rows read, 50 rows/s; {told}; 1 job in flight: 750 InProgress",
        f"Account: 3,000 rows read, 33 rows/s; {told}, 490 skipped; 0 jobs in flight",
    ]

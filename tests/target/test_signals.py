"""Termination signals: what was read is finished and told, nothing is told that is not true."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from target_sfbulk.interrupts import Interrupts
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    import subprocess

    from tests.target.support import Org

MESSAGES = (
    schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c"),
    record("Account", Ext_Id__c="A-1", Name="Read"),
    state(Account=1),
)


def wait_for(process: subprocess.Popen[bytes], text: str) -> str:
    """Read the log up to a line that holds the text."""
    assert process.stderr is not None
    log = ""
    while text not in log:
        line = process.stderr.readline().decode()
        assert line, log
        log += line
    return log


def wait_until_watched(org: Org) -> None:
    """Wait until the command asks for its job, so that it knows that the upload is closed."""
    while not any(
        call.method == "GET" and "/jobs/ingest/" in call.path for call in org.sandbox.requests
    ):
        pass


def release_when_closed(org: Org) -> None:
    """Let the held job run; a job is held only once its upload is closed."""
    while not org.sandbox.control.release_jobs():
        pass


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_reading_loads_what_was_read(
    org: Org, signum: signal.Signals, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with org.start(external_id="Ext_Id__c") as process:
        assert process.stdin is not None
        # The log tells of the last line's stream, so all lines before it were read by then.
        process.stdin.write(as_lines([*MESSAGES, schema("Contact", "Ext_Id__c", "_sdc_x")]))
        process.stdin.flush()
        wait_for(process, "Contact: record fields left out: _sdc_x")
        process.send_signal(signum)
        stdout, log = process.communicate(timeout=30)
    assert process.returncode == 1
    assert json.loads(stdout) == {"Account": 1}
    assert f"ERROR    | target-sfbulk                  | {signum.name}: stopped." in log.decode()
    assert "Traceback" not in log.decode()
    assert org.query("SELECT Name FROM Account") == [{"Name": "Read"}]


def test_a_signal_while_a_job_runs_waits_for_its_results(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    with org.start(external_id="Ext_Id__c") as process:
        assert process.stdin is not None
        process.stdin.write(as_lines(MESSAGES))
        process.stdin.close()
        wait_for(process, "was created for 1 rows")
        process.send_signal(signal.SIGTERM)
        wait_for(process, "SIGTERM: loading the rows read so far")
        release_when_closed(org)
        assert process.stdout is not None
        assert json.loads(process.stdout.read()) == {"Account": 1}
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_never_cuts_a_state_in_two(
    org: Org, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    # More than a pipe holds: writing it waits for the reader.
    told = {"bookmarks": "far " * 100_000}
    with org.start(external_id="Ext_Id__c") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(as_lines([*MESSAGES[:2], state(**told)]))
        process.stdin.close()
        begun = process.stdout.read(1)
        process.send_signal(signal.SIGTERM)
        log = wait_for(process, "SIGTERM: loading the rows read so far")
        states = (begun + process.stdout.read()).splitlines()
        assert process.stderr is not None
        log += process.stderr.read().decode()
        assert process.wait(timeout=30) == 1
    assert [json.loads(line) for line in states] == [told] * len(states)
    assert "SIGTERM: stopped." in log
    assert "Traceback" not in log


def test_a_second_signal_leaves_the_job_and_tells_no_state(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    with org.start(external_id="Ext_Id__c") as process:
        assert process.stdin is not None
        process.stdin.write(as_lines(MESSAGES))
        process.stdin.close()
        wait_for(process, "was created for 1 rows")
        process.send_signal(signal.SIGTERM)
        wait_for(process, "SIGTERM: loading the rows read so far")
        wait_until_watched(org)
        process.send_signal(signal.SIGTERM)
        log = wait_for(process, "SIGTERM again: stopped at once.")
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait(timeout=30) == 1
        assert "Traceback" not in log
    # Its rows may be in: it is not for a process that must end at once to stop it.
    assert [job["state"] for job in org.jobs()] == ["UploadComplete"]


def test_a_signal_is_not_answered_within_a_row() -> None:
    done = []

    def finish() -> str:
        done.append("finished")
        return "All is in."

    interrupts = Interrupts(finish=finish, leave=lambda: None)

    def spool_a_row() -> None:
        with interrupts:
            interrupts.arrived(signal.SIGTERM)
            done.append("row")

    with pytest.raises(SystemExit):
        spool_a_row()
    assert done == ["row", "finished"]


def test_after_the_end_of_a_run_only_a_second_signal_changes_how_it_ends() -> None:
    done: list[str] = []

    def finish() -> str:
        done.append("finished")
        return ""

    interrupts = Interrupts(finish=finish, leave=lambda: None)
    interrupts.complete()
    interrupts.complete()
    with interrupts:
        interrupts.arrived(signal.SIGTERM)
    with pytest.raises(SystemExit):
        interrupts.arrived(signal.SIGTERM)
    assert done == []

"""A job that does not end is named each minute, and is given up after `job_timeout`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.faults.commands import forked
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended

CALMLY: dict[str, Any] = {"job_timeout": 200}
"""Long enough for three lines; the forked command does not wait for its clock."""

ROWS = [
    schema("Account", "Name"),
    *(record("Account", Name=f"A{number}") for number in range(3)),
    state(at=3),
]


def run(
    sandbox: Sandbox, folder: Path, command: str, *words: str, stdin: bytes = b"", **settings: Any
) -> Ended:
    given = {"instance_url": sandbox.url, "access_token": sandbox.access_token, **settings}
    config = folder / "config.json"
    config.write_text(json.dumps(given))
    line = ["--config", str(config), *words]
    return forked(command).run_line(folder, line, stdin=stdin, hurried=True)


def load(sandbox: Sandbox, folder: Path, **settings: Any) -> Ended:
    given = {"output_dir": str(folder / "output"), "operation": "insert", **settings}
    return run(sandbox, folder, "target-sfbulk", stdin=as_lines(ROWS), **given)


def ask(sandbox: Sandbox, path: str) -> Any:
    head = {"Authorization": f"Bearer {sandbox.access_token}"}
    answer = requests.get(f"{sandbox.url}/services/data/v68.0{path}", headers=head, timeout=60)
    answer.raise_for_status()
    return answer.json()


def states(sandbox: Sandbox, kind: str) -> list[str]:
    return [job["state"] for job in ask(sandbox, f"/jobs/{kind}")["records"]]


def minutes(log: str, what: str) -> list[int]:
    """After how many minutes a line said that the job is waited for."""
    found = re.findall(rf"INFO .*\b750\w+.*on Account.* {what}.* after (\d+) s$", log, re.MULTILINE)
    return [int(seconds) // 60 for seconds in found]


def saved(sandbox: Sandbox) -> int:
    count: int = ask(sandbox, "/query?q=SELECT+COUNT()+FROM+Account")["totalSize"]
    return count


@pytest.mark.parametrize(
    ("api", "what"), [("BULK2", "is still UploadComplete"), ("BULK", "is still Queued")]
)
def test_a_load_is_left_running_and_the_next_run_settles_it(
    api: str, what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control.hold_jobs()
    first = load(sandbox, tmp_path, api_type=api, **CALMLY)
    assert first.code == 1
    assert first.messages == []
    assert minutes(first.log, what) == [1, 2, 3]
    assert "job 750" in first.reason
    assert "job_timeout" in first.reason
    assert "sfbulk jobs abort 750" in first.reason
    assert "left running" in first.reason
    assert len(states(sandbox, "ingest")) == 1
    assert "Aborted" not in states(sandbox, "ingest")

    again = load(sandbox, tmp_path, api_type=api, **CALMLY)
    assert again.code == 1
    assert "left running" in again.reason
    assert len(states(sandbox, "ingest")) == 1

    sandbox.control.release_jobs()
    last = load(sandbox, tmp_path, api_type=api, **CALMLY)
    assert last.code == 0, last.log
    assert last.messages == [b'{"at": 3}']
    assert saved(sandbox) == 3


def test_a_load_without_a_journal_is_left_running_and_says_that_its_rows_would_be_sent_again(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control.hold_jobs()
    done = load(sandbox, tmp_path, journal_path="off", **CALMLY)
    assert done.code == 1
    assert done.messages == []
    assert "Without a journal" in done.reason
    assert "sfbulk jobs show 750" in done.reason
    assert "3 are without an outcome" in done.reason
    sandbox.control.release_jobs()
    # Another run would double them.
    (job,) = ask(sandbox, "/jobs/ingest")["records"]
    shown = run(sandbox, tmp_path, "sfbulk.cli.main:main", "jobs", "show", job["id"])
    assert shown.code == 0
    assert saved(sandbox) == 3


def test_a_load_that_is_aborted_after_the_timeout_is_sent_by_the_next_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control.hold_jobs()
    job_id = re.search(r"sfbulk jobs abort (\w+)", load(sandbox, tmp_path, **CALMLY).reason)
    assert job_id is not None
    done = run(sandbox, tmp_path, "sfbulk.cli.main:main", "jobs", "abort", job_id[1])
    assert done.code == 0, done.log
    sandbox.control.jobs_at_once()
    assert load(sandbox, tmp_path, **CALMLY).code == 0
    assert saved(sandbox) == 3


@pytest.mark.parametrize(
    ("api", "what"), [("BULK2", "is still UploadComplete"), ("BULK", "have not ended: 1 Queued")]
)
def test_a_query_is_aborted_and_the_other_streams_are_read(
    api: str, what: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    assert load(sandbox, tmp_path).code == 0
    sandbox.control.hold_jobs()
    options: dict[str, Any] = {"stream_options": {"Contact": {"api_type": "REST"}}, "api_type": api}
    streams: dict[str, Any] = {"streams_to_discover": ["Account", "Contact"]}
    done = run(sandbox, tmp_path, "tap-sfbulk", **options, **streams, **CALMLY)
    assert done.code == 1
    assert set(minutes(done.log, what)) >= {1, 2, 3}
    assert done.reason.startswith("1 stream could not be read. Account: ")
    assert "job_timeout" in done.reason
    assert "aborted" in done.reason
    assert states(sandbox, "query") == ["Aborted"]
    last = json.loads([line for line in done.messages if b'"STATE"' in line][-1])
    assert last["value"]["bookmarks"].keys() >= {"Contact"}
    assert not last["value"]["bookmarks"].get("Account")


def test_the_query_of_the_command_is_aborted(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.control.hold_jobs()
    words = [
        "query",
        "SELECT Id FROM Account",
        "--api-type",
        "BULK2",
        "-o",
        str(tmp_path / "a.csv"),
    ]
    done = run(sandbox, tmp_path, "sfbulk.cli.main:main", *words, **CALMLY)
    assert done.code == 1
    assert "job_timeout" in done.reason
    assert "aborted" in done.reason
    assert states(sandbox, "query") == ["Aborted"]
    sandbox.control.jobs_at_once()
    assert run(sandbox, tmp_path, "sfbulk.cli.main:main", *words).code == 0


@pytest.mark.parametrize("wrong", [0, -1, True, "soon"])
@pytest.mark.parametrize("command", ["tap-sfbulk", "target-sfbulk"])
def test_a_timeout_that_is_no_time_is_a_problem_before_the_first_request(
    command: str, wrong: object, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control.forget_requests()
    done = run(sandbox, tmp_path, command, stdin=as_lines(ROWS), job_timeout=wrong)
    assert done.code == 1
    assert "job_timeout" in done.reason
    assert not sandbox.requests

"""A run that was interrupted in the middle of a table is read on by the next one."""

from __future__ import annotations

import json
import secrets
import signal
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.tap.conftest import TapCommand, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.tap.conftest import HandSetClock, Run

JOBS = "/services/data/v68.0/jobs/query"
ROWS, PAGE_ROWS = 1200, 50
STAMP = "2026-01-01T00:00:00.000Z"


def row(number: int) -> tuple[str, str]:
    return f"001{number:012}AAA", f'Row "{number}"\n, of many'


@pytest.fixture(scope="module")
def long_table(tmp_path_factory: pytest.TempPathFactory, clock: HandSetClock) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("long")
    with (folder / "Account.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("Id,Name,SystemModstamp\n")
        for number in range(ROWS):
            record_id, name = row(number)
            quoted = name.replace('"', '""')
            file.write(f'{record_id},"{quoted}",{STAMP}\n')
    with Sandbox(data=folder, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(long_table: Sandbox, clock: HandSetClock) -> Sandbox:
    clock.reset()
    long_table.control.jobs_at_once()
    long_table.control.reset()
    long_table.control.set_page_rows(PAGE_ROWS)
    return long_table


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapCommand:
    made = TapCommand(sandbox, tmp_path)
    made.config["streams_to_discover"] = ["Account"]
    return made


def catalog(tap: TapCommand, method: str) -> dict[str, Any]:
    entries = tap.discover()
    entries["Account"]["replication_method"] = method
    return {"streams": [*entries.values()]}


def interrupted(
    tap: TapCommand, lines: int, sent: signal.Signals = signal.SIGKILL, **given: Any
) -> Run:
    """A run to which a signal was sent after so many lines had come out of it."""
    with (
        (tap.folder / "log").open("wb") as log,
        subprocess.Popen(tap.line(**given), stdout=subprocess.PIPE, stderr=log) as running,
    ):
        assert running.stdout is not None
        out = b"".join(running.stdout.readline() for _ in range(lines))
        running.send_signal(sent)
        out += running.stdout.read()
    # What a pipe holds when its writer is killed may end within a line.
    whole = out[: out.rfind(b"\n") + 1]
    return finished(running.returncode, whole, (tap.folder / "log").read_bytes())


def differences(*runs: Run) -> dict[str, int]:
    """How the rows of some runs differ from those of the org, as SQLite tells."""
    with closing(sqlite3.connect(":memory:")) as org:
        org.execute("CREATE TABLE held (id, name)")
        org.execute("CREATE TABLE read (id, name)")
        org.executemany("INSERT INTO held VALUES (?, ?)", [row(number) for number in range(ROWS)])
        for run in runs:
            records = run.records("Account")
            found = [(record["Id"], record["Name"]) for record in records]
            org.executemany("INSERT INTO read VALUES (?, ?)", found)

        def count(statement: str) -> int:
            return len(org.execute(statement).fetchall())

        return {
            "missing": count("SELECT * FROM held EXCEPT SELECT * FROM read"),
            "foreign": count("SELECT * FROM read EXCEPT SELECT * FROM held"),
            "repeated": count("SELECT * FROM read") - count("SELECT DISTINCT * FROM read"),
        }


def last_state(run: Run) -> dict[str, Any]:
    """What a runner keeps of a run: the last STATE, or nothing."""
    return next((m["value"] for m in reversed(run.messages) if m["type"] == "STATE"), {})


def pages(sandbox: Sandbox) -> int:
    return sum(r.path.endswith("/results") for r in sandbox.requests)


def jobs(sandbox: Sandbox, method: str) -> int:
    return sum(r.method == method and r.path.startswith(JOBS) for r in sandbox.requests)


@pytest.mark.parametrize("method", ["INCREMENTAL", "FULL_TABLE"])
@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_killed_run_is_read_on_and_repeats_at_most_a_page(
    sandbox: Sandbox, tap: TapCommand, method: str, attempt: int
) -> None:
    given = catalog(tap, method)
    lines = attempt + secrets.randbelow(ROWS)
    first = interrupted(tap, lines, catalog=given)
    assert first.code == -signal.SIGKILL
    sandbox.control.forget_requests()
    second = tap(catalog=given, state=last_state(first))
    assert second.code == 0, second.log
    found = differences(first, second)
    assert (found["missing"], found["foreign"]) == (0, 0)
    assert found["repeated"] <= PAGE_ROWS
    assert "unfinished_job" not in json.dumps(second.state)
    if "unfinished_job" in json.dumps(last_state(first)):
        # The rest of the job, and in an incremental run what changed since, which is nothing.
        assert jobs(sandbox, "POST") == (method == "INCREMENTAL")
        assert pages(sandbox) < ROWS / PAGE_ROWS


def test_a_run_that_is_killed_again_and_again_comes_to_its_end(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    given = catalog(tap, "FULL_TABLE")
    runs = [interrupted(tap, 3 * PAGE_ROWS, catalog=given)]
    for _ in range(3):
        state = runs[-1].state
        runs.append(interrupted(tap, 4 * PAGE_ROWS, catalog=given, state=state))
    last = tap(catalog=given, state=runs[-1].state)
    assert last.code == 0, last.log
    found = differences(*runs, last)
    assert (found["missing"], found["foreign"]) == (0, 0)
    assert found["repeated"] <= len(runs) * PAGE_ROWS
    assert jobs(sandbox, "POST") == 1


def test_a_resumed_window_is_followed_by_what_changed_since(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    first = interrupted(tap, 3 * PAGE_ROWS)
    clock.sleep(3600)
    sandbox.control.seed({"Account": [{"Name": "New"}]})
    second = tap(state=first.state)
    assert second.code == 0, second.log
    assert [r["Name"] for r in second.records("Account")][-1] == "New"
    names = [record["Name"] for record in second.records("Account")]
    assert names.count("New") == 1
    ended = second.state["bookmarks"]["Account"]
    assert ended["window_end"] == "2026-11-23T10:00:00.000Z"


def test_the_state_names_the_place_after_each_page(tap: TapCommand) -> None:
    run = tap()
    kept = [m["value"]["bookmarks"]["Account"] for m in run.messages if m["type"] == "STATE"]
    rows = [each["unfinished_job"]["rows"] for each in kept if "unfinished_job" in each]
    assert rows == list(range(PAGE_ROWS, ROWS, PAGE_ROWS))
    written = 0
    for message in run.messages:
        written += message["type"] == "RECORD"
        if (
            message["type"] == "STATE"
            and "unfinished_job" in message["value"]["bookmarks"]["Account"]
        ):
            assert message["value"]["bookmarks"]["Account"]["unfinished_job"]["rows"] == written


@pytest.mark.parametrize("rows", [ROWS, ROWS + 1])
def test_a_table_of_one_page_leaves_no_place(sandbox: Sandbox, tap: TapCommand, rows: int) -> None:
    sandbox.control.set_page_rows(rows)
    run = tap()
    assert "unfinished_job" not in run.stdout


def test_a_table_without_rows_leaves_no_place(tap: TapCommand) -> None:
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 0, run.log
    assert "unfinished_job" not in run.stdout


def another_version(tap: TapCommand, state: dict[str, Any]) -> Run:
    return tap(state=state, api_version="67.0")


def another_query(tap: TapCommand, state: dict[str, Any]) -> Run:
    return tap(state=state, stream_options={"Account": {"where": "Name != 'x'"}})


def another_org(tap: TapCommand, state: dict[str, Any]) -> Run:
    state["bookmarks"]["Account"]["unfinished_job"]["job_id"] = "750000000000ABCAAA"
    return tap(state=state)


def another_locator(tap: TapCommand, state: dict[str, Any]) -> Run:
    state["bookmarks"]["Account"]["unfinished_job"]["locator"] = "no such locator"
    return tap(state=state)


@pytest.mark.parametrize("other", [another_version, another_query, another_org, another_locator])
def test_a_job_that_cannot_be_read_on_is_planned_again_in_one_line(
    tap: TapCommand, other: Callable[[TapCommand, dict[str, Any]], Run]
) -> None:
    first = interrupted(tap, 3 * PAGE_ROWS)
    second = other(tap, first.state)
    assert second.code == 0, second.log
    assert differences(second) == {"missing": 0, "foreign": 0, "repeated": 0}
    assert second.log.count("the job of an interrupted run cannot be read on") == 1
    assert "unfinished_job" not in json.dumps(second.state)


def without_a_bookmark(bookmark: dict[str, Any]) -> None:
    del bookmark["replication_key_value"], bookmark["window_end"]


def set_back(bookmark: dict[str, Any]) -> None:
    bookmark["window_end"] = "2026-11-23T08:30:00.000Z"


@pytest.mark.parametrize("change", [without_a_bookmark, set_back])
def test_a_window_that_begins_after_the_bookmark_is_not_read_on(
    sandbox: Sandbox,
    tap: TapCommand,
    clock: HandSetClock,
    change: Callable[[dict[str, Any]], None],
) -> None:
    whole = tap()
    clock.sleep(3600)
    names = [f"New {number}" for number in range(3 * PAGE_ROWS)]
    sandbox.control.seed({"Account": [{"Name": name} for name in names]})
    clock.sleep(3600)
    state = interrupted(tap, 2 * PAGE_ROWS, state=whole.state).state
    bookmark = state["bookmarks"]["Account"]
    assert bookmark["unfinished_job"]["lower"] == "2026-11-23T08:50:00.000Z"
    # As the errors about bookmarks advise; the place of the interrupted run stands beside it.
    change(bookmark)
    run = tap(state=state)
    assert run.code == 0, run.log
    read = [record["Name"] for record in run.records("Account")]
    assert sorted(set(read) & set(names)) == sorted(names)
    assert len(read) == len(names) + (ROWS if change is without_a_bookmark else 0)
    assert run.log.count("the job of an interrupted run cannot be read on") == 1


def test_a_place_of_an_unknown_form_is_not_ignored_silently(tap: TapCommand) -> None:
    state = tap().state
    for kept in ([1], {"job_id": "750000000000ABCAAA"}, None):
        state["bookmarks"]["Account"]["unfinished_job"] = kept
        run = tap(state=state)
        assert run.code == 0, run.log
        assert "cannot be read on (the state has it in an unknown form)" in run.log
        assert "unfinished_job" not in json.dumps(run.state)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/*", "/*/results"])
def test_a_server_that_fails_while_a_job_is_read_on_leaves_the_place_to_the_next_run(
    sandbox: Sandbox, tap: TapCommand, path: str
) -> None:
    first = interrupted(tap, 3 * PAGE_ROWS)
    sandbox.control.forget_requests()
    broken = [{"errorCode": "SERVER_UNAVAILABLE", "message": "Please retry."}]
    sandbox.control.add_fault(
        kind="answer", method="GET", path=JOBS + path, status=503, body=broken, times=6
    )
    second = tap(state=first.state)
    assert sum(r.status == 503 for r in sandbox.requests) == 6
    assert second.code == 1
    assert "SERVER_UNAVAILABLE" in second.reason
    third = tap(state=second.state)
    assert third.code == 0, third.log
    found = differences(first, second, third)
    assert (found["missing"], found["foreign"]) == (0, 0)
    assert found["repeated"] <= PAGE_ROWS


def test_a_signal_keeps_the_job_that_the_state_has(sandbox: Sandbox, tap: TapCommand) -> None:
    first = interrupted(tap, 3 * PAGE_ROWS, signal.SIGTERM)
    assert first.code == 1
    assert first.state["bookmarks"]["Account"]["unfinished_job"]
    assert jobs(sandbox, "DELETE") == jobs(sandbox, "PATCH") == 0
    second = tap(state=first.state)
    assert second.code == 0, second.log
    found = differences(first, second)
    assert (found["missing"], found["foreign"]) == (0, 0)
    assert found["repeated"] <= PAGE_ROWS
    assert jobs(sandbox, "DELETE") == 2


def test_rows_that_were_not_announced_are_not_read_on(tap: TapCommand) -> None:
    first = interrupted(tap, 3 * PAGE_ROWS)
    state = first.state
    state["bookmarks"]["Account"]["unfinished_job"]["rows"] += 1
    second = tap(state=state)
    assert second.code == 1
    assert f"hold {ROWS + 1:,} rows" in second.reason
    assert "unfinished_job" not in json.dumps(second.state)
    third = tap(state=second.state)
    assert third.code == 0
    assert differences(third) == {"missing": 0, "foreign": 0, "repeated": 0}


def test_a_whole_table_keeps_its_version_when_it_is_read_on(tap: TapCommand) -> None:
    given: dict[str, Any] = {
        "catalog": catalog(tap, "FULL_TABLE"),
        "emit_activate_version_messages": True,
    }
    first = interrupted(tap, 3 * PAGE_ROWS, **given)
    second = tap(state=first.state, **given)
    assert second.code == 0, second.log
    messages = [*first.messages, *second.messages]
    assert len({m["version"] for m in messages if "version" in m}) == 1
    assert messages[-2]["type"] == "ACTIVATE_VERSION"
    assert differences(first, second)["missing"] == 0

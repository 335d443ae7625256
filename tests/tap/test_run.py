"""One run over all streams: planned together, by one clock, and ended by what failed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk.failures import StreamsFailed
from tap_sfbulk.tap import TapSfbulk
from tests.tap.conftest import CONTACTS, TapCommand, finished

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, Run

CLOCK = "/services/data/v68.0"
JOBS = "/services/data/v68.0/jobs/query"


def jobs(sandbox: Sandbox) -> int:
    return sum(r.method == "POST" and r.path == JOBS for r in sandbox.requests)


def clock_readings(sandbox: Sandbox) -> int:
    return sum(request.path.rstrip("/") == CLOCK for request in sandbox.requests)


def full_table(tap: TapCommand, *names: str) -> dict[str, Any]:
    """A catalog with some streams read whole and the others by windows."""
    entries = tap.discover()
    for name in names:
        entries[name]["replication_method"] = "FULL_TABLE"
    return {"streams": [*entries.values()]}


def test_all_windows_of_a_run_end_at_one_reading_of_the_servers_clock(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap()
    assert run.code == 0, run.log
    assert clock_readings(sandbox) == 1
    paths = [request.path.rstrip("/") for request in sandbox.requests]
    assert paths.index(CLOCK) < paths.index(JOBS)
    ends = [bookmark["window_end"] for bookmark in run.state["bookmarks"].values()]
    assert ends == ["2026-11-23T09:00:00.000Z"] * 2


def test_a_run_of_whole_tables_asks_for_no_clock(sandbox: Sandbox, tap: TapCommand) -> None:
    assert tap(catalog=full_table(tap, "Account", "Contact")).code == 0
    assert clock_readings(sandbox) == 0


def refuse_the_clock(sandbox: Sandbox, times: int | None) -> None:
    body = [{"errorCode": "NOT_FOUND", "message": "no"}]
    sandbox.control.add_fault(kind="answer", path=CLOCK, status=404, body=body, times=times)


def test_a_clock_that_cannot_be_read_fails_only_the_streams_that_need_it(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    catalog = full_table(tap, "Contact")
    refuse_the_clock(sandbox, None)
    run = tap(catalog=catalog)
    assert run.code == 1
    assert "1 stream could not be read. Account: Read the server's time" in run.reason
    assert len(run.records("Contact")) == len(CONTACTS)
    whole_first = tap(catalog=full_table(tap, "Account"))
    assert whole_first.code == 1
    assert "1 stream could not be read. Contact: Read the server's time" in whole_first.reason
    assert len(whole_first.records("Account")) == 3
    assert clock_readings(sandbox) >= 2


def test_the_next_stream_asks_again_for_a_clock_that_could_not_be_read(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    refuse_the_clock(sandbox, 1)
    run = tap()
    assert run.code == 1
    assert "1 stream could not be read. Account: Read the server's time" in run.reason
    assert len(run.records("Contact")) == len(CONTACTS)
    assert clock_readings(sandbox) == 2


def test_a_stream_that_cannot_be_planned_does_not_stop_the_others(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    catalog = full_table(tap)
    catalog["streams"][0]["schema"]["properties"]["Nme"] = {"type": ["string", "null"]}
    run = tap(catalog=catalog)
    assert run.code == 1
    assert "1 stream could not be read. Account: " in run.reason
    assert "Account.Nme" in run.reason
    assert len(run.records("Contact")) == len(CONTACTS)
    assert jobs(sandbox) == 1


def embedded(tap: TapCommand, **given: Any) -> TapSfbulk:
    """The tap as a program of its own makes it, without a command."""
    return TapSfbulk(config=tap.config, **given)


def synced(tap: TapSfbulk, capsys: pytest.CaptureFixture[str]) -> Run:
    tap.sync_all()
    return finished(0, capsys.readouterr().out.encode(), b"")


def test_a_program_that_embeds_the_tap_gets_an_error_when_a_stream_failed(
    sandbox: Sandbox, tap: TapCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fails when the SDK calls nothing public after the last stream any more.
    refusal = [{"errorCode": "INVALIDENTITY", "message": "not supported"}]
    sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=400, body=refusal)
    with pytest.raises(StreamsFailed, match=r"1 stream could not be read\. Account: .*supported"):
        embedded(tap).sync_all()
    run = finished(0, capsys.readouterr().out.encode(), b"")
    assert len(run.records("Contact")) == len(CONTACTS)


def test_a_stream_that_failed_in_one_run_of_the_same_tap_may_succeed_in_the_next(
    sandbox: Sandbox, tap: TapCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = [{"errorCode": "INVALIDENTITY", "message": "not supported"}]
    sandbox.control.add_fault(kind="answer", method="POST", path=JOBS, status=400, body=refusal)
    embedding = embedded(tap)
    with pytest.raises(StreamsFailed):
        embedding.sync_all()
    assert len(synced(embedding, capsys).records("Account")) == 3


def test_a_second_run_of_the_same_tap_is_planned_by_its_own_clock_and_state(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, capsys: pytest.CaptureFixture[str]
) -> None:
    embedding = embedded(tap)
    assert len(synced(embedding, capsys).records("Contact")) == len(CONTACTS)
    clock.sleep(3600)
    second = synced(embedding, capsys)
    assert second.records("Contact") == []
    assert second.state["bookmarks"]["Contact"]["window_end"] == "2026-11-23T10:00:00.000Z"
    assert clock_readings(sandbox) == 2


def test_a_run_after_a_dry_run_of_the_same_tap_reads_everything(
    tap: TapCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    embedding = embedded(tap)
    account = embedding.streams["Account"]
    embedding.run_sync_dry_run(dry_run_record_limit=1, streams=[account])
    assert len(finished(0, capsys.readouterr().out.encode(), b"").records("Account")) == 1
    account.ABORT_AT_RECORD_COUNT = None
    run = synced(embedding, capsys)
    assert len(run.records("Account")) == 3
    assert len(run.records("Contact")) == len(CONTACTS)
    assert run.state["bookmarks"]["Account"]["window_end"] == "2026-11-23T09:00:00.000Z"

"""Rows that are gone come as records with their key and the time, and only they do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_sfbulk.known_ids import KnownIds
from tests.tap.conftest import CONTACTS

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, Run, TapCommand

HOUR, DAY = 3600, 86_400
IDS = [row["Id"] for row in CONTACTS]


def options(tap: TapCommand, how: str, **more: Any) -> dict[str, Any]:
    return {
        "streams_to_discover": ["Contact"],
        "stream_options": {"Contact": {"hard_deletes": how}},
        "ids_dir": str(tap.folder / "ids"),
        **more,
    }


def gone(run: Run) -> dict[str, str]:
    """The time by id of the records that have nothing else."""
    return {
        record["Id"]: record["_sdc_deleted_at"]
        for record in run.records("Contact")
        if set(record) == {"Id", "_sdc_deleted_at"}
    }


def remove(sandbox: Sandbox, *ids: str, from_bin: bool = True) -> None:
    for each in ids:
        sandbox.org.save_record("hardDelete" if from_bin else "delete", "Contact", {"Id": each})


@pytest.mark.parametrize("api", ["BULK2", pytest.param("BULK", marks=pytest.mark.slow), "REST"])
def test_a_sweep_finds_what_is_gone_since_the_last_one(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, api: str
) -> None:
    wanted = options(tap, "sweep", api_type=api)
    first = tap(**wanted)
    assert first.code == 0, first.log
    assert gone(first) == {}
    assert len(first.records("Contact")) == len(CONTACTS)
    kept = [tap.folder / "ids", *(tap.folder / "ids").iterdir()]
    assert [path for path in kept if path.stat().st_mode & 0o077] == []
    clock.sleep(HOUR)
    remove(sandbox, IDS[1], IDS[3])
    second = tap(state=first.state, **wanted)
    assert second.code == 0, second.log
    assert gone(second) == dict.fromkeys([IDS[1], IDS[3]], "2026-11-23T10:00:00.000Z")
    kinds = [m["type"] for m in second.messages if m["type"] != "STATE"]
    assert kinds == ["SCHEMA", "SCHEMA", "RECORD", "RECORD", "SCHEMA"]
    clock.sleep(HOUR)
    third = tap(state=second.state, **wanted)
    assert gone(third) == {}


@pytest.mark.parametrize("how", ["recent", "sweep"])
def test_deletions_that_a_failed_run_did_not_find_are_found_though_no_row_is_left_to_read(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, how: str
) -> None:
    wanted = options(tap, how, include_deleted=False, lookback=0)
    first = tap(**wanted)
    clock.sleep(HOUR)
    remove(sandbox, IDS[0], from_bin=False)
    clock.sleep(HOUR)
    end = "2026-11-23T10:30:00.000Z"
    refusal = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]
    faults: dict[str, dict[str, Any]] = {
        "recent": {"kind": "answer", "path": "*/deleted", "status": 403, "body": refusal},
        "sweep": {"kind": "job_failed", "skip": 1},
    }
    sandbox.control.add_fault(**faults[how])
    wanted["end_date"] = end
    second = tap(state=first.state, **wanted)
    assert sandbox.control.faults == []
    assert second.code == 1, second.log
    assert second.state["bookmarks"]["Contact"]["window_end"] == end
    third = tap(state=second.state, **wanted)
    assert third.code == 0, third.log
    assert list(gone(third)) == [IDS[0]]
    assert third.state["bookmarks"]["Contact"]["deletes_covered"] == end
    fourth = tap(state=third.state, **wanted)
    assert "nothing to read" in fourth.log
    assert gone(fourth) == {}


def test_deletions_that_did_not_arrive_are_found_again(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "sweep")
    first = tap(**wanted)
    clock.sleep(HOUR)
    remove(sandbox, IDS[0])
    assert list(gone(tap(state=first.state, **wanted))) == [IDS[0]]
    clock.sleep(HOUR)
    # The state of the second run was lost.
    assert list(gone(tap(state=first.state, **wanted))) == [IDS[0]]


def test_a_row_that_came_and_went_since_the_state_that_is_left_is_gone(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "sweep")
    first = tap(**wanted)
    clock.sleep(HOUR)
    made = str(sandbox.org.save_record("insert", "Contact", {"LastName": "New"}).id)
    clock.sleep(60)
    assert [row["Id"] for row in tap(state=first.state, **wanted).records("Contact")] == [made]
    remove(sandbox, made)
    clock.sleep(HOUR)
    # The rows of the second run have arrived, its state was lost.
    assert list(gone(tap(state=first.state, **wanted))) == [made]


def test_a_row_in_the_recycle_bin_is_told_once(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "sweep")
    first = tap(**wanted)
    clock.sleep(HOUR)
    remove(sandbox, IDS[0], from_bin=False)
    clock.sleep(60)
    second = tap(state=first.state, **wanted)
    (row,) = second.records("Contact")
    assert (row["Id"], row["IsDeleted"]) == (IDS[0], True)
    assert row["_sdc_deleted_at"] == "2026-11-23T10:00:00.000Z"
    remove(sandbox, IDS[0])
    clock.sleep(HOUR)
    assert gone(tap(state=second.state, **wanted)) == {}


@pytest.mark.parametrize(
    ("how", "from_bin"), [("sweep", False), ("recent", False), ("recent", True)]
)
def test_rows_that_leave_without_the_recycle_bin_are_gone_when_deleted(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, how: str, from_bin: bool
) -> None:
    wanted = options(tap, how, include_deleted=from_bin)
    first = tap(**wanted)
    assert first.code == 0, first.log
    clock.sleep(HOUR)
    remove(sandbox, IDS[2], from_bin=from_bin)
    clock.sleep(HOUR)
    second = tap(state=first.state, **wanted)
    assert second.code == 0, second.log
    at = {"sweep": "2026-11-23T11:00:00.000Z", "recent": "2026-11-23T10:00:00.000Z"}
    assert gone(second) == {IDS[2]: at[how]}
    clock.sleep(HOUR)
    assert gone(tap(state=second.state, **wanted)) == {}


def test_recent_asks_the_log_and_makes_no_further_job(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "recent")
    first = tap(**wanted)
    assert first.state["bookmarks"]["Contact"]["deletes_covered"] == "2026-11-23T09:00:00.000Z"
    clock.sleep(HOUR)
    before = len(sandbox.requests)
    assert tap(state=first.state, **wanted).code == 0
    new = sandbox.requests[before:]
    assert sum(r.method == "POST" and r.path.endswith("/jobs/query") for r in new) == 1
    (asked,) = [r for r in new if r.path.endswith("/deleted")]
    assert asked.query["start"] == "2026-11-23T09:00:00+00:00"


def test_where_the_log_does_not_reach_back_recent_sweeps(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    first = tap(**options(tap, "sweep"))
    clock.sleep(20 * DAY)
    remove(sandbox, IDS[4])
    second = tap(state=first.state, **options(tap, "recent"))
    assert second.code == 0, second.log
    assert list(gone(second)) == [IDS[4]]
    assert "no longer says which rows were deleted since 2026-11-23T09:00:00.000Z" in second.log
    covered = second.state["bookmarks"]["Contact"]["deletes_covered"]
    assert covered == "2026-12-13T09:00:00.000Z"


def test_a_log_that_was_cut_is_seen(sandbox: Sandbox, tap: TapCommand, clock: HandSetClock) -> None:
    first = tap(**options(tap, "sweep"))
    clock.sleep(HOUR)
    remove(sandbox, IDS[4])
    body = {
        "deletedRecords": [],
        "earliestDateAvailable": "2026-11-23T09:30:00.000+0000",
        "latestDateCovered": "2026-11-23T10:00:00.000+0000",
    }
    sandbox.control.add_fault(kind="answer", path="*/deleted", status=200, body=body)
    second = tap(state=first.state, **options(tap, "recent"))
    assert list(gone(second)) == [IDS[4]]


def test_a_log_that_covers_only_up_to_long_ago_is_a_warning_with_the_times(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "recent")
    first = tap(**wanted)
    clock.sleep(5 * HOUR)
    body = {
        "deletedRecords": [],
        "earliestDateAvailable": "2026-11-20T09:30:00.000+0000",
        "latestDateCovered": "2026-11-23T10:00:00.000+0000",
    }
    sandbox.control.add_fault(kind="answer", path="*/deleted", status=200, body=body)
    second = tap(state=first.state, **wanted)
    assert second.code == 0, second.log
    told = "deletions: Salesforce has covered all changes only up to 2026-11-23T10:00:00.000Z"
    (line,) = [line for line in second.log.splitlines() if "WARNING" in line and told in line]
    assert "2026-11-23T14:00:00.000Z" in line
    covered = second.state["bookmarks"]["Contact"]["deletes_covered"]
    assert covered == "2026-11-23T10:00:00.000Z"


def test_a_missed_log_without_a_folder_is_a_warning(tap: TapCommand, clock: HandSetClock) -> None:
    wanted = options(tap, "recent", ids_dir=None)
    first = tap(**wanted)
    clock.sleep(20 * DAY)
    second = tap(state=first.state, **wanted)
    assert second.code == 0, second.log
    assert "deletions before 2026-12-13T09:00:00.000Z may be missing. Set ids_dir" in second.log


def test_ids_that_were_not_all_read_delete_nothing(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    wanted = options(tap, "sweep")
    first = tap(**wanted)
    clock.sleep(HOUR)
    headers = {"Sforce-NumberOfRecords": "1", "Sforce-Locator": "null"}
    sandbox.control.add_fault(
        kind="answer",
        path="*/results",
        status=200,
        headers=headers,
        body=f'"Id","IsDeleted"\n"{IDS[0]}","false"\n',
    )
    second = tap(state=first.state, **wanted)
    assert sandbox.control.faults == []
    assert second.code == 1
    assert "rows" in second.reason
    assert gone(second) == {}


def test_more_than_half_of_many_rows_are_not_believed_to_be_gone(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *(f"C-{n}" for n in range(120))]))
    wanted = {
        **options(tap, "sweep"),
        "streams_to_discover": ["Campaign"],
        "stream_options": {"Campaign": {"hard_deletes": "sweep"}},
    }
    first = tap(**wanted)
    assert first.code == 0, first.log
    ids = sorted(record["Id"] for record in first.records("Campaign"))
    for each in ids[:61]:
        sandbox.org.save_record("hardDelete", "Campaign", {"Id": each})
    clock.sleep(HOUR)
    second = tap(state=first.state, **wanted)
    assert second.code == 1
    assert "61 of 120 known rows are gone, more than half" in second.reason
    assert all(len(record) > 2 for record in second.records("Campaign"))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"where": "LastName != null"}, "does not go with `where`"),
        ({}, "stream_maps of this stream"),
    ],
)
def test_what_cannot_go_together_is_refused_before_any_job(
    sandbox: Sandbox, tap: TapCommand, more: dict[str, Any], reason: str
) -> None:
    wanted = options(tap, "sweep")
    wanted["stream_options"]["Contact"] |= more
    if not more:
        wanted["stream_maps"] = {"Contact": {"__alias__": "people"}}
    run = tap(**wanted)
    assert run.code == 1
    assert reason in run.reason
    assert not any(r.path.endswith("/jobs/query") for r in sandbox.requests)


def test_a_sweep_without_a_folder_is_a_problem_of_the_settings(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(**options(tap, "sweep", ids_dir=None))
    assert run.code == 1
    assert "Set ids_dir" in run.reason
    assert sandbox.requests == []


ids = st.sets(st.integers(0, 30).map(lambda n: f"001{n:015}"), max_size=20)


@given(sweeps=st.lists(st.tuples(ids, ids, st.booleans()), min_size=1, max_size=5))
@settings(deadline=None, max_examples=40)
def test_what_was_known_or_written_and_is_not_found_is_gone(
    tmp_path_factory: pytest.TempPathFactory, sweeps: list[tuple[set[str], set[str], bool]]
) -> None:
    """Against sets: compared is the last sweep whose state arrived, and what was written since."""
    file = tmp_path_factory.mktemp("ids") / "org" / "Account.sqlite"
    known: set[str] = set()
    swept: str | None = None
    for number, (written, found, arrives) in enumerate(sweeps):
        kept = KnownIds(file, swept)
        kept.add_written(written)
        kept.add_found(found)
        known |= written
        assert set(kept.gone()) == known - found
        assert kept.counts == (len(known), len(known - found))
        kept.finish(f"sweep {number}")
        kept.close()
        if arrives:
            known, swept = found, f"sweep {number}"


def test_ids_that_were_dropped_are_not_the_base_of_an_older_state(tmp_path: Path) -> None:
    file = tmp_path / "ids.sqlite"
    for before, stamp in ((None, "one"), ("one", "two")):
        kept = KnownIds(file, before)
        kept.add_found(["a"])
        kept.finish(stamp)
        kept.close()
    bases = []
    # The state of "one" is in use; it is taken away for a run, and put back.
    for swept in ("one", None, "one"):
        kept = KnownIds(file, swept)
        bases.append((kept.has_base, list(kept.gone())))
        kept.close()
    assert bases == [(True, ["a"]), (False, []), (False, [])]


def test_a_file_of_another_state_is_not_compared(tmp_path: Path) -> None:
    kept = KnownIds(tmp_path / "ids.sqlite", None)
    kept.add_found(["a"])
    kept.finish("one")
    kept.close()
    other = KnownIds(tmp_path / "ids.sqlite", "two")
    assert not other.has_base
    assert list(other.gone()) == []
    other.close()
    with closing(sqlite3.connect(tmp_path / "ids.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM known").fetchone() == (0,)

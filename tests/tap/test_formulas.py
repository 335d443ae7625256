"""Formulas of rows that did not change are read again, as rows with only what may have changed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk.formulas import FormulaRefresh
from tap_sfbulk.state import Window

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, TapCommand

STREAM = "Invoice__c"
FORMULA = "Amount_With_Tax__c"
DAY = 86_400
DAILY: dict[str, Any] = {
    "streams_to_discover": [STREAM],
    "stream_options": {STREAM: {"refresh_formulas": 1}},
}


def invoices(sandbox: Sandbox, stamp: str = "2026-01-01T00:00:00.000Z") -> None:
    lines = [f"INV-{number},{number}.5,{stamp}" for number in range(3)]
    sandbox.control.seed_csv(STREAM, "\n".join([f"Ext_Id__c,{FORMULA},SystemModstamp", *lines]))


def jobs(sandbox: Sandbox) -> int:
    return sum(r.method == "POST" and r.path.endswith("/jobs/query") for r in sandbox.requests)


def test_formulas_of_unchanged_rows_are_read_again_every_n_days(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    first = tap(**DAILY)
    assert first.code == 0, first.log
    # All rows are read, and with them their formulas.
    assert jobs(sandbox) == 1
    entry = first.state["bookmarks"][STREAM]
    assert entry["formulas_refreshed"] == "2026-11-23T09:00:00.000Z"
    clock.sleep(3600)
    soon = tap(state=first.state, **DAILY)
    assert soon.records(STREAM) == []
    clock.sleep(DAY)
    later = tap(state=soon.state, **DAILY)
    assert later.code == 0, later.log
    values = sorted(float(record[FORMULA]) for record in later.records(STREAM))
    assert values == [0.5, 1.5, 2.5]
    assert {tuple(sorted(record)) for record in later.records(STREAM)} == {(FORMULA, "Id")}
    assert later.state["bookmarks"][STREAM]["formulas_refreshed"] == "2026-11-24T10:00:00.000Z"
    again = tap(state=later.state, **DAILY)
    assert again.records(STREAM) == []


def test_rows_with_only_formulas_have_a_schema_of_their_own(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    first = tap(**DAILY)
    clock.sleep(2 * DAY)
    run = tap(state=first.state, **DAILY)
    kinds = [m["type"] for m in run.messages if m["type"] != "STATE"]
    assert kinds == ["SCHEMA", "SCHEMA", "RECORD", "RECORD", "RECORD", "SCHEMA"]
    whole, part, after = (m for m in run.messages if m["type"] == "SCHEMA")
    assert whole == after
    assert set(part["schema"]["properties"]) == {"Id", FORMULA}
    assert part["key_properties"] == ["Id"]


def test_a_changed_row_is_read_once_and_whole(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    first = tap(**DAILY)
    clock.sleep(2 * DAY)
    changed = first.records(STREAM)[0]["Id"]
    sandbox.org.save_record("update", STREAM, {"Id": changed, "Ext_Id__c": "changed"})
    clock.sleep(60)
    run = tap(state=first.state, **DAILY)
    by_id: dict[str, list[int]] = {}
    for record in run.records(STREAM):
        by_id.setdefault(record["Id"], []).append(len(record))
    assert len(by_id) == 3
    assert by_id.pop(changed) == [len(first.records(STREAM)[0])]
    assert list(by_id.values()) == [[2], [2]]


def test_rows_that_are_mapped_are_refreshed_whole(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    maps = {"stream_maps": {STREAM: {"upper": "(Ext_Id__c or '').upper()"}}}
    first = tap(**DAILY, **maps)
    clock.sleep(2 * DAY)
    run = tap(state=first.state, **DAILY, **maps)
    assert run.code == 0, run.log
    assert sorted(record["upper"] for record in run.records(STREAM)) == ["INV-0", "INV-1", "INV-2"]
    assert len([m for m in run.messages if m["type"] == "SCHEMA"]) == 1


def test_without_formulas_or_the_option_nothing_more_is_read(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    names = {"streams_to_discover": ["Campaign", STREAM]}
    options = {"stream_options": {"Campaign": {"refresh_formulas": 1}}}
    first = tap(**names, **options)
    clock.sleep(2 * DAY)
    before = jobs(sandbox)
    run = tap(state=first.state, **names, **options)
    assert run.code == 0, run.log
    assert jobs(sandbox) == before + 2
    assert run.records(STREAM) == []


def test_a_refresh_that_fails_is_due_again(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    invoices(sandbox)
    first = tap(**DAILY)
    clock.sleep(2 * DAY)
    sandbox.control.add_fault(kind="job_failed", object=STREAM, over_rows=2, message="gone")
    failed = tap(state=first.state, **DAILY)
    assert failed.code == 1
    assert sandbox.control.faults == []
    entry = failed.state["bookmarks"][STREAM]
    assert entry["formulas_refreshed"] == "2026-11-23T09:00:00.000Z"
    run = tap(state=failed.state, **DAILY)
    assert run.code == 0, run.log
    assert len(run.records(STREAM)) == 3


def test_a_refresh_is_read_also_where_the_window_has_nothing_to_read(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    invoices(sandbox)
    until = {**DAILY, "lookback": 0, "end_date": "2026-11-23T09:00:00Z"}
    first = tap(**until)
    # As a run has left it that was killed between its last window and the refresh.
    first.state["bookmarks"][STREAM]["formulas_refreshed"] = "2026-11-01T00:00:00.000Z"
    run = tap(state=first.state, **until)
    assert run.code == 0, run.log
    assert {tuple(sorted(record)) for record in run.records(STREAM)} == {(FORMULA, "Id")}
    assert len(run.records(STREAM)) == 3
    entry = run.state["bookmarks"][STREAM]
    assert entry["formulas_refreshed"] == entry["window_end"] == "2026-11-23T09:00:00.000Z"


NOW = datetime(2026, 11, 23, 9, tzinfo=timezone.utc)
WINDOW = Window(NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize(
    ("state", "window", "due"),
    [
        ({}, WINDOW, True),
        ({}, None, False),
        ({"formulas_refreshed": "2026-11-22T09:00:00.000Z"}, WINDOW, True),
        ({"formulas_refreshed": "2026-11-22T09:00:01.000Z"}, WINDOW, False),
        ({"formulas_refreshed": "2026-11-23T08:00:00.000Z"}, Window(None, NOW), True),
        ({"formulas_refreshed": "soon"}, WINDOW, True),
        ({"formulas_refreshed": 5}, WINDOW, True),
    ],
)
def test_a_refresh_is_due(state: dict[str, Any], window: Window | None, due: bool) -> None:
    assert FormulaRefresh(timedelta(days=1)).is_due(state, window) is due

"""What a run reads: every value, by windows, once; and that both ways of writing agree."""

from __future__ import annotations

import gzip
import json
import re
import signal
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.tap.conftest import ACCOUNTS, CONTACTS

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, Run, TapCommand

NUMBERS = {"AnnualRevenue", "NumberOfEmployees"}
NOW = "2026-11-23T09:00:00.000Z"


def value_of(name: str, cell: str) -> Any:
    """What a cell of the org's CSV must be in a record."""
    if cell == "":
        return None
    if name in NUMBERS:
        return int(cell)
    return cell == "true" if name == "IsDeleted" else cell


def rows_of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records cut down to what the org was loaded with, in the order of their ids."""
    cut = [{name: record[name] for name in ACCOUNTS[0]} for record in records]
    return sorted(cut, key=lambda row: str(row["Id"]))


EXPECTED = [{name: value_of(name, cell) for name, cell in row.items()} for row in ACCOUNTS]


def lines_of(run: Run, stream: str) -> list[str]:
    """The text of each record, digit for digit and in the order of its fields."""
    start = f'{{"type":"RECORD","stream":"{stream}","record":'
    lines = [line for line in run.stdout.split("\n") if line.startswith(start)]
    return [re.split(r',"(?:version|time_extracted)":', line)[0] for line in lines]


# Each makes the SDK handle records one by one, and must not change any of them.
BY_RECORD: list[dict[str, Any]] = [
    {"flattening_enabled": True, "flattening_max_depth": 0},
    {"stream_maps": {"Account": {"__filter__": "True"}}},
    {"emit_activate_version_messages": True},
]


def test_every_value_arrives_as_salesforce_holds_it(tap: TapCommand) -> None:
    run = tap()
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED
    assert len(run.records("Contact")) == len(CONTACTS)
    for message in run.messages:
        if message["type"] == "RECORD":
            assert set(message) == {"type", "stream", "record", "time_extracted"}
            assert set(message["record"]) == set(run.schemas[message["stream"]]["properties"])


@pytest.mark.parametrize("settings", BY_RECORD)
def test_pages_and_records_give_the_same_output(tap: TapCommand, settings: dict[str, Any]) -> None:
    pages, records = tap(), tap(**settings)
    assert records.code == 0, records.log
    for stream in ("Account", "Contact"):
        by_page = lines_of(pages, stream)
        assert by_page
        assert lines_of(records, stream) == by_page
    assert records.state == pages.state


def test_batch_files_hold_the_same_records(tap: TapCommand, tmp_path: Path) -> None:
    batches = tap(
        batch_config={
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri(), "prefix": "batch-"},
        }
    )
    assert batches.code == 0, batches.log
    read: dict[str, list[Any]] = {"Account": [], "Contact": []}
    for message in batches.messages:
        for url in message.get("manifest", []):
            lines = gzip.decompress(Path(urlsplit(url).path).read_bytes()).decode().split("\n")
            read[message["stream"]] += [
                json.loads(line, parse_float=Decimal) for line in lines[:-1]
            ]
    pages = tap()
    assert read == {name: pages.records(name) for name in read}
    assert batches.state == pages.state


def test_rows_of_many_pages_all_arrive_once(sandbox: Sandbox, tap: TapCommand) -> None:
    sandbox.control.set_page_rows(2)
    run = tap()
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED
    assert sorted(r["Id"] for r in run.records("Contact")) == [c["Id"] for c in CONTACTS]


@pytest.mark.parametrize("shape", ["chunks", "guide", "refused"])
def test_a_large_object_is_read_whole_in_whichever_form_its_pages_are_listed(
    sandbox: Sandbox, tap: TapCommand, shape: str
) -> None:
    keys = [f"L-{number}" for number in range(20_000)]
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *keys]))
    sandbox.control.set_page_rows(2_500)
    sandbox.control.set_behaviour(result_pages=shape)
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 0, run.log
    assert sorted(record["Name"] for record in run.records("Campaign")) == sorted(keys)
    lists = [r.status for r in sandbox.requests if r.path.lower().endswith("/resultpages")]
    assert lists == ([404] if shape == "refused" else [200, 200])
    told = [line for line in run.log.splitlines() if "list of its result pages" in line]
    assert len(told) == (1 if shape == "refused" else 0)


def test_old_api_versions_give_their_columns_by_name(tap: TapCommand) -> None:
    run = tap(api_version="49.0")
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED


def test_both_paths_count_the_rows(tap: TapCommand) -> None:
    for settings in ({}, *BY_RECORD):
        log = tap(**settings).log
        metrics = [
            json.loads(line.split("METRIC: ")[1]) for line in log.splitlines() if "METRIC: " in line
        ]
        counted = {
            m["tags"]["stream"]: m["value"] for m in metrics if m["metric"] == "record_count"
        }
        assert counted == {"Account": 3, "Contact": 5}


def test_deleted_rows_stay_out_when_asked(tap: TapCommand) -> None:
    assert [r["Id"] for r in tap(include_deleted=False).records("Account")] == [
        row["Id"] for row in ACCOUNTS if row["IsDeleted"] == "false"
    ]


@pytest.mark.parametrize(("include_deleted", "found"), [(True, 3), (False, 2)])
def test_archived_rows_are_not_deleted_rows(
    sandbox: Sandbox, tap: TapCommand, include_deleted: bool, found: int
) -> None:
    lines = ["Subject,IsArchived,IsDeleted", "live,false,false", "old,true,false", "gone,true,true"]
    sandbox.control.seed_csv("Task", "\n".join(lines))
    run = tap(streams_to_discover=["Task"], include_deleted=include_deleted)
    assert run.code == 0, run.log
    subjects = [record["Subject"] for record in run.records("Task")]
    assert sorted(subjects) == sorted(["live", "old", "gone"][:found])


def test_the_bookmark_is_the_window_and_the_maximum_seen(tap: TapCommand) -> None:
    assert tap().state["bookmarks"]["Account"] == {
        "replication_key": "SystemModstamp",
        "replication_key_value": "2026-01-03T00:00:00.000Z",
        "window_end": NOW,
    }


def test_the_next_run_reads_what_changed_and_nothing_else(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    first = tap()
    clock.sleep(3600)
    assert tap(state=first.state).records("Account") == []
    sandbox.org.save_record("update", "Account", {"Id": ACCOUNTS[0]["Id"], "Name": "Changed"})
    clock.sleep(3600)
    second = tap(state=first.state)
    assert [r["Name"] for r in second.records("Account")] == ["Changed"]
    assert second.records("Contact") == []
    clock.sleep(3600)
    assert tap(state=second.state).records("Account") == []


def test_a_row_that_becomes_visible_late_is_read_within_the_lookback(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    first = tap()
    # Stamped before the first window's end, and visible only after that run.
    clock.sleep(-300)
    sandbox.org.save_record("update", "Account", {"Id": ACCOUNTS[0]["Id"], "Name": "Late"})
    clock.sleep(600)
    assert [r["Name"] for r in tap(state=first.state).records("Account")] == ["Late"]
    assert tap(state=first.state, lookback=60).records("Account") == []


def test_a_row_stamped_at_the_upper_bound_is_left_to_the_next_run(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    sandbox.org.save_record("update", "Account", {"Id": ACCOUNTS[0]["Id"], "Name": "On the edge"})
    first = tap()
    assert len(first.records("Account")) == 2
    clock.sleep(1)
    assert [r["Name"] for r in tap(state=first.state).records("Account")] == ["On the edge"]


def asked(sandbox: Sandbox) -> list[str]:
    """What was asked of single objects and of jobs, in its order, objects by name."""
    found = []
    for request in sandbox.requests:
        name = re.search(r"/sobjects/(\w+)/updated$", request.path)
        if name:
            found.append(name[1])
        elif request.method == "POST" and request.path.endswith("/jobs/query"):
            found.append("job")
    return found


def covered(sandbox: Sandbox, until: str) -> None:
    body = {"ids": [], "latestDateCovered": until}
    sandbox.control.add_fault(kind="answer", path="*/updated", times=None, status=200, body=body)


def test_each_incremental_stream_asks_once_what_is_covered_before_its_job(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    assert tap().code == 0
    assert asked(sandbox) == ["Account", "job", "Contact", "job"]
    spans = [request.query for request in sandbox.requests if request.path.endswith("/updated")]
    span = {"start": "2026-11-23T08:55:00+00:00", "end": "2026-11-23T09:00:00+00:00"}
    assert spans == [span, span]


def test_what_keeps_no_bookmark_does_not_ask_what_is_covered(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    entry = tap.discover()["Account"] | {"replication_method": "FULL_TABLE"}
    assert tap(catalog={"streams": [entry]}).code == 0
    assert tap("--test").code == 0
    assert "job" in asked(sandbox)
    assert set(asked(sandbox)) == {"job"}


def test_an_object_that_is_not_replicateable_is_not_asked_what_is_covered(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(streams_to_discover=["ContentVersion"])
    assert run.code == 0, run.log
    assert asked(sandbox) == ["job"]
    assert run.state["bookmarks"]["ContentVersion"]["window_end"] == NOW


def test_the_bookmark_stays_where_all_changes_are_covered(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    covered(sandbox, "2026-01-02T12:00:00.000+0000")
    first = tap(streams_to_discover=["Account"])
    assert rows_of(first.records("Account")) == EXPECTED
    assert first.state["bookmarks"]["Account"] == {
        "replication_key": "SystemModstamp",
        "replication_key_value": "2026-01-02T12:00:00.000Z",
        "window_end": "2026-01-02T12:00:00.000Z",
    }
    again = tap(state=first.state, streams_to_discover=["Account"])
    assert [r["Id"] for r in again.records("Account")] == [ACCOUNTS[2]["Id"]]


def test_an_answer_beyond_the_window_moves_the_bookmark_no_further(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    covered(sandbox, "2026-11-30T00:00:00.000+0000")
    assert tap().state["bookmarks"]["Account"]["window_end"] == NOW


def names_read(run: Run) -> list[str]:
    assert run.code == 0, run.log
    return sorted(record["Name"] for record in run.records("Account"))


def run_while_a_transaction_is_open(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, **settings: Any
) -> tuple[Run, Run]:
    """A run half an hour into somebody's transaction, and one an hour after its commit."""
    sandbox.control.begin_transaction()
    clock.sleep(600)
    sandbox.control.seed({"Account": [{"Name": "Committed late"}]}, in_transaction=True)
    sandbox.control.seed({"Account": [{"Name": "Committed at once"}]})
    clock.sleep(1200)
    first = tap(streams_to_discover=["Account"], **settings)
    clock.sleep(3600)
    sandbox.control.commit_transaction()
    clock.sleep(3600)
    return first, tap(streams_to_discover=["Account"], state=first.state, **settings)


@pytest.mark.parametrize("lookback", [0, 60, 600])
def test_rows_of_a_transaction_that_was_open_during_a_run_come_with_the_next(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock, lookback: int
) -> None:
    first, second = run_while_a_transaction_is_open(sandbox, tap, clock, lookback=lookback)
    assert "Committed late" not in names_read(first)
    assert "Committed at once" in names_read(first)
    # The transaction began at nine; nothing of the window after it is lost or left out.
    assert first.state["bookmarks"]["Account"]["window_end"] == NOW
    assert names_read(second) == ["Committed at once", "Committed late"]
    assert second.state["bookmarks"]["Account"]["window_end"] == "2026-11-23T11:30:00.000Z"
    third = tap(streams_to_discover=["Account"], state=second.state, lookback=lookback)
    assert names_read(third) == []


def test_without_the_orgs_word_the_lookback_alone_would_lose_them(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/updated", times=None, status=403, body="")
    _, second = run_while_a_transaction_is_open(sandbox, tap, clock, lookback=600)
    assert names_read(second) == []
    longer = run_while_a_transaction_is_open(sandbox, tap, clock, lookback=7200)
    assert "Committed late" in names_read(longer[1])


NOT_COVERED: dict[str, dict[str, Any]] = {
    "400": {"status": 400, "body": [{"errorCode": "INVALID_REPLICATION_DATE", "message": "no"}]},
    "403": {"status": 403, "body": [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]},
    "404": {"status": 404, "body": [{"errorCode": "NOT_FOUND", "message": "no"}]},
    "too many ids": {"status": 400, "body": [{"errorCode": "EXCEEDED_ID_LIMIT", "message": "no"}]},
    "another form": {"status": 200, "body": {"updated": []}},
    "no date": {"status": 200, "body": {"ids": [], "latestDateCovered": None}},
}


@pytest.mark.parametrize("answer", NOT_COVERED.values(), ids=NOT_COVERED)
def test_an_org_that_does_not_say_what_is_covered_is_read_all_the_same(
    sandbox: Sandbox, tap: TapCommand, answer: dict[str, Any]
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/updated", times=None, **answer)
    run = tap(streams_to_discover=["Account"])
    assert run.code == 0, run.log
    # An answer in another form is asked for once more.
    assert asked(sandbox) == ["Account"] * (1 + (answer["status"] == 200)) + ["job"]
    assert rows_of(run.records("Account")) == EXPECTED
    assert run.state["bookmarks"]["Account"]["window_end"] == NOW
    lines = [line for line in run.log.splitlines() if "all changes are visible" in line]
    assert len(lines) == 1
    assert "Account" in lines[0]


def test_dates_limit_the_window(tap: TapCommand) -> None:
    run = tap(start_date="2026-01-02", end_date="2026-01-03T00:00:00Z")
    assert [r["Id"] for r in run.records("Account")] == [ACCOUNTS[1]["Id"]]
    again = tap(state=run.state, end_date="2026-01-01")
    assert again.code == 0, again.log
    assert again.records("Account") == []
    assert again.state == run.state


def test_options_of_a_stream_narrow_it(tap: TapCommand) -> None:
    run = tap(
        stream_options={
            "Acc*": {"where": "Name = 'NA' OR Name = 'nobody'"},
            "Contact": {"replication_key": "createddate"},
        }
    )
    assert [r["Name"] for r in run.records("Account")] == ["NA"]
    assert run.state["bookmarks"]["Contact"]["replication_key"] == "CreatedDate"


def test_only_selected_fields_are_read_and_keys_always(tap: TapCommand) -> None:
    catalog = tap.discover()
    for entry in catalog["Account"]["metadata"]:
        if entry["breadcrumb"]:
            entry["metadata"]["selected"] = entry["breadcrumb"][-1] == "Name"
    for entry in catalog["Contact"]["metadata"]:
        if not entry["breadcrumb"]:
            entry["metadata"]["selected"] = False
    run = tap(catalog={"streams": [*catalog.values()]})
    assert run.code == 0, run.log
    assert {tuple(sorted(r)) for r in run.records("Account")} == {("Id", "Name", "SystemModstamp")}
    assert sorted(run.schemas["Account"]["properties"]) == ["Id", "Name", "SystemModstamp"]
    assert "Contact" not in run.schemas


def test_a_catalog_without_metadata_reads_what_bulk_can_select(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    bare = {name: entry[name] for name in ("tap_stream_id", "schema", "key_properties")}
    run = tap(catalog={"streams": [bare]})
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED
    assert "BillingAddress" in run.schemas["Account"]["properties"]


def test_full_table_by_the_catalog_has_no_bounds_and_no_bookmark(tap: TapCommand) -> None:
    entry = tap.discover()["Account"] | {"replication_method": "FULL_TABLE"}
    run = tap(catalog={"streams": [entry]}, start_date="2026-01-03")
    assert run.code == 0, run.log
    assert len(run.records("Account")) == 3
    assert "window_end" not in json.dumps(run.state)


def test_a_number_declared_as_text_in_the_catalog_comes_as_text(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    entry["schema"]["properties"]["NumberOfEmployees"]["type"] = ["string", "null"]
    run = tap(catalog={"streams": [entry]})
    assert {r["NumberOfEmployees"] for r in run.records("Account")} == {"47", "0", None}


def test_a_selected_field_that_no_longer_exists_is_named(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    entry["schema"]["properties"]["Nme"] = {"type": ["string", "null"]}
    run = tap(catalog={"streams": [entry]})
    assert run.code == 1
    assert "Account.Nme" in run.reason
    assert "(did you mean `Name`?)" in run.reason


def test_a_selected_object_that_no_longer_exists_does_not_stop_the_others(tap: TapCommand) -> None:
    entries = tap.discover()
    gone = entries["Account"] | {"tap_stream_id": "Gone__c", "stream": "Gone__c"}
    run = tap(catalog={"streams": [gone, entries["Contact"]]})
    assert run.code == 1
    assert "Gone__c" in run.reason
    assert len(run.records("Contact")) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Sforce-NumberOfRecords": "2", "Sforce-Locator": "null"},
        # A proxy took the count of the page away: the count of the job is still there.
        {"Sforce-Locator": "null"},
    ],
)
def test_a_number_of_rows_that_was_not_announced_moves_no_bookmark(
    sandbox: Sandbox, tap: TapCommand, headers: dict[str, str]
) -> None:
    sandbox.control.add_fault(
        kind="answer", path="*/results", status=200, headers=headers, body="", times=None
    )
    run = tap(streams_to_discover=["Account"])
    assert run.code == 1
    assert "Account" in run.reason
    assert "rows" in run.reason
    assert "window_end" not in json.dumps(run.state)


def test_an_object_without_rows_has_a_schema_and_a_bookmark(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(streams_to_discover=["Campaign"])
    assert run.code == 0, run.log
    assert list(run.schemas) == ["Campaign"]
    assert run.records("Campaign") == []
    # A count of 0 alone would let the bookmark pass rows.
    assert len([r for r in sandbox.requests if r.path.endswith("/results")]) == 1
    assert run.state["bookmarks"]["Campaign"]["window_end"] == NOW


def test_nothing_is_left_on_disk_or_in_the_org(sandbox: Sandbox, tap: TapCommand) -> None:
    spool = tap.folder / "spool"
    spool.mkdir()
    assert tap(spool_dir=str(spool)).code == 0
    assert list(spool.iterdir()) == []
    made = [r for r in sandbox.requests if r.method == "POST" and r.path.endswith("/jobs/query")]
    gone = [r for r in sandbox.requests if r.method == "DELETE"]
    assert len(made) == len(gone) == 2


def test_what_a_killed_run_left_on_disk_is_removed_by_the_next_run(tap: TapCommand) -> None:
    spool = tap.folder / "spool"
    spool.mkdir()
    line = tap.line(spool_dir=str(spool))[1:]
    killed = forked("tap-sfbulk").run_line(tap.folder, line, kill=Kill(state=0))
    assert killed.code == -signal.SIGKILL
    assert list(spool.iterdir()) != []
    run = tap(spool_dir=str(spool))
    assert run.code == 0, run.log
    assert list(spool.iterdir()) == []


def test_a_renamed_stream_is_read_by_records(tap: TapCommand) -> None:
    maps = {"Account": {"__alias__": "customers", "size": "(NumberOfEmployees or 0) * 2"}}
    run = tap(stream_maps=maps)
    assert run.code == 0, run.log
    assert sorted(r["size"] for r in run.records("customers")) == [0, 0, 94]

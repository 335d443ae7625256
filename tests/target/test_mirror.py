"""A mirror: the org has what the source has, and nothing that the source has deleted."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import COMMAND, as_lines, record, schema, state
from tests.target.test_signals import wait_for

if TYPE_CHECKING:
    from tests.target.support import Org

MIRROR = {"operation": "mirror", "external_id": "Ext_Id__c", "delete_cap": "100%"}


def version(number: int, *names: str, rejected: str = "") -> list[dict[str, Any]]:
    """A full table, as a tap sends it."""
    rows = [record("Account", Ext_Id__c=name, Name=name) for name in names]
    if rejected:
        rows.append(record("Account", Ext_Id__c=rejected, Name=rejected, NumberOfEmployees="many"))
    return [
        schema("Account", "Ext_Id__c", "Name", "NumberOfEmployees", "_sdc_deleted_at"),
        *({**row, "version": number} for row in rows),
        activate(number),
        state(version=number),
    ]


def activate(number: int, stream: str = "Account") -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": number}


def tombstone(name: str) -> dict[str, Any]:
    return record("Account", Ext_Id__c=name, _sdc_deleted_at="2026-03-04T05:06:07Z")


def names(org: Org) -> list[str]:
    return [row["Name"] for row in org.query("SELECT Name FROM Account ORDER BY Name")]


def filled(org: Org, *accounts: str) -> None:
    for name in accounts:
        org.create("Account", Name=name, Ext_Id__c=name)


def test_a_second_version_deletes_what_it_no_longer_has(org: Org) -> None:
    org.create("Account", Name="of another source")
    assert org.load(*version(1, "A", "B", "C", "D"), **MIRROR).code == 0
    run = org.load(*version(2, "B", "D", "E"), **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["B", "D", "E", "of another source"]
    assert run.states == [{"version": 2}]
    report = run.report("Account")
    assert report["deleted_missing"] == 2
    assert (report["read"], report["loaded"], report["created"]) == (3, 3, 1)
    assert report["operation"] == "mirror"


def test_records_outside_where_stay(org: Org) -> None:
    org.create("Account", Name="stays", Ext_Id__c="S", Industry="Banking")
    org.create("Account", Name="goes", Ext_Id__c="G", Industry="Energy")
    org.create("Account", Name="marked", Ext_Id__c="M", Industry="Banking")
    streams = {"Account": {"where": "Industry = 'Energy' OR Name = 'A'"}}
    messages = version(1, "A")
    run = org.load(*messages[:1], tombstone("M"), *messages[1:], streams=streams, **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["A", "marked", "stays"]
    assert run.report("Account")["already_gone"] == 1


def test_a_condition_that_salesforce_refuses_is_an_error_before_the_first_job(org: Org) -> None:
    run = org.load(*version(1, "A"), streams={"Account": {"where": "Industri = 'x'"}}, **MIRROR)
    assert run.code == 1
    assert "where" in run.reason
    assert "Industri" in run.reason
    assert org.jobs_created() == 0


@pytest.mark.parametrize("cap", [3, "3", "39%"])
def test_beyond_the_cap_nothing_is_deleted_and_state_stays_until_it_is_raised(
    org: Org, cap: Any
) -> None:
    before = [f"A{n}" for n in range(10)]
    filled(org, *before)
    messages = [*version(7, *before[4:])]
    first = org.load(messages[0], state(before=True), *messages[1:], **{**MIRROR, "delete_cap": 2})
    assert first.code == 1
    assert "4 of the 10 records of Account" in first.reason
    assert "delete_cap allows 2" in first.reason
    assert names(org) == before
    assert {"version": 7} not in first.states
    second = org.load(*messages, **{**MIRROR, "delete_cap": 4 if cap == "39%" else cap})
    assert (second.code, len(names(org))) == ((0, 6) if cap == "39%" else (1, 10)), second.log
    third = org.load(*messages, **{**MIRROR, "delete_cap": "39%"})
    assert (third.code, len(names(org))) == (0, 6), third.log
    assert third.states == [{"version": 7}]


def test_what_was_upserted_is_settled_also_beyond_the_cap(org: Org) -> None:
    filled(org, "A", "B")
    run = org.load(*version(1, "C"), **{**MIRROR, "delete_cap": 1})
    assert run.code == 1
    assert names(org) == ["A", "B", "C"]
    assert run.states == []


def test_without_a_setting_a_tenth_may_be_deleted(org: Org) -> None:
    filled(org, *(f"A{n}" for n in range(10)))
    settings = {"operation": "mirror", "external_id": "Ext_Id__c"}
    kept = [f"A{n}" for n in range(10)]
    run = org.load(*version(1, *kept[2:]), **settings)
    assert run.code == 1
    assert "delete_cap allows 10%, which is 1" in run.reason
    assert org.load(*version(2, *kept[1:]), **settings).code == 0
    assert names(org) == kept[1:]


def test_an_empty_version_is_bounded_by_the_cap(org: Org) -> None:
    filled(org, "A", "B", "C")
    run = org.load(*version(1), **{**MIRROR, "delete_cap": "50%"})
    assert run.code == 1
    assert "3 of the 3 records" in run.reason
    assert names(org) == ["A", "B", "C"]
    assert run.states == []
    assert org.load(*version(2), **MIRROR).code == 0
    assert names(org) == []


def test_marked_records_are_deleted_by_key_in_the_input_s_order(org: Org) -> None:
    filled(org, "A", "B", "C")
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "_sdc_deleted_at"),
        record("Account", Ext_Id__c="N", Name="N", _sdc_deleted_at=None),
        tombstone("N"),
        tombstone("A"),
        tombstone("B"),
        record("Account", Ext_Id__c="B", Name="back"),
        tombstone("never there"),
        state(done=True),
        **MIRROR,
    )
    assert run.code == 0, run.log
    assert names(org) == ["back", "C"]
    assert run.states == [{"done": True}]
    report = run.report("Account")
    assert (report["deleted_marked"], report["already_gone"]) == (3, 1)
    assert report["rejected"] == 0


def test_the_cap_bounds_marked_records_too_and_counts_those_that_exist(org: Org) -> None:
    filled(org, "A", "B", "C")
    messages = (
        schema("Account", "Ext_Id__c", "_sdc_deleted_at"),
        *map(tombstone, ("A", "B", "X", "Y", "Z")),
        state(done=True),
    )
    run = org.load(*messages, **{**MIRROR, "delete_cap": 1})
    assert run.code == 1
    assert "2 of the 3 records" in run.reason
    assert names(org) == ["A", "B", "C"]
    assert run.states == []
    again = org.load(*messages, **{**MIRROR, "delete_cap": 2})
    assert again.code == 0, again.log
    assert names(org) == ["C"]
    assert again.states == [{"done": True}]


def test_marked_and_missing_records_share_the_cap(org: Org) -> None:
    filled(org, "A", "B", "C")
    messages = version(1, "C")
    run = org.load(messages[0], tombstone("A"), *messages[1:], **{**MIRROR, "delete_cap": 1})
    assert run.code == 1
    assert "1 of them are deleted already" in run.reason
    assert names(org) == ["B", "C"]


def test_rejected_rows_of_the_version_are_not_deleted(org: Org) -> None:
    filled(org, "A", "B")
    run = org.load(*version(1, "C", rejected="A"), **MIRROR, max_rejects=1)
    assert run.code == 0, run.log
    assert names(org) == ["A", "C"]


def test_a_run_with_more_rejects_than_its_share_deletes_nothing(org: Org) -> None:
    filled(org, "A", "B")
    run = org.load(*version(5, "A", rejected="C"), **MIRROR, max_rejects="10%")
    assert (run.code, run.states) == (1, []), run.log
    assert "1 of 2 rows were rejected" in run.reason
    assert names(org) == ["A", "B"]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_stopped_before_the_version_is_complete_deletes_nothing(
    org: Org, signum: signal.Signals
) -> None:
    filled(org, "A", "B")
    with org.start(**MIRROR) as process:
        assert process.stdin
        half = [*version(1, "B")[:2], state(half=True), schema("Contact", "Ext_Id__c", "_sdc_x")]
        process.stdin.write(as_lines(half))
        process.stdin.flush()
        # The log names the last line's stream, so all lines before it were read by then.
        wait_for(process, "Contact: record fields left out: _sdc_x")
        process.send_signal(signum)
        process.communicate(timeout=30)
    assert names(org) == ["A", "B"]
    run = org.load(*version(2, "B"), **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["B"]


def test_input_that_ends_before_the_version_is_complete_deletes_nothing(org: Org) -> None:
    filled(org, "A", "B")
    run = org.load(*version(1, "B")[:2], state(half=True), **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["A", "B"]
    assert run.states == [{"half": True}]


def test_a_tap_that_goes_on_with_its_version_deletes_nothing_that_it_sent_before(org: Org) -> None:
    filled(org, "A", "B", "gone")
    messages = version(5, "A", "B")
    assert org.load(*messages[:2], state(half=True), **MIRROR).states == [{"half": True}]
    run = org.load(messages[0], *messages[2:], **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["A", "B"]
    assert not list(org.folder.rglob("*.keys.sqlite"))


def test_a_version_whose_state_could_not_be_written_deletes_nothing_that_was_sent_before_it(
    org: Org,
) -> None:
    filled(org, "A", "B", "gone")
    messages = version(5, "A", "B")
    assert org.load(*messages[:2], state(half=True), **MIRROR).states == [{"half": True}]
    rest = [messages[0], *messages[2:]]
    with Path("/dev/full").open("wb") as full:
        lost = subprocess.run(
            [COMMAND, "--config", org.config(**MIRROR)],
            input=as_lines(rest),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (lost.returncode, names(org)) == (1, ["A", "B"]), lost.stderr.decode()
    run = org.load(*rest, **MIRROR)
    assert (run.code, run.states) == (0, [{"version": 5}]), run.log
    assert names(org) == ["A", "B"]
    assert not list(org.folder.rglob("*.keys.sqlite"))


def test_a_version_that_is_activated_before_its_records_deletes_nothing(org: Org) -> None:
    filled(org, "A", "B")
    messages = version(1, "B")
    run = org.load(messages[0], activate(1), messages[1], state(done=True), **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["A", "B"]
    assert "ACTIVATE_VERSION is ignored" in run.log
    assert run.states == [{"done": True}]


def test_an_incremental_stream_without_new_records_is_not_an_empty_table(org: Org) -> None:
    filled(org, "A")
    head = {**version(1)[0], "bookmark_properties": ["Name"]}
    run = org.load(head, activate(1), state(done=True), **MIRROR)
    assert run.code == 0, run.log
    assert names(org) == ["A"]


def test_children_go_before_the_parents_that_take_them_along(org: Org) -> None:
    for name in ("A", "B"):
        account = org.create("Account", Name=name, Ext_Id__c=name)
        org.create("Contact", LastName=name, Ext_Id__c=name, AccountId=account)
    moved = record("Contact", Ext_Id__c="A", LastName="A", account="B")
    run = org.load(
        *version(1, "B")[:-1],
        schema("Contact", "Ext_Id__c", "LastName", "account"),
        moved,
        activate(3, "Contact"),
        state(done=True),
        streams={"Contact": {"lookups": {"account": "Account.Ext_Id__c"}}},
        **MIRROR,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Account.Name FROM Contact")[0]["LastName"] == "A"
    assert names(org) == ["B"]


def test_a_dry_run_says_what_would_be_deleted_and_creates_no_job(org: Org) -> None:
    filled(org, "A", "B", "C")
    org.sandbox.control.forget_requests()
    messages = version(1, "C", "D")
    messages.insert(3, {**tombstone("D"), "version": 1})
    run = org.load(messages[0], tombstone("A"), *messages[1:], **MIRROR, dry_run=True)
    assert run.code == 0, run.log
    jobs = [r.path for r in org.sandbox.requests if r.method == "POST" and "/jobs/" in r.path]
    assert jobs == []
    assert names(org) == ["A", "B", "C"]
    folder = run.output / "dry-run"
    files = {path.name: path.read_text("utf-8") for path in folder.glob("*.csv")}
    ids = {row["Name"]: row["Id"] for row in org.query("SELECT Id, Name FROM Account")}
    assert sorted(files) == [
        "Account-0001.csv",
        "Account.marked-0001.csv",
        "Account.marked-0002.csv",
        "Account.missing-0001.csv",
    ]
    deletes = [text.replace('"', "").splitlines() for text in files.values()]
    assert ["Id", ids["A"]] in deletes
    assert ["Id", "new record D"] in deletes
    assert files["Account.missing-0001.csv"].replace('"', "").splitlines() == ["Id", ids["B"]]
    told = "would send 5 rows in 4 jobs, 3 of them deletes (1 that the source no longer has), 0"
    assert told in run.log


def test_a_dry_run_ends_with_an_error_where_the_cap_would_not_hold(org: Org) -> None:
    filled(org, "A", "B", "C")
    run = org.load(*version(1, "C"), **{**MIRROR, "delete_cap": 1}, dry_run=True)
    assert run.code == 1
    assert "2 of the 3 records of Account that the mirror covers would be deleted" in run.reason
    assert names(org) == ["A", "B", "C"]


def test_a_mirror_needs_the_right_to_delete_and_a_key_of_the_source(org: Org) -> None:
    run = org.load(*version(1, "A"), operation="mirror", external_id="Id")
    assert run.code == 1
    assert "not the record's Id" in run.reason


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"operation": "mirror"}, "external_id is missing: operation mirror needs it"),
        ({**MIRROR, "delete_cap": "many"}, "delete_cap must be a count"),
        ({**MIRROR, "delete_cap": "101%"}, "delete_cap must be a count"),
        (
            {**MIRROR, "operation": "upsert", "streams": {"Account": {"where": "Name = 'A'"}}},
            "streams, Account: where is not used by upsert",
        ),
        (
            {**MIRROR, "streams": {"Account": {"new_only": True}}},
            "streams, Account: new_only is not used by mirror",
        ),
        (
            {**MIRROR, "streams": {"Account": {"delete_cap": "x"}}},
            "streams, Account: delete_cap must be a count",
        ),
    ],
)
def test_settings_that_contradict_a_mirror_are_problems(
    org: Org, settings: dict[str, Any], problem: str
) -> None:
    run = org.load(*version(1, "A"), **settings)
    assert run.code == 1
    assert problem in run.log
    assert org.sandbox.requests == []


def test_an_upsert_says_that_it_ignores_versions(org: Org) -> None:
    filled(org, "A", "B")
    run = org.load(*version(1, "B"), operation="upsert", external_id="Ext_Id__c")
    assert run.code == 0
    assert names(org) == ["A", "B"]
    assert "only if the operation is mirror" in run.log
    assert json.loads(run.stdout) == {"version": 1}

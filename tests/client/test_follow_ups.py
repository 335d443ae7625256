"""Rows that are sent again: after a lock, after an abort, and after their parent has come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, Operation, RowStatus, Salesforce
from sfbulk.load import Detail, FileLimits, RecordKey, Row
from sfbulk.load.group import BufferLimits

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock

LOCK = "UNABLE_TO_LOCK_ROW"
FORTY = [{"Name": f"Many {number:03d}", "Site": 'a "b"\nc'} for number in range(40)]


def names(sandbox: Sandbox) -> list[str]:
    found = sandbox.org.query("SELECT Name FROM Account WHERE Name LIKE 'Many%'")
    return sorted(str(row[0]) for row in found.rows())


def jobs(sandbox: Sandbox) -> list[str]:
    """The API of each ingest job that was created, in order."""
    return [
        "2.0" if call.path.endswith("/jobs/ingest") else "1.0"
        for call in sandbox.requests
        if call.method == "POST" and re.search(r"/jobs/ingest$|/async/[0-9.]+/job$", call.path)
    ]


@pytest.mark.parametrize("detail", ["summary", "outcomes"])
def test_locked_rows_are_sent_again_in_a_smaller_job(
    sandbox: Sandbox, sf: Salesforce, detail: str
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, rows=[3, 17, 40], attempts=1)
    if detail == "summary":
        summary = sf.insert("Account", FORTY)
        assert (summary.succeeded, summary.failed, len(summary.job_ids)) == (40, 0, 2)
    else:
        outcomes = list(sf.load("Account", Operation.INSERT, FORTY))
        assert [one.number for one in outcomes] == list(range(1, 41))
        assert all(one.success for one in outcomes)
    assert jobs(sandbox) == ["2.0", "2.0"]
    assert names(sandbox) == [one["Name"] for one in FORTY]


def test_rows_that_stay_locked_are_sent_by_a_serial_job_at_last(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many 016"}, attempts=3)
    summary = sf.insert("Account", FORTY)
    assert (summary.succeeded, summary.failed) == (40, 0)
    assert jobs(sandbox) == ["2.0", "2.0", "2.0", "1.0"]
    assert sf.bulk1.job(summary.job_ids[-1]).info.concurrency_mode == "Serial"


def test_each_follow_up_comes_after_a_longer_pause(
    sandbox: Sandbox, sf: Salesforce, clock: FakeClock
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many 016"})
    sf.insert("Account", FORTY)
    assert [pause for pause in clock.slept if pause >= 1] == [1, 4, 16]


def test_other_files_do_not_wait_for_the_pause_of_a_follow_up(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many 0"}, attempts=1)
    group = sf.load_group(jobs_in_flight=1)
    loader = sf.loader(
        "Account", Operation.INSERT, tmp_path, group=group, limits=FileLimits(100_000, rows=1)
    )
    for number in range(3):
        loader.add(number + 1, Row(("Name",), (f"Many {number}",)))
    group.drain()
    settled = [outcome.file.numbers[0] for outcome in loader.settled()]
    # The first one, whose row is locked once, ends last.
    assert settled == [1, 2, 3, 1]


def test_a_row_that_is_always_locked_is_reported_after_four_attempts(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many 016"})
    summary = sf.insert("Account", FORTY)
    assert (summary.succeeded, summary.failed) == (39, 1)
    assert [(one.number, one.error and one.error.code) for one in summary.failures] == [(17, LOCK)]
    assert len(jobs(sandbox)) == 4


def test_a_row_that_breaks_a_rule_is_sent_once(sandbox: Sandbox, sf: Salesforce) -> None:
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    sandbox.control.add_fault(kind="row_error", code=code, rows=[3])
    assert sf.insert("Account", FORTY).failed == 1
    assert len(jobs(sandbox)) == 1


def test_a_lock_that_a_trigger_met_passes_too(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(
        kind="row_error",
        code="CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        message="T: execution of AfterInsert caused by: first error: UNABLE_TO_LOCK_ROW, unable",
        rows=[3],
        attempts=1,
    )
    assert sf.insert("Account", FORTY).succeeded == 40


def test_what_an_aborted_job_did_not_process_is_sent_again(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="job_aborted", after_rows=10)
    summary = sf.insert("Account", FORTY)
    assert (summary.succeeded, summary.unprocessed, len(summary.job_ids)) == (40, 0, 2)
    assert names(sandbox) == [one["Name"] for one in FORTY]


def test_a_load_whose_jobs_are_always_aborted_ends(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(kind="job_aborted", times=None)
    statuses = {one.status for one in sf.load("Account", Operation.INSERT, FORTY)}
    assert statuses == {RowStatus.UNPROCESSED}
    assert jobs(sandbox) == ["2.0", "2.0", "2.0", "1.0"]


@pytest.mark.parametrize("limits", [FileLimits(10_000, rows=15), FileLimits(400)])
def test_more_rows_than_one_batch_may_have_are_several_batches_of_the_serial_job(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch, limits: FileLimits
) -> None:
    monkeypatch.setattr("sfbulk.load.loader.SERIAL_LIMITS", limits)
    sandbox.control.add_fault(kind="job_aborted", times=3)
    records = [{"Ext_Id__c": one["Name"], **one} for one in FORTY]
    records.append({**records[0], "Name": "Many later"})
    outcomes = list(sf.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c"))
    assert [(one.number, one.status.value) for one in outcomes] == [
        (number, "succeeded") for number in range(1, 42)
    ]
    assert jobs(sandbox) == ["2.0", "2.0", "2.0", "1.0", "2.0"]
    batches = [one for one in sandbox.requests if re.search(r"/batch$", one.path)]
    assert len([one for one in batches if one.method == "POST"]) >= 3
    # The later version of the first record was loaded after all batches.
    assert names(sandbox) == sorted([one["Name"] for one in FORTY[1:]] + ["Many later"])


def test_a_later_version_waits_until_the_earlier_one_was_sent_again(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many old"}, attempts=1)
    records = [{"Ext_Id__c": "k", "Name": f"Many {name}"} for name in ("old", "new")]
    assert sf.upsert("Account", records, external_id="Ext_Id__c").succeeded == 2
    assert len(jobs(sandbox)) == 3
    assert names(sandbox) == ["Many new"]


def test_each_record_has_an_outcome_if_later_ones_replace_it(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records = [{"Ext_Id__c": "k", "Name": f"Many {n}"} for n in range(5)]
    outcomes = list(sf.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c"))
    assert [(one.number, one.status.value, one.is_reject) for one in outcomes] == [
        (1, "succeeded", False),
        *((number, "replaced", False) for number in (2, 3, 4)),
        (5, "succeeded", False),
    ]
    assert names(sandbox) == ["Many 4"]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert (summary.succeeded, summary.replaced, summary.failures) == (2, 3, [])


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_record_that_replaced_an_earlier_one_has_one_outcome_after_follow_ups(
    sandbox: Sandbox, sf: Salesforce, attempts: int
) -> None:
    sandbox.control.add_fault(
        kind="row_error", code=LOCK, where={"Name": "Many 4"}, attempts=attempts
    )
    records = [{"Ext_Id__c": "k", "Name": f"Many {n}"} for n in range(5)]
    outcomes = list(sf.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c"))
    statuses = ["succeeded", "replaced", "replaced", "replaced", "succeeded"]
    assert [(one.number, one.status.value) for one in outcomes] == list(enumerate(statuses, 1))
    assert len(jobs(sandbox)) == 2 + attempts


def test_records_that_later_ones_replace_are_unprocessed_if_those_are_not_sent(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    body = '[{"errorCode": "FEATURENOTENABLED", "message": "Async API not enabled"}]'
    sandbox.control.add_fault(kind="answer", path="*/jobs/ingest", status=403, body=body)
    records = [{"Ext_Id__c": "k", "Name": f"Many {n}"} for n in range(5)]
    load = sf.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c")
    seen = [next(load) for _ in records]
    assert [one.number for one in seen] == [1, 2, 3, 4, 5]
    assert {one.status for one in seen} == {RowStatus.UNPROCESSED}
    with pytest.raises(ApiError, match="Async API not enabled"):
        next(load)


def test_a_child_may_come_before_its_parent(sandbox: Sandbox, sf: Salesforce) -> None:
    chain = [
        {
            "Ext_Id__c": f"k{n}",
            "Name": f"Many {n}",
            "Parent.Ext_Id__c": f"k{n + 1}" if n < 5 else "",
        }
        for n in range(6)
    ]
    outcomes = list(sf.load("Account", Operation.UPSERT, chain, external_id="Ext_Id__c"))
    assert [one.status for one in outcomes] == [RowStatus.SUCCEEDED] * 6
    found = sandbox.org.query("SELECT Name FROM Account WHERE Parent.Name LIKE 'Many%'")
    assert found.total() == 5


def account(key: str, parent: str, name: str = "Many") -> dict[str, Any]:
    return {"Ext_Id__c": key, "Name": name, "Parent.Ext_Id__c": parent}


def parents(sandbox: Sandbox) -> dict[str, str | None]:
    """Of each account, by its external id, the external id of its parent."""
    found = sandbox.org.query(
        "SELECT Ext_Id__c, Parent.Ext_Id__c FROM Account WHERE Ext_Id__c != null"
    )
    return {str(row[0]): None if row[1] is None else str(row[1]) for row in found.rows()}


@pytest.mark.parametrize("api", ["2.0", "1.0"])
def test_new_records_that_refer_to_each_other_are_loaded_with_their_lookups(
    sandbox: Sandbox, sf: Salesforce, api: str
) -> None:
    before = parents(sandbox)
    front = sf if api == "2.0" else sf.bulk1
    records = [account("a", "B"), account("b", "c"), account("c", "a"), account("d", "a")]
    outcomes = list(front.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c"))
    assert [(one.number, one.success, one.created) for one in outcomes] == [
        (number, True, True) for number in (1, 2, 3, 4)
    ]
    assert parents(sandbox) == before | {"a": "b", "b": "c", "c": "a", "d": "a"}


def test_a_cycle_counts_each_record_once(sf: Salesforce) -> None:
    records = [account("a", "b"), account("b", "a"), account("c", "")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert (summary.succeeded, summary.failed, summary.unprocessed) == (3, 0, 0)


def test_a_cycle_is_rejected_if_the_org_refuses_the_job_that_creates_its_records(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    body = {"exceptionCode": "FeatureNotEnabled", "exceptionMessage": "no"}
    sandbox.control.add_fault(
        kind="answer", method="POST", path="*/async/*/job", status=400, body=body
    )
    records = [account("a", "b"), account("b", "a"), account("c", "")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert [one.number for one in summary.failures] == [1, 2]
    assert [one.error and one.error.code for one in summary.failures] == ["INVALID_FIELD"] * 2
    assert jobs(sandbox).count("1.0") == 1


def test_a_long_chain_needs_few_jobs(sandbox: Sandbox, sf: Salesforce) -> None:
    records = [account(f"k{n}", f"k{n + 1}" if n < 29 else "") for n in range(30)]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert summary.succeeded == 30
    assert len(jobs(sandbox)) <= 6
    assert parents(sandbox).items() >= {f"k{n}": f"k{n + 1}" for n in range(29)}.items()


def test_records_that_need_a_parent_that_never_comes_are_not_created(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    """Also not those that need one of them; a cycle beside them is loaded."""
    records = [account("x", "y"), account("y", "nobody"), account("a", "b"), account("b", "a")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert [one.number for one in summary.failures] == [1, 2]
    assert summary.succeeded == 2
    assert not parents(sandbox).keys() & {"x", "y"}


def test_a_row_of_a_cycle_that_breaks_a_rule_is_reported_with_those_that_need_it(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records = [account("a", "b"), account("b", "a", name="x" * 300)]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert [one.number for one in summary.failures] == [1, 2]
    assert "b" not in parents(sandbox)


def test_a_later_version_of_a_record_of_a_cycle_is_loaded_last(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records = [account("a", "b", "Many old"), account("b", "a"), account("a", "b", "Many new")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert summary.succeeded == 3
    assert names(sandbox) == ["Many", "Many new"]
    assert parents(sandbox).items() >= {"a": "b", "b": "a"}.items()


def test_records_of_a_cycle_that_only_new_records_may_join_stay_rejected(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    """Their whole rows would be skipped, since the records would exist by then."""
    records = [account("a", "b"), account("b", "a")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c", new_only=True)
    assert (summary.failed, summary.skipped) == (2, 0)
    assert not parents(sandbox).keys() & {"a", "b"}


def test_a_parent_that_is_not_found_is_recognised_in_any_language(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.set_behaviour(language="german")
    records = [account("a", "b"), account("b", "a"), account("c", "a"), account("x", "nobody")]
    records += [account("b b", "d"), account("d", "")]
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    assert [one.number for one in summary.failures] == [4]
    (reason,) = summary.failures[0].errors
    assert reason.message.startswith("Externe Fremdschlüssel-ID: nobody wurde")
    found = parents(sandbox)
    assert {key: found[key] for key in ("a", "b", "c", "b b")} == {
        "a": "b",
        "b": "a",
        "c": "a",
        "b b": "d",
    }


def test_a_parent_that_never_comes_is_reported_in_any_language_without_another_job(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.set_behaviour(language="german")
    summary = sf.insert("Contact", [{"LastName": "Lin", "Account.Ext_Id__c": "none"}])
    assert (summary.failed, len(jobs(sandbox))) == (1, 1)


def test_a_parent_that_never_comes_is_reported_without_another_job(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    summary = sf.insert("Contact", [{"LastName": "Lin", "Account.Ext_Id__c": "none"}])
    assert (summary.failed, len(jobs(sandbox))) == (1, 1)


def test_children_of_another_load_wait_for_parents_that_come_later(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    group = sf.load_group(more_objects=True)

    def loader(sobject: str) -> Any:
        folder = tmp_path / sobject
        folder.mkdir()
        return sf.loader(sobject, Operation.UPSERT, folder, group=group, external_id="Ext_Id__c")

    columns = ("Ext_Id__c", "LastName", "Account.Ext_Id__c")
    contacts = loader("Contact")
    contacts.add(1, Row(columns, ["c1", "Lin", "a1"]))
    contacts.add(2, Row(columns, ["c2", "Sol", "nobody"]))
    group.cut()
    while contacts.pending_rows and jobs(sandbox) == []:
        group.advance()
    accounts = loader("Account")
    accounts.add(1, Row(("Ext_Id__c", "Name"), ["a1", "Many"]))
    group.drain()
    (outcome,) = (one for one in contacts.settled() if one.rows)
    assert [row.number for row in outcome.rows] == [2]
    assert contacts.settled_to == 2
    found = sandbox.org.query("SELECT LastName, Account.Name FROM Contact WHERE Ext_Id__c = 'c1'")
    assert found.total() == 1


def test_a_row_does_not_wait_for_its_parent_when_the_buffer_is_full(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    """Otherwise a parent that never comes would stop the load, or fill the disk."""
    group = sf.load_group(more_objects=True)
    group._limits = BufferLimits(rows=10)
    contacts = sf.loader(
        "Contact",
        Operation.INSERT,
        tmp_path,
        group=group,
        detail=Detail.EVERY_ROW,
        limits=FileLimits(10_000, rows=2),
    )
    for number in range(1, 40):
        parent = "nobody" if number == 1 else ""
        contacts.add(number, Row(("LastName", "Account.Ext_Id__c"), [f"L{number}", parent]))
        group.advance()
    assert contacts.settled_to > 20
    first = next(row for one in contacts.settled() for row in one.rows if row.number == 1)
    assert first.status is RowStatus.FAILED
    group.drain()
    assert sandbox.org.query("SELECT Id FROM Contact WHERE LastName LIKE 'L%'").total() >= 38


@pytest.mark.parametrize("last_kept", [0, 1, 2])
def test_rows_that_wait_for_a_parent_can_be_dropped(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, last_kept: int
) -> None:
    group = sf.load_group()
    loader = sf.loader("Account", Operation.INSERT, tmp_path, group=group, detail=Detail.EVERY_ROW)
    columns = ("Name", "Ext_Id__c", "Parent.Ext_Id__c")
    loader.add(1, Row(columns, ["Many 1", "k1", "late"]))
    loader.add(2, Row(columns, ["Many 2", "k2", "late"]))
    group.cut()
    while group.due is not None:
        group.wait()
    assert (loader.pending_rows, names(sandbox)) == (2, [])
    assert loader.drop_after(last_kept) == 2 - last_kept
    loader.add(3, Row(columns, ["Many 3", "late", ""]))
    group.drain()
    assert names(sandbox) == [*(f"Many {n + 1}" for n in range(last_kept)), "Many 3"]
    loaded = [row.number for one in loader.settled() for row in one.rows]
    assert sorted(loaded) == [*range(1, last_kept + 1), 3]
    assert loader.pending_rows == 0


def test_a_row_that_was_sent_in_the_place_of_one_to_keep_is_not_dropped(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, where={"Name": "Many 4"}, attempts=1)
    group = sf.load_group()
    loader = sf.loader("Account", Operation.UPSERT, tmp_path, group=group, external_id="Ext_Id__c")
    for number in range(1, 5):
        cells = ["k", f"Many {number}"]
        key = RecordKey("account", "ext_id__c", "k")
        loader.add(number, Row(("Ext_Id__c", "Name"), cells, key))
    group.cut()
    while group.backlog.resume_at == float("inf"):
        group.wait()
    assert (names(sandbox), loader.settled_to) == (["Many 1"], 1)
    assert loader.drop_after(2) == 0
    assert loader.settled_to == 1
    group.drain()
    assert (names(sandbox), loader.settled_to) == (["Many 4"], 4)


@pytest.mark.parametrize("first_name", ["Many 1", "x" * 300])
def test_a_record_of_a_circle_is_created_by_the_version_that_is_sent(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, first_name: str
) -> None:
    group = sf.load_group()
    loader = sf.loader(
        "Account",
        Operation.UPSERT,
        tmp_path,
        group=group,
        external_id="Ext_Id__c",
        detail=Detail.EVERY_ROW,
    )
    columns = ("Ext_Id__c", "Name", "Parent.Ext_Id__c")
    a, b = (RecordKey("account", "ext_id__c", text) for text in "ab")
    loader.add(1, Row(columns, ["a", "Many a", "b"], a, after=(b,)))
    loader.add(2, Row(columns, ["b", first_name, "a"], b, after=(a,)))
    loader.add(3, Row(columns, ["b", "Many b", "a"], b, after=(a,)))
    group.drain()
    rows = {row.number: row for one in loader.settled() for row in one.rows}
    found = [(number, row.status.value, row.created) for number, row in sorted(rows.items())]
    assert found == [(1, "succeeded", True), (2, "replaced", False), (3, "succeeded", True)]
    assert names(sandbox) == ["Many a", "Many b"]


@pytest.mark.parametrize("last_kept", [0, 1, 2])
def test_rows_that_wait_to_be_sent_again_can_be_dropped(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, last_kept: int
) -> None:
    sandbox.control.add_fault(kind="row_error", code=LOCK, attempts=1)
    group = sf.load_group()
    loader = sf.loader("Account", Operation.INSERT, tmp_path, group=group)
    for number in (1, 2):
        loader.add(number, Row(("Name",), [f"Many {number}"]))
    group.cut()
    while group.backlog.resume_at == float("inf"):
        group.wait()
    assert (loader.pending_rows, names(sandbox)) == (2, [])
    assert loader.drop_after(last_kept) == 2 - last_kept
    group.drain()
    assert names(sandbox) == [f"Many {n + 1}" for n in range(last_kept)]
    assert loader.pending_rows == 0

"""Batches of one Bulk 2.0 job are worked on in parallel (guide: How Requests Are Processed)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.ingest_work import interleaved_chunks

if TYPE_CHECKING:
    from tests.sandbox_http.front_door import Org


def test_two_batches_take_turns_by_chunks_of_200() -> None:
    rows = [[str(number)] for number in range(20_450)]
    chunks = list(interleaved_chunks(iter(rows)))
    assert [int(chunk[0][0]) for chunk in chunks[:4]] == [0, 10_000, 200, 10_200]
    assert [int(chunk[0][0]) for chunk in chunks[-4:]] == [19_800, 20_000, 20_200, 20_400]
    assert {len(chunk) for chunk in chunks[:-1]} == {200}
    assert sorted(row for chunk in chunks for row in chunk) == sorted(rows)


def test_a_later_row_of_another_batch_may_be_applied_first(org: Org) -> None:
    """The last row of the first batch and the first of the second bear the same key."""
    keys = [f"K-{number}" for number in range(10_400)]
    keys[10_000] = keys[9_999]
    lines = [f"{key},row {number}" for number, key in enumerate(keys)]
    body = "\n".join(["Ext_Id__c,Name", *lines, ""]).encode()
    job = org.load("Account", "upsert", body, externalIdFieldName="Ext_Id__c")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (10_400, 0)
    soql = "SELECT Name FROM Account WHERE Ext_Id__c = 'K-9999'"
    answer = org.json("GET", "/query", params={"q": soql})
    assert [record["Name"] for record in answer["records"]] == ["row 9999"]


def test_rows_an_early_end_leaves_are_those_of_both_batches(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=500)
    lines = [f"row {number}" for number in range(10_300)]
    job = org.load("Account", "insert", "\n".join(["Name", *lines, ""]).encode())
    assert job["state"] == "Failed"
    saved = org.json("GET", "/query", params={"q": "SELECT Name FROM Account"})["records"]
    # Chunks of the first batch, the second, and half of one of the first again.
    done = {*range(200), *range(10_000, 10_200), *range(200, 300)}
    assert {record["Name"] for record in saved} == {f"row {number}" for number in done}
    left = org.results(job["id"], "unprocessedrecords").splitlines()[1:]
    assert sorted(left) == sorted(f'"row {n}"' for n in range(10_300) if n not in done)

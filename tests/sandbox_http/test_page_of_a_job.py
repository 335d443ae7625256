"""A job opened on the page: its settings, statement, times, rows and refused rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sandbox_bulk1.async_api import AsyncApi
from tests.sandbox_http.page_reader import block, facts, heads, page, table

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.hand_clock import HandClock
    from tests.sandbox_http.front_door import Org

EVIL = "<script>alert(1)</script>"


def opened(sandbox: Sandbox, job_id: str) -> str:
    return page(sandbox, f"/page/jobs/{job_id}")


def test_a_load_shows_its_settings_rows_and_refused_rows_with_their_reasons(org: Org) -> None:
    rows = b"Ext_Id__c|Name|NumberOfEmployees\nA-1|A|1\nA-2||2\nA-3|C|three\n"
    load = org.load(
        "Account", "upsert", rows, externalIdFieldName="Ext_Id__c", columnDelimiter="PIPE"
    )
    html = opened(org.sandbox, load["id"])
    assert facts(html, "settings") == {
        "jobType": "V2Ingest",
        "operation": "upsert",
        "object": "Account",
        "externalIdFieldName": "Ext_Id__c",
        "contentType": "CSV",
        "columnDelimiter": "PIPE",
        "lineEnding": "LF",
        "apiVersion": "68.0",
    }
    assert facts(html, "records") == {
        "Rows sent": "3",
        "Processed": "3",
        "Saved": "1",
        "Refused": "2",
    }
    assert heads(html, "refused") == ["Reason", "Ext_Id__c", "NumberOfEmployees", "Name"]
    refused = {cells[1]: cells for cells in table(html, "refused")}
    assert list(refused) == ["A-2", "A-3"]
    assert refused["A-2"][0].startswith("REQUIRED_FIELD_MISSING ")
    assert refused["A-2"][0].endswith("[Name]")
    assert "three" in refused["A-3"][0]
    assert refused["A-3"][2:] == ["three", "C"]


def test_of_many_refused_rows_the_first_50_are_shown(org: Org) -> None:
    rows = "Name,NumberOfEmployees\n" + "".join(f"A{number},x\n" for number in range(300))
    load = org.load("Account", "insert", rows.encode())
    html = opened(org.sandbox, load["id"])
    assert [cells[1] for cells in table(html, "refused")] == [f"A{number}" for number in range(50)]
    assert "The first 50 of 300." in html


def test_the_rows_that_a_job_left_are_counted(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", after_rows=1, message=f"Oh {EVIL}")
    load = org.load("Account", "insert", b"Name\nA\nB\nC\n")
    html = opened(org.sandbox, load["id"])
    assert facts(html, "records")["Not processed"] == "2"
    assert "Oh &lt;script&gt;" in html


def test_a_query_shows_its_statement_also_when_it_is_deleted(org: Org) -> None:
    soql = f"SELECT Id, Name FROM Account WHERE Name = '{EVIL}' AND Phone != '\"'"  # noqa: S608 - SOQL of a test
    job_id = org.run_query(soql)["id"]
    org.call("DELETE", f"/jobs/query/{job_id}")
    html = opened(org.sandbox, job_id)
    assert block(html, "statement") == soql
    assert "<script>alert" not in html
    assert '<span class="mark">deleted</span>' in html
    assert "Refused rows" not in html


def test_a_deleted_load_keeps_its_refused_rows(org: Org) -> None:
    job_id = org.load("Account", "insert", b"Name,NumberOfEmployees\nA,one\n")["id"]
    org.call("DELETE", f"/jobs/ingest/{job_id}")
    html = opened(org.sandbox, job_id[:15])
    assert table(html, "refused")[0][1:] == ["A", "one"]
    assert "Deleted" in facts(html, "times")


def test_it_shows_when_a_job_was_created_started_and_ended(
    timed_org: Org, clock: HandClock
) -> None:
    control = timed_org.sandbox.control
    control.hold_jobs()
    body = {"operation": "query", "query": "SELECT Id FROM User"}
    job_id = timed_org.json("POST", "/jobs/query", json=body)["id"]
    clock.pass_seconds(60)
    control.jobs_after_polls(2)
    for _ in range(2):
        timed_org.get(f"/jobs/query/{job_id}")
    running = opened(timed_org.sandbox, job_id)
    assert 'http-equiv="refresh"' in running
    clock.pass_seconds(5)
    timed_org.wait("query", job_id)
    html = opened(timed_org.sandbox, job_id)
    assert 'http-equiv="refresh"' not in html
    times = facts(html, "times")
    times.pop("Rows/s")
    assert times == {
        "Created": "2026-11-02 09:30:15",
        "Started": "2026-11-02 09:31:15",
        "Ended": "2026-11-02 09:31:20",
        "Processing": "5.00 s",
    }


def test_a_job_of_bulk_1_shows_its_batches_and_their_refused_rows(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox)
    job = api.job("insert", "Account")
    api.wait(api.add(job, "Name,NumberOfEmployees\nA,1\nB,two\n"))
    sandbox.control.add_fault(kind="job_failed", message="Timeout")
    api.wait(api.add(job, "Name\nC\n"))
    html = opened(sandbox, job.removeprefix("/job/"))
    assert facts(html, "settings")["jobType"] == "Classic"
    assert facts(html, "records")["Batches"] == "2 of 2 ended"
    first, second = table(html, "batches")
    assert (first[1:4], second[1:4]) == (["Completed", "2", "1"], ["Failed", "0", "0"])
    assert second[5] == "Timeout"
    (refused,) = table(html, "refused")
    assert refused[1:] == [first[0], "B", "two"]
    assert "two" in refused[0]
    api.session.close()


def test_a_query_of_bulk_1_shows_the_statement_of_each_batch(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox)
    job = api.job("query", "Account")
    soql = f"SELECT Id FROM Account WHERE Name != '{EVIL}'"  # noqa: S608 - SOQL of a test
    api.wait(api.add(job, soql))
    html = opened(sandbox, job.removeprefix("/job/"))
    assert table(html, "batches")[0][-1] == soql
    assert "<script>alert" not in html
    api.session.close()


def test_an_unknown_job_is_a_page_that_says_so(sandbox: Sandbox) -> None:
    html = page(sandbox, "/page/jobs/750X0000000000zIAA", status=404)
    assert "There is no job 750X0000000000zIAA" in html

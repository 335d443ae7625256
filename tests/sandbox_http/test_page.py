"""The page at `/`, over a socket: objects with row counts, jobs with state and progress."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING

from sfbulk_sandbox import Sandbox
from tests.sandbox_bulk1.async_api import AsyncApi
from tests.sandbox_http.page_reader import page, table

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hand_clock import HandClock
    from tests.sandbox_http.front_door import Org

QUERY = {"operation": "query", "query": "SELECT Id FROM User"}


def jobs(sandbox: Sandbox, name: str) -> dict[str, list[str]]:
    """Return the jobs of a table by id, without creation time, seconds and rows a second."""
    rows = table(page(sandbox), name)
    return {cells[0]: [*cells[2:9], cells[11]] for cells in rows}


def test_it_shows_objects_with_their_records(org: Org) -> None:
    body = "Name\n" + "".join(f"Account {number}\n" for number in range(1234))
    org.load("Account", "insert", body.encode())
    html = page(org.sandbox)
    objects = table(html, "objects")
    assert ["Account", "1,234"] in objects
    assert objects == sorted(objects)
    empty = re.search(r'<p id="empty">(.*?)</p>', html)
    assert empty is not None
    assert ">Contact</a>" in empty[1]
    assert ">Account</a>" not in empty[1]


def test_it_shows_jobs_with_state_and_progress_newest_first(org: Org) -> None:
    message = "InternalServerError : <later>"
    org.sandbox.control.add_fault(kind="job_failed", operation="update", message=message)
    load = org.load("Account", "insert", b"Name,NumberOfEmployees\nA,1\nB,two\n")["id"]
    failed = org.load("Account", "update", b"Id,Name\n001,A\n")["id"]
    query = org.run_query("SELECT Id FROM Account")["id"]
    waiting = org.open_load("Contact", "upsert", externalIdFieldName="Id")["id"]
    ended = jobs(org.sandbox, "ended")
    assert ended == {
        query: ["V2Query", "query", "Account", "JobComplete", "100%", "1", "0", ""],
        failed: ["V2Ingest", "update", "Account", "Failed", "", "0", "0", message],
        load: ["V2Ingest", "insert", "Account", "JobComplete", "100%", "2", "1", ""],
    }
    assert list(ended) == [query, failed, load]
    assert jobs(org.sandbox, "running") == {
        waiting: ["V2Ingest", "upsert", "Contact", "Open", "0%", "0", "0", ""],
    }


def test_an_aborted_load_shows_how_far_it_came(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_aborted", after_rows=1)
    job = org.load("Account", "insert", b"Name\nA\nB\nC\nD\n")["id"]
    assert jobs(org.sandbox, "ended")[job][3:6] == ["Aborted", "25%", "1"]


def test_jobs_of_bulk_1_show_their_batches(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox)
    job = api.job("insert", "Account")
    sandbox.control.add_fault(kind="job_failed", skip=1, message="Timeout")
    for names in ("A\nB", "C"):
        api.wait(api.add(job, f"Name\n{names}\n"))
    sandbox.control.hold_jobs()
    api.add(job, "Name\nD\n")
    job_id = job.removeprefix("/job/")
    shown = ["Classic", "insert", "Account", "Open", "67%", "2", "0", "2 of 3 batches: Timeout"]
    assert jobs(sandbox, "running") == {job_id: shown}
    api.change(job, "Closed")
    assert jobs(sandbox, "running")[job_id][3] == "Closed"
    sandbox.control.jobs_at_once()
    api.wait(api.add(api.job("insert", "Account"), "Name\nE\n"))
    assert jobs(sandbox, "ended")[job_id][4:] == ["100%", "3", "0", "3 of 3 batches: Timeout"]
    api.session.close()


def test_a_deleted_job_stays_visible(org: Org) -> None:
    query = org.run_query("SELECT Id FROM Account")["id"]
    load = org.load("Account", "insert", b"Name\nA\n")["id"]
    for kind, job in (("query", query), ("ingest", load)):
        assert org.call("DELETE", f"/jobs/{kind}/{job}").status_code == 204
        assert org.get(f"/jobs/{kind}/{job}").status_code == 404
    html = page(org.sandbox)
    assert html.count('<tr class="deleted">') == 2
    ended = jobs(org.sandbox, "ended")
    assert [(ended[job][3], ended[job][-1]) for job in (load, query)] == [
        ("JobComplete", "deleted"),
        ("JobComplete", "deleted"),
    ]
    org.sandbox.control.reset()
    assert jobs(org.sandbox, "ended") == {}


def test_it_shows_seconds_and_rows_a_second(timed_org: Org, clock: HandClock) -> None:
    timed_org.sandbox.control.hold_jobs()
    job = timed_org.json("POST", "/jobs/query", json=QUERY)["id"]
    assert times(timed_org.sandbox, "running") == [["", ""]]
    timed_org.sandbox.control.jobs_after_polls(5)
    for _ in range(2):
        timed_org.get(f"/jobs/query/{job}")
    clock.pass_seconds(65)
    assert times(timed_org.sandbox, "running") == [["1 min 05 s", ""]]
    timed_org.sandbox.control.jobs_at_once()
    timed_org.wait("query", job)
    assert times(timed_org.sandbox, "ended") == [["1 min 05 s", "0.015"]]


def times(sandbox: Sandbox, name: str) -> list[list[str]]:
    return [cells[9:11] for cells in table(page(sandbox), name)]


def test_one_thing_is_not_written_as_many(org: Org) -> None:
    org.run_query("SELECT Id FROM Account")
    org.sandbox.control.add_fault(kind="answer", path="/nowhere", status=503)
    text = " ".join(re.sub("<.*?>", " ", page(org.sandbox)).split())
    for words in ("0 jobs in progress", "1 job completed", "1 scripted fault"):
        assert f"{words} " in text


def test_it_needs_no_session_and_is_no_recorded_call(org: Org) -> None:
    org.sandbox.control.forget_requests()
    page(org.sandbox)
    assert org.sandbox.requests == []


def test_a_scripted_fault_passes_it_by(org: Org) -> None:
    org.sandbox.control.add_fault(kind="answer", path="*", status=503)
    page(org.sandbox)
    assert org.get("/limits").status_code == 503


def test_it_refreshes_itself_without_scripts(org: Org) -> None:
    html = page(org.sandbox)
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', html)
    assert "<script" not in html


def test_names_from_describes_are_escaped(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    fields = [{"name": "Id", "type": "id"}]
    document = {"name": name, "label": "x", "keyPrefix": "a78", "fields": fields}
    (tmp_path / "odd.json").write_text(json.dumps(document))
    with Sandbox(describe=tmp_path) as sandbox:
        html = page(sandbox)
    assert "<script" not in html
    assert f">{name}</a>" in unescape(html)

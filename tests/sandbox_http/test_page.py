"""The page at `/`, over a socket: objects with row counts, jobs with state and progress."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING

import requests

from sfbulk_sandbox import Sandbox
from tests.sandbox_bulk1.async_api import AsyncApi

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_http.front_door import Org


def page(sandbox: Sandbox) -> str:
    answer = requests.get(sandbox.url, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def table(html: str, name: str) -> list[list[str]]:
    """Return the cells of a table as a reader sees them; none when there is no such table."""
    found = re.search(rf'<table id="{name}".*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", found[1]) if found else []
    return [
        [
            unescape(re.sub("<.*?>", "", cell)).strip()
            for cell in re.findall(r"<td.*?>(.*?)</td>", row)
        ]
        for row in rows
    ]


def jobs(sandbox: Sandbox, name: str) -> dict[str, list[str]]:
    """Return the jobs of a table by id, without the time they were created."""
    return {cells[0]: cells[2:] for cells in table(page(sandbox), name)}


def test_it_shows_objects_with_their_records(org: Org) -> None:
    body = "Name\n" + "".join(f"Account {number}\n" for number in range(1234))
    org.load("Account", "insert", body.encode())
    html = page(org.sandbox)
    objects = table(html, "objects")
    assert ["Account", "1,234"] in objects
    assert objects == sorted(objects)
    empty = re.search(r'<p id="empty">(.*?)</p>', html)
    assert empty is not None
    assert "<span>Contact</span>" in empty[1]
    assert "<span>Account</span>" not in empty[1]


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
        failed: ["V2Ingest", "update", "Account", "Failed", "0%", "0", "0", message],
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
    assert f"<span>{name}</span>" in unescape(html)

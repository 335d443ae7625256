"""The page at `/`, over a socket: objects with row counts, jobs with state and progress."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING

import requests

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_http.front_door import Org


def page(sandbox: Sandbox) -> str:
    answer = requests.get(sandbox.url, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def table(html: str, name: str) -> list[list[str]]:
    found = re.search(rf'<table id="{name}">.*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    assert found is not None
    rows = re.findall(r"<tr>(.*?)</tr>", found[1])
    return [[unescape(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)] for row in rows]


def test_it_shows_objects_with_their_records(org: Org) -> None:
    body = "Name\n" + "".join(f"Account {number}\n" for number in range(1234))
    org.load("Account", "insert", body.encode())
    objects = table(page(org.sandbox), "objects")
    assert ["Account", "1,234"] in objects
    assert ["Contact", "0"] in objects
    # What has rows comes first.
    counts = [count for _, count in objects]
    assert counts.index("0") == len([count for count in counts if count != "0"])


def test_it_shows_jobs_with_state_and_progress_newest_first(org: Org) -> None:
    load = org.load("Account", "insert", b"Name,NumberOfEmployees\nA,1\nB,two\n")["id"]
    query = org.run_query("SELECT Id FROM Account")["id"]
    waiting = org.open_load("Contact", "upsert", externalIdFieldName="Id")["id"]
    jobs = {cells[0]: cells[1:6] for cells in table(page(org.sandbox), "jobs")}
    assert jobs == {
        load: ["V2Ingest", "insert", "Account", "JobComplete", "2 records processed, 1 failed"],
        query: ["V2Query", "query", "Account", "JobComplete", "1 records processed, 0 failed"],
        waiting: ["V2Ingest", "upsert", "Contact", "Open", "0 records processed, 0 failed"],
    }


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
    assert [name, "0"] in table(html, "objects")

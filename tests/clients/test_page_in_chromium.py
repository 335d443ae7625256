"""The page in a headless Chromium: what a reader sees and clicks, in wide and narrow windows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.clients.browser import Browser, browser
from tests.sandbox_bulk1.async_api import AsyncApi
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "<img src=x onerror=document.title='evil'>"
LONG = "An_Object_With_A_Name_That_Is_As_Long_As_The_Rules_Allow__c"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture
def busy_org(tmp_path: Path) -> Iterator[Org]:
    """An org with rows, a job in every state, and names that try to break the page."""
    for name, prefix in ((EVIL, "a78"), (LONG, "a79")):
        fields: list[dict[str, Any]] = [
            {"name": "Id", "type": "id"},
            {"name": "Name", "type": "string", "length": 80, "createable": True},
        ]
        document = {
            "name": name,
            "label": "x",
            "keyPrefix": prefix,
            "createable": True,
            "queryable": True,
            "fields": fields,
        }
        (tmp_path / f"{prefix}.json").write_text(json.dumps(document))
    with Sandbox(describe=tmp_path, sample=True) as sandbox:
        org = Org(sandbox)
        sandbox.control.seed({LONG: [{"Name": str(number)} for number in range(1234)]})
        org.load("Account", "insert", b"Name,NumberOfEmployees\nA,1\nB,two\n")
        org.run_query(f"SELECT Id FROM {LONG}")  # noqa: S608 - a constant
        sandbox.control.add_fault(kind="job_failed", after_rows=2, message=f"Oh {EVIL}")
        org.load("Contact", "insert", b"LastName\nA\nB\nC\n")
        sandbox.control.add_fault(kind="job_aborted", after_rows=1)
        org.load("Contact", "insert", b"LastName\nA\nB\nC\nD\n")
        org.open_load("Account", "upsert", externalIdFieldName="Ext_Id__c")
        api = AsyncApi(sandbox)
        batch = api.run(api.job("insert", "Account"), "Name\nA\n")
        sandbox.control.hold_jobs()
        api.add(batch.partition("/batch")[0], "Name\nB\n")
        yield org
        api.session.close()
        org.session.close()


def cells(window: Browser, table: str) -> list[list[str]]:
    found: list[list[str]] = window.run(
        f"return [...document.querySelectorAll('#{table} tbody tr')]"
        ".map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return found


def test_it_shows_objects_and_jobs(chromium: Browser, busy_org: Org) -> None:
    chromium.resize(1280, 900)
    chromium.open(busy_org.sandbox.url)
    assert [LONG, "1,234"] in cells(chromium, "objects")
    states = [(row[4], row[5], row[6]) for row in cells(chromium, "ended")]
    assert states == [
        ("Contact", "Aborted", "25%"),
        ("Contact", "Failed", "67%"),
        (LONG, "JobComplete", "100%"),
        ("Account", "JobComplete", "100%"),
    ]
    running = [(row[2], row[5], row[6], row[11]) for row in cells(chromium, "running")]
    assert running == [
        ("Classic", "Open", "50%", "1 of 2 batches"),
        ("V2Ingest", "Open", "0%", ""),
    ]
    # It looks again by itself, and no bar is empty for want of progress.
    assert chromium.run("return document.querySelector('meta[http-equiv=refresh]').content") == "5"
    assert chromium.run("return document.querySelectorAll('#ended progress').length") == 0


def test_a_job_is_opened_with_a_click(chromium: Browser, busy_org: Org) -> None:
    chromium.resize(1280, 900)
    chromium.open(busy_org.sandbox.url)
    chromium.follow("#ended tbody tr:last-child a")
    (refused,) = cells(chromium, "refused")
    assert refused[1:] == ["B", "two"]
    assert refused[0].startswith("INVALID_FIELD")
    chromium.follow(".brand")
    chromium.follow("#ended tbody tr:nth-child(3) a")
    assert LONG in chromium.run("return document.querySelector('#statement').innerText")


def test_jobs_are_held_and_released_with_clicks(chromium: Browser, busy_org: Org) -> None:
    chromium.open(busy_org.sandbox.url)
    chromium.follow(".strip button.main")
    chromium.open(busy_org.sandbox.url + "/page/control")
    chromium.follow("button[value=after_polls]")
    assert "after 5 polls" in chromium.run("return document.querySelector('#policy').innerText")
    chromium.run("document.querySelector('[name=amount]').value = '2.5'")
    chromium.follow("button[value=after_seconds]")
    assert "takes 2.5 seconds" in chromium.run("return document.querySelector('#policy').innerText")
    chromium.follow("#jobs .buttons form:first-child button")
    assert "until they are released" in chromium.run("return document.body.innerText")
    chromium.click("summary")
    chromium.follow("button.danger")
    chromium.open(busy_org.sandbox.url)
    assert cells(chromium, "ended") == []
    assert busy_org.sandbox.org.counts()[LONG] == 0


def test_a_statement_is_typed_and_answered(chromium: Browser, busy_org: Org) -> None:
    chromium.open(busy_org.sandbox.url + "/page/objects/Account")
    assert len(cells(chromium, "rows")) > 20
    chromium.follow("nav a[href='/page/query']")
    soql = "SELECT Name, NumberOfEmployees FROM Account WHERE Name = 'A' ORDER BY CreatedDate"
    chromium.type("#soql", soql)
    chromium.follow(".soql button")
    assert cells(chromium, "rows") == [["A", "1"], ["A", "null"]]
    chromium.type("#soql", " LIMIT x")
    chromium.follow(".soql button")
    assert "MALFORMED_QUERY" in chromium.run("return document.querySelector('.refusal').innerText")


def test_blocks_are_copied_with_a_click(chromium: Browser, busy_org: Org) -> None:
    chromium.open(busy_org.sandbox.url + "/page/connect")
    chromium.click("button[data-copy=python]")
    words = chromium.run(
        "return new Promise(done => setTimeout(() => done(document.querySelector("
        "'button[data-copy=python]').textContent), 300))"
    )
    assert words in ("Copied", "Selected")
    assert chromium.log() == []


def test_no_name_or_message_becomes_markup(chromium: Browser, busy_org: Org) -> None:
    chromium.open(busy_org.sandbox.url)
    images = "return [...document.images].map(it => it.src)"
    assert chromium.run(images) == [f"{busy_org.sandbox.url}/page/icon.svg"]
    assert chromium.run("return document.title") == "sfbulk-sandbox"
    text = chromium.run("return document.body.innerText")
    assert text.count(EVIL) == 2


PATHS = {
    "overview": "/",
    "load": "job",
    "object": "/page/objects/Account",
    "refusal": "/page/query?q=SELECT+Nam+FROM+Account",
    "rows": "/page/query?q=SELECT+FIELDS(ALL)+FROM+Contact+LIMIT+20",
    "connect": "/page/connect",
    "control": "/page/control",
}


@pytest.mark.parametrize("width", [420, 500, 1000, 1210, 1280])
@pytest.mark.parametrize("name", PATHS)
def test_nothing_stands_out_of_the_window(
    chromium: Browser, busy_org: Org, name: str, width: int, tmp_path: Path
) -> None:
    chromium.resize(width, 900)
    path = PATHS[name]
    if path == "job":
        jobs = busy_org.json("GET", "/jobs/ingest")["records"]
        path = f"/page/jobs/{jobs[0]['id']}"
    chromium.open(busy_org.sandbox.url + path)
    chromium.painted()
    inner, whole = chromium.run(
        "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert inner <= width
    assert whole <= inner
    # Blocks that scroll by themselves are left out, with what is in them.
    out = chromium.run(
        "return [...document.querySelectorAll('td, th, p, h1, h2, dd, .tile, button')].filter(it =>"
        " it.offsetParent && !it.closest('.wide') && it.scrollWidth > it.clientWidth + 1)"
        ".map(it => it.innerText)"
    )
    assert out == []
    chromium.screenshot(tmp_path / f"{name}-{width}.png")

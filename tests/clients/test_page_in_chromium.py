"""The page at `/` in a headless Chromium: what a reader sees, in wide and in narrow windows."""

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
    running = [(row[2], row[5], row[6], row[9]) for row in cells(chromium, "running")]
    assert running == [
        ("Classic", "Open", "50%", "1 of 2 batches"),
        ("V2Ingest", "Open", "0%", ""),
    ]
    # It looks again by itself.
    busy_org.sandbox.control.jobs_at_once()
    assert chromium.run("return document.querySelector('meta[http-equiv=refresh]').content") == "5"


def test_no_name_or_message_becomes_markup(chromium: Browser, busy_org: Org) -> None:
    chromium.open(busy_org.sandbox.url)
    assert chromium.run("return document.images.length") == 0
    assert chromium.run("return document.title") == "sfbulk-sandbox"
    text = chromium.run("return document.body.innerText")
    assert text.count(EVIL) == 2


@pytest.mark.parametrize("width", [500, 1000, 1210, 1280])
def test_nothing_stands_out_of_the_window(
    chromium: Browser, busy_org: Org, width: int, tmp_path: Path
) -> None:
    chromium.resize(width, 900)
    chromium.open(busy_org.sandbox.url)
    inner, whole = chromium.run(
        "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert inner <= width
    assert whole <= inner
    out = chromium.run(
        "return [...document.querySelectorAll('td, th, p, h1, h2')].filter(it => "
        "it.offsetParent && it.scrollWidth > it.clientWidth + 1).map(it => it.innerText)"
    )
    assert out == []
    chromium.screenshot(tmp_path / f"page-{width}.png")

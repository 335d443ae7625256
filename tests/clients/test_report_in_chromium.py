"""`report.html` of a run in a headless Chromium: nothing in it runs, and all of it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox
from tests.clients.browser import Browser, browser
from tests.target.support import Org, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

EVIL = "<img src=x onerror=document.title='evil'><script>document.title='evil'</script>"
LONG = "OneWordThatIsAsLongAsTheNameOfAStreamMayBe" * 3


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page of a run with values that try to break it."""
    with Sandbox() as sandbox:
        org = Org(sandbox, tmp_path_factory.mktemp("run"))
        run = org.load(
            schema(LONG, "Name", "NumberOfEmployees"),
            *(record(LONG, Name=f"{EVIL}{n}", NumberOfEmployees="x") for n in range(9)),
            record(LONG, Name="W" * 100_000, NumberOfEmployees=1),
            record(LONG, Name="\0\u202e\ud800 \u05e9\u05dc\u05d5\u05dd", NumberOfEmployees=1),
            record(LONG, Name="Good", NumberOfEmployees=1),
            state(done=1),
            streams={LONG: {"sobject": "Account", "operation": "insert"}},
            max_rejects="100%",
        )
        assert run.code == 0, run.log
        yield (run.output / "report.html").as_uri()


def test_nothing_in_the_page_runs_or_is_loaded(chromium: Browser, url: str) -> None:
    chromium.open(url)
    assert chromium.run("return document.title").startswith("target-sfbulk: Complete, with 11")
    assert chromium.run("return [document.images.length, document.scripts.length]") == [0, 0]
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    assert EVIL in chromium.run("return document.body.innerText")
    # The policy of the page lets its style apply, and no other one.
    style = "getComputedStyle(document.querySelector('rect.in'))"
    fill = chromium.run(f"return {style}.fill")
    assert fill not in ("", "rgb(0, 0, 0)")
    added = "const s = document.createElement('style'); s.textContent = 'rect.in {fill: red}';"
    assert chromium.run(f"{added} document.head.append(s); return {style}.fill") == fill


@pytest.mark.parametrize("width", [500, 1030, 1280])
def test_all_of_the_page_is_within_the_window(chromium: Browser, url: str, width: int) -> None:
    chromium.resize(width, 900)
    chromium.open(url)
    inner, whole = chromium.run(
        "return [document.documentElement.clientWidth, document.documentElement.scrollWidth]"
    )
    assert inner <= width
    assert whole <= inner
    out = chromium.run(
        "return [...document.querySelectorAll('td, th, p, dd, dt, h1, h2, .tile, .wide')].filter("
        "it => it.offsetParent && it.scrollWidth > it.clientWidth + 1).map(it => it.innerText)"
    )
    assert out == []


def test_the_bars_show_how_many_records_are_in(chromium: Browser, url: str) -> None:
    chromium.resize(1280, 900)
    chromium.open(url)
    whole, loaded, refused = chromium.run(
        "return ['ground', 'in', 'refused'].map(look => document.querySelector("
        "'svg.whole rect.' + look).getBoundingClientRect().width)"
    )
    assert loaded / whole == pytest.approx(1 / 12, abs=0.01)
    assert refused / whole == pytest.approx(11 / 12, abs=0.01)

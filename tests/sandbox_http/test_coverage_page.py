"""docs/sandbox-coverage.md beside the resources that the app really has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sfbulk_sandbox.app import App
from sfbulk_sandbox.behaviour import SWITCHES
from sfbulk_sandbox.clock import SYSTEM_CLOCK
from sfbulk_sandbox.http.recorder import CONTROL_PREFIX
from sfbulk_sandbox.open_org import OpenedOrg
from sfbulk_sandbox.org.org import Org

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sandbox-coverage.md"
GUIDE = ROOT / "docs" / "sandbox.md"
GRAMMAR = ROOT / "sfbulk_sandbox" / "soql" / "grammar.lark"
# Words inside a clause that is named itself.
INNER_WORDS = {"as", "by", "when", "then", "else", "end", "true", "false", "asc", "desc", "from"}
STATUSES = {"done", "assumed", "not done"}


def cells() -> list[list[str]]:
    """Return the cells of every row of the page's tables, heads and rules left out."""
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    split = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return [row for row in split if row[0] not in {"resource", "feature"}]


def documented() -> dict[str, set[str]]:
    """Return the methods of each path that the page calls done or assumed."""
    return {
        row[0].strip("`"): set(row[1].split(", "))
        for row in cells()
        if len(row) == 4 and row[0].startswith("`/") and row[2] != "not done"
    }


@pytest.fixture
def served(tmp_path: Path) -> dict[str, set[str]]:
    """The methods of each path of the app, what is unknown left out."""
    org = Org()
    app = App(OpenedOrg(org, 0, "", {}), clock=SYSTEM_CLOCK, folder=tmp_path, reload=org.reset)
    try:
        return {
            re.sub(r":path\}", "}", resource.path): {*resource.methods, *resource.streaming}
            for resource in app.resources()
            if "{rest:" not in resource.path
        }
    finally:
        app.close()
        org.close()


def test_the_page_names_every_resource_with_its_methods(served: dict[str, set[str]]) -> None:
    own = ("/services", "/id")
    assert documented() == {path: served[path] for path in served if path.startswith(own)}


def test_the_guide_names_every_call_of_the_control_plane(served: dict[str, set[str]]) -> None:
    calls = {
        f"`{method} {path.removeprefix(CONTROL_PREFIX)}`"
        for path, methods in served.items()
        if path.startswith(CONTROL_PREFIX)
        for method in methods
    }
    assert len(calls) > 15
    guide = GUIDE.read_text("utf-8")
    assert sorted(call for call in calls if call not in guide) == []


def test_the_page_names_every_word_of_the_grammar() -> None:
    terminals = re.findall(
        r"^_?[A-Z_]+\.2: /\(?([a-z|]+)\)?\\b/i$", GRAMMAR.read_text("utf-8"), re.MULTILINE
    )
    words = {word for terminal in terminals for word in terminal.split("|")} - INNER_WORDS
    assert len(words) > 20
    section = PAGE.read_text("utf-8").partition("## SOQL")[2].partition("## Objects")[0]
    named = set(re.findall(r"[a-z]+", section.lower()))
    assert sorted(words - named) == []


def test_every_row_of_the_page_has_one_of_three_words() -> None:
    rows = cells()
    assert len(rows) > 60
    assert [row for row in rows if row[-2] not in STATUSES] == []


def test_the_page_says_of_each_choice_of_a_switch_where_it_is_from() -> None:
    section = PAGE.read_text("utf-8").partition("## Where sources differ")[2].partition("## ")[0]
    named = dict(re.findall(r"^- `(\w+)`:(.*(?:\n  .*)*)", section, re.MULTILINE))
    assert list(named) == list(SWITCHES)
    # The two choices of a permission are the user's, not the sources'.
    permissions = {"hard_delete", "soap_login"}
    missing = {
        (name, choice)
        for name, choices in SWITCHES.items()
        for choice in choices
        if name not in permissions and f"`{choice}`" not in named[name]
    }
    assert missing == set()

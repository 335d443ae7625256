"""docs/sandbox-coverage.md beside the resources that the app really has."""

from __future__ import annotations

import re
from pathlib import Path

from sfbulk_sandbox.app import App
from sfbulk_sandbox.clock import SYSTEM_CLOCK
from sfbulk_sandbox.org import Org

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox-coverage.md"
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


def served(folder: Path) -> dict[str, set[str]]:
    """Return the methods of each path of the app, its own prefix and what is unknown left out."""
    org = Org()
    app = App(org, seed=0, clock=SYSTEM_CLOCK, folder=folder, reload=org.reset)
    try:
        return {
            re.sub(r":path\}", "}", resource.path): {*resource.methods, *resource.streaming}
            for resource in app.resources()
            if resource.path.startswith(("/services", "/id")) and "{rest:" not in resource.path
        }
    finally:
        app.close()
        org.close()


def test_the_page_names_every_resource_with_its_methods(tmp_path: Path) -> None:
    assert documented() == served(tmp_path)


def test_every_row_of_the_page_has_one_of_three_words() -> None:
    rows = cells()
    assert len(rows) > 60
    assert [row for row in rows if row[-2] not in STATUSES] == []

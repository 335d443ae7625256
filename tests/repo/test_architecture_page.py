"""docs/architecture.md draws the tree as it is: every room and module of every package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
PACKAGES = ("sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk", "sfbulk_sandbox")


def drawn(package: str) -> set[str]:
    """The names of the rooms in the package's block: a folder ends in `/`, a module in nothing."""
    found = re.search(rf"^```\n{package}/.*\n((?:  .*\n)*)```$", PAGE, re.MULTILINE)
    assert found, f"{package} has no block"
    return set(re.findall(r"^  (\w+/?) ", found[1], re.MULTILINE))


def rooms(package: str) -> set[str]:
    inside = list((ROOT / package).iterdir())
    folders = {f"{path.name}/" for path in inside if any(path.glob("*.py"))}
    data = {f"{path.name}/" for path in inside if path.name in {"data", "objects"}}
    modules = {path.stem for path in inside if path.suffix == ".py" and path.stem != "__init__"}
    return folders | data | modules


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_draws_every_room(package: str) -> None:
    assert drawn(package) == rooms(package)


def test_the_files_that_the_page_names_exist() -> None:
    named = set(re.findall(r"`((?:\w+/)+[\w.*]+)`", PAGE))
    assert len(named) > 10
    packages = (*PACKAGES, "docs", "tests", "hub", "demo", "benchmarks")
    for path in named:
        if path.split("/")[0] in packages:
            assert list(ROOT.glob(path)), path

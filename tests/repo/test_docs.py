"""The documentation is whole: each page is in the menu of the site, each link leads to a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import sfbulk

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# In the site they come from the repository's root: docs/hooks.py.
FROM_ROOT = {"index.md", "changelog.md", "contributing.md", "security.md", "license.md"}
AT_ROOT = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
PAGES = sorted(DOCS.rglob("*.md"))


def site() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    return read


def in_menu(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for item in entry.values() if isinstance(entry, dict) else [entry]:
            yield from [item] if isinstance(item, str) else in_menu(item)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", "", without_blocks(page.read_text("utf-8")))
    found: list[str] = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not link.startswith("https://")]


def anchors(page: Path) -> set[str]:
    """The anchors of headings, as GitHub and the site make them where both agree."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", title.lower()).strip() for title in titles)
    return {title.replace(" ", "-") for title in plain if "  " not in title}


def test_the_menu_has_every_page_once_and_no_other() -> None:
    menu = sorted(in_menu(site()["nav"]))
    there = {str(page.relative_to(DOCS)) for page in PAGES} | FROM_ROOT
    assert menu == sorted(there)


@pytest.mark.parametrize("page", [*AT_ROOT, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_heading(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_links_of_pages_stay_in_the_site() -> None:
    of_root = {f"../{page.name}" for page in AT_ROOT}
    for page in PAGES:
        outside = {
            name
            for name in (link.partition("#")[0] for link in links(page))
            if not (page.parent / name).resolve().is_relative_to(DOCS)
        }
        assert outside <= of_root, page.name


def test_the_list_of_decisions_has_every_decision_with_its_title() -> None:
    listing = (DOCS / "decisions" / "README.md").read_text("utf-8")
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", listing, re.MULTILINE)
    there = []
    for page in sorted((DOCS / "decisions").glob("0*.md")):
        titled = re.match(r"# (\d+)\. (.+)", page.read_text("utf-8"))
        assert titled, page.name
        there.append((*titled.groups(), page.name))
    assert listed == there


def test_the_python_reference_has_every_name_that_the_client_offers_once() -> None:
    named = re.findall(r"^::: sfbulk\.(\w+)$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(sfbulk.__all__)


@pytest.mark.parametrize("page", [*AT_ROOT, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_make_targets_of_a_page_exist(page: Path) -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert named <= set(targets)


@pytest.mark.parametrize("page", [*AT_ROOT, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_of_the_repository_that_a_page_names_exist(page: Path) -> None:
    tops = "tests|docs|demo|benchmarks|hub|sfbulk|tap_sfbulk|target_sfbulk|sfbulk_sandbox"
    named = re.findall(rf"`((?:{tops})/[\w./-]+)`", page.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_python_reference_shows_what_classes_inherit_from_classes_that_are_not_offered() -> (
    None
):
    shown = re.findall(
        r"^::: sfbulk\.(\w+)\n    options:\n      inherited_members: true$",
        (DOCS / "api.md").read_text("utf-8"),
        re.MULTILINE,
    )
    offered = {getattr(sfbulk, name) for name in sfbulk.__all__}
    needed = {
        one.__name__
        for one in offered
        for base in one.__mro__[1:]
        if base.__module__.startswith("sfbulk.") and base not in offered
        if not all(name.startswith("_") for name in vars(base))
    }
    assert set(shown) == needed

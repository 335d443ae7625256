"""Two pages name every package of others that the tests install, and its version."""

from __future__ import annotations

import re
from pathlib import Path

from tests.clients.installed import (
    JSFORCE,
    JSFORCE_NODE,
    PINNED,
    SALESFORCE_CLI,
    TAP_CSV,
    TARGET_PARQUET,
    pinned_version,
)
from tests.loaders.loaders import LOADERS
from tests.loaders.page import table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def named(page: str) -> set[tuple[str, str]]:
    text = (DOCS / page).read_text("utf-8")
    return set(re.findall(r"^\| `([^`]+)`[^|]*\| (\d\S*) \|", text, re.MULTILINE))


def test_the_pages_name_every_client_with_the_version_that_is_installed() -> None:
    installed = {pinned_version(file.stem) for file in PINNED.glob("*.txt")}
    for client, *_node in (JSFORCE, JSFORCE_NODE, SALESFORCE_CLI):
        name, _, version = client.rpartition("@")
        installed.add((name, version))
    for given in (TAP_CSV, TARGET_PARQUET):
        installed.add((given.name, given.version))
    assert named("sandbox-clients.md") | named("loaders.md") == installed


def test_the_tables_of_loaders_have_those_that_are_tested() -> None:
    tested = [loader.named for loader in LOADERS]
    assert list(table("What each loader keeps")) == tested
    assert list(table("With `use_singer_decimal`")) == tested

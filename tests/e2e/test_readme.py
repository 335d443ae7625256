"""The README's examples, run as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import ROOT

if TYPE_CHECKING:
    import pytest


def example(name: str) -> str:
    """The code of the README block marked `<!-- example: NAME -->`."""
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", text, re.DOTALL)
    assert found, f"README has no example {name}"
    return found.group(1)


def test_the_client_example_queries_and_upserts(capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox() as sandbox:
        before = sandbox.org.counts()
        names: dict[str, Any] = {
            "login_url": sandbox.url,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
        }
        exec(example("client"), names)  # noqa: S102 - the example is ours and is what is tested
        after = sandbox.org.counts()
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "1000 0 []"
    assert len(printed) > 5
    assert after["Contact"] - before["Contact"] == 1000


def test_the_sandbox_example_starts_an_org(capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("sandbox"), {})  # noqa: S102 - the example is ours and is what is tested
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")

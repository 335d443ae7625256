"""docs/sign-in.md tells of every flow, setting and login fault, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk.auth.flows import FLOWS
from sfbulk.auth.soap_login import _ADVICE
from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sign-in.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_every_flow_has_a_line_in_the_table_and_a_section() -> None:
    rows = dict(re.findall(r"^\| .* \| \[`(\w+)`\]\(#\1\) \| (.*) \|$", PAGE, re.MULTILINE))
    assert set(rows) == set(SECTIONS) == set(FLOWS)
    for name, flow in FLOWS.items():
        told = set(re.findall(r"`(\w+)`", rows[name]))
        assert set(flow.settings) == told - {"login_url"}, name


@pytest.mark.parametrize("code", sorted(_ADVICE))
def test_every_login_fault_is_told(code: str) -> None:
    assert f"`{code}`" in SECTIONS["soap_login"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_the_example_keeps_a_rotating_token_for_the_next_run(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = re.search(r"<!-- example: refresh token -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refresh-token.txt").write_text(sandbox.refresh_token)
    sandbox.control.rotate_refresh_tokens()
    for _ in range(2):
        names: dict[str, Any] = {"login_url": sandbox.url, "client_id": sandbox.client_id}
        exec(found.group(1), names)  # noqa: S102 - the example is ours and is what is tested

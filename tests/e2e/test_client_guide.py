"""The examples of docs/client.md, run in their order as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def examples() -> list[str]:
    text = (ROOT / "docs" / "client.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_every_example_of_the_guide_runs_and_does_what_it_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    blocks = examples()
    assert len(blocks) > 10
    printed = []
    with Sandbox() as sandbox:
        names: dict[str, Any] = {
            "settings": {
                "login_url": sandbox.url,
                "client_id": sandbox.client_id,
                "client_secret": sandbox.client_secret,
            },
            "folder": tmp_path,
            "account_key": next(
                key for (key,) in sandbox.org.query("SELECT Ext_Id__c FROM Account").rows() if key
            ),
        }
        people = sandbox.org.counts()["Contact"]
        for block in blocks:
            exec(block, names)  # noqa: S102 - the examples are ours and are what is tested
            printed.append(capsys.readouterr().out)
        names["sf"].close()
        after = sandbox.org.counts()["Contact"]
    told = "".join(printed)
    assert "250 0 0\n" in told
    assert "INVALID_FIELD ()\n" in told
    assert "REQUIRED_FIELD_MISSING ('LastName',)\n" in told
    assert "\n250\n" in told
    assert "1 succeeded 001" in told
    assert "2 failed None" in told
    assert "NotFound" in told
    assert "5 accounts uploaded\n" in told
    assert "2\n1\n" in told
    assert "1 ['NO_SUCH_RECORD']\n1\n" in told
    assert "100 0\n" in told
    # 250 came and went, two came as rows and one of them went, one came from a file, one of three
    # fitted, and 100 came with a journal.
    assert after == people + 103

"""The example of ten lines, run as it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sfbulk
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    import pytest

    from sfbulk_sandbox import Sandbox


def example(text: str) -> str:
    return text.split("```python\n")[1].split("```", maxsplit=1)[0]


def test_the_example_queries_and_upserts(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    code = example(sfbulk.__doc__ or "")
    assert len([line for line in code.splitlines() if line]) <= 10
    for printed, real in (
        ("https://example.my.salesforce.com", sandbox.url),
        ("client id", sandbox.client_id),
        ("client secret", sandbox.client_secret),
    ):
        assert printed in code
        code = code.replace(printed, real)
    exec(compile(code, "example", "exec"), {})  # noqa: S102 - running it is the test
    *rows, summary = capsys.readouterr().out.splitlines()
    assert sorted(row.partition(" ")[2] for row in rows) == ACCOUNTS
    assert summary == "1000 []"
    assert sandbox.org.counts()["Account"] == len(ACCOUNTS) + 1000

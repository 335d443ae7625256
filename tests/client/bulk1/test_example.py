"""The examples of `sfbulk.bulk1`, run as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk import bulk1
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    import pytest

    from sfbulk_sandbox import Sandbox


def test_the_examples_query_and_load(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    _, *examples = (bulk1.__doc__ or "").split("```python\n")
    assert len(examples) == 2
    names: dict[str, Any] = {}
    for example in examples:
        code = example.split("```", maxsplit=1)[0]
        for printed, real in (
            ("https://example.my.salesforce.com", sandbox.url),
            ("client id", sandbox.client_id),
            ("client secret", sandbox.client_secret),
        ):
            code = code.replace(printed, real)
        exec(compile(code, "example", "exec"), names)  # noqa: S102 - running it is the test
    *rows, created, refused, third = capsys.readouterr().out.splitlines()
    assert sorted(row.partition(" ")[2] for row in rows) == ACCOUNTS
    assert created.startswith("1 succeeded 001")
    assert refused.startswith("2 failed None RowError(code='REQUIRED_FIELD_MISSING'")
    assert third.endswith(" True None")
    assert sandbox.org.counts()["Account"] == len(ACCOUNTS) + 2

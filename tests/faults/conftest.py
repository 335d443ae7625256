"""Fixtures of the loops over faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox
from tests.faults.harness import Harness

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture
def harness(running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Harness:
    return Harness(running_sandbox, monkeypatch)

"""One empty org for the tests of a session, and the same org reset for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk.safe import forget_secrets
from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_runtest_setup() -> None:
    """Let no secret of another test hide a word of this one: they share a process."""
    forget_secrets()


@pytest.fixture(scope="session")
def empty_sandbox() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(empty_sandbox: Sandbox) -> Iterator[Sandbox]:
    # Tests that take the empty org itself leave what they did.
    empty_sandbox.control.reset()
    yield empty_sandbox
    empty_sandbox.control.reset()

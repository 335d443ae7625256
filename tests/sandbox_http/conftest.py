"""A sandbox over a real socket, and a signed-in session that knows its base URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def empty_sandbox() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(empty_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield empty_sandbox
    empty_sandbox.control.reset()


@pytest.fixture
def org(sandbox: Sandbox) -> Iterator[Org]:
    org = Org(sandbox)
    yield org
    org.session.close()

"""An empty org for each test of the target; one server for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox
from tests.target.support import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def empty_sandbox() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture
def org(empty_sandbox: Sandbox, tmp_path: Path) -> Org:
    empty_sandbox.control.reset()
    return Org(empty_sandbox, tmp_path)

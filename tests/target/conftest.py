"""An empty org for each test of the target; one server for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.support import Org

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


@pytest.fixture
def org(empty_sandbox: Sandbox, tmp_path: Path) -> Org:
    empty_sandbox.control.reset()
    return Org(empty_sandbox, tmp_path)

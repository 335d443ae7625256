"""The command `sfbulk` with an empty org for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.support import Command

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


@pytest.fixture
def command(sandbox: Sandbox, tmp_path: Path) -> Command:
    return Command(sandbox, tmp_path)

"""Fixtures of the end-to-end tests: Meltano plugins that are not ours, installed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import MELTANO, ROOT, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def target_duckdb() -> Path:
    """The published loader, in the environment that the project's Meltano makes for it."""
    done = run([MELTANO, "install", "--plugin-type", "loader", "target-duckdb"])
    assert done.returncode == 0, done.stdout.decode()[-4000:]
    return ROOT / ".meltano" / "loaders" / "target-duckdb" / "venv" / "bin" / "target-duckdb"

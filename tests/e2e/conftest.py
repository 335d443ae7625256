"""Fixtures of the end-to-end tests: Meltano plugins that are not ours, installed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import MELTANO, MELTANO_PROJECT, run
from tests.locks import alone

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def target_duckdb() -> Path:
    """The published loader, in the environment that the project's Meltano makes for it."""
    with alone(MELTANO_PROJECT):
        done = run([MELTANO, "install", "--plugin-type", "loader", "target-duckdb"])
    assert done.returncode == 0, done.stdout.decode()[-4000:]
    return MELTANO_PROJECT / "loaders" / "target-duckdb" / "venv" / "bin" / "target-duckdb"

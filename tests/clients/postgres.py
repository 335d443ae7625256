"""A PostgreSQL server of its own, from the environment of a loader that brings one."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path
from typing import Any

from typing_extensions import Self

from tests.clients.installed import without_python_settings


class Postgres:
    """A PostgreSQL server that ends with the block."""

    def __init__(self, commands: Path) -> None:
        self._process = subprocess.Popen(
            [commands / "python", Path(__file__).with_name("postgres_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=without_python_settings(),
        )
        self.url = self._line().replace("postgresql:", "postgresql+psycopg:", 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by column name."""
        return self.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names

    def execute(self, statement: str) -> list[dict[str, Any]]:
        """Run one statement on one line; the rows that it returns, if any."""
        assert self._process.stdin
        self._process.stdin.write(f"{statement}\n")
        self._process.stdin.flush()
        rows: list[dict[str, Any]] = pickle.loads(bytes.fromhex(self._line()))  # noqa: S301 - our own process
        return rows

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline().strip()
        assert line, "the PostgreSQL server did not start, or the query failed"
        return line

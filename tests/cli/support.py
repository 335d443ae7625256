"""Runs the command `sfbulk` against the sandbox, in forks of one warm process."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

import requests

from tests.e2e.commands import BIN, sign_in, write_json
from tests.faults.commands import forked
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended
    from tests.faults.kills import Kill

COMMAND = "sfbulk.cli.main:main"


@dataclass
class Command:
    """The command with the settings of one org, in one folder."""

    sandbox: Sandbox
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return write_json(self.folder / "config.json", sign_in(self.sandbox) | self.settings)

    def run(self, *arguments: str | Path, kill: Kill | None = None) -> Ended:
        """Run it to its end, or until it is killed; nobody waits for its pauses."""
        words = ["--config", str(self.config), *map(str, arguments)]
        return forked(COMMAND).run_line(self.folder, words, kill=kill, hurried=True)

    def lines(self, *arguments: str | Path) -> list[str]:
        """What it writes when it succeeds."""
        ended = self.run(*arguments)
        assert ended.code == 0, ended.log
        return [line.decode() for line in ended.messages]

    def json(self, *arguments: str | Path) -> Any:
        """The document that it writes when it succeeds."""
        return json.loads("\n".join(self.lines(*arguments, "--json")))

    def start(self, *arguments: str | Path, **files: Any) -> subprocess.Popen[bytes]:
        """Start it as a process of its own."""
        words = [BIN / "sfbulk", "--config", self.config, *arguments]
        return subprocess.Popen(words, **files)

    @contextmanager
    def on_terminal(self, *arguments: str | Path) -> Iterator[Terminal]:
        """Start it on a terminal; it must succeed."""
        with Terminal() as terminal:
            process = self.start(
                *arguments,
                stdout=terminal.end,
                stderr=terminal.end,
                env=terminal.environment,
            )
            terminal.hand_over()
            yield terminal
            assert process.wait(30) == 0

    def path(self, name: str) -> Path:
        return self.folder / name


def rest(sandbox: Sandbox, soql: str) -> list[dict[str, Any]]:
    """The records of a query by REST, without the client, by id; numbers are exact."""
    answer = requests.get(
        f"{sandbox.url}/services/data/v68.0/query",
        params={"q": soql},
        headers={"Authorization": f"Bearer {sandbox.access_token}"},
        timeout=30,
    )
    found: list[dict[str, Any]] = json.loads(answer.text, parse_float=Decimal)["records"]
    return sorted(found, key=lambda row: str(row["Id"]))


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = monotonic() + 30
    while not condition():
        assert monotonic() < end
        Event().wait(0.02)

"""Runs the command `sfbulk` against the sandbox, in forks of one warm process."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.e2e.commands import sign_in, write_json
from tests.faults.commands import forked

if TYPE_CHECKING:
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

    def path(self, name: str) -> Path:
        return self.folder / name

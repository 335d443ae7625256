"""A command `sf` on PATH that answers as the Salesforce CLI 2.146 was seen to answer."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DISPLAY, SHOW_TOKEN = "org display", "org auth show-access-token"
HIDDEN = "[REDACTED] Use 'sf org auth show-access-token' to view"

_SCRIPT = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.environ.get("FORCE_COLOR")]) + "\\n")
words = " ".join(word for word in sys.argv[1:] if not word.startswith("-"))
code, text = json.loads((here / "answers").read_text())[words]
sys.stdout.write(text)
sys.stderr.write("Warning: a newer version is available\\n")
sys.exit(code)
"""


class FakeCli:
    """The command; each of its subcommands gives one answer until it is given another."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._folder = folder
        self._answers: dict[str, tuple[int, str]] = {}
        command = folder / "sf"
        command.write_text(_SCRIPT.format(python=sys.executable))
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    @property
    def calls(self) -> list[list[str]]:
        lines = (self._folder / "calls").read_text().splitlines()
        return [json.loads(line)[0] for line in lines]

    @property
    def colours(self) -> set[str | None]:
        lines = (self._folder / "calls").read_text().splitlines()
        return {json.loads(line)[1] for line in lines}

    def answer(self, words: str, text: str, code: int = 0) -> None:
        self._answers[words] = (code, text)
        (self._folder / "answers").write_text(json.dumps(self._answers))

    def answer_with(self, words: str, **result: Any) -> None:
        self.answer(words, json.dumps({"status": 0, "result": result, "warnings": []}))

    def signed_in(self, url: str, token: str, status: str = "Connected") -> None:
        """Signed in to an org; the token is hidden in one answer and shown in the other."""
        self.answer_with(
            DISPLAY,
            id="00DX00000000001MAA",
            apiVersion="68.0",
            accessToken=HIDDEN,
            instanceUrl=f"{url}/",
            username="admin@example.com",
            connectedStatus=status,
            alias="mine",
        )
        self.answer_with(SHOW_TOKEN, accessToken=token)

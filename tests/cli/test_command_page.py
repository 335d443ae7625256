"""docs/command.md: its examples run as they stand, and it has every command and option."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import click
import pytest
import requests

from sfbulk.cli.commands import cli
from sfbulk_sandbox import Sandbox
from tests.cli.support import Command
from tests.e2e.commands import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "command.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = [line for block in EXAMPLES for line in block.splitlines() if line.startswith("sfbulk")]


def commands(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        path = (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path)
        else:
            yield path, command


ALL = list(commands(cli))


def words(line: str, folder: Path, job_id: str) -> list[str]:
    """The words of a command line up to a pipe or a redirection, with its files in a folder."""
    found = shlex.split(line.split(" > ", maxsplit=1)[0].split(" | ", maxsplit=1)[0])[1:]
    return [
        str(folder / word) if re.fullmatch(r"out|\w+\.(csv|jsonl|parquet|json)", word) else word
        for word in (job_id if word == "$JOB" else word for word in found)
    ]


def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("Ext_Id__c,LastName\nC-1,One\nC-2,Two\n", "utf-8")
    (tmp_path / "contacts.jsonl").write_text('{"Ext_Id__c":"C-1","Title":null}\n', "utf-8")
    with Sandbox() as sandbox:
        command, job_id = Command(sandbox, tmp_path), open_job(sandbox)
        for line in LINES:
            ended = command.run(*words(line, tmp_path, job_id))
            assert ended.code == 0, (line, ended.log)
            if "--json" in line:
                json.loads(b"\n".join(ended.messages))
    names = {path.name for path in tmp_path.iterdir()}
    assert {"accounts.csv", "accounts.jsonl", "accounts.parquet", "out", "dry-run"} <= names


def open_job(sandbox: Sandbox) -> str:
    answer = requests.post(
        f"{sandbox.url}/services/data/v68.0/jobs/ingest",
        json={"object": "Lead", "operation": "insert"},
        headers={"Authorization": f"Bearer {sandbox.access_token}"},
        timeout=30,
    )
    return str(answer.json()["id"])


@pytest.mark.parametrize(("path", "command"), ALL, ids=str)
def test_the_page_has_an_example_of_each_command(
    path: tuple[str, ...], command: click.Command
) -> None:
    del command
    words = " ".join(path)
    assert any(re.match(rf"sfbulk {words}( |$)", line) for line in LINES)


@pytest.mark.parametrize(("path", "command"), ALL, ids=str)
def test_the_page_names_each_option(path: tuple[str, ...], command: click.Command) -> None:
    del path
    options = [p.opts[-1] for p in command.params if isinstance(p, click.Option)]
    assert [name for name in options if name not in PAGE and name != "--output"] == []


def test_every_example_block_is_run() -> None:
    others = [line for block in EXAMPLES for line in block.splitlines() if line not in LINES]
    assert [line for line in others if line and not line.startswith("export SFBULK_")] == []

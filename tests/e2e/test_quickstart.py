"""The README's Meltano quickstart, run as it stands, and a cheap check that its blocks are valid.

The wheel of the checkout stands in for the release, and a local org for the user's.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import BIN, ROOT, succeed
from tests.e2e.meltano_shell import Shell, built_wheel
from tests.target.support import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

README = (ROOT / "README.md").read_text("utf-8")
SECTION = README.partition("\n## In a Meltano project\n")[2].partition("\n## ")[0]
COMMANDS = {"meltano", "cd", ".meltano/loaders/target-duckdb/venv/bin/python"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


def plugins() -> dict[str, dict[str, Any]]:
    (text,) = blocks("yaml")
    kinds = yaml.safe_load(text)["plugins"]
    return {plugin["name"]: plugin for kind in kinds.values() for plugin in kind}


@pytest.mark.parametrize("command", ["tap-sfbulk", "target-sfbulk"])
def test_the_plugins_of_the_quickstart_are_declared_as_they_are(command: str) -> None:
    about = json.loads(succeed([BIN / command, "--about", "--format=json"]))
    known = about["settings"]["properties"]
    plugin = plugins()[command]
    assert sorted(plugin["capabilities"]) == sorted(about["capabilities"])
    declared = {setting["name"]: setting for setting in plugin["settings"]}
    assert set(plugin["config"]) <= set(declared) <= set(known)
    assert {n for n, s in declared.items() if s.get("sensitive")} == {"client_secret"}


def test_the_plugins_of_the_quickstart_that_are_not_ours_are_those_of_the_demo() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]
    demo = {p["name"]: p.get("pip_url") for kind in project.values() for p in kind}
    for name in ("tap-jsonl", "target-duckdb"):
        assert plugins()[name]["pip_url"] == demo[name]


def test_the_lines_of_the_quickstart_are_commands_that_its_run_knows() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    commands = {line.split()[0] for line in lines if not line.startswith("print(")}
    assert commands == COMMANDS
    assert [json.loads(line) for line in blocks("json")[0].splitlines()]


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.timeout(900)
def test_the_quickstart_moves_rows_both_ways(org: Sandbox, tmp_path: Path) -> None:
    begin, out, look, into = blocks("sh")
    shell = Shell(tmp_path, org)
    shell(begin)
    shell.folder = project = tmp_path / "sync"
    release, wheel = "pip_url: sfbulk\n", f"pip_url: {built_wheel(tmp_path)}\n"
    with (project / "meltano.yml").open("a", encoding="utf-8") as file:
        file.write(blocks("yaml")[0].replace(release, wheel))

    before = org.org.counts()
    log = shell(out)
    assert "[error" not in log
    assert org.client_secret not in (project / "meltano.yml").read_text("utf-8")
    warehouse = project / "output" / "warehouse.duckdb"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for sobject in ("Account", "Contact"):
            table = f"salesforce.{sobject.lower()}"
            # Those in the recycle bin come too.
            rows = connection.sql(f"SELECT id FROM {table} WHERE NOT isdeleted").fetchall()  # noqa: S608 - our own names
            assert len(set(rows)) == len(rows) == before[sobject] > 10
    assert "name" in shell(look)

    accounts = [json.loads(line) for line in blocks("json")[0].splitlines()]
    (project / "accounts.jsonl").write_text(blocks("json")[0], encoding="utf-8")
    shell(into)
    keys = {row["account_key"]: (row["company"], row["phone"]) for row in accounts}
    loaded = {
        row["Ext_Id__c"]: (row["Name"], row["Phone"])
        for row in Org(org, tmp_path).query("SELECT Ext_Id__c, Name, Phone FROM Account")
        if row["Ext_Id__c"] in keys
    }
    assert loaded == keys

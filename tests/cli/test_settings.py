"""The settings of the command: a file, the environment, and what is wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sfbulk.cli.settings import read_settings
from sfbulk.errors import ConfigError
from tests.e2e.commands import BIN, run, sign_in, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = write_json(tmp_path / "config.json", {"client_id": "a", "client_secret": "b"})
    environment = {"SFBULK_CLIENT_ID": "c", "SFBULK_CLIENT_SECRET": "", "OTHER": "x"}
    assert read_settings(file, environment) == {"client_id": "c", "client_secret": "b"}


def test_the_file_of_a_connector_serves_too(tmp_path: Path) -> None:
    config = {"client_id": "a", "streams": {"Account": {}}, "start_date": "2026-01-01"}
    assert read_settings(write_json(tmp_path / "c.json", config), {}) == {"client_id": "a"}


def test_a_quota_from_the_environment_is_a_number() -> None:
    found = read_settings(None, {"SFBULK_CLIENT_ID": "a", "SFBULK_QUOTA_PERCENT_TOTAL": "80"})
    assert found["quota_percent_total"] == 80


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"client_secret": s3cret}', "is not JSON: see line 1, column 19"),
        ('["s3cret"]', "must be a JSON object"),
        ('{"job_timeout": ' + "1" * 5000 + "}", "a number of thousands of digits"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"client_secrets": "s3cret"}', "did you mean `client_secret`?"),
        ("{}", "There are no settings to sign in with"),
    ],
)
def test_a_wrong_file_is_an_error_that_quotes_no_secret(
    tmp_path: Path, text: str, problem: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as raised:
        read_settings(file, {})
    assert problem in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_wrong_variable_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"`SFBULK_CLIENTID`.*did you mean `SFBULK_CLIENT_ID`"):
        read_settings(None, {"SFBULK_CLIENTID": "a"})


def test_the_command_signs_in_with_the_environment_alone(sandbox: Sandbox) -> None:
    variables = {f"SFBULK_{k.upper()}": v for k, v in sign_in(sandbox).items()}
    ended = run([BIN / "sfbulk", "check", "--json"], env=variables)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["instance_url"] == sandbox.url


def test_help_needs_no_heavy_module() -> None:
    program = (
        "import sys\n"
        "from sfbulk.cli.commands import cli\n"
        "try:\n"
        "    cli.main(['check', '--help'])\n"
        "finally:\n"
        "    heavy = {'polars', 'jwt', 'requests', 'rich', 'sfbulk.client', 'sfbulk.bulk1'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stderr.splitlines()[-1] == "[]"
    assert "Usage" in ended.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_the_command_is_imported_is_one_line(name: str) -> None:
    program = (
        "import os, signal, sys\n"
        "from sfbulk.cli.main import main\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'sfbulk.cli.commands':\n"
        f"            os.kill(os.getpid(), signal.{name})\n"
        "sys.meta_path.insert(0, Finder())\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.endswith(f"{name}: stopped while starting. Nothing was read or written.")

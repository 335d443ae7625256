"""What both commands do alike with their settings and files, tried with each of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMANDS = ("tap-sfbulk", "target-sfbulk")
SECRET = "do-not-show-me"


def refused(command: str, config: bytes, folder: Path) -> str:
    """The last ERROR line of a command with this file as its `--config`."""
    path = folder / "config.json"
    path.write_bytes(config)
    done = subprocess.run(
        [Path(sys.executable).parent / command, "--config", path],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    log = done.stderr.decode()
    assert done.returncode == 1, log
    assert done.stdout == b""
    assert "Traceback" not in log
    assert SECRET not in log
    return [line for line in log.splitlines() if "| ERROR " in line][-1]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (f"{SECRET}: [".encode(), "is not JSON"),
        (f'["{SECRET}"]'.encode(), "is not a JSON object"),
        (f'{{"password": "{SECRET}'.encode() + b'\xff"}', "is not UTF-8"),
    ],
)
def test_a_config_file_that_cannot_be_read_is_named(
    command: str, config: bytes, problem: str, tmp_path: Path
) -> None:
    reason = refused(command, config, tmp_path)
    assert f"--config {tmp_path / 'config.json'} {problem}" in reason


@pytest.mark.parametrize("command", COMMANDS)
def test_a_spool_folder_that_cannot_be_written_is_named_before_any_request(
    command: str, tmp_path: Path
) -> None:
    config = {"instance_url": "http://127.0.0.1:1", "access_token": "t", "spool_dir": "/proc"}
    reason = refused(command, json.dumps({**config, "operation": "insert"}).encode(), tmp_path)
    assert "spool_dir: /proc cannot be written (" in reason


@pytest.mark.parametrize("command", COMMANDS)
def test_all_problems_of_the_settings_are_on_the_last_error_line(
    command: str, tmp_path: Path
) -> None:
    config: dict[str, Any] = {
        "login_url": "http://127.0.0.1:1",
        "client_id": "app",
        "client_secret": [SECRET],
        "api_version": "68",
        "spool_dir": str(tmp_path / "nowhere"),
        "stream_options": 1,
        "operation": "merge",
    }
    reason = refused(command, json.dumps(config).encode(), tmp_path)
    own = "stream_options" if command == "tap-sfbulk" else "'merge' is not one of"
    for problem in (
        "client_secret",
        'api_version must look like "68.0"',
        f"spool_dir: there is no folder {tmp_path / 'nowhere'}.",
        own,
    ):
        assert problem in reason

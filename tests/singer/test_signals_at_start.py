"""A signal that arrives while a command starts ends it with a reason, never with a traceback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("tap-sfbulk", "target-sfbulk")
# The command's own entry point; it sends itself a signal when a module is imported, or when a
# function is called or returns.
PROGRAM = """
import os, signal, sys
from importlib.metadata import entry_points
(entry,) = entry_points(group="console_scripts", name=sys.argv[1])
main = entry.load()
moment, signum = sys.argv[2], int(sys.argv[3])
class Imports:
    def find_spec(self, name, *_):
        if moment == f"import {name}":
            os.kill(os.getpid(), signum)
def calls(frame, event, _):
    if moment == f"{event} {frame.f_code.co_name}":
        os.kill(os.getpid(), signum)
if moment.startswith("import"):
    sys.meta_path.insert(0, Imports())
else:
    sys.setprofile(calls)
sys.argv = [sys.argv[1], *sys.argv[4:]]
main()
"""
MOMENTS = (
    "import singer_sdk",
    "import requests",
    "import sfbulk.quota",
    "import {room}.settings",
    "call _validate_config",
    "call _setup_signal_handlers",
    "return _setup_signal_handlers",
)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_signal_while_a_command_starts_is_its_reason(
    command: str, moment: str, tmp_path: Path
) -> None:
    signum = signal.SIGTERM if MOMENTS.index(moment) % 2 else signal.SIGINT
    # Nobody listens there, so that a command that went on would have another reason.
    config = {"instance_url": "http://127.0.0.1:1", "access_token": "t"}
    config |= {"operation": "insert"} if command == "target-sfbulk" else {}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    when = moment.format(room=command.replace("-", "_"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, command, when, str(int(signum)), "--config", path],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    (reason,) = [line for line in done.stderr.splitlines() if "| ERROR " in line]
    assert signum.name in reason
    assert done.stdout == ""

"""The client is imported and works without what only POSIX systems have.

No other system is at hand, so a process hides these modules and functions from our code. Libraries
are imported before: they have their own ways.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDE = """
import importlib, json, os, pkgutil, select, signal, sqlite3, subprocess, sys, tempfile
import filelock, msgspec, jwt, polars, requests, rich.live, singer_sdk, singer_sdk.testing
import singer_sdk.contrib.msgspec

for name in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
ONLY_POSIX = {
    os: ("fork", "getuid", "kill", "killpg", "mkfifo", "pread", "pwrite",
         "register_at_fork", "O_NOFOLLOW", "statvfs", "sysconf", "wait"),
    select: ("poll", "epoll"),
    signal: ("SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "pthread_kill", "pthread_sigmask",
             "setitimer", "sigwait"),
}
for module, names in ONLY_POSIX.items():
    for name in names:
        vars(module).pop(name, None)
"""
IMPORT = """
for room in sys.argv[1].split():
    package = importlib.import_module(room)
    for each in pkgutil.walk_packages(package.__path__, room + "."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
"""
USE = """
from pathlib import Path
from sfbulk import Salesforce

settings, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
with Salesforce.from_settings(settings) as org:
    rows = ({"LastName": f"Person {n}"} for n in range(3))
    done = org.insert("Contact", rows, journal=folder / "journal.sqlite")
    soql = "SELECT LastName FROM Contact WHERE LastName LIKE 'Person %'"
    names = sorted(row["LastName"] for row in org.query(soql))
print(json.dumps([done.succeeded, names]))
"""

COMMAND = """
from sfbulk.cli.main import main

main()
"""


def run(script: str, *words: str) -> str:
    command = [sys.executable, "-c", HIDE + script, *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("room", ["sfbulk", "sfbulk_singer", "tap_sfbulk", "target_sfbulk"])
def test_every_module_is_imported_without_what_only_posix_has(room: str) -> None:
    run(IMPORT, room)


def test_the_client_queries_and_loads_with_a_journal_without_what_only_posix_has(
    org: Sandbox, tmp_path: Path
) -> None:
    token = tmp_path / "refresh-token"
    token.write_text(org.refresh_token)
    settings = {
        "login_url": org.url,
        "client_id": org.client_id,
        "client_secret": org.client_secret,
        "refresh_token_path": str(token),
    }
    answer = json.loads(run(USE, json.dumps(settings), str(tmp_path)))
    assert answer == [3, ["Person 0", "Person 1", "Person 2"]]


def test_the_command_works_without_what_only_posix_has(org: Sandbox, tmp_path: Path) -> None:
    names = ("login_url", "client_id", "client_secret")
    values = (org.url, org.client_id, org.client_secret)
    config = tmp_path / "config.json"
    config.write_text(json.dumps(dict(zip(names, values, strict=True))))
    people = tmp_path / "people.csv"
    people.write_text("LastName\nPerson 1\nPerson 2\n")
    soql, out = "SELECT LastName FROM Contact WHERE LastName LIKE 'Person %'", tmp_path / "out.csv"
    commands = [
        ["check", "Contact"],
        ["load", str(people), "--sobject", "Contact", "--operation", "insert"],
        ["query", soql, "-o", str(out)],
        ["jobs", "list"],
    ]
    for command in commands:
        run(COMMAND, "--config", str(config), *command)
    assert sorted(out.read_text().splitlines()) == ['"LastName"', '"Person 1"', '"Person 2"']

"""`sfbulk-sandbox serve` as its own process: the ready line, signals, bad folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTENING = "0A"
COMMAND = [str(Path(sys.executable).parent / "sfbulk-sandbox")]
KEYS = [
    "url",
    "access_token",
    "client_id",
    "client_secret",
    "refresh_token",
    "username",
    "password",
    "security_token",
    "control_url",
]


@contextmanager
def served(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `serve` with a temporary folder of its own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*COMMAND, "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    line: dict[str, str] = json.loads(process.stdout.readline())
    return line


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_prints_one_ready_line_and_a_signal_ends_it_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    with served(tmp_path) as process:
        line = ready(process)
        assert list(line) == KEYS
        headers = {"Authorization": f"Bearer {line['access_token']}"}
        query = "/services/data/v68.0/query?q=SELECT+COUNT()+FROM+Account"
        answer = requests.get(line["url"] + query, headers=headers, timeout=30)
        assert answer.json()["totalSize"] > 0
        assert requests.get(line["control_url"] + "/requests", timeout=30).status_code == 200
        assert line["url"].startswith("http://127.0.0.1:")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    page = f"{line['url']}/"
    assert out == ""
    assert err == f"sfbulk-sandbox: ready; look at the org in a browser: {page} (Ctrl-C ends it)\n"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_serve_loads_the_rows_it_is_given(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "Account.csv").write_text("Name,Ext_Id__c\nAcme,A-1\n")
    with served(tmp_path, "--data", str(data)) as process:
        line = ready(process)
        headers = {"Authorization": f"Bearer {line['access_token']}"}
        path = "/services/data/v68.0/sobjects/Account/Ext_Id__c/A-1"
        record = requests.get(line["url"] + path, headers=headers, timeout=30).json()
    assert record["Name"] == "Acme"


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks at Linux's list of sockets")
def test_nothing_makes_it_listen_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "UVICORN_HOST", "UVICORN_FD", "BIND"):
        monkeypatch.setenv(name, "0.0.0.0")  # noqa: S104 - it must be passed over
    with served(tmp_path) as process:
        port = int(ready(process)["url"].rpartition(":")[2])
        sockets = [
            line.split()[1]
            for table in ("tcp", "tcp6")
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            if line.split()[3] == LISTENING
        ]
    assert [one for one in sockets if one.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_serve_has_the_credentials_of_its_seed(tmp_path: Path) -> None:
    with Sandbox(sample=False, seed=3) as sandbox, served(tmp_path, "--seed", "3") as process:
        line = ready(process)
        same = {name for name in KEYS if line[name] == sandbox.ready_line()[name]}
    assert same == set(KEYS) - {"url", "control_url"}


def test_a_data_folder_with_an_unknown_field_is_one_message_and_exit_code_1(
    tmp_path: Path,
) -> None:
    data, temporary = tmp_path / "data", tmp_path / "temporary"
    data.mkdir()
    temporary.mkdir(exist_ok=True)
    (data / "Account.csv").write_text("Name,Foo__c\nAcme,1\n")
    result = run("serve", "--data", str(data), TMPDIR=str(temporary))
    assert list(temporary.iterdir()) == []
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("sfbulk-sandbox: ")
    assert "Account.csv" in result.stderr
    assert "Foo__c" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--data", "no/such/folder"],
        ["--describe", "no/such/folder"],
        ["--port", "99999"],
        ["--port", "x"],
        ["--host", "0.0.0.0"],  # noqa: S104 - it must be refused
        ["--host=::"],
        ["--bind", "0.0.0.0"],  # noqa: S104 - it must be refused
        ["--port", "0.0.0.0:80"],
        ["--uds", "socket"],
    ],
)
def test_an_option_that_cannot_be_is_named_with_exit_code_1(arguments: list[str]) -> None:
    result = run("serve", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert arguments[0].partition("=")[0] in result.stderr
    assert "Traceback" not in result.stderr


def test_a_describe_folder_that_describes_nothing_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "Account.json").write_text("{")
    result = run("serve", "--describe", str(tmp_path))
    assert (result.returncode, result.stdout) == (1, "")
    assert "Account.json" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run("serve", "--port", port)
    assert (result.returncode, result.stdout) == (1, "")
    assert "in use" in result.stderr
    assert port in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "sfbulk-sandbox: give a command: `sfbulk-sandbox serve`"),
        (
            ["serve", "--prot", "1"],
            "sfbulk-sandbox serve: unknown option --prot (did you mean --port?)",
        ),
        (["load", "rows", "--db", "x", "more"], "sfbulk-sandbox load: unknown argument more"),
        (["describe", "Acount"], "there is no object Acount (did you mean Account?)"),
        (["srve"], "choose from"),
    ],
)
def test_a_mistake_is_named_with_what_was_meant(arguments: list[str], words: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert words in result.stderr


def test_it_says_its_version() -> None:
    assert run("--version").stdout == f"sfbulk-sandbox {version('sfbulk')}\n"


def test_help_teaches() -> None:
    result = run("serve", "--help")
    assert result.returncode == 0
    for word in ("--db", "--describe", "access_token", "/faults", "examples:"):
        assert word in result.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="the examples use curl")
def test_the_control_calls_of_the_help_work_as_they_stand(tmp_path: Path) -> None:
    calls = [line for line in run("serve", "--help").stdout.splitlines() if "  curl " in line]
    assert len(calls) == 5
    with served(tmp_path) as process:
        environment = {**os.environ, "control_url": ready(process)["control_url"]}
        for call in calls:
            command = call.replace("curl", "curl --fail --silent --show-error")
            done = subprocess.run(  # noqa: S602 - the help's own line
                command, shell=True, env=environment, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), call

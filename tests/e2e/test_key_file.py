"""A command reads the file that holds its private key once, however often its settings are used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.client.keys import RSA_KEY, pem, public_pem
from tests.e2e.commands import BIN, run, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Python imports this module at its start, before any of ours.
WATCH = """
import os, sys

record = os.open(os.environ["OPENS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def watch(event, arguments):
    if event == "open" and str(arguments[0]) == os.environ["WATCHED"]:
        os.write(record, b"opened\\n")

sys.addaudithook(watch)
"""
LEAD = [
    {
        "type": "SCHEMA",
        "stream": "Lead",
        "schema": {"properties": {"LastName": {"type": "string"}, "Company": {"type": "string"}}},
        "key_properties": [],
    },
    {"type": "RECORD", "stream": "Lead", "record": {"LastName": "Lee", "Company": "Acme"}},
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.control.register_jwt_key(public_pem(RSA_KEY))
        yield sandbox


@pytest.mark.parametrize(
    ("command", "options", "settings", "messages"),
    [
        ("tap-sfbulk", ["--discover"], {"streams_to_discover": ["Account"]}, []),
        ("tap-sfbulk", [], {"streams_to_discover": ["Account"]}, []),
        ("target-sfbulk", [], {"operation": "insert"}, LEAD),
    ],
    ids=["discovery", "tap", "target"],
)
def test_the_key_file_is_opened_once(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    sandbox: Sandbox,
    tmp_path: Path,
    command: str,
    options: list[str],
    settings: dict[str, Any],
    messages: list[dict[str, Any]],
) -> None:
    key, opens = tmp_path / "key.pem", tmp_path / "opens"
    key.write_text(pem(RSA_KEY))
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    sign_in = {
        "login_url": sandbox.url,
        "client_id": sandbox.client_id,
        "username": sandbox.username,
        "private_key_path": str(key),
    }
    more = {"output_dir": str(tmp_path / "output")} if command == "target-sfbulk" else {}
    config = write_json(tmp_path / "config.json", {**sign_in, **settings, **more})
    done = run(
        [BIN / command, "--config", config, *options],
        stdin=b"".join(json.dumps(message).encode() + b"\n" for message in messages),
        env={"PYTHONPATH": str(tmp_path), "WATCHED": str(key), "OPENS": str(opens)},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert any(request.path == "/services/oauth2/token" for request in sandbox.requests)
    assert opens.read_text().splitlines() == ["opened"]

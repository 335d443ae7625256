"""Every sign-in flow, through the tap's and the target's commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.client.fake_cli import FakeCli
from tests.client.keys import RSA_KEY, pem, public_pem
from tests.e2e.commands import BIN, messages, run, write_json

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

EXPIRED = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
CONTACT = [
    {
        "type": "SCHEMA",
        "stream": "Contact",
        "schema": {"properties": {"LastName": {"type": "string"}}},
        "key_properties": [],
    },
    {"type": "RECORD", "stream": "Contact", "record": {"LastName": "Signed in"}},
    {"type": "STATE", "value": {"done": 1}},
]
FLOWS = (
    "access_token",
    "client_credentials",
    "jwt_bearer",
    "jwt_bearer from a file",
    "refresh_token",
    "refresh_token from a file",
    "salesforce_cli",
    "soap_login",
    "oauth_password",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.control.register_jwt_key(public_pem(RSA_KEY))
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.control.reset()
    return running


@pytest.fixture
def settings(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, Any]]:
    """The settings of each flow."""
    FakeCli(tmp_path / "bin", monkeypatch).signed_in(sandbox.url, sandbox.access_token)
    key, token = tmp_path / "key.pem", tmp_path / "refresh-token"
    key.write_text(pem(RSA_KEY, passphrase="open sesame"))
    token.write_text(sandbox.refresh_token)
    app = {"login_url": sandbox.url, "client_id": sandbox.client_id}
    user = {"login_url": sandbox.url, "username": sandbox.username}
    password = user | {"password": sandbox.password, "security_token": sandbox.security_token}
    return {
        "access_token": {"instance_url": sandbox.url, "access_token": sandbox.access_token},
        "client_credentials": app | {"client_secret": sandbox.client_secret},
        "jwt_bearer": app | user | {"private_key": pem(RSA_KEY).replace("\n", "\\n")},
        "jwt_bearer from a file": app
        | user
        | {"private_key_path": str(key), "private_key_passphrase": "open sesame"},
        "refresh_token": app | {"refresh_token": sandbox.refresh_token},
        "refresh_token from a file": app | {"refresh_token_path": str(token)},
        "salesforce_cli": {"sf_org": "mine"},
        "soap_login": password,
        "oauth_password": app | password,
    }


def tap(folder: Path, given: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    more = {"streams_to_discover": ["Account"], "include_deleted": False}
    config = write_json(folder / "tap.json", {**given, **more})
    return run([BIN / "tap-sfbulk", "--config", config])


def target(folder: Path, given: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    more = {"operation": "insert", "output_dir": str(folder / "output")}
    config = write_json(folder / "target.json", {**given, **more})
    lines = b"".join(json.dumps(message).encode() + b"\n" for message in CONTACT)
    return run([BIN / "target-sfbulk", "--config", config], stdin=lines)


def secrets_in(text: bytes, given: dict[str, Any]) -> list[str]:
    shown = {"login_url", "instance_url", "client_id", "username", "sf_org"}
    shown |= {"private_key_path", "refresh_token_path"}
    return [n for n, value in given.items() if n not in shown and value.encode() in text]


@pytest.mark.parametrize("flow", FLOWS)
def test_the_tap_reads_and_the_target_loads_by_each_flow(
    sandbox: Sandbox, settings: dict[str, dict[str, Any]], flow: str, tmp_path: Path
) -> None:
    before = sandbox.org.counts()
    read = tap(tmp_path, settings[flow])
    assert read.returncode == 0, read.stderr.decode()
    assert len(messages(read.stdout, "RECORD")) == before["Account"]
    loaded = target(tmp_path, settings[flow])
    assert loaded.returncode == 0, loaded.stderr.decode()
    assert sandbox.org.counts()["Contact"] == before["Contact"] + 1
    log = read.stderr + loaded.stderr
    assert secrets_in(log, settings[flow]) == []
    # One a command, and none after SOAP login() is gone.
    assert log.count(b"1 June 2027") == (2 if flow == "soap_login" else 0)


def test_a_session_that_ends_in_mid_run_is_renewed(
    sandbox: Sandbox, settings: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/query*", status=401, body=EXPIRED)
    read = tap(tmp_path, settings["jwt_bearer"])
    assert read.returncode == 0, read.stderr.decode()
    assert len(messages(read.stdout, "RECORD")) == sandbox.org.counts()["Account"]
    assert sum(r.path == "/services/oauth2/token" for r in sandbox.requests) == 2


def test_rotating_refresh_tokens_serve_run_after_run_from_a_file(
    sandbox: Sandbox, settings: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox.control.rotate_refresh_tokens()
    given = settings["refresh_token from a file"]
    for command in (tap, target, tap):
        done = command(tmp_path, given)
        assert done.returncode == 0, done.stderr.decode()
        kept = (tmp_path / "refresh-token").read_text().strip()
        assert kept == sandbox.refresh_token
        assert kept.encode() not in done.stderr


def test_a_rotated_refresh_token_in_the_settings_is_reported_and_then_refused(
    sandbox: Sandbox, settings: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    sandbox.control.rotate_refresh_tokens()
    given = settings["refresh_token"]
    first, second = tap(tmp_path, given), tap(tmp_path, given)
    assert first.returncode == 0
    assert b"refresh_token is no longer valid" in first.stderr
    assert second.returncode == 1
    last = second.stderr.decode().splitlines()[-1]
    assert "expired access/refresh token" in last
    assert "use refresh_token_path" in last
    assert secrets_in(first.stderr + second.stderr, given) == []


@pytest.mark.parametrize("command", [tap, target])
def test_all_that_is_wrong_is_named_before_any_request(
    sandbox: Sandbox, settings: dict[str, dict[str, Any]], command: Any, tmp_path: Path
) -> None:
    wrong: dict[str, Any] = {"private_key": "not-a-key", "api_version": "68"}
    wrong |= {"instance_url": "acme.example", "quota_percent_total": 0}
    done = command(tmp_path, settings["jwt_bearer"] | wrong)
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    for part in (
        "instance_url must be a URL",
        "api_version must look",
        "private_key is not a private key",
        "quota_percent_total must be a percentage",
    ):
        assert part in last
    assert last.count("quota_percent_total") == 1
    assert "not-a-key" not in done.stderr.decode()
    assert sandbox.requests == []


@pytest.mark.parametrize("command", [tap, target])
def test_a_refusal_is_the_last_line_with_what_to_do(
    settings: dict[str, dict[str, Any]], command: Any, tmp_path: Path
) -> None:
    done = command(tmp_path, settings["soap_login"] | {"password": "wr0ng"})
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert "INVALID_LOGIN" in last
    assert "lock the user out" in last
    assert b"wr0ng" not in done.stderr

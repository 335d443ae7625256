"""Sign-in settings: which flow follows, and every problem named before any request."""

from __future__ import annotations

from typing import Any

import pytest

from sfbulk import ConfigError, Salesforce
from sfbulk.settings import SIGN_IN_SETTINGS, credentials_problems, parse_settings

TOKEN = {"instance_url": "https://acme.my.salesforce.com", "access_token": "00D!t"}
APP = {"login_url": "https://acme.my.salesforce.com", "client_id": "id", "client_secret": "shh"}
REFRESH = {"client_id": "id", "client_secret": "shh", "refresh_token": "r"}


@pytest.mark.parametrize(
    ("settings", "flow"),
    [
        (TOKEN, "access_token"),
        (APP, "client_credentials"),
        (REFRESH, "refresh_token"),
        (APP | REFRESH | {"auth_flow": "client_credentials"}, "client_credentials"),
        (APP | TOKEN | {"auth_flow": "access_token"}, "access_token"),
        (APP | {"access_token": "", "refresh_token": None}, "client_credentials"),
        (APP | {"instance_url": "https://acme.my.salesforce.com"}, "client_credentials"),
    ],
)
def test_the_flow_follows_from_what_is_given(settings: dict[str, Any], flow: str) -> None:
    assert credentials_problems(settings) == []
    assert parse_settings(settings).credentials.flow == flow


def test_defaults_are_production_and_the_current_version() -> None:
    parsed = parse_settings(REFRESH)
    assert parsed.credentials.login_url == "https://login.salesforce.com"
    assert parsed.api_version == "68.0"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "missing"),
        ({"client_id": "id"}, "client_secret for client_credentials"),
        ({"access_token": "t"}, "instance_url for access_token"),
        (APP | TOKEN, "set auth_flow"),
        (APP | {"access_token": "t"}, "instance_url for access_token"),
        (APP | {"auth_flow": "saml"}, "saml"),
        (APP | {"auth_flow": "refresh_token"}, "refresh_token_path missing"),
        ({"client_id": "id", "client_secret": "s"}, "My Domain"),
        (TOKEN | {"api_version": "68"}, '"68.0"'),
        (TOKEN | {"api_version": "v68.0"}, "v68.0"),
        (TOKEN | {"api_version": "46.0"}, "47.0"),
        (TOKEN | {"api_version": 68.0}, 'Write "68.0"'),
        (TOKEN | {"access_token": "00D!t\n"}, "access_token holds a space, a line break"),
        (TOKEN | {"client_id": ["x"]}, "client_id must be text"),
        (TOKEN | {"instance_url": "http://acme.my.salesforce.com"}, "https"),
        (TOKEN | {"instance_url": "acme.my.salesforce.com"}, "must be a URL"),
        (TOKEN | {"instance_url": "https://acme.my.salesforce.com/x?y"}, "host only"),
        (TOKEN | {"instance_url": "https://u:p@acme.my.salesforce.com"}, "host only"),
        (TOKEN | {"instance_url": "https://acme:port"}, "no URL"),
        (TOKEN | {"login_url": "http://10.0.0.1"}, "https"),
        (TOKEN | {"login_url": "http://localhost.evil.example"}, "https"),
    ],
)
def test_a_problem_is_named(settings: dict[str, Any], named: str) -> None:
    problems = credentials_problems(settings)
    assert len(problems) == 1
    assert named in problems[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "https://x.example/"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    assert credentials_problems(TOKEN | {"instance_url": url}) == []


def test_all_problems_are_named_at_once_and_no_secret_is_shown() -> None:
    settings = {
        "login_url": "ftp://x",
        "api_version": "nine",
        "client_secret": "very-secret",
        "auth_flow": "refresh_token",
    }
    with pytest.raises(ConfigError) as caught:
        Salesforce.from_settings(settings)
    assert len(caught.value.problems) == 3
    for name in ("login_url", "api_version", "client_id, refresh_token or refresh_token_path"):
        assert name in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_secrets_do_not_show_in_a_repr() -> None:
    shown = repr(parse_settings(REFRESH | {"client_secret": "hidden1", "refresh_token": "hidden2"}))
    assert "hidden" not in shown


def test_every_setting_the_client_reads_is_listed() -> None:
    given = dict.fromkeys(SIGN_IN_SETTINGS, 1)
    assert [p.split()[0] for p in credentials_problems(given)][: len(given)] == list(given)

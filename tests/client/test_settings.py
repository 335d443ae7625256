"""Sign-in settings: which flow follows, and every problem named before any request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import ConfigError, Salesforce
from sfbulk.auth.credentials import RefreshTokenCredentials
from sfbulk.auth.flows import FLOWS
from sfbulk.settings import SECRET_SETTINGS, SIGN_IN_SETTINGS, parse_settings
from tests.client.fake_cli import FakeCli
from tests.client.keys import RSA_KEY, pem
from tests.client.problems import problems_of

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = {"instance_url": "https://acme.my.salesforce.com", "access_token": "00D!t"}
APP = {"login_url": "https://acme.my.salesforce.com", "client_id": "id", "client_secret": "shh"}
REFRESH = {"client_id": "id", "client_secret": "shh", "refresh_token": "r"}
USER = {"username": "me@example.com"}
JWT = {"client_id": "id", **USER, "private_key": pem(RSA_KEY)}
SOAP = {**USER, "password": "päss wörd"}


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
        ({"client_id": "id", "refresh_token": "r"}, "refresh_token"),
        (JWT, "jwt_bearer"),
        (JWT | APP | {"auth_flow": "jwt_bearer"}, "jwt_bearer"),
        (SOAP, "soap_login"),
        (SOAP | {"security_token": "T"}, "soap_login"),
        (SOAP | {"client_id": "id"}, "oauth_password"),
        (SOAP | APP | {"security_token": "T"}, "oauth_password"),
        (SOAP | APP | {"auth_flow": "soap_login"}, "soap_login"),
        (SOAP | APP | {"auth_flow": "client_credentials"}, "client_credentials"),
    ],
)
def test_the_flow_follows_from_what_is_given(settings: dict[str, Any], flow: str) -> None:
    assert parse_settings(settings).credentials.flow == flow


def test_defaults_are_production_and_the_current_version() -> None:
    parsed = parse_settings(REFRESH)
    assert isinstance(parsed.credentials, RefreshTokenCredentials)
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
        ({"client_id": "id", **USER}, "private_key or private_key_path for jwt_bearer"),
        (USER, "password for soap_login"),
        ({"password": "p"}, "username for soap_login"),
        (JWT | APP, "fit client_credentials and jwt_bearer; set auth_flow"),
        (JWT | SOAP, "fit jwt_bearer and oauth_password; set auth_flow"),
        (JWT | REFRESH, "set auth_flow"),
        (TOKEN | SOAP, "fit access_token and soap_login; set auth_flow"),
        (APP | {"password": "p"}, "client_credentials, which does not use password"),
        (APP | {"security_token": "p"}, "which does not use security_token"),
        (APP | USER, "add what is missing: private_key or private_key_path for jwt_bearer"),
        (SOAP | {"auth_flow": "oauth_password"}, "client_id missing for the oauth_password"),
        (SOAP | {"security_token": "T k"}, "security_token contains a space"),
        (APP | {"client_id": "id\n"}, "client_id contains a space, a line break"),
        (REFRESH | {"refresh_token_path": "x"}, "refresh_token and refresh_token_path are both"),
        (JWT | {"private_key_path": "x"}, "private_key and private_key_path are both given"),
        (APP | {"login_url": "https://acme.lightning.force.com"}, "serves browsers only"),
        (APP | {"login_url": "https://acme.my.salesforce-setup.com"}, "serves browsers only"),
        (TOKEN | {"instance_url": "https://acme.lightning.force.com/"}, "serves browsers only"),
        (TOKEN | {"api_version": "68"}, '"68.0"'),
        (TOKEN | {"api_version": "v68.0"}, "v68.0"),
        (TOKEN | {"api_version": "46.0"}, "47.0"),
        (TOKEN | {"api_version": 68.0}, 'Write "68.0"'),
        (TOKEN | {"access_token": "00D!t\n"}, "access_token contains a space, a line break"),
        (TOKEN | {"client_id": ["x"]}, "client_id must be text"),
        (TOKEN | {"instance_url": "http://acme.my.salesforce.com"}, "https"),
        (TOKEN | {"instance_url": "acme.my.salesforce.com"}, "must be a URL"),
        (TOKEN | {"instance_url": "https://acme.my.salesforce.com/x?y"}, "host only"),
        (TOKEN | {"instance_url": "https://u:p@acme.my.salesforce.com"}, "host only"),
        (TOKEN | {"instance_url": "https://acme:port"}, "not a URL"),
        (TOKEN | {"login_url": "http://10.0.0.1"}, "https"),
        (APP | {"login_url": "https://[acme"}, "not a URL"),
        (SOAP | {"login_url": "https://acme:port"}, "not a URL"),
        (TOKEN | {"quota_percent_total": "80"}, "quota_percent_total must be a percentage"),
        (TOKEN | {"quota_percent_total": 10**400}, "quota_percent_total must be a percentage"),
        (TOKEN | {"job_timeout": 10**400}, "job_timeout must be a number of seconds"),
        (TOKEN | {"login_url": "http://localhost.evil.example"}, "https"),
    ],
)
def test_a_problem_is_named(settings: dict[str, Any], named: str) -> None:
    problems = problems_of(settings)
    assert len(problems) == 1
    assert named in problems[0]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:9", "https://x.example/"]
)
def test_plain_http_is_for_this_machine_only(url: str) -> None:
    assert problems_of(TOKEN | {"instance_url": url}) == []


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
    secrets = {name: f"hidden-{name}" for name in SECRET_SETTINGS}
    locked = pem(RSA_KEY, passphrase=secrets["private_key_passphrase"])
    everything = TOKEN | APP | JWT | SOAP | secrets | {"private_key": locked}
    for flow in FLOWS.keys() - {"salesforce_cli"}:
        parsed = parse_settings(everything | {"auth_flow": flow})
        shown = repr(parsed)
        assert type(parsed.credentials).__name__ in shown
        assert "hidden" not in shown
        assert "PRIVATE KEY" not in shown


def test_an_org_of_the_cli_is_its_own_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCli(tmp_path / "bin", monkeypatch)
    assert parse_settings({"sf_org": "mine"}).credentials.flow == "salesforce_cli"
    assert "fit access_token and salesforce_cli" in str(problems_of(TOKEN | {"sf_org": "mine"}))


NEEDS = {
    "access_token": [{"instance_url"}, {"access_token"}],
    "client_credentials": [{"client_id"}, {"client_secret"}],
    "jwt_bearer": [{"client_id"}, {"username"}, {"private_key", "private_key_path"}],
    "refresh_token": [{"client_id"}, {"refresh_token", "refresh_token_path"}],
    "salesforce_cli": [{"sf_org"}],
    "soap_login": [{"username"}, {"password"}],
    "oauth_password": [{"client_id"}, {"username"}, {"password"}],
}
GOOD = {**APP, **TOKEN, **REFRESH, **JWT, **SOAP, "security_token": "T", "api_version": "60.0"}
ODD: dict[str, list[Any]] = {
    name: [None, "", 7, f"odd-{name}=value", f"odd-{name}=\n", "https://x.example/odd-path"]
    for name in SIGN_IN_SETTINGS
}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from([*([GOOD[name]] * 6 if name in GOOD else []), *odd])
            for name, odd in ODD.items()
        },
    ),
    st.sampled_from([None, *FLOWS]),
)
def test_any_settings_either_mean_one_complete_flow_or_have_problems_without_secrets(
    settings: dict[str, Any], flow: str | None
) -> None:
    settings = settings | {"auth_flow": flow}
    problems = problems_of(settings)
    for name in SECRET_SETTINGS:
        assert f"odd-{name}=" not in " ".join(problems)
    if problems:
        return
    meant = parse_settings(settings).credentials.flow
    assert meant == (flow or meant)
    assert all(any(settings.get(name) for name in group) for group in NEEDS[meant])


def test_every_setting_the_client_reads_is_listed() -> None:
    given = dict.fromkeys(SIGN_IN_SETTINGS, 1)
    assert [p.split()[0] for p in problems_of(given)][: len(given)] == list(given)

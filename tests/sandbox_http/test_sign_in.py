"""Signing in, and what happens to who is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org


def sign_in(sandbox: Sandbox, form: dict[str, str], **options: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/services/oauth2/token", data=form, timeout=30, **options)


def app(sandbox: Sandbox) -> dict[str, str]:
    return {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}


def password_form(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "password",
        "username": sandbox.username,
        "password": sandbox.password + sandbox.security_token,
        **app(sandbox),
        **changes,
    }


COMMON_KEYS = {"access_token", "instance_url", "id", "issued_at", "signature", "token_type"}


def test_client_credentials_open_a_session(sandbox: Sandbox) -> None:
    answer = sign_in(sandbox, {"grant_type": "client_credentials", **app(sandbox)})
    reply = answer.json()
    assert answer.status_code == 200
    assert set(reply) == COMMON_KEYS | {"scope"}
    assert reply["instance_url"] == sandbox.url
    assert reply["token_type"] == "Bearer"
    assert isinstance(reply["issued_at"], str)
    assert re.fullmatch(r"\d{13}", reply["issued_at"])
    # The form that the Salesforce CLI checks.
    assert re.match(r"00D\w{12,15}!.+", reply["access_token"])
    assert re.fullmatch(rf"{sandbox.url}/id/00D\w{{15}}/005\w{{15}}", reply["id"])
    headers = {"Authorization": f"Bearer {reply['access_token']}"}
    url = f"{sandbox.url}/services/data/v68.0/limits"
    assert requests.get(url, headers=headers, timeout=30).status_code == 200


def test_client_credentials_may_come_as_basic_authorization(sandbox: Sandbox) -> None:
    basic = (sandbox.client_id, sandbox.client_secret)
    answer = sign_in(sandbox, {"grant_type": "client_credentials"}, auth=basic)
    assert answer.status_code == 200


def test_a_refresh_token_opens_a_session_and_stays_as_it_is(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token, **app(sandbox)}
    reply = sign_in(sandbox, form).json()
    assert set(reply) == COMMON_KEYS | {"scope"}


def test_a_password_opens_a_session_without_scope(sandbox: Sandbox) -> None:
    assert set(sign_in(sandbox, password_form(sandbox)).json()) == COMMON_KEYS


def test_the_instance_url_is_the_host_the_client_used(sandbox: Sandbox) -> None:
    form = {"grant_type": "client_credentials", **app(sandbox)}
    reply = sign_in(sandbox, form, headers={"Host": "LocalHost:81"}).json()
    assert reply["instance_url"] == "http://LocalHost:81"
    assert reply["id"].startswith("http://LocalHost:81/id/")


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
        ({"client_id": "other"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "other"}, "invalid_client", "invalid client credentials"),
        ({"password": "other"}, "invalid_grant", "authentication failure"),
        ({"username": "other"}, "invalid_grant", "authentication failure"),
        (
            {"grant_type": "refresh_token", "refresh_token": "old"},
            "invalid_grant",
            "expired access/refresh token",
        ),
    ],
)
def test_a_refusal_is_a_400_with_oauths_code(
    sandbox: Sandbox, changes: dict[str, str], error: str, description: str
) -> None:
    answer = sign_in(sandbox, password_form(sandbox, **changes))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_the_password_needs_the_security_token(sandbox: Sandbox) -> None:
    answer = sign_in(sandbox, password_form(sandbox, password=sandbox.password))
    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize("authorization", [None, "Bearer 00D000000000001!no", "Basic eDp5"])
def test_a_call_without_a_live_token_is_a_401_list(
    sandbox: Sandbox, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    url = f"{sandbox.url}/services/data/v68.0/limits"
    answer = requests.get(url, headers=headers, timeout=30)
    assert answer.status_code == 401
    assert answer.text == (
        '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
    )


def test_a_session_ended_on_demand_is_refused_and_a_new_one_is_not(org: Org) -> None:
    sandbox = org.sandbox
    assert org.get("/limits").status_code == 200
    assert sandbox.control.end_sessions() >= 1
    assert org.get("/limits").status_code == 401
    form = {"grant_type": "client_credentials", **app(sandbox)}
    token = sign_in(sandbox, form).json()["access_token"]
    org.session.headers["Authorization"] = f"Bearer {token}"
    assert org.get("/limits").status_code == 200


def test_userinfo_and_the_identity_url_name_user_and_org(org: Org) -> None:
    info = org.json("GET", "/services/oauth2/userinfo")
    identity = org.json("GET", f"/services/../id/{info['organization_id']}/{info['user_id']}")
    assert info["preferred_username"] == identity["username"] == org.sandbox.username
    assert identity["user_id"] == info["user_id"] == org.sandbox.org.user_id
    assert identity["organization_id"] == info["organization_id"] == org.sandbox.org.id
    assert "v{version}" in identity["urls"]["rest"]


def test_the_identity_resources_refuse_in_plain_text(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/services/oauth2/userinfo"
    missing = requests.get(url, timeout=30)
    bad = requests.get(url, headers={"Authorization": "Bearer x"}, timeout=30)
    assert (missing.status_code, missing.text) == (403, "Missing_OAuth_Token")
    assert (bad.status_code, bad.text) == (403, "Bad_OAuth_Token")

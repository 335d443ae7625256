"""Recorded sign-ins and refusals: OAuth's token endpoint, SOAP login(), sessions that ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pytest
import requests

from tests.recordings.support import RECORDINGS, assert_alike, document, needs_recordings
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

pytestmark = needs_recordings


def ask_token(sandbox: Sandbox, **form: str) -> requests.Response:
    client = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    url = f"{sandbox.url}/services/oauth2/token"
    return requests.post(url, data=client | form, timeout=30)


@pytest.mark.parametrize(
    ("name", "grant"),
    [
        ("auth_success", "password"),
        ("reauth_success", "password"),
        ("refresh_success", "refresh_token"),
    ],
)
def test_a_token_reply_of_restforce(sandbox: Sandbox, name: str, grant: str) -> None:
    theirs = document(f"auth/restforce_{name}_response.json")
    answer = ask_token(
        sandbox,
        grant_type=grant,
        username=sandbox.username,
        password=sandbox.password + sandbox.security_token,
        refresh_token=sandbox.refresh_token,
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "application/json;charset=UTF-8",
    )
    ours = answer.json()
    # token_type and scope came after these were recorded.
    assert ours.keys() - theirs.keys() <= {"token_type", "scope"}
    assert_alike({key: ours[key] for key in ours if key in theirs}, theirs)
    assert re.fullmatch(r"\d{13}", ours["issued_at"])
    path = re.compile(r"https?://[^/]+/id/\w+/\w+")
    assert path.fullmatch(ours["id"])
    assert path.fullmatch(theirs["id"])


def test_a_wrong_password_of_restforce(sandbox: Sandbox) -> None:
    theirs = document("auth/restforce_auth_error_response.json")
    answer = ask_token(sandbox, grant_type="password", username=sandbox.username, password="wrong")
    assert answer.status_code == 400
    assert list(answer.json()) == list(theirs)
    assert answer.json()["error"] == theirs["error"]
    # Newer orgs leave the reason out.
    assert theirs["error_description"].startswith(answer.json()["error_description"])


def test_an_expired_refresh_token_of_restforce(sandbox: Sandbox) -> None:
    answer = ask_token(sandbox, grant_type="refresh_token", refresh_token="old")
    assert answer.status_code == 400
    assert answer.text == (RECORDINGS / "auth/restforce_refresh_error_response.json").read_text()


def test_an_expired_session_of_restforce(sandbox: Sandbox) -> None:
    sandbox.control.end_sessions()
    answer = Org(sandbox).get("/limits")
    assert answer.status_code == 401
    assert answer.text == (RECORDINGS / "auth/restforce_expired_session_response.json").read_text()


def login(sandbox: Sandbox, version: str, envelope: str) -> requests.Response:
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
    url = f"{sandbox.url}/services/Soap/u/{version}"
    return requests.post(url, data=envelope.encode(), headers=headers, timeout=30)


def shape(text: str) -> str:
    """Return XML without the texts of its elements, and without the space between them."""
    text = re.sub(r"^<\?xml[^>]*\?>", "", text.strip())
    return re.sub(r">[^<]*<", "><", text).strip()


def elements(text: str) -> list[str]:
    return re.findall(r"<([A-Za-z]\w*)[ >/]", text)


def signed(sandbox: Sandbox, envelope: str, name: str, password: str) -> str:
    """Return a recorded request with the credentials of the sandbox."""
    own = escape(sandbox.password + sandbox.security_token)
    return envelope.replace(name, escape(sandbox.username)).replace(password, own)


def test_the_login_of_grouparoo(sandbox: Sandbox) -> None:
    recording = document("auth/grouparoo_soap_login_ok.json")
    answer = login(
        sandbox,
        "42.0",
        signed(sandbox, recording["request"]["body"], "user@example.com", "PASSWORD_PLACEHOLDER"),
    )
    theirs = recording["response"]
    assert answer.status_code == theirs["status"]
    headers = {name.lower(): value for name, value in headers_of(theirs)}
    assert answer.headers["Content-Type"] == headers["content-type"]
    assert shape(answer.text) == shape(theirs["body"])


def headers_of(response: dict[str, Any]) -> list[tuple[str, str]]:
    headers = response["headers"]
    return list(headers.items()) if isinstance(headers, dict) else [tuple(one) for one in headers]


def test_the_login_of_javierjulio(sandbox: Sandbox) -> None:
    request = (RECORDINGS / "auth/javierjulio_login_request.xml").read_text()
    answer = login(sandbox, "31.0", signed(sandbox, request, "MyUsername", "MyPassword"))
    assert answer.status_code == 200
    theirs = elements((RECORDINGS / "auth/javierjulio_login_response.xml").read_text())
    ours = elements(answer.text)
    # Version 24.0 knew fewer facts about the user; the order of those it knew is the same.
    assert [name for name in ours if name in theirs] == theirs


@pytest.mark.parametrize("name", ["login_request", "login_request_with_special_characters"])
def test_a_login_of_javierjulio_with_a_wrong_password(sandbox: Sandbox, name: str) -> None:
    request = (RECORDINGS / f"auth/javierjulio_{name}.xml").read_text()
    answer = login(sandbox, "31.0", request)
    fault = (RECORDINGS / "auth/javierjulio_login_error.xml").read_text().strip()
    assert (answer.status_code, answer.text) == (500, fault)


def test_the_loaders_old_session_is_refused_for_its_version(sandbox: Sandbox) -> None:
    trace = (RECORDINGS / "auth/dataloader_soap_trace_v8.xml.txt").read_text()
    request = trace.partition("<?xml")[2].partition("------------")[0]
    answer = login(sandbox, "8.0", "<?xml" + request)
    assert answer.status_code == 500
    assert "<faultcode>sf:UNSUPPORTED_API_VERSION</faultcode>" in answer.text

"""Every kind of recorded answer to a sign-in, and of a session that ended, in any clone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import pytest

from tests.recordings.kinds import answer
from tests.recordings.support import form
from tests.recordings.test_sign_in import ask_token, elements, login
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

ENVELOPE = (
    '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Body>'
    '<login xmlns="urn:partner.soap.sforce.com"><username>{}</username>'
    "<password>{}</password></login></se:Body></se:Envelope>"
)


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
def test_a_token(sandbox: Sandbox, grant: str) -> None:
    reply = ask_token(
        sandbox,
        grant_type=grant,
        username=sandbox.username,
        password=sandbox.password + sandbox.security_token,
        refresh_token=sandbox.refresh_token,
    )
    theirs = answer("sign_in/token")
    ours = reply.json()
    # token_type and scope came after these were recorded.
    assert ours.keys() - theirs.keys() <= {"token_type", "scope"}
    assert {key: form(ours[key]) for key in theirs} == {key: form(theirs[key]) for key in theirs}
    for reply_of_either in (ours, theirs):
        assert re.fullmatch(r"\d{13}", reply_of_either["issued_at"])
        assert re.fullmatch(r"https?://[^/]+/id/00D\w{15}/005\w{15}", reply_of_either["id"])
        assert re.fullmatch(r"00D\w{12}(\w{3})?!.+", reply_of_either["access_token"])


def test_refused_grants(sandbox: Sandbox) -> None:
    wrong = ask_token(sandbox, grant_type="password", username=sandbox.username, password="x")
    assert (wrong.status_code, wrong.json()) == (400, answer("sign_in/wrong password"))
    old = ask_token(sandbox, grant_type="refresh_token", refresh_token="old")
    assert (old.status_code, old.json()) == (400, answer("sign_in/refresh token that is not valid"))


def test_a_session_that_ended(sandbox: Sandbox) -> None:
    sandbox.control.end_sessions()
    ours = Org(sandbox, "38.0").get("/limits")
    assert (ours.status_code, ours.json()) == (401, answer("sign_in/session that ended"))
    headers = answer("sign_in/headers of a session that ended")
    assert {name: ours.headers[name] for name in headers} == headers


@pytest.mark.parametrize(("version", "kind"), [("42.0", "42.0"), ("31.0", "24.0")])
def test_a_soap_login(sandbox: Sandbox, version: str, kind: str) -> None:
    password = escape(sandbox.password + sandbox.security_token)
    ours = login(sandbox, version, ENVELOPE.format(escape(sandbox.username), password))
    assert (ours.status_code, ours.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    theirs = answer(f"sign_in/elements of a login in {kind}")
    found = elements(ours.text.partition("<result>")[2])
    # A version of before knew fewer facts about the user; the order of those it knew is the same.
    assert [name for name in found if name in theirs] == theirs


def test_refused_soap_logins(sandbox: Sandbox) -> None:
    refused = login(sandbox, "42.0", ENVELOPE.format("x", "y"))
    assert refused.status_code == 500
    assert answer("sign_in/fault of a login") in refused.text
    retired = login(sandbox, "8.0", ENVELOPE.format("x", "y"))
    assert retired.status_code == 500
    code = answer("sign_in/code of a retired version")
    assert f"<faultcode>{code}</faultcode>" in retired.text

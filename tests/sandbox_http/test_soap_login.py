"""SOAP login(): its reply and its faults, beside the recorded ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
import requests

from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "auth"
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="shared/recordings is not here")
PARTNER = "{urn:partner.soap.sforce.com}"
USER_INFO = [
    "accessibilityMode",
    "chatterExternal",
    "currencySymbol",
    "orgAttachmentFileSizeLimit",
    "orgDefaultCurrencyIsoCode",
    "orgDefaultCurrencyLocale",
    "orgDisallowHtmlAttachments",
    "orgHasPersonAccounts",
    "organizationId",
    "organizationMultiCurrency",
    "organizationName",
    "profileId",
    "roleId",
    "sessionSecondsValid",
    "userDefaultCurrencyIsoCode",
    "userEmail",
    "userFullName",
    "userId",
    "userLanguage",
    "userLocale",
    "userName",
    "userTimeZone",
    "userType",
    "userUiSkin",
]
RESULT = [
    "metadataServerUrl",
    "passwordExpired",
    "sandbox",
    "serverUrl",
    "sessionId",
    "userId",
    "userInfo",
]
ENVELOPE = (
    '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body>'
    "{}</se:Body></se:Envelope>"
)
LOGIN = (
    '<login xmlns="urn:partner.soap.sforce.com"><username>{}</username>'
    "<password>{}</password></login>"
)


def call(sandbox: Sandbox, version: str, body: str) -> requests.Response:
    headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"}
    url = f"{sandbox.url}/services/Soap/u/{version}"
    return requests.post(url, data=ENVELOPE.format(body), headers=headers, timeout=30)


def login(
    sandbox: Sandbox, version: str = "64.0", password: str | None = None
) -> requests.Response:
    password = sandbox.password + sandbox.security_token if password is None else password
    return call(sandbox, version, LOGIN.format(escape(sandbox.username), escape(password)))


def names(element: ET.Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in element]


def parsed(answer: requests.Response) -> ET.Element:
    return ET.fromstring(answer.content)  # noqa: S314 - the sandbox wrote it


def result_of(answer: requests.Response) -> ET.Element:
    result = parsed(answer).find(f".//{PARTNER}result")
    assert result is not None, answer.text
    return result


@pytest.mark.parametrize("version", ["31.0", "38.0", "60.0", "64.0"])
def test_a_login_opens_a_session_that_rest_takes(sandbox: Sandbox, version: str) -> None:
    answer = login(sandbox, version)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
    result = result_of(answer)
    assert names(result) == RESULT
    assert names(result[6]) == USER_INFO
    values = {child.tag.removeprefix(PARTNER): child.text for child in result}
    short_id = sandbox.org.id[:15]
    assert values["serverUrl"] == f"{sandbox.url}/services/Soap/u/{version}/{short_id}"
    assert values["userId"] == sandbox.org.user_id
    org = Org(sandbox)
    org.session.headers["Authorization"] = f"Bearer {values['sessionId']}"
    assert org.get("/limits").status_code == 200


def test_user_info_tells_org_user_and_session_life(sandbox: Sandbox) -> None:
    sandbox.control.end_sessions_after(900)
    info = {child.tag.removeprefix(PARTNER): child.text for child in result_of(login(sandbox))[6]}
    assert info["organizationId"] == sandbox.org.id
    assert info["userName"] == sandbox.username
    assert info["sessionSecondsValid"] == "900"
    assert info["roleId"] is None


@recorded
def test_the_reply_is_built_like_the_recorded_one(sandbox: Sandbox) -> None:
    recording = json.loads((RECORDINGS / "grouparoo_soap_login_ok.json").read_text())

    def form(text: str) -> str:
        # Everything but the texts of the elements.
        return re.sub(r">[^<]+<", "><", text)

    assert form(login(sandbox, "42.0").text) == form(recording["response"]["body"])


FAULT = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
    "<faultcode>sf:INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: Invalid username, "
    "password, security token; or user locked out.</faultstring><detail><sf:LoginFault "
    'xsi:type="sf:LoginFault"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>'
    "<sf:exceptionMessage>Invalid username, password, security token; or user locked out."
    "</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault></soapenv:Body>"
    "</soapenv:Envelope>"
)


def test_login_may_be_switched_off(sandbox: Sandbox) -> None:
    sandbox.control.set_behaviour(soap_login="refused")
    answer = login(sandbox)
    assert answer.status_code == 500
    assert "<faultcode>sf:INSUFFICIENT_ACCESS</faultcode>" in answer.text
    # A wrong password is found first.
    assert login(sandbox, password="wrong").text == FAULT
    sandbox.control.reset()
    assert login(sandbox).status_code == 200


@pytest.mark.parametrize("password", ["", "wrong", "<&>"])
def test_a_wrong_password_is_the_recorded_fault(sandbox: Sandbox, password: str) -> None:
    answer = login(sandbox, password=password)
    assert (answer.status_code, answer.text) == (500, FAULT)


@recorded
def test_the_fault_written_out_here_is_the_recorded_one() -> None:
    assert (RECORDINGS / "javierjulio_login_error.xml").read_text().strip() == FAULT


@pytest.mark.parametrize("version", ["65.0", "68.0", "30.0", "64", "x"])
def test_versions_without_login_are_refused(sandbox: Sandbox, version: str) -> None:
    answer = login(sandbox, version)
    assert answer.status_code == 500
    assert "<faultcode>sf:UNSUPPORTED_API_VERSION</faultcode>" in answer.text
    code = "<sf:exceptionCode>UNSUPPORTED_API_VERSION</sf:exceptionCode>"
    assert code in answer.text
    assert parsed(answer) is not None


def test_a_session_that_has_ended_is_told_by_its_own_fault(sandbox: Sandbox) -> None:
    envelope = ENVELOPE.format('<getUserInfo xmlns="urn:partner.soap.sforce.com"/>')
    session = f"<sessionId>{sandbox.access_token}</sessionId>"
    header = f'<SessionHeader xmlns="urn:partner.soap.sforce.com">{session}</SessionHeader>'
    envelope = envelope.replace("<se:Header/>", f"<se:Header>{header}</se:Header>")
    url = f"{sandbox.url}/services/Soap/u/60.0/{sandbox.org.id[:15]}"
    live = requests.post(url, data=envelope, timeout=30)
    assert "soapenv:Client" in live.text
    sandbox.control.end_sessions()
    ended = requests.post(url, data=envelope, timeout=30)
    assert ended.status_code == 500
    assert "<faultcode>sf:INVALID_SESSION_ID</faultcode>" in ended.text


@pytest.mark.parametrize("body", ["", '<query xmlns="urn:partner.soap.sforce.com"/>', "<broken"])
def test_anything_but_login_is_a_client_fault(sandbox: Sandbox, body: str) -> None:
    answer = call(sandbox, "60.0", body)
    assert answer.status_code == 500
    assert "soapenv:Client" in answer.text
    assert parsed(answer) is not None

"""SOAP login(): the envelope, the recorded replies, every fault and what to do about it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.dom import minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.auth.soap_login import envelope, login_version
from sfbulk.errors import SignInError, TransportError
from sfbulk.http.retry import MAX_ATTEMPTS
from sfbulk.http.wire import Request
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.problems import problems_of
from tests.client.scripted import DROP, Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "auth"
recorded = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="shared/recordings is not here")
READ = Request("GET", "/services/data/v68.0/x", "Read x")
XML = {"Content-Type": "text/xml; charset=utf-8"}
FAULT = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>'
    "<faultcode>sf:{0}</faultcode><faultstring>{0}: {1}</faultstring><detail><sf:LoginFault "
    'xsi:type="sf:LoginFault"><sf:exceptionCode>{0}</sf:exceptionCode>'
    "<sf:exceptionMessage>{1}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    "</soapenv:Body></soapenv:Envelope>"
)
CODES = [
    "INVALID_LOGIN",
    "LOGIN_MUST_USE_SECURITY_TOKEN",
    "PASSWORD_LOCKOUT",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
    "API_DISABLED_FOR_ORG",
    "API_CURRENTLY_DISABLED",
    "LOGIN_DURING_RESTRICTED_DOMAIN",
    "LOGIN_DURING_RESTRICTED_TIME",
    "LOGIN_CHALLENGE_ISSUED",
    "ORG_LOCKED",
    "TRIAL_EXPIRED",
    "UNSUPPORTED_API_VERSION",
    "INVALID_OPERATION",
    "INSUFFICIENT_ACCESS",
]
ENDED_BY_RETIREMENT = {"UNSUPPORTED_API_VERSION", "INVALID_OPERATION", "INSUFFICIENT_ACCESS"}


def fault(code: str, message: str = "no luck") -> Answer:
    return Answer(500, FAULT.format(code, message).encode(), XML)


def reply(url: str, session: str = "00Dxx!s", expired: str = "false") -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result>'
        f"<passwordExpired>{expired}</passwordExpired>"
        f"<serverUrl>{url}/services/Soap/u/64.0/00D4S000000oz4e</serverUrl>"
        f"<sessionId>{session}</sessionId><userId>005</userId>"
        "<userInfo><sessionId>not this one</sessionId></userInfo>"
        "</result></loginResponse></soapenv:Body></soapenv:Envelope>"
    )
    return Answer(200, body.encode(), XML)


@pytest.fixture
def soap(server: ScriptedServer, clock: FakeClock) -> Iterator[Transport]:
    """A transport to the scripted server that signs in there with a password."""
    settings = {"login_url": server.url, "username": "me@example.com", "password": "p&<w>"}
    transport = Transport(parse_settings(settings | {"security_token": "T0k"}), clock)
    yield transport
    transport.close()


def test_the_session_serves_the_version_that_login_no_longer_has(
    server: ScriptedServer, soap: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    server.script.extend([reply(server.url), as_json({"ok": 1})])
    assert soap.json(READ) == {"ok": 1}
    login, read = server.seen
    assert login.line == "POST /services/Soap/u/64.0"
    assert login.headers["Content-Type"] == "text/xml; charset=UTF-8"
    assert login.headers["SOAPAction"] == "login"
    assert "<password>p&amp;&lt;w&gt;T0k</password>" in login.body.decode()
    assert read.line == "GET /services/data/v68.0/x"
    assert read.headers["Authorization"] == "Bearer 00Dxx!s"
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "1 June 2027" in warned[0]


@pytest.mark.parametrize(
    ("wanted", "login"), [("68.0", "64.0"), ("65.0", "64.0"), ("64.0", "64.0"), ("47.0", "47.0")]
)
def test_the_login_is_made_at_a_version_that_has_it(wanted: str, login: str) -> None:
    assert login_version(wanted) == login


@recorded
def test_the_request_is_the_recorded_one_for_names_and_for_special_characters() -> None:
    def told(document: str | bytes) -> dict[str, str]:
        login: Any = next(
            node
            for node in minidom.parseString(document).getElementsByTagName("*")  # noqa: S318 - ours, or a recording
            if node.localName == "login"
        )
        assert login.namespaceURI == "urn:partner.soap.sforce.com"
        children = [node for node in login.childNodes if node.nodeType == node.ELEMENT_NODE]
        return {str(node.localName): node.firstChild.nodeValue for node in children}

    made = {
        "javierjulio_login_request.xml": envelope("MyUsername", "MyPassword"),
        "javierjulio_login_request_with_special_characters.xml": envelope(
            "MyUsername", "My&Password"
        ),
    }
    for name, document in made.items():
        assert told(document) == told((RECORDINGS / name).read_bytes())


XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
)


@given(XML_TEXT.filter(bool), XML_TEXT.filter(bool))
def test_every_password_that_the_settings_take_arrives_as_it_is(name: str, password: str) -> None:
    settings = {"username": name, "password": password}
    assert problems_of(settings) == []
    document: Any = minidom.parseString(envelope(name, password))  # noqa: S318 - our own
    texts = [document.getElementsByTagName(tag)[0].childNodes for tag in ("username", "password")]
    assert ["".join(node.data for node in nodes) for nodes in texts] == [name, password]


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\ud800", "\uffff"])
def test_a_password_that_xml_cannot_hold_is_a_wrong_setting(character: str) -> None:
    problems = problems_of({"username": "u", "password": f"secret{character}"})
    assert len(problems) == 1
    assert problems[0].startswith("password contains a line break")
    assert "secret" not in problems[0]


@recorded
@pytest.mark.parametrize(
    ("name", "token", "instance"),
    [
        (
            "grouparoo_soap_login_ok.json",
            "00D000000000001!SESSION_ID_PLACEHOLDER",
            "https://mydomain.my.salesforce.com",
        ),
        (
            "javierjulio_login_response.xml",
            "00D000000000001!SESSION_ID_PLACEHOLDER",
            "https://instance.salesforce.com",
        ),
    ],
)
def test_recorded_replies_are_read(
    server: ScriptedServer, soap: Transport, name: str, token: str, instance: str
) -> None:
    text = (RECORDINGS / name).read_text("utf-8")
    body = json.loads(text)["response"]["body"] if name.endswith("json") else text
    server.script.append(Answer(200, body.encode(), XML))
    session = soap._session.token()
    assert (session.access_token, session.instance_url) == (token, instance)


@recorded
def test_the_recorded_fault_is_a_refusal_and_is_not_sent_twice(
    server: ScriptedServer, soap: Transport
) -> None:
    body = (RECORDINGS / "javierjulio_login_error.xml").read_bytes()
    server.script.append(Answer(500, body, XML))
    for _ in range(2):
        with pytest.raises(SignInError, match="INVALID_LOGIN") as caught:
            soap.json(READ)
        assert caught.value.code == "INVALID_LOGIN"
    assert len(server.seen) == 1


def test_an_org_that_has_login_switched_off_names_the_permission_and_other_ways(
    server: ScriptedServer, soap: Transport
) -> None:
    server.script.append(fault("INSUFFICIENT_ACCESS"))
    with pytest.raises(SignInError, match=r"Use Any API Auth.*jwt_bearer or client_credentials"):
        soap.json(READ)


@pytest.mark.parametrize("code", CODES)
def test_each_fault_says_what_to_do_and_is_not_sent_again(
    server: ScriptedServer, soap: Transport, code: str, clock: FakeClock
) -> None:
    server.script.append(fault(code, "Salesforce's own words"))
    with pytest.raises(SignInError, match=rf"{code} \(Salesforce's own words\)\. .+") as caught:
        soap.json(READ)
    text = str(caught.value)
    assert "Check the sign-in settings" not in text
    assert ("1 June 2027" in text) == (code in ENDED_BY_RETIREMENT)
    assert "T0k" not in text
    assert clock.slept == []


def test_an_unknown_fault_and_one_of_the_soap_layer_are_quoted(
    server: ScriptedServer, soap: Transport
) -> None:
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
        "<faultcode>e:Client</faultcode><faultstring>not understood</faultstring></e:Fault>"
        "</e:Body></e:Envelope>"
    )
    server.script.append(Answer(500, body.encode(), XML))
    with pytest.raises(SignInError, match=r"Client \(not understood\)\. Check the sign-in"):
        soap.json(READ)


def test_a_temporary_fault_is_retried(
    server: ScriptedServer, soap: Transport, clock: FakeClock
) -> None:
    server.script.extend([fault("SERVER_UNAVAILABLE"), DROP, Answer(502), reply(server.url)])
    server.script.append(as_json({"ok": 1}))
    assert soap.json(READ) == {"ok": 1}
    assert len(clock.slept) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"<html>maintenance",
        b"",
        b"{}",
        b"<a/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Envelope><Body><r>&a;</r></Body></Envelope>',
        b"<Envelope>" + b" " * 70_000 + b"<Body><r/></Body></Envelope>",
        b"<Envelope><Body/></Envelope>",
    ],
    ids=["page", "empty", "json", "other xml", "dtd", "too long", "hollow"],
)
def test_an_answer_that_is_not_a_soap_reply_is_not_used(
    server: ScriptedServer, soap: Transport, body: bytes
) -> None:
    server.script.extend([Answer(200, body, XML)] * MAX_ATTEMPTS)
    with pytest.raises(TransportError, match=r"Sign in \(soap_login\): HTTP 200 with "):
        soap.json(READ)
    assert len(server.seen) == MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply("https://acme.my.salesforce.com", expired="true"), "password has expired"),
        (reply("http://evil.example"), "https"),
        (reply("not a url"), "must be a URL"),
        (reply("https://acme.my.salesforce.com", session=""), "without a token"),
        (Answer(404, b"<html>"), "Check login_url"),
    ],
)
def test_a_reply_that_cannot_be_used_is_refused(
    server: ScriptedServer, soap: Transport, answer: Answer, said: str
) -> None:
    server.script.append(answer)
    with pytest.raises(SignInError, match=said):
        soap.json(READ)
    assert len(server.seen) == 1


def test_an_expired_session_is_renewed_by_a_second_login_with_one_warning(
    server: ScriptedServer, soap: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    expired: Any = [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]
    first, second = reply(server.url, "00D!1"), reply(server.url, "00D!2")
    server.script.extend([first, as_json(expired, 401), second, as_json({"ok": 1})])
    assert soap.json(READ) == {"ok": 1}
    assert server.seen[3].headers["Authorization"] == "Bearer 00D!2"
    assert caplog.text.count("1 June 2027") == 1
    assert "T0k" not in caplog.text

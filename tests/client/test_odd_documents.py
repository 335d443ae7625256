"""Replies that are JSON but not of the known form: one error for one object, never a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.errors import SalesforceError
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.odd_answers import ENCODINGS, page_in
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.client.scripted import Seen

FIELD = {"name": "Id", "type": "id", "label": "Id", "length": 18, "picklistValues": []}
PICK = {"name": "Kind", "type": "picklist", "picklistValues": [{"value": "a", "label": "A"}]}
DESCRIBE: dict[str, Any] = {"name": "Odd", "label": "Odd", "fields": [FIELD, PICK]}

JOB = {"id": "750000000000001AAA", "state": "Open", "object": "Odd", "operation": "query"}
GRANT = {"access_token": "00Dxx!secret", "instance_url": "@org@"}
SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r><result>'
    "<serverUrl>@org@/services/Soap/u/64.0/00D</serverUrl><sessionId>00Dxx!s</sessionId>"
    "</result></r></s:Body></s:Envelope>"
)

ODD_DESCRIBES: dict[str, Any] = {
    "fields: null": DESCRIBE | {"fields": None},
    "fields that are text": DESCRIBE | {"fields": "Id"},
    "fields that are an object": DESCRIBE | {"fields": {"Id": FIELD}},
    "a field that is null": DESCRIBE | {"fields": [None]},
    "a field that is text": DESCRIBE | {"fields": ["Id"]},
    "a field without a name": DESCRIBE | {"fields": [{"type": "id"}]},
    "a field whose name is null": DESCRIBE | {"fields": [FIELD | {"name": None}]},
    "a field whose name is a number": DESCRIBE | {"fields": [FIELD | {"name": 5}]},
    "a field whose type is a list": DESCRIBE | {"fields": [FIELD | {"type": ["id"]}]},
    "a field whose length is text": DESCRIBE | {"fields": [FIELD | {"length": "long"}]},
    "two fields that differ by case": DESCRIBE | {"fields": [FIELD, FIELD | {"name": "ID"}]},
    "a field whose name has a line end": DESCRIBE | {"fields": [FIELD | {"name": "Id\n"}]},
    "a default value that is an object": DESCRIBE | {"fields": [FIELD | {"defaultValue": {}}]},
    "picklist values that are text": DESCRIBE | {"fields": [FIELD | {"picklistValues": "a"}]},
    "references that are objects": DESCRIBE | {"fields": [FIELD | {"referenceTo": [{}]}]},
    "a label that is a number": DESCRIBE | {"label": 5},
    "a name that is a number": DESCRIBE | {"name": 5},
    "no name": {"fields": [FIELD]},
    "another object": DESCRIBE | {"name": "Other"},
    "a list": [DESCRIBE],
    "text": "Odd",
    "null": None,
}
DEEP = b'{"fields": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


class Org(ScriptedServer):
    """Answers each path by its last word."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer] = {}

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        path = seen.path.partition("?")[0]
        return next((a for end, a in self.answers.items() if path.endswith(end)), Answer(404))


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org() as org:
        yield org


@pytest.fixture(scope="module")
def sf(org: Org) -> Iterator[Salesforce]:
    given = {"instance_url": org.url, "access_token": "00Dxx!secret"}
    with Salesforce(Transport(parse_settings(given), FakeClock())) as sf:
        yield sf


def good(name: str) -> dict[str, Any]:
    return {"name": name, "label": name, "fields": [FIELD]}


def composite(*bodies: Any) -> Answer:
    parts = [{"httpStatusCode": 200, "httpHeaders": {}, "body": body} for body in bodies]
    return as_json({"compositeResponse": parts})


@pytest.mark.parametrize("odd", ODD_DESCRIBES.values(), ids=ODD_DESCRIBES)
@pytest.mark.parametrize("together", [True, False], ids=["composite", "alone"])
def test_an_odd_describe_is_an_error_of_its_object_alone(
    org: Org, sf: Salesforce, odd: Any, together: bool
) -> None:
    org.answers = {
        "/composite": composite(good("Good"), odd) if together else Answer(404),
        "/Good/describe": as_json(good("Good")),
        "/Odd/describe": as_json(odd),
    }
    found = sf.describe_many(["Good", "Odd"])
    assert isinstance(found["Odd"], SalesforceError)
    assert str(found["Odd"]).startswith("Describe Odd: HTTP 200 with JSON that is not ")
    assert not isinstance(found["Good"], SalesforceError)


def test_a_deeply_nested_document_is_an_error_of_its_object_alone(org: Org, sf: Salesforce) -> None:
    org.answers = {
        "/composite": Answer(200, DEEP),
        "/Good/describe": as_json(good("Good")),
        "/Odd/describe": Answer(200, DEEP),
    }
    found = sf.describe_many(["Good", "Odd"])
    assert isinstance(found["Odd"], SalesforceError)
    assert not isinstance(found["Good"], SalesforceError)


ODD_PARTS: dict[str, Any] = {
    "no headers": {"httpStatusCode": 200, "body": DESCRIBE},
    "headers: null": {"httpStatusCode": 200, "body": DESCRIBE, "httpHeaders": None},
    "headers that are numbers": {
        "httpStatusCode": 200,
        "body": DESCRIBE,
        "httpHeaders": {"Last-Modified": 5, "Date": []},
    },
    "body: null": {"httpStatusCode": 200, "body": None, "httpHeaders": {}},
    "a refusal without a body": {"httpStatusCode": 404, "body": None, "httpHeaders": {}},
    "a refusal with odd headers": {
        "httpStatusCode": 429,
        "body": [{"errorCode": 5}],
        "httpHeaders": {"Retry-After": 5, "X-SFDC-Request-Id": None},
    },
    "a status that is text": {"httpStatusCode": "200", "body": DESCRIBE, "httpHeaders": {}},
    "null": None,
}


@pytest.mark.parametrize("odd", ODD_PARTS.values(), ids=ODD_PARTS)
def test_an_odd_part_of_a_composite_answer_does_not_stop_the_others(
    org: Org, sf: Salesforce, odd: Any
) -> None:
    first = {"httpStatusCode": 200, "httpHeaders": {}, "body": good("Good")}
    org.answers = {
        "/composite": as_json({"compositeResponse": [first, odd]}),
        "/Odd/describe": as_json(DESCRIBE),
    }
    found = sf.describe_many(["Good", "Odd"])
    assert not isinstance(found["Good"], SalesforceError)
    refused = isinstance(odd, dict) and odd["httpStatusCode"] in (404, 429)
    assert isinstance(found["Odd"], SalesforceError) is refused


@pytest.mark.parametrize(
    "document", [{}, {"sobjects": None}, {"sobjects": "Account"}, {"sobjects": [{}, None, "A"]}]
)
def test_a_list_of_objects_in_another_form_is_one_error(
    org: Org, sf: Salesforce, document: Any
) -> None:
    org.answers = {"/sobjects": as_json(document)}
    with pytest.raises(SalesforceError, match="List all objects: HTTP 200 with JSON that is not"):
        sf.describe_global()


def test_an_odd_entry_of_the_list_is_left_out_with_a_warning(
    org: Org, sf: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [{"name": "A"}, {"label": "no name"}, None, {"name": 5}, {"name": "B"}]
    org.answers = {"/sobjects": as_json({"sobjects": entries})}
    assert [each.name for each in sf.describe_global()] == ["A", "B"]
    assert "3 of 5 objects in the list of all objects are left out" in caplog.text


def test_half_a_character_in_a_describe_becomes_a_question_mark(org: Org, sf: Salesforce) -> None:
    picks = [
        PICK | {"label": "\ud83d", "picklistValues": [{"value": "a\ud800", "label": "\udc00"}]}
    ]
    org.answers = {"/Odd/describe": as_json(DESCRIBE | {"label": "\ud83d\ude00", "fields": picks})}
    described = sf.describe("Odd")
    (field,) = described.fields
    assert (described.label, field.label) == ("😀", "?")
    assert [(each.value, each.label) for each in field.picklist_values] == [("a?", "?")]


ODD_HEADERS = [
    {"Date": ""},
    {"Date": "Mon, 23 Nov -2026 10:00:00 GMT"},
    {"Date": "Mon, 23 Nov 9999 10:00:00 -9999"},
    {"Date": "Mon, 23 Nov 2026 10:00:00 +99999999999", "Last-Modified": "\xff"},
    {"Date": "Sat, 01 Jan 0001 00:00:00 +2359"},
    {"Date": "Mon, 23 Nov 99999999 10:00:00 GMT"},
    {"Date": "Mon, 32 Nov 2026 10:00:00 GMT", "Last-Modified": "yesterday"},
    {"Date": "Mon, 23 Nov 2026 10:00:00 GMT", "Last-Modified": "Mon, 23 Nov 99999999 10:00:00 GMT"},
    {"Sforce-Limit-Info": f"api-usage={'9' * 5000}/5000"},
    {"Sforce-Limit-Info": "api-usage=a/b; ="},
]


@pytest.mark.parametrize("headers", ODD_HEADERS, ids=str)
def test_odd_headers_do_not_cost_the_document(
    org: Org, sf: Salesforce, headers: dict[str, str]
) -> None:
    body = json.dumps(DESCRIBE).encode()
    org.answers = {"/Odd/describe": Answer(200, body, headers)}
    assert sf.describe("Odd").name == "Odd"


PAGE_ASKS: dict[str, tuple[Answer, dict[str, str], Callable[[Salesforce], object]]] = {
    "describe": (as_json(DESCRIBE), {}, lambda sf: sf.describe("Odd")),
    "job of Bulk API 1.0": (as_json(JOB), {}, lambda sf: sf.bulk1.job(JOB["id"])),
    "sign-in": (
        as_json(GRANT),
        {"client_id": "i", "client_secret": "s"},
        lambda sf: sf.describe("Odd"),
    ),
    "sign-in by SOAP": (
        Answer(200, SOAP.encode()),
        {"username": "u", "password": "p"},
        lambda sf: sf.instance_url,
    ),
}


@pytest.mark.parametrize("name", PAGE_ASKS)
@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_page_in_any_encoding_is_a_passing_refusal(
    server: ScriptedServer, encoding: str, status: int, name: str
) -> None:
    answer, given, ask = PAGE_ASKS[name]
    by_token = {"instance_url": server.url, "access_token": "00Dxx!secret"}
    host = server.url.encode()
    good = Answer(200, answer.body.replace(b"@org@", host))
    batches = as_json({"batchInfo": []})
    later = {"sign-in": as_json(DESCRIBE), "job of Bulk API 1.0": batches}.get(name)
    server.script.extend([Answer(status, page_in(encoding)), good, *filter(None, [later])])
    settings = {"login_url": server.url, **given} if given else by_token
    with Salesforce(Transport(parse_settings(settings), FakeClock())) as sf:
        ask(sf)
    assert not server.script


@pytest.mark.parametrize(
    "url",
    [
        "@evil.example/services/data/v68.0/jobs/query?queryLocator=x",
        ".evil.example/services/data/v68.0/jobs/query?queryLocator=x",
        "https://evil.example/steal",
        "/services/data/v68.0/limits",
        "/services/data/v68.0/jobs/query?a b",
        "x",
    ],
)
def test_the_address_of_the_next_page_of_jobs_leads_to_no_other_place(
    server: ScriptedServer, transport: Transport, url: str
) -> None:
    server.script.extend([as_json({"records": [], "nextRecordsUrl": url})] * 6)
    with pytest.raises(
        SalesforceError, match="a nextRecordsUrl that is not the address of a list of jobs"
    ):
        Salesforce(transport).jobs()
    assert {seen.path for seen in server.seen} == {"/services/data/v68.0/jobs/query"}


def test_of_an_address_with_a_host_only_the_path_is_used(
    server: ScriptedServer, transport: Transport
) -> None:
    path = "/services/data/v68.0/jobs/query?queryLocator=x"
    last = as_json({"records": [], "nextRecordsUrl": None})
    first = as_json({"records": [], "nextRecordsUrl": f"https://other.example{path}"})
    server.script.extend([first, last, last])
    assert Salesforce(transport).jobs() == []
    assert server.seen[1].path == path

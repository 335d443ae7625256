"""Replies that are JSON but not of the known form: one error for one object, never a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfbulk import Salesforce
from sfbulk.errors import SalesforceError
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.client.scripted import Seen

FIELD = {"name": "Id", "type": "id", "label": "Id", "length": 18, "picklistValues": []}
PICK = {"name": "Kind", "type": "picklist", "picklistValues": [{"value": "a", "label": "A"}]}
DESCRIBE: dict[str, Any] = {"name": "Odd", "label": "Odd", "fields": [FIELD, PICK]}
END = datetime(2026, 11, 23, tzinfo=timezone.utc)
JOB = {"id": "750000000000001AAA", "state": "JobComplete", "object": "Odd", "operation": "query"}
JOB_COUNTED: dict[str, Any] = {**JOB, "numberRecordsProcessed": 0, "apiVersion": 68.0}

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


def ask_describe(sf: Salesforce) -> None:
    found = sf.describe_many(["Odd"])["Odd"]
    if isinstance(found, SalesforceError):
        raise found
    assert all(isinstance(each.name, str) and isinstance(each.type, str) for each in found.fields)


DOCUMENTS: dict[str, tuple[str, Any, Callable[[Salesforce], object]]] = {
    "describe": ("/Odd/describe", DESCRIBE, ask_describe),
    "list": ("/sobjects", {"sobjects": [DESCRIBE]}, Salesforce.describe_global),
    "limits": ("/limits", {"A": {"Max": 5, "Remaining": 3, "App": {"Max": 1}}}, Salesforce.limits),
    "updated": (
        "/updated",
        {"ids": ["001000000000001AAA"], "latestDateCovered": "2026-11-22T00:00:00.000+0000"},
        lambda sf: sf.updated("Odd", END - timedelta(hours=1), END),
    ),
    "deleted": (
        "/deleted",
        {
            "deletedRecords": [
                {"id": "001000000000001AAA", "deletedDate": "2026-11-22T00:00:00.000+0000"}
            ],
            "earliestDateAvailable": "2026-11-01T00:00:00.000+0000",
            "latestDateCovered": "2026-11-22T00:00:00.000+0000",
        },
        lambda sf: sf.deleted("Odd", END - timedelta(hours=1), END),
    ),
    "job": ("/jobs/query", JOB_COUNTED, lambda sf: repr(sf.query_job("SELECT Id FROM Odd").id)),
    "job of Bulk API 1.0": (
        "/job/750",
        {"id": "750", "state": "Open", "object": "Odd", "numberBatchesTotal": 1},
        lambda sf: repr(sf.bulk1.job("750").info),
    ),
    "opened job": ("/jobs/query/750", JOB_COUNTED, lambda sf: repr(sf.open_query_job("750").info)),
}
ODD_HEADERS = [
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


PAGE = (
    '<?xml version="1.0" encoding="{}"?><html xmlns="http://www.w3.org/1999/xhtml">'
    "<head><title>Maintenance</title></head></html>"
)


@pytest.mark.parametrize("encoding", ["UTF-8", "Shift_JIS", "GB2312", "ISO-8859-1", "nonsense"])
def test_a_page_in_any_encoding_is_a_passing_refusal(
    server: ScriptedServer, transport: Transport, encoding: str
) -> None:
    page = Answer(503, PAGE.format(encoding).encode())
    server.script.extend([page, as_json(DESCRIBE)])
    assert Salesforce(transport).describe("Odd").name == "Odd"


ODD_TEXTS = ["", "null", "5", "0001-01-01T00:00:00+10:00", "9" * 5000, "../x", "\x00", "\ud800"]
ODD_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(ODD_TEXTS),
    st.builds(list),
    st.builds(dict),
    st.just([None]),
    st.just({"a": [{"b": None}]}),
)


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    yield path
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_document_it_is_read_or_one_of_our_errors(
    org: Org, sf: Salesforce, name: str, data: st.DataObject
) -> None:
    path, document, ask = DOCUMENTS[name]
    place = data.draw(st.sampled_from(list(places(document))))
    value = data.draw(ODD_VALUES)
    odd = {"root": deepcopy(document)}
    inner: Any = odd
    for step in ("root", *place)[:-1]:
        inner = inner[step]
    inner[("root", *place)[-1]] = value
    org.answers = {path: Answer(200, json.dumps(odd["root"]).encode())}
    with suppress(SalesforceError):
        ask(sf)

"""Describing objects: many in one request, and again only what has changed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, LimitExceeded, NotFound, Salesforce, SObjectDescribe
from tests.client.scripted import DROP, Answer, as_json, error

if TYPE_CHECKING:
    from sfbulk.transport import Transport
    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import ScriptedServer

CHANGED, LATER = "Mon, 23 Nov 2026 10:00:00 GMT", "Mon, 23 Nov 2026 10:00:01 GMT"
UNCHANGED = Answer(304, headers={"ETag": '"1"'})


def described(name: str, *, label: str = "", changed: str = CHANGED, date: str = LATER) -> Answer:
    return as_json({"name": name, "label": label}, Last_Modified=changed, Date=date)


def part(status: int, body: Any, changed: str = CHANGED) -> dict[str, Any]:
    headers = {"Last-Modified": changed} if status == 200 else {}
    return {"body": body, "httpHeaders": headers, "httpStatusCode": status, "referenceId": "x"}


def together(*parts: dict[str, Any]) -> Answer:
    return as_json({"compositeResponse": list(parts)}, Date=LATER)


def label_of(answer: object) -> str:
    assert isinstance(answer, SObjectDescribe)
    return answer.label


def data_calls(sandbox: Sandbox) -> list[str]:
    return [f"{r.method} {r.path}" for r in sandbox.requests if "/services/data/" in r.path]


def test_what_is_unchanged_is_not_sent_again(server: ScriptedServer, transport: Transport) -> None:
    server.script.extend([described("Account", label="Firm"), UNCHANGED])
    sf = Salesforce(transport)
    assert [sf.describe("Account").label, sf.describe("account").label] == ["Firm", "Firm"]
    asked = [seen.headers.get("If-Modified-Since") for seen in server.seen]
    assert asked == [None, CHANGED]


def test_a_changed_describe_replaces_the_cached_one(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend(
        [
            described("Account", label="Old"),
            described("Account", label="New", changed=LATER, date="Mon, 23 Nov 2026 10:00:09 GMT"),
            UNCHANGED,
        ]
    )
    sf = Salesforce(transport)
    assert [sf.describe("Account").label for _ in range(3)] == ["Old", "New", "New"]
    assert server.seen[2].headers["If-Modified-Since"] == LATER


def test_a_change_in_the_second_of_the_answer_cannot_be_missed(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([described("Account", label="A", date=CHANGED), described("Account")])
    sf = Salesforce(transport)
    sf.describe("Account")
    sf.describe("Account")
    assert "If-Modified-Since" not in server.seen[1].headers


def test_a_list_of_objects_is_cached_too(server: ScriptedServer, transport: Transport) -> None:
    listed = as_json({"sobjects": [{"name": "Account"}]}, Last_Modified=CHANGED, Date=LATER)
    server.script.extend([listed, UNCHANGED])
    sf = Salesforce(transport)
    first, second = sf.describe_global(), sf.describe_global()
    assert [summary.name for summary in second] == ["Account"]
    assert first is not second


def test_many_objects_take_one_request_for_each_25(sandbox: Sandbox, sf: Salesforce) -> None:
    names = [summary.name for summary in sf.describe_global() if summary.queryable][:30]
    assert len(names) == 30
    before = len(data_calls(sandbox))
    answers = sf.describe_many(names)
    assert list(answers) == names
    assert [getattr(answer, "name", None) for answer in answers.values()] == names
    fields = {name: getattr(answer, "fields", ()) for name, answer in answers.items()}
    assert all(any(field.name == "Id" for field in f) for f in fields.values())
    calls = data_calls(sandbox)[before:]
    assert calls == [f"POST /services/data/v{sf.api_version}/composite"] * 2


def test_an_object_that_is_not_there_does_not_hide_the_others(sf: Salesforce) -> None:
    answers = sf.describe_many(["Account", "Nope__c", "Contact"])
    assert [type(answer) for answer in answers.values()] == [
        SObjectDescribe,
        NotFound,
        SObjectDescribe,
    ]
    assert "Describe Nope__c" in str(answers["Nope__c"])


def test_parts_that_are_unchanged_are_not_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    a, b = {"name": "A", "label": "a1"}, {"name": "B", "label": "b1"}
    newer = {"name": "B", "label": "b2"}
    server.script.extend(
        [together(part(200, a), part(200, b)), together(part(304, None), part(200, newer))]
    )
    sf = Salesforce(transport)
    sf.describe_many(["A", "B"])
    assert [label_of(x) for x in sf.describe_many(["A", "B"]).values()] == ["a1", "b2"]
    assert server.seen[1].body.decode().count(CHANGED) == 2


def test_a_part_with_a_temporary_error_is_requested_alone(
    server: ScriptedServer, transport: Transport
) -> None:
    trouble = part(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])
    server.script.extend(
        [together(part(200, {"name": "A", "label": "a"}), trouble), described("B", label="b")]
    )
    answers = Salesforce(transport).describe_many(["A", "B"])
    assert [label_of(answer) for answer in answers.values()] == ["a", "b"]


@pytest.mark.parametrize(
    "refused",
    [
        error(400, "FUNCTIONALITY_NOT_ENABLED"),
        as_json({"compositeResponse": []}),
        as_json({"hello": "there"}),
        Answer(200, b"<html>maintenance</html>"),
    ],
)
def test_objects_are_requested_alone_if_the_composite_request_fails(
    server: ScriptedServer, transport: Transport, refused: Answer
) -> None:
    attempts = 1 if refused.status == 400 else 6
    singly = [described("A", label="a"), described("B", label="b")]
    server.script.extend([*[refused] * attempts, *singly])
    answers = Salesforce(transport).describe_many(["A", "B"])
    assert [label_of(answer) for answer in answers.values()] == ["a", "b"]


ODD_PARTS: dict[str, Any] = {
    "text": "B",
    "nothing": None,
    "no status": {"body": {"name": "B"}, "httpHeaders": {}},
    "a status that is text": part(200, {"name": "B"}) | {"httpStatusCode": "200"},
    "no body": part(200, None),
    "a body that is text": part(200, "busy"),
    "a body without a name": part(200, {"label": "b"}),
    "fields that are text": part(200, {"name": "B", "fields": ["Id"]}),
    "another object": part(200, {"name": "C", "label": "c"}),
    "unchanged, but nothing is kept": part(304, None),
    "a redirect": part(301, None),
}


@pytest.mark.parametrize("odd", ODD_PARTS.values(), ids=ODD_PARTS)
def test_a_part_that_is_not_a_describe_is_requested_alone(
    server: ScriptedServer, transport: Transport, odd: Any
) -> None:
    good = part(200, {"name": "A", "label": "a"})
    server.script.extend([together(good, odd), described("B", label="b")])
    answers = Salesforce(transport).describe_many(["A", "B"])
    assert [label_of(answer) for answer in answers.values()] == ["a", "b"]
    assert len(server.seen) == 2


def test_parts_without_headers_are_read_and_not_cached(
    server: ScriptedServer, transport: Transport
) -> None:
    parts = [part(200, {"name": name, "label": name}) | {"httpHeaders": None} for name in "AB"]
    server.script.extend([together(*parts), together(*parts)])
    sf = Salesforce(transport)
    for _ in range(2):
        assert [label_of(answer) for answer in sf.describe_many(["A", "B"]).values()] == ["A", "B"]
    assert CHANGED not in server.seen[1].body.decode()


REFUSED_CONDITIONS = [Answer(412), Answer(400), error(405, "METHOD_NOT_ALLOWED")]


@pytest.mark.parametrize("refused", REFUSED_CONDITIONS)
def test_a_condition_that_is_refused_is_left_out(
    server: ScriptedServer, transport: Transport, refused: Answer
) -> None:
    server.script.extend([described("A", label="old"), refused, described("A", label="new")])
    sf = Salesforce(transport)
    assert [sf.describe("A").label, sf.describe("A").label] == ["old", "new"]
    asked = [seen.headers.get("If-Modified-Since") for seen in server.seen]
    assert asked == [None, CHANGED, None]


def test_a_condition_of_the_list_that_is_refused_is_left_out(
    server: ScriptedServer, transport: Transport
) -> None:
    listed = as_json({"sobjects": [{"name": "A"}]}, Last_Modified=CHANGED, Date=LATER)
    server.script.extend([listed, Answer(412), listed])
    sf = Salesforce(transport)
    assert [[one.name for one in sf.describe_global()] for _ in range(2)] == [["A"], ["A"]]
    assert "If-Modified-Since" not in server.seen[2].headers


def test_a_condition_of_a_part_that_is_refused_is_left_out(
    server: ScriptedServer, transport: Transport
) -> None:
    good = [part(200, {"name": name, "label": name}) for name in "AB"]
    server.script.extend([together(*good), together(part(304, None), part(412, []))])
    server.script.extend([Answer(412), described("B", label="new")])
    sf = Salesforce(transport)
    sf.describe_many(["A", "B"])
    assert [label_of(x) for x in sf.describe_many(["A", "B"]).values()] == ["A", "new"]


def test_an_object_that_was_deleted_is_requested_once(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([described("A"), error(404, "NOT_FOUND")])
    sf = Salesforce(transport)
    sf.describe("A")
    with pytest.raises(NotFound):
        sf.describe("A")


@pytest.mark.parametrize("answer", [UNCHANGED, as_json({"label": "no name"}), as_json({})])
def test_an_answer_that_is_not_a_describe_is_not_used(
    server: ScriptedServer, transport: Transport, answer: Answer
) -> None:
    server.script.extend([answer, described("A", label="a")])
    assert Salesforce(transport).describe("A").label == "a"


def test_a_describe_whose_answer_is_lost_is_requested_again(
    server: ScriptedServer, transport: Transport
) -> None:
    parts = together(part(200, {"name": "A", "label": "a"}), part(200, {"name": "B"}))
    server.script.extend([DROP, parts])
    answers = Salesforce(transport).describe_many(["A", "B"])
    assert label_of(answers["A"]) == "a"
    assert len(server.seen) == 2


def test_a_limit_reached_concerns_every_object(
    server: ScriptedServer, transport: Transport
) -> None:
    reached = part(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}])
    server.script.append(together(part(200, {"name": "A"}), reached))
    with pytest.raises(LimitExceeded):
        Salesforce(transport).describe_many(["A", "B"])


def test_no_names_make_no_request(server: ScriptedServer, transport: Transport) -> None:
    assert Salesforce(transport).describe_many([]) == {}
    assert not server.seen


def test_the_error_of_one_object_is_that_of_a_single_describe(
    server: ScriptedServer, transport: Transport
) -> None:
    refused = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no rights"}]
    server.script.append(together(part(200, {"name": "A"}), part(403, refused)))
    problem = Salesforce(transport).describe_many(["A", "B"])["B"]
    assert isinstance(problem, ApiError)
    assert (problem.status, problem.code) == (403, "INSUFFICIENT_ACCESS")


def test_the_org_itself_says_that_nothing_has_changed(sandbox: Sandbox, sf: Salesforce) -> None:
    first = sf.describe("Account")
    # A document as young as its answer is not kept: ask until it has aged a second.
    for _ in range(40):
        again = sf.describe("Account")
        if sandbox.requests[-1].status == 304:
            break
        threading.Event().wait(0.1)
    assert sandbox.requests[-1].status == 304
    assert again == first
    before = sf.describe_many(["Account", "Contact"])
    assert sf.describe_many(["Contact", "Account"]) == before

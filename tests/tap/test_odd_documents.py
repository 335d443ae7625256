"""A document in another form, of each kind: the command asks again, or has one clear error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import forked
from tests.tap.conftest import finished

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import Run, TapCommand

DEEP = '{"records": ' + "[" * 100_000 + "]" * 100_000 + "}"
JOB = {"state": "UploadComplete", "object": "Account", "operation": "query"}
ENDED = JOB | {"id": "750000000000001AAA", "state": "JobComplete"}
BULK1 = {"api_type": "BULK"}
REST = {"api_type": "REST"}
GLOBS = {"streams_to_discover": ["Accoun*", "Contac*"]}

# By the kind of document: the path, the odd document, what is named, and the settings.
ODD: dict[str, tuple[str, Any, str, dict[str, Any]]] = {
    "sign-in": ("*/oauth2/token", {"access_token": [5]}, "without a token", {}),
    "sign-in to elsewhere": (
        "*/oauth2/token",
        {"access_token": "00D!x", "instance_url": "file:///etc/passwd"},
        "must be a URL",
        {},
    ),
    "list of objects": ("*/sobjects", {"sobjects": None}, "`$.sobjects`", GLOBS),
    "describe": (
        "*/Account/describe",
        {"name": "Account", "fields": [{}]},
        "`$.fields[0]`",
        {"streams_to_discover": ["Account"]},
    ),
    "new job": ("*/jobs/query", JOB | {"id": "../../x"}, "`$.id`", {}),
    "job": (
        "*/jobs/query/750*",
        json.dumps(ENDED | {"numberRecordsProcessed": 0}).replace(": 0", ": " + "9" * 5_000),
        "thousands of digits",
        {},
    ),
    "page of records": ("*/v68.0/query*", {"records": [5]}, "`$.records[0]`", REST),
    "deep page of records": ("*/v68.0/query*", DEEP, "too deeply", REST),
    "new job of Bulk API 1.0": ("*/async/*/job", "<jobInfo><id>x</id></jobInfo>", "`$.id`", BULK1),
    "batches": ("*/async/*/batch", {"batchInfo": [{"id": 5}]}, "`$.batchInfo[0].id`", BULK1),
}
# These only save time: without them all rows are read too.
HELPERS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "record counts": (
        "*/recordCount",
        {"sObjects": [{"name": 5, "count": -1}]},
        {"api_type": "auto"},
    ),
    "composite": ("*/composite", {"compositeResponse": [5, None]}, {}),
    "limits": ("*/limits", {"DailyApiRequests": {"Max": "x"}}, {"quota_percent_total": 90}),
}


def run(tap: TapCommand, **given: Any) -> Run:
    """As `tap`, but nobody waits for the pauses between attempts."""
    line = tap.line(**given)[1:]
    done = forked("tap-sfbulk").run_line(tap.folder, line, hurried=True)
    return finished(done.code, (tap.folder / "stdout").read_bytes(), done.log.encode())


def reads_all(ended: Run, given: dict[str, Any]) -> bool:
    contacts = 0 if given.get("streams_to_discover") == ["Account"] else 5
    return (len(ended.records("Account")), len(ended.records("Contact"))) == (3, contacts)


@pytest.mark.parametrize("kind", ODD)
def test_a_document_that_stays_odd_is_one_clear_error(
    sandbox: Sandbox, tap: TapCommand, kind: str
) -> None:
    path, body, said, given = ODD[kind]
    sandbox.control.add_fault(kind="answer", path=path, status=200, body=body, times=None)
    ended = run(tap, **given)
    assert ended.code == 1, ended.log
    assert "Traceback" not in ended.log, ended.log
    errors = [line for line in ended.log.splitlines() if "| ERROR " in line]
    assert any(said in line for line in errors), ended.log
    states = [message for message in ended.messages if message["type"] == "STATE"]
    assert "window_end" not in json.dumps(states)


@pytest.mark.parametrize("kind", [kind for kind in ODD if not kind.startswith("sign-in")])
def test_a_document_that_is_odd_once_is_requested_again(
    sandbox: Sandbox, tap: TapCommand, kind: str
) -> None:
    path, body, _, given = ODD[kind]
    sandbox.control.add_fault(kind="answer", path=path, status=200, body=body)
    ended = run(tap, **given)
    assert sandbox.control.faults == []
    assert ended.code == 0, ended.log
    assert reads_all(ended, given)


@pytest.mark.parametrize("kind", HELPERS)
def test_an_odd_document_that_only_saves_time_costs_no_row(
    sandbox: Sandbox, tap: TapCommand, kind: str
) -> None:
    path, body, given = HELPERS[kind]
    sandbox.control.add_fault(kind="answer", path=path, status=200, body=body, times=None)
    ended = run(tap, **given)
    assert ended.code == 0, ended.log
    assert reads_all(ended, given)
    assert any(one.path.endswith(path.strip("*")) for one in sandbox.requests)


def test_half_a_character_in_a_describe_reaches_the_catalog_as_a_question_mark(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    fields = [
        {"name": "Id", "type": "id", "length": 18},
        {"name": "SystemModstamp", "type": "datetime"},
        {
            "name": "Kind",
            "label": "\ud83d half",
            "type": "picklist",
            "picklistValues": [{"value": "a\udc00", "label": "\ud800", "active": True}],
        },
    ]
    odd = {"name": "Account", "label": "\ud800", "queryable": True, "fields": fields}
    sandbox.control.add_fault(kind="answer", path="*/composite", status=400, body="", times=None)
    sandbox.control.add_fault(
        kind="answer", path="*/Account/describe", status=200, body=json.dumps(odd), times=None
    )
    described = tap.discover(streams_to_discover=["Account"])["Account"]
    assert "? half" in json.dumps(described)
    assert described["schema"]["properties"]["Kind"]

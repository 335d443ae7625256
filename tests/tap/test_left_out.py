"""Objects that nobody named and nobody can read are left out; those that are named fail the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk.errors import ApiError, JobFailed
from tap_sfbulk.failures import is_unreadable
from tests.tap.test_command import JOBS

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import TapCommand

RESTRICTED = (
    "Implementation restriction: Contact requires a filter by a single Id on ContentDocumentId or "
    "LinkedEntityId using the equals operator or multiple Id's using the IN operator."
)


def list_objects(sandbox: Sandbox, *names: str, **more: Any) -> None:
    """The org's list of objects has these names, whether or not they can be described."""
    known = {"queryable": True, "deprecatedAndHidden": False, "keyPrefix": "a99"} | more
    objects = [{"name": name, "label": name, **known} for name in names]
    sandbox.control.add_fault(
        kind="answer", path="*/sobjects", status=200, body={"sobjects": objects}, times=None
    )


def refuse_contacts(sandbox: Sandbox, code: str, message: str) -> None:
    sandbox.control.add_fault(
        kind="answer",
        method="POST",
        path=JOBS,
        request_body="FROM Contact",
        status=400,
        body=[{"errorCode": code, "message": message}],
        times=None,
    )


@pytest.mark.parametrize("wanted", [None, ["*"], ["Account", "*a*", "Ph*"]])
def test_discovery_succeeds_with_what_it_has(
    sandbox: Sandbox, tap: TapCommand, wanted: list[str] | None
) -> None:
    list_objects(sandbox, "Account", "Lead", "Phantom")
    run = tap("--discover", streams_to_discover=wanted)
    assert run.code == 0, run.log
    assert [s["stream"] for s in json.loads(run.stdout)["streams"]] == ["Account", "Lead"]
    assert "Phantom is left out: Describe Phantom: HTTP 404" in run.log
    assert "ERROR" not in run.log


def test_discovery_of_a_named_object_fails_after_it_printed_the_others(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    list_objects(sandbox, "Account", "Lead", "Phantom", "Phantasm")
    run = tap("--discover", streams_to_discover=["Account", "PHANTOM", "*tasm", "*a*"])
    assert run.code == 1
    assert [s["stream"] for s in json.loads(run.stdout)["streams"]] == ["Account", "Lead"]
    assert "1 stream could not be read. Phantom: " in run.reason
    assert "Phantasm is left out" in run.log


@pytest.mark.parametrize("option", ["", "--discover", "--test"])
def test_nothing_of_everything_is_not_done(sandbox: Sandbox, tap: TapCommand, option: str) -> None:
    list_objects(sandbox, "Phantom", "Phantasm")
    run = tap(*filter(None, [option]), streams_to_discover=None)
    assert run.code == 1
    assert "2 streams could not be read. Phantom: " in run.reason
    assert "Traceback" not in run.log


@pytest.mark.parametrize("option", ["", "--test"])
def test_a_run_leaves_out_what_nobody_named_and_nobody_can_read(
    sandbox: Sandbox, tap: TapCommand, option: str
) -> None:
    list_objects(sandbox, "Contact", "Account", "Phantom")
    refuse_contacts(sandbox, "MALFORMED_QUERY", RESTRICTED)
    run = tap(*filter(None, [option]), streams_to_discover=None)
    assert run.code == 0, run.log
    assert len(run.records("Account")) == (1 if option else 3)
    assert "Contact is left out: " in run.log
    assert "requires a filter" in run.log
    assert "Phantom is left out: " in run.log


def test_a_run_fails_where_everything_is_left_out(sandbox: Sandbox, tap: TapCommand) -> None:
    list_objects(sandbox, "Contact", "Phantom")
    refuse_contacts(sandbox, "MALFORMED_QUERY", RESTRICTED)
    run = tap(streams_to_discover=None)
    assert run.code == 1
    assert "2 streams could not be read. " in run.reason


def test_a_run_fails_where_the_object_is_named(sandbox: Sandbox, tap: TapCommand) -> None:
    refuse_contacts(sandbox, "MALFORMED_QUERY", RESTRICTED)
    run = tap(streams_to_discover=["Acc*", "contact"])
    assert run.code == 1
    assert "1 stream could not be read. Contact: " in run.reason
    assert "AccountHistory" in run.schemas


def test_a_run_fails_where_the_catalog_selects_the_object(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    catalog = {"streams": list(tap.discover().values())}
    list_objects(sandbox, "Account", "Contact", "Phantom")
    refuse_contacts(sandbox, "MALFORMED_QUERY", RESTRICTED)
    run = tap(streams_to_discover=None, catalog=catalog)
    assert run.code == 1
    assert "1 stream could not be read. Contact: " in run.reason
    # The catalog says nothing of it, so it is not described.
    assert "Phantom" not in run.log


def test_other_trouble_of_an_object_that_nobody_named_fails_the_run(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    list_objects(sandbox, "Account", "Contact")
    refuse_contacts(sandbox, "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's")
    run = tap(streams_to_discover=None)
    assert run.code == 1
    assert "1 stream could not be read. Contact: " in run.reason
    assert "View All Data" in run.reason


@pytest.mark.parametrize("option", ["", "--discover", "--test"])
@pytest.mark.parametrize("wanted", [None, ["Account"], ["*"]])
@pytest.mark.parametrize("seen", ["no object", "nothing to query"])
def test_a_user_who_sees_no_object_is_told_the_right_that_is_missing(
    sandbox: Sandbox, tap: TapCommand, option: str, wanted: list[str] | None, seen: str
) -> None:
    if seen == "no object":
        list_objects(sandbox)
    else:
        list_objects(sandbox, "Account", "Contact", queryable=False)
    run = tap(*filter(None, [option]), streams_to_discover=wanted)
    assert run.code == 1
    for right in ("API Enabled", "Read on the objects", "View All Data"):
        assert right in run.reason
    assert "Traceback" not in run.log


def test_a_user_without_the_api_is_told_the_right_that_is_missing(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    text = "API is not enabled for this Organization or Partner"
    body = [{"errorCode": "API_DISABLED_FOR_ORG", "message": text}]
    sandbox.control.add_fault(kind="answer", path="*/sobjects", status=403, body=body)
    run = tap("--discover")
    assert run.code == 1
    assert "the permission API Enabled" in run.reason


UNREADABLE = [
    ("MALFORMED_QUERY", RESTRICTED),
    ("MALFORMED_QUERY", "A filter on a reified column is required [EntityDefinitionId,DurableId]"),
    (
        "MALFORMED_QUERY",
        "When querying the Vote object, you must filter using the syntax: ParentId",
    ),
    ("EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION", "The query must name the object"),
    ("EXTERNALOBJECTEXCEPTION", "Where clauses should contain a DeveloperName"),
    ("INVALID_TYPE_FOR_OPERATION", "entity type ListViewChartInstance does not support query"),
    ("MALFORMED_QUERY", "entity type Name does not support query"),
    ("INVALID_TYPE", "sObject type 'Phantom' is not supported."),
    ("INVALIDENTITY", "Entity 'TaskStatus' is not supported by the Bulk API."),
    ("INSUFFICIENT_ACCESS", "no access"),
]
READABLE = [
    ("MALFORMED_QUERY", "unexpected token: 'FROM'"),
    ("INVALID_FIELD", "No such column 'Filter__c' on entity 'Account'"),
    ("QUERY_TIMEOUT", "Your query request was running for too long."),
    ("OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's"),
    ("LIMIT_EXCEEDED", "over"),
]


@pytest.mark.parametrize(("code", "text"), UNREADABLE)
def test_words_tell_an_object_that_cannot_be_read(code: str, text: str) -> None:
    assert is_unreadable(ApiError("x", status=400, code=code, detail=text))


def test_the_reason_of_a_failed_job_tells_it_too() -> None:
    assert is_unreadable(JobFailed(f"The query job 750 on X failed: {RESTRICTED}"))
    assert not is_unreadable(JobFailed("The query job 750 on X failed: InternalServerError : x"))


@pytest.mark.parametrize(("code", "text"), READABLE)
def test_other_errors_are_errors(code: str, text: str) -> None:
    assert not is_unreadable(ApiError("x", status=400, code=code, detail=text))

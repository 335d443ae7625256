"""Dead sessions, refusals that pass and odd describes, as the command meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import TapCommand

TOKEN = "/services/oauth2/token"


@pytest.mark.parametrize("code", ["INVALID_JWT_FORMAT", "INVALID_AUTH_HEADER", None])
def test_a_session_that_stays_dead_ends_the_run_as_an_expired_session(
    sandbox: Sandbox, tap: TapCommand, code: str | None
) -> None:
    body = [{"errorCode": code, "message": "no"}] if code else ""
    sandbox.control.add_fault(
        kind="answer", path="*/jobs/query*", status=401, body=body, times=None
    )
    run = tap(max_jobs_ahead=1)
    assert run.code == 1
    assert "A new access token was refused too" in run.reason
    assert "could not be read" not in run.reason
    assert "Traceback" not in run.log
    refused = [r for r in sandbox.requests if r.status == 401]
    assert len(refused) == 2
    assert sum(r.path == TOKEN for r in sandbox.requests) == 2


def test_a_session_that_is_refused_once_is_renewed_and_everything_is_read(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    body = [{"errorCode": "INVALID_JWT_FORMAT", "message": "no"}]
    sandbox.control.add_fault(kind="answer", path="*/jobs/query*", status=401, body=body)
    run = tap()
    assert run.code == 0, run.log
    assert (len(run.records("Account")), len(run.records("Contact"))) == (3, 5)
    assert sandbox.control.faults == []


def test_a_refusal_of_sign_in_that_passes_costs_nothing_but_a_moment(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    body = {"error": "unknown_error", "error_description": "retry your request"}
    sandbox.control.add_fault(kind="answer", path=TOKEN, status=400, body=body)
    run = tap()
    assert run.code == 0, run.log
    assert len(run.records("Contact")) == 5
    assert sandbox.control.faults == []


@pytest.mark.parametrize("wanted", [["Account", "Contact"], ["*t"], ["Con*", "Account"]])
@pytest.mark.parametrize("option", ["", "--discover"])
def test_a_describe_in_another_form_is_reported_and_the_others_are_read(
    sandbox: Sandbox, tap: TapCommand, option: str, wanted: list[str]
) -> None:
    odd = {"name": "Account", "fields": None}
    sandbox.control.add_fault(kind="answer", path="*/composite", status=400, body="", times=None)
    # Each try after another form of answer costs a pause; a refusal ends them.
    sandbox.control.add_fault(kind="answer", path="*/Account/describe", status=200, body=odd)
    sandbox.control.add_fault(
        kind="answer", path="*/Account/describe", status=404, body="", times=None
    )
    run = tap(*filter(None, [option]), streams_to_discover=wanted, exclude_streams=["*Document*"])
    assert run.code == (1 if "Account" in wanted else 0), run.log
    assert "Account" in run.log
    assert "Traceback" not in run.log
    if not option:
        assert len(run.records("Contact")) == 5

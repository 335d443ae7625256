"""A refusal of sign-in that passes is tried again in every flow, one of credentials never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import SignInError, TransportError
from sfbulk.http.retry import MAX_ATTEMPTS
from tests.client.scripted import FakeClock
from tests.client.test_sign_in import FLOWS, TOKEN, flows, sign_ins

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sfbulk_sandbox import Sandbox

    Settings = Callable[[Sandbox], dict[str, str]]

FAULT = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
    "<faultcode>{0}</faultcode><faultstring>{0}: {1}</faultstring>{2}"
    "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
)
PASSING: list[tuple[Any, ...]] = [
    (400, "unknown_error", "retry your request"),
    (400, "unknown_error", ""),
    (400, "invalid_grant", "Token request is already being processed"),
    (400, "invalid_request", "Please retry your request."),
    (400, "temporarily_unavailable", ""),
    (403, "something_new", "The login service is temporarily busy."),
    (400, "something_new", "Try again in a minute"),
    (401, "server_error", ""),
    (400, "SERVER_UNAVAILABLE", "Server too busy"),
    (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred"),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    (503, None, "<html><title>Down for maintenance</title></html>"),
    (502, None, ""),
    (429, None, ""),
]
FINAL: list[tuple[Any, ...]] = [
    (400, "invalid_grant", "authentication failure"),
    (400, "invalid_grant", "expired access/refresh token"),
    (401, "invalid_client", "invalid client credentials"),
    (400, "invalid_client_id", "client identifier invalid, try again"),
    (400, "inactive_user", "user is inactive"),
    (400, "something_new", "never seen"),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    (401, None, ""),
]
SOAP_PASSING = [
    ("SERVER_UNAVAILABLE", "busy"),
    ("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId"),
    ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."),
    ("something_new", "retry your request"),
    ("soapenv:Server", "no detail"),
]
SOAP_FINAL = [
    ("INVALID_LOGIN", "Invalid username, password, security token; or user locked out. Try again."),
    ("PASSWORD_LOCKOUT", "locked"),
    ("LOGIN_RATE_EXCEEDED", "try again later"),
    ("INSUFFICIENT_ACCESS", "SOAP API login() is disabled"),
    ("soapenv:Client", "not understood"),
]


class Clock(FakeClock):
    """Sleeps in no time, at today's date: the sandbox checks the time of an assertion."""

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now()


def refuse(sandbox: Sandbox, path: str, refusal: tuple[Any, ...], times: int | None = 2) -> None:
    """The sandbox's own answer to a sign-in is replaced so often."""
    body: Any
    if len(refusal) == 2:
        code, text = refusal
        detail = (
            "" if ":" in code else f"<detail><x><exceptionCode>{code}</exceptionCode></x></detail>"
        )
        status, body = 500, FAULT.format(code, text, detail)
    else:
        status, code, text = refusal
        body = {"error": code, "error_description": text} if code else text
    sandbox.control.add_fault(kind="answer", path=path, status=status, body=body, times=times)


@flows
@pytest.mark.parametrize("at", ["first", "renewal"])
def test_a_refusal_that_passes_is_tried_again_in_every_flow(
    sandbox: Sandbox, settings: Settings, path: str, at: str
) -> None:
    refusal = SOAP_PASSING[0] if path != TOKEN else PASSING[0]
    with Salesforce.from_settings(settings(sandbox), clock=Clock()) as org:
        if at == "renewal":
            org.describe_global()
            sandbox.control.end_sessions()
        refuse(sandbox, path, refusal)
        assert org.describe("Account").name == "Account"
    assert sandbox.control.faults == []
    assert sign_ins(sandbox, path) == (4 if at == "renewal" else 3)


@pytest.mark.parametrize("refusal", PASSING + SOAP_PASSING, ids=str)
def test_words_tell_a_refusal_that_passes(sandbox: Sandbox, refusal: tuple[Any, ...]) -> None:
    settings, path = flow_of(refusal)
    refuse(sandbox, path, refusal)
    with Salesforce.from_settings(settings(sandbox), clock=Clock()) as org:
        assert org.describe("Account").name == "Account"
    assert sign_ins(sandbox, path) == 3


@pytest.mark.parametrize("refusal", PASSING + SOAP_PASSING, ids=str)
def test_a_refusal_that_does_not_pass_in_time_does_not_blame_the_settings(
    sandbox: Sandbox, refusal: tuple[Any, ...]
) -> None:
    settings, path = flow_of(refusal)
    refuse(sandbox, path, refusal, times=MAX_ATTEMPTS)
    with Salesforce.from_settings(settings(sandbox), clock=Clock()) as org:
        with pytest.raises(TransportError, match=r"for the moment: .*run again later"):
            org.describe_global()
        # A later request may find the login host well again.
        assert org.describe("Account").name == "Account"
    assert sign_ins(sandbox, path) == MAX_ATTEMPTS + 1


@pytest.mark.parametrize("refusal", FINAL + SOAP_FINAL, ids=str)
def test_a_refusal_of_the_credentials_is_never_tried_again(
    sandbox: Sandbox, refusal: tuple[Any, ...]
) -> None:
    settings, path = flow_of(refusal)
    refuse(sandbox, path, refusal)
    with (
        Salesforce.from_settings(settings(sandbox), clock=Clock()) as org,
        pytest.raises(SignInError),
    ):
        org.describe_global()
    assert sign_ins(sandbox, path) == 1


def test_an_error_with_the_status_of_a_success_is_an_error(sandbox: Sandbox) -> None:
    refuse(sandbox, TOKEN, (200, "unknown_error", "retry your request"))
    settings, _ = flow_of(PASSING[0])
    with Salesforce.from_settings(settings(sandbox), clock=Clock()) as org:
        assert org.describe("Account").name == "Account"
    assert sign_ins(sandbox, TOKEN) == 3


def flow_of(refusal: tuple[Any, ...]) -> tuple[Settings, str]:
    """A flow whose host answers in this form."""
    soap = len(refusal) == 2
    return next((flow, path) for flow, path in FLOWS.items() if (path != TOKEN) is soap)

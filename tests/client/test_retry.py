"""Which requests are sent again: decisions over whole ranges, and the waits between."""

from __future__ import annotations

import pytest

from sfbulk.retry import MAX_ATTEMPTS, Decision, Pauses, decide
from tests.client.scripted import FakeClock

METHODS = ("GET", "HEAD", "DELETE", "POST", "PATCH", "PUT")
READS = ("GET", "HEAD", "DELETE")
WRITES = ("POST", "PATCH", "PUT")
REFUSED_FOR_NOW = {420, 425, 429, 503}
# 401 is about the session and has its own tests.
STATUSES = [status for status in range(400, 600) if status != 401]
BROKE_OFF = {408, 500, 502, 504}


@pytest.mark.parametrize("method", READS)
def test_a_read_is_repeated_exactly_on_passing_statuses(method: str) -> None:
    for status in STATUSES:
        expected = status in REFUSED_FOR_NOW | BROKE_OFF | {406}
        assert (decide(method, status, None, 1) is Decision.RETRY) == expected, status
        assert decide(method, status, None, MAX_ATTEMPTS) is Decision.GIVE_UP, status


@pytest.mark.parametrize("method", WRITES)
def test_a_write_is_repeated_only_when_it_surely_had_no_effect(method: str) -> None:
    expected = dict.fromkeys(STATUSES, Decision.GIVE_UP)
    expected |= dict.fromkeys(REFUSED_FOR_NOW, Decision.RETRY)
    expected |= dict.fromkeys(BROKE_OFF, Decision.UNCERTAIN)
    assert {status: decide(method, status, None, 1) for status in expected} == expected


@pytest.mark.parametrize("attempt", range(1, MAX_ATTEMPTS + 3))
@pytest.mark.parametrize("method", METHODS)
def test_without_an_answer_a_write_is_never_repeated(method: str, attempt: int) -> None:
    decision = decide(method, None, None, attempt)
    if method in WRITES:
        assert decision is Decision.UNCERTAIN
    else:
        assert decision is (Decision.RETRY if attempt < MAX_ATTEMPTS else Decision.GIVE_UP)


@pytest.mark.parametrize("method", METHODS)
def test_a_request_that_was_surely_not_sent_is_repeated(method: str) -> None:
    assert decide(method, None, None, 1, may_have_acted=False) is Decision.RETRY
    assert decide(method, None, None, MAX_ATTEMPTS, may_have_acted=False) is Decision.GIVE_UP


def test_a_post_that_changes_nothing_is_repeated() -> None:
    assert decide("POST", None, None, 1, repeatable=True) is Decision.RETRY
    assert decide("POST", 502, None, 1, repeatable=True) is Decision.RETRY


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("attempt", [1, MAX_ATTEMPTS, 99])
@pytest.mark.parametrize("code", ["INVALID_SESSION_ID", None])
def test_an_expired_session_is_renewed_once(method: str, attempt: int, code: str | None) -> None:
    assert decide(method, 401, code, attempt) is Decision.RENEW
    assert decide(method, 401, code, attempt, renewed=True) is Decision.GIVE_UP


@pytest.mark.parametrize("method", METHODS)
def test_a_session_that_bulk_1_calls_invalid_is_renewed_once_too(method: str) -> None:
    code = "InvalidSessionId"
    assert decide(method, 400, code, 1) is Decision.RENEW
    assert decide(method, 400, code, 1, renewed=True) is Decision.GIVE_UP


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
        ("INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
        ("INVALID_SESSION_ID", "Connected app is not attached to Agent"),
    ],
)
def test_a_401_that_renewing_cannot_help_fails_at_once(code: str | None, message: str) -> None:
    assert decide("GET", 401, code, 1, message=message) is Decision.GIVE_UP


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", ["SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"])
def test_a_passing_refusal_by_salesforce_is_repeated(method: str, code: str) -> None:
    assert decide(method, 400, code, 1) is Decision.RETRY


@pytest.mark.parametrize(
    "code", ["MALFORMED_QUERY", "INVALIDJOBSTATE", "NOT_FOUND", "INVALIDENTITY"]
)
def test_a_lasting_refusal_is_not_repeated(code: str) -> None:
    assert decide("GET", 400, code, 1) is Decision.GIVE_UP


def test_too_many_requests_at_once_pass_but_the_days_quota_does_not() -> None:
    code = "REQUEST_LIMIT_EXCEEDED"
    concurrent = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    assert decide("POST", 403, code, 1, message=concurrent) is Decision.RETRY
    total = "TotalRequests Limit exceeded."
    assert decide("GET", 403, code, 1, message=total) is Decision.GIVE_UP


def test_pauses_double_and_jitter_never_lengthens_them() -> None:
    clock = FakeClock()
    pauses = Pauses(clock, jitter=lambda seconds: seconds)
    assert [pauses.wait() for _ in range(5)] == [1, 2, 4, 8, 16]
    assert clock.slept == [1, 2, 4, 8, 16]
    jittered = Pauses(clock)
    for most in (1, 2, 4, 8, 16):
        assert 0 <= jittered.wait() <= most


def test_the_server_may_ask_for_a_longer_pause() -> None:
    pauses = Pauses(FakeClock(), jitter=lambda seconds: seconds)
    assert [pauses.wait(30.0), pauses.wait(0.5)] == [30.0, 2]

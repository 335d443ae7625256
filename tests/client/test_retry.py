"""Which requests are sent again: decisions over whole ranges, and the pauses between."""

from __future__ import annotations

from itertools import product

import pytest

from sfbulk.http.retry import MAX_ATTEMPTS, Backoff, Decision, decide
from tests.client.scripted import FakeClock

READS = ("GET", "HEAD", "DELETE")
WRITES = ("POST", "PATCH", "PUT")
METHODS = READS + WRITES
ATTEMPTS = range(1, MAX_ATTEMPTS + 3)
STATUSES = range(400, 600)

# What each status says of the request, before Salesforce's code is looked at.
REFUSED_FOR_NOW = {420, 425, 429, 503}
BROKE_OFF = {408, 500, 502, 504}

# What each code says, in each API's spelling; salesforce-api.md 2.8, 7.1, 10.5 and 13.
SESSION = ["INVALID_SESSION_ID", "InvalidSessionId"]
HAD_NO_EFFECT = [
    "SERVER_UNAVAILABLE",
    "UNABLE_TO_LOCK_ROW",
    "TOO_MANY_APEX_REQUESTS",
    "TooManyLockFailure",
    "TOOMANYLOCKFAILURE",
]
MAY_HAVE_ACTED = [
    "UNKNOWN_EXCEPTION",
    "QUERY_TIMEOUT",
    "REQUEST_RUNNING_TOO_LONG",
    "InternalServerError",
    "INTERNALSERVERERROR",
    "Timeout",
    "TIMEOUT",
    "Unknown",
]
FINAL = [
    "API_DISABLED_FOR_ORG",
    "API_ERROR",
    "CLIENTINPUTERROR",
    "ClientInputError",
    "EXCEEDEDQUOTA",
    "ExceededQuota",
    "FEATURENOTENABLED",
    "FeatureNotEnabled",
    "Gone",
    "HttpsRequired",
    "INVALIDBATCH",
    "INVALIDENTITY",
    "INVALIDJOB",
    "INVALIDJOBSTATE",
    "INVALID_FIELD",
    "InvalidBatch",
    "InvalidEntity",
    "InvalidJob",
    "InvalidJobState",
    "InvalidOperation",
    "InvalidUrl",
    "InvalidUser",
    "InvalidVersion",
    "InvalidXml",
    "JSON_PARSER_ERROR",
    "LIMIT_EXCEEDED",
    "MALFORMED_QUERY",
    "NOT_FOUND",
    "TransactionSecurityBlock",
    "UnsupportedContentType",
    "a word of tomorrow",
]
ANY_CODE = [None, *SESSION, *HAD_NO_EFFECT, *MAY_HAVE_ACTED, *FINAL]
CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
TOTAL = "TotalRequests Limit exceeded."


def passing(method: str, attempt: int, *, effect: bool) -> Decision:
    """The decision on a temporary failure."""
    if method in WRITES and effect:
        return Decision.UNCERTAIN
    return Decision.RETRY if attempt < MAX_ATTEMPTS else Decision.GIVE_UP


def expected(method: str, status: int, code: str | None, attempt: int) -> Decision:
    """One row of the table, written down as sentences."""
    if code in SESSION or status == 401:
        return Decision.RENEW
    if status in BROKE_OFF or code in MAY_HAVE_ACTED:
        return passing(method, attempt, effect=True)
    if status in REFUSED_FOR_NOW or code in HAD_NO_EFFECT:
        return passing(method, attempt, effect=False)
    if status == 406 and method in READS:
        return passing(method, attempt, effect=False)
    return Decision.GIVE_UP


@pytest.mark.parametrize("method", METHODS)
def test_every_row_of_the_table_is_decided_as_written(method: str) -> None:
    rows = list(product(STATUSES, ANY_CODE, ATTEMPTS))
    assert len(rows) > 70_000
    wrong = [
        (status, code, attempt)
        for status, code, attempt in rows
        if decide(method, status, code, attempt) is not expected(method, status, code, attempt)
    ]
    assert wrong == []


@pytest.mark.parametrize("method", METHODS)
def test_no_row_sends_a_write_again_that_may_have_acted(method: str) -> None:
    for status, code, attempt in product(STATUSES, ANY_CODE, ATTEMPTS):
        again = decide(method, status, code, attempt, renewed=True) is Decision.RETRY
        if again:
            assert attempt < MAX_ATTEMPTS
            if method in WRITES:
                assert status not in BROKE_OFF
                assert code not in MAY_HAVE_ACTED


def test_the_codes_of_this_table_are_in_one_list_each() -> None:
    assert len(set(ANY_CODE)) == len(ANY_CODE)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_without_an_answer_a_write_is_never_repeated(method: str, attempt: int) -> None:
    assert decide(method, None, None, attempt) is passing(method, attempt, effect=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_request_that_cannot_have_been_sent_is_repeated(method: str, attempt: int) -> None:
    decision = decide(method, None, None, attempt, may_have_acted=False)
    assert decision is passing(method, attempt, effect=False)


@pytest.mark.parametrize("status", [None, *STATUSES])
def test_a_post_that_changes_nothing_is_decided_as_a_read(status: int | None) -> None:
    for code, attempt in product(ANY_CODE, ATTEMPTS):
        as_read = decide("GET", status, code, attempt)
        assert decide("POST", status, code, attempt, repeatable=True) is as_read


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", [*ANY_CODE, "INVALID_JWT_FORMAT", "INVALID_AUTH_HEADER"])
def test_a_session_is_renewed_once(method: str, code: str | None) -> None:
    for attempt in ATTEMPTS:
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
        ("INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
        ("INVALID_SESSION_ID", "Connected app is not attached to Agent"),
    ],
)
def test_a_401_that_a_new_token_cannot_fix_fails_at_once(code: str, message: str) -> None:
    assert decide("GET", 401, code, 1, message=message) is Decision.GIVE_UP


@pytest.mark.parametrize("method", METHODS)
def test_too_many_requests_at_once_is_temporary_and_the_days_quota_is_not(method: str) -> None:
    code = "REQUEST_LIMIT_EXCEEDED"
    for attempt in ATTEMPTS:
        decision = decide(method, 403, code, attempt, message=CONCURRENT)
        assert decision is passing(method, attempt, effect=False)
        assert decide(method, 403, code, attempt, message=TOTAL) is Decision.GIVE_UP


def test_pauses_double_and_jitter_never_lengthens_them() -> None:
    clock = FakeClock()
    pauses = Backoff(clock, jitter=lambda seconds: seconds)
    assert [pauses.wait() for _ in range(5)] == [1, 2, 4, 8, 16]
    assert clock.slept == [1, 2, 4, 8, 16]
    jittered = Backoff(clock)
    for most in (1, 2, 4, 8, 16):
        assert 0 <= jittered.wait() <= most


def test_the_server_may_ask_for_a_longer_pause() -> None:
    pauses = Backoff(FakeClock(), jitter=lambda seconds: seconds)
    assert [pauses.wait(30.0), pauses.wait(0.5)] == [30.0, 2]

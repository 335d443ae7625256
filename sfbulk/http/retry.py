"""Which requests are sent again, and after how long: pure functions; the clock is a parameter.

Salesforce chooses job ids and has no idempotency key. So a request that creates or changes
something is only sent again if it cannot have had an effect. If it may have had one, the decision
is UNCERTAIN: the caller reads the job instead.

This module retries one request, for an outage of up to half a minute. Waiting for a job to end is
another matter: `jobs.polling` polls it with growing pauses until the caller's timeout.
"""

from __future__ import annotations

import re
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock

MAX_ATTEMPTS = 6
"""How often one request is sent at most; the five pauses between take up to 31 seconds."""

LONGEST_RETRY_AFTER_SECONDS = 300.0
"""The request fails if the server asks for a longer pause: the run would seem to hang."""

_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "DELETE"})

# Refused before anything was done: no route to the org (420, Salesforce Edge), too early, too
# many requests, out of service.
_REFUSED_FOR_NOW = frozenset({420, 425, 429, 503})

# A gateway or the server failed while it worked: the request may have had an effect.
_BROKE_OFF = frozenset({408, 500, 502, 504})

# A healthy org answers 406 from time to time; other taps retry it too.
_TEMPORARY_FOR_READS = frozenset({406})

# Salesforce's codes, as `_plain` writes them: `TooManyLockFailure` in Bulk API 1.0 is
# `TOO_MANY_LOCK_FAILURE` in REST and `TOOMANYLOCKFAILURE` in Bulk API 2.0.
_SESSION_CODES = frozenset({"INVALIDSESSIONID"})
_CODES_REFUSED_FOR_NOW = frozenset(
    {"SERVERUNAVAILABLE", "UNABLETOLOCKROW", "TOOMANYLOCKFAILURE", "TOOMANYAPEXREQUESTS"}
)
_CODES_BROKE_OFF = frozenset(
    {
        "INTERNALSERVERERROR",
        "QUERYTIMEOUT",
        "REQUESTRUNNINGTOOLONG",
        "TIMEOUT",
        "UNKNOWN",
        "UNKNOWNEXCEPTION",
    }
)

# Refusals of a sign-in that pass. The token endpoint answers 400 `unknown_error`, "retry your
# request", now and then, and 400 `invalid_grant`, "Token request is already being processed", when
# two use the same refresh token: there the status says nothing.
_SIGN_IN_CODES_FOR_NOW = frozenset(
    {"UNKNOWNERROR", "SERVERERROR", "TEMPORARILYUNAVAILABLE", "SERVICEUNAVAILABLE"}
)
_SIGN_IN_WORDS_FOR_NOW = ("retry your request", "already being processed")
# With one of these codes the credentials are refused, and a repeated wrong password locks the user
# out: only the words above tell that it is another case.
_CREDENTIALS_REFUSED = ("INVALID", "INACTIVE", "UNSUPPORTED", "LOGIN", "PASSWORD", "RATELIMIT")
_OTHER_SIGN_IN_WORDS_FOR_NOW = re.compile(
    r"\b(?:retry|try (?:your request )?again|temporar(?:y|ily)|unavailable)\b", re.IGNORECASE
)

# With these texts, a new token would be refused too.
_RENEWAL_CANNOT_HELP = (
    "Connected app is not attached to Agent",
    "This session is not valid for use with the REST API",
)


class Decision(str, Enum):
    """What to do after a request failed."""

    RETRY = "retry"
    """Send it again after a pause."""
    RENEW = "renew"
    """Renew the access token, then send it again immediately."""
    GIVE_UP = "give up"
    """It had no effect and will not succeed."""
    UNCERTAIN = "uncertain"
    """It may have had an effect; read the job before sending it again."""


class _Failure(Enum):
    """The kinds of failure that the decision distinguishes."""

    NOT_DONE = "temporary; it had no effect"
    NOT_READ = "temporary; reads may be retried"
    MAYBE_DONE = "temporary; it may have had an effect"
    REFUSED = "permanent"
    SESSION = "the session has ended"


# What to do while attempts are left: with a request that may be sent twice, and with others.
_DECISIONS = {
    _Failure.NOT_DONE: (Decision.RETRY, Decision.RETRY),
    _Failure.NOT_READ: (Decision.RETRY, Decision.GIVE_UP),
    _Failure.MAYBE_DONE: (Decision.RETRY, Decision.UNCERTAIN),
    _Failure.REFUSED: (Decision.GIVE_UP, Decision.GIVE_UP),
    _Failure.SESSION: (Decision.RENEW, Decision.RENEW),
}


def decide(  # noqa: PLR0913 - the decision's inputs, all of them plain values
    method: str,
    status: int | None,
    code: str | None,
    attempt: int,
    *,
    message: str = "",
    may_have_acted: bool = True,
    renewed: bool = False,
    repeatable: bool | None = None,
    most: int = MAX_ATTEMPTS,
    sign_in: bool = False,
) -> Decision:
    """What to do after attempt number `attempt` (from 1) of a request failed.

    Args:
        method: HTTP method.
        status: HTTP status of the answer; None if there was no answer.
        code: Salesforce's error code, if the answer had one, as any of its APIs spells it.
        attempt: how often the request has been sent.
        message: the answer's error text.
        may_have_acted: without an answer, False if the request cannot have been sent.
        renewed: whether the token was already renewed for this request.
        repeatable: True for a POST that changes nothing; by default the method decides.
        most: how often it is sent at most.
        sign_in: whether it is a sign-in, of which `is_passing_refusal` decides.
    """
    repeatable = method in _REPEATABLE_METHODS if repeatable is None else repeatable
    if status is None:
        failure = _Failure.MAYBE_DONE if may_have_acted else _Failure.NOT_DONE
    elif sign_in:
        passes = is_passing_refusal(status, code, message)
        failure = _Failure.NOT_DONE if passes else _Failure.REFUSED
    else:
        failure = _failure(status, _plain(code), message, renewed=renewed)
    first, other = _DECISIONS[failure]
    decision = first if repeatable else other
    if decision is Decision.RETRY and attempt >= most:
        return Decision.GIVE_UP
    return decision


def is_passing_refusal(status: int | None, code: str | None, message: str) -> bool:
    """Whether the same sign-in may succeed a little later, by the words of the refusal.

    Args:
        status: HTTP status; None if it says nothing, as for a fault of SOAP, which is always 500.
        code: the error of the token endpoint, or the exception code of SOAP.
        message: the error's text.
    """
    plain = _plain(code) or ""
    if any(words in message.lower() for words in _SIGN_IN_WORDS_FOR_NOW):
        return True
    if plain.startswith(_CREDENTIALS_REFUSED):
        return False
    if plain in _SIGN_IN_CODES_FOR_NOW or _OTHER_SIGN_IN_WORDS_FOR_NOW.search(message):
        return True
    failure = _failure(status or HTTPStatus.BAD_REQUEST, code and plain, message, renewed=True)
    return failure is not _Failure.REFUSED


class Backoff:
    """The pauses between the attempts of one request: doubling, with full jitter.

    With jitter, parallel requests that failed at the same time are not repeated at the same time.
    """

    def __init__(
        self, clock: Clock, jitter: Callable[[float], float] = backoff.full_jitter
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._seconds = backoff.expo(base=2, factor=1)
        next(self._seconds)  # The generator's first value only starts it.

    def wait(self, retry_after: float | None = None) -> float:
        """Sleep before the next attempt, at least `retry_after` seconds; the seconds slept."""
        seconds = max(self._jitter(next(self._seconds)), retry_after or 0.0)
        self._clock.sleep(seconds)
        return seconds


_DAYS = 86_400.0
_MOST_DAYS = 30.0


def in_words(seconds: float) -> str:
    """A long pause, such as `301 s` or `2.0 days`; one that nobody means is not repeated."""
    days = seconds / _DAYS
    if days > _MOST_DAYS:
        return f"more than {_MOST_DAYS:.0f} days"
    return f"{days:.1f} days" if days > 1 else f"{seconds:,.0f} s"


def _plain(code: str | None) -> str | None:
    return code.replace("_", "").upper() if code else None


def _failure(status: int, code: str | None, message: str, *, renewed: bool) -> _Failure:
    # A token that is no longer valid has many names (INVALID_JWT_FORMAT, INVALID_AUTH_HEADER), and
    # some gateways send 401 without Salesforce's body; one renewal costs little. Bulk API 1.0
    # reports an ended session with the status 400 (recorded).
    if code in _SESSION_CODES or status == HTTPStatus.UNAUTHORIZED:
        helpless = renewed or any(text in message for text in _RENEWAL_CANNOT_HELP)
        return _Failure.REFUSED if helpless else _Failure.SESSION
    # If status and code disagree, the less certain one counts.
    if status in _BROKE_OFF or code in _CODES_BROKE_OFF:
        return _Failure.MAYBE_DONE
    if status in _REFUSED_FOR_NOW or code in _CODES_REFUSED_FOR_NOW or _at_once(code, message):
        return _Failure.NOT_DONE
    return _Failure.NOT_READ if status in _TEMPORARY_FOR_READS else _Failure.REFUSED


def _at_once(code: str | None, message: str) -> bool:
    # The code has two meanings: the day's quota is used up, which lasts for hours, or too many
    # long requests run at the same time, which soon ends.
    return code == "REQUESTLIMITEXCEEDED" and "Concurrent" in message

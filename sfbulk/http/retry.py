"""Which requests are sent again, and after how long; decisions are pure, waiting is handed in.

Salesforce chooses job ids and knows no idempotence key, so a request that creates or
changes something is repeated only when it surely had no effect. When it may have had
one, the decision is UNCERTAIN: the caller looks the job up instead.

Two other waits stand beside this one, each with its own reason: a job is polled with
growing pauses for as long as the caller likes (`jobs.polling`), and within one poll
this module bridges an outage of about half a minute.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock

MAX_ATTEMPTS = 6
"""Sends of one request; the five pauses between them last up to 31 seconds in all."""

LONGEST_RETRY_AFTER_SECONDS = 300.0
"""A server that asks for more is not waited for: the run would seem to hang."""

_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "DELETE"})

# Refused before anything was done: too early, no route to the org (420, Salesforce Edge),
# too many requests, out of service.
_REFUSED_FOR_NOW = frozenset({420, 425, 429, 503})

# A gateway or the server broke off: the request may have been carried out.
_BROKE_OFF = frozenset({408, 500, 502, 504})

# 406 comes now and then from a healthy org, the taps of others retry it as well.
_PASSING_FOR_READS = frozenset({406})

# Salesforce's codes, as `_plain` writes them: Bulk API 1.0 says `TooManyLockFailure` where
# REST would say `TOO_MANY_LOCK_FAILURE` and Bulk API 2.0 `TOOMANYLOCKFAILURE`.
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

# Texts with which a new token is refused just the same.
_RENEWAL_CANNOT_HELP = (
    "Connected app is not attached to Agent",
    "This session is not valid for use with the REST API",
)


class Decision(str, Enum):
    """What to do after a request that did not succeed."""

    RETRY = "retry"
    """Send it again after a pause."""
    RENEW = "renew"
    """Renew the access token, then send it again at once."""
    GIVE_UP = "give up"
    """It had no effect and will not succeed."""
    UNCERTAIN = "uncertain"
    """It may have had its effect; look before sending it again."""


class _Failure(Enum):
    """The kinds of failure, as far as sending again is concerned."""

    NOT_DONE = "passing, and surely without effect"
    NOT_READ = "passing, and without effect as a read alone has none"
    MAYBE_DONE = "passing, and perhaps carried out"
    REFUSED = "a refusal that stays one"
    SESSION = "the session has ended"


# What to do while attempts are left: of a request that may be sent twice, and of another.
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
) -> Decision:
    """What to do after attempt number `attempt` (from 1) of a request failed.

    Args:
        method: HTTP method.
        status: HTTP status of the answer; None when there was none.
        code: Salesforce's error code, if the answer had one, of whichever API.
        attempt: how often the request has been sent.
        message: the answer's error text.
        may_have_acted: without an answer, False when the request surely was not sent.
        renewed: the token was renewed for this request already.
        repeatable: True for a POST that changes nothing; by default the method decides.
        most: how often it is sent at most.
    """
    repeatable = method in _REPEATABLE_METHODS if repeatable is None else repeatable
    if status is None:
        failure = _Failure.MAYBE_DONE if may_have_acted else _Failure.NOT_DONE
    else:
        failure = _failure(status, _plain(code), message, renewed=renewed)
    first, other = _DECISIONS[failure]
    decision = first if repeatable else other
    if decision is Decision.RETRY and attempt >= most:
        return Decision.GIVE_UP
    return decision


class Pauses:
    """The waits between the attempts of one request: doubling, with full jitter.

    Jitter keeps parallel requests that failed together from coming back together.
    """

    def __init__(
        self, clock: Clock, jitter: Callable[[float], float] = backoff.full_jitter
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._seconds = backoff.expo(base=2, factor=1)
        next(self._seconds)  # The generator's first value only starts it.

    def wait(self, retry_after: float | None = None) -> float:
        """Sleep before the next attempt, at least as long as the server asks; seconds slept."""
        seconds = max(self._jitter(next(self._seconds)), retry_after or 0.0)
        self._clock.sleep(seconds)
        return seconds


def _plain(code: str | None) -> str | None:
    return code.replace("_", "").upper() if code else None


def _failure(status: int, code: str | None, message: str, *, renewed: bool) -> _Failure:
    # Some gateways send 401 without Salesforce's body; one renewal costs little. Bulk API
    # 1.0 reports an ended session with 400.
    if code in _SESSION_CODES or (status == HTTPStatus.UNAUTHORIZED and code is None):
        helpless = renewed or any(text in message for text in _RENEWAL_CANNOT_HELP)
        return _Failure.REFUSED if helpless else _Failure.SESSION
    if status == HTTPStatus.UNAUTHORIZED:
        return _Failure.REFUSED
    # Where status and code differ, the one that leaves more open counts.
    if status in _BROKE_OFF or code in _CODES_BROKE_OFF:
        return _Failure.MAYBE_DONE
    if status in _REFUSED_FOR_NOW or code in _CODES_REFUSED_FOR_NOW or _at_once(code, message):
        return _Failure.NOT_DONE
    return _Failure.NOT_READ if status in _PASSING_FOR_READS else _Failure.REFUSED


def _at_once(code: str | None, message: str) -> bool:
    # The same code stands for the day's quota, which does not come back in minutes,
    # and for too many long requests at once, which does.
    return code == "REQUESTLIMITEXCEEDED" and "Concurrent" in message

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

_PASSING_CODES = frozenset({"SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"})

# How Bulk API 1.0 says, with status 400, what the others say with a 401.
_CLASSIC_SESSION_CODE = "InvalidSessionId"

# 401 texts where a new token is refused just the same.
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
) -> Decision:
    """What to do after attempt number `attempt` (from 1) of a request failed.

    Args:
        method: HTTP method.
        status: HTTP status of the answer; None when there was none.
        code: Salesforce's error code, if the answer had one.
        attempt: how often the request has been sent.
        message: the answer's error text.
        may_have_acted: without an answer, False when the request surely was not sent.
        renewed: the token was renewed for this request already.
        repeatable: True for a POST that changes nothing; by default the method decides.
    """
    repeatable = method in _REPEATABLE_METHODS if repeatable is None else repeatable
    if status == 401 or code == _CLASSIC_SESSION_CODE:  # noqa: PLR2004 - its name is longer than its meaning
        return _on_unauthorised(code, message, renewed=renewed)
    if status is None:
        had_no_effect, passing = not may_have_acted, True
    else:
        had_no_effect = status not in _BROKE_OFF
        passing = status in _BROKE_OFF | _REFUSED_FOR_NOW or _is_passing(code, message)
        passing = passing or (repeatable and status in _PASSING_FOR_READS)
    if passing and (repeatable or had_no_effect):
        return Decision.RETRY if attempt < MAX_ATTEMPTS else Decision.GIVE_UP
    return Decision.GIVE_UP if had_no_effect else Decision.UNCERTAIN


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


def _on_unauthorised(code: str | None, message: str, *, renewed: bool) -> Decision:
    helpless = any(text in message for text in _RENEWAL_CANNOT_HELP)
    # Some gateways send 401 without Salesforce's body; one renewal costs little.
    expired = code in (None, "INVALID_SESSION_ID", _CLASSIC_SESSION_CODE)
    if expired and not renewed and not helpless:
        return Decision.RENEW
    return Decision.GIVE_UP


def _is_passing(code: str | None, message: str) -> bool:
    # The same code stands for the day's quota, which does not come back in minutes,
    # and for too many long requests at once, which does.
    if code == "REQUEST_LIMIT_EXCEEDED":
        return "Concurrent" in message
    return code in _PASSING_CODES

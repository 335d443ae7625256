"""Sends requests to the org with its token, and sends them again where that is safe.

The layers below have one task each: `session` keeps the token, `http.wire` sends one request
once, `http.mapping` maps its failure to an error, and `http.retry` decides what to do.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk.auth.sign_in import sign_in_for
from sfbulk.error_text import add_note
from sfbulk.errors import ApiError, SalesforceError, SessionExpired, TransportError
from sfbulk.http.retry import (
    LONGEST_RETRY_AFTER_SECONDS,
    MAX_ATTEMPTS,
    Backoff,
    Decision,
    decide,
    in_words,
)
from sfbulk.http.shapes import JSON_OBJECT
from sfbulk.http.wire import Request, Wire
from sfbulk.quota.guard import QuotaGuard
from sfbulk.quota.limits import Limit, parse_limits
from sfbulk.session import OrgSession
from sfbulk.usage import Usage, active

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock
    from sfbulk.http.wire import Reply, Sink
    from sfbulk.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")


class Transport:
    """The connection to one org: every request goes through it. Safe for several threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_new_refresh_token: Callable[[str], None] | None = None,
    ) -> None:
        self.clock = clock
        self.guard = QuotaGuard(settings.quota, clock, self.limits)
        self.usage = Usage()
        self.job_timeout = settings.job_timeout
        self.api_version = settings.api_version
        self.base_path = f"/services/data/v{settings.api_version}"
        self.async_path = f"/services/async/{settings.api_version}"
        self._wire = Wire(clock)
        self._session = OrgSession(
            sign_in_for(
                settings.credentials,
                settings.api_version,
                self._send_without_token,
                clock,
                on_new_refresh_token,
            )
        )

    @property
    def instance_url(self) -> str:
        """The org's own host; signs in if that has not been done."""
        return self._session.token().instance_url

    def count(self, *, requests: int = 0, query_jobs: int = 0) -> None:
        """Count what was used, for this client and wherever else it is counted."""
        for usage in (self.usage, *active()):
            usage.count(requests=requests, query_jobs=query_jobs)

    def close(self) -> None:
        """Close the pooled connections."""
        self._wire.close()

    def send(self, request: Request, sink: Sink | None = None) -> Reply:
        """API call: the reply to `request`; `sink` is called with its body.

        Raises:
            SignInError: no access token is available.
            ApiError: Salesforce refuses the request.
            TransportError: no usable answer; `ambiguous` if the request may have had an effect.
        """
        return self._signed(request, lambda reply: reply, sink)

    def json(self, request: Request) -> dict[str, Any]:
        """API call: the JSON object in the reply to `request`.

        Raises:
            SignInError, ApiError, TransportError: as `send`.
        """
        return self.read(request, JSON_OBJECT.of)

    def read(self, request: Request, parse: Callable[[Request, Reply], T]) -> T:
        """API call: the reply to `request`, parsed by `parse`.

        Args:
            request: what to send.
            parse: parses the reply, such as `Shape.of`; it raises `unusable` for a body in another
                form, which then counts as no answer.

        Raises:
            SignInError, ApiError, TransportError: as `send`.
        """
        return self._signed(request, lambda reply: parse(request, reply), None)

    def limits(self) -> dict[str, Limit]:
        """API call: the org's limits by Salesforce's names.

        Raises:
            ApiError: the user lacks the permission View Setup and Configuration.
        """
        request = Request("GET", f"{self.base_path}/limits", "Read the org's limits")
        return parse_limits(self.json(request))

    def _signed(self, request: Request, read: Callable[[Reply], T], sink: Sink | None) -> T:
        token = self._session.token()

        def send(request: Request) -> T:
            # Each attempt is counted, since Salesforce counts it too. A request for an existing
            # job is never stopped: its rows would be left unreported.
            self.guard.before_request(begins_work=request.job_id is None)
            self.count(requests=1)
            reply = self._wire.send(token.instance_url, request, token.access_token, sink)
            self.guard.after_answer(reply.headers)
            return read(reply)

        def renew() -> None:
            nonlocal token
            token = self._session.renew(token)

        return self._repeat(request, send, renew)

    def _send_without_token(
        self, origin: str, request: Request, parse: Callable[[Request, Reply], T], /
    ) -> T:
        def send(request: Request) -> T:
            return parse(request, self._wire.send(origin, request, None))

        try:
            return self._repeat(request, send, None)
        except TransportError as error:
            # The caller's own request was not sent, so it cannot have had an effect.
            error.ambiguous = False
            raise

    def _repeat(
        self, request: Request, send: Callable[[Request], T], renew: Callable[[], None] | None
    ) -> T:
        backoff = Backoff(self.clock)
        renewed, sign_in = False, renew is None
        for attempt in itertools.count(1):
            try:
                return send(request)
            except (ApiError, TransportError) as error:
                decision = _decision(request, error, attempt, renewed=renewed, sign_in=sign_in)
                if decision is Decision.UNCERTAIN:
                    raise _uncertain(request, error) from error
                if decision is Decision.GIVE_UP:
                    _say_wait(error)
                    if renewed and isinstance(error, SessionExpired):
                        _explain(error)
                    raise
                failed = error
                if isinstance(error, TransportError) and error.compression:
                    # Compression only saves time, and a proxy may damage it: go on without it.
                    request = _uncompressed(request)
            if decision is Decision.RENEW and renew is not None:
                renew()
                renewed = True
            else:
                _log_retry(request, failed, attempt, backoff.wait(_hint(failed)))
        raise AssertionError  # pragma: no cover - count() does not end


def _decision(
    request: Request,
    error: ApiError | TransportError,
    attempt: int,
    *,
    renewed: bool,
    sign_in: bool,
) -> Decision:
    if isinstance(error, TransportError):
        if error.permanent:
            return Decision.GIVE_UP
        return decide(
            request.method,
            None,
            None,
            attempt,
            may_have_acted=error.ambiguous,
            repeatable=request.repeatable,
            most=min(request.attempts or MAX_ATTEMPTS, error.attempts or MAX_ATTEMPTS),
        )
    if (error.retry_after or 0) > LONGEST_RETRY_AFTER_SECONDS:
        return Decision.GIVE_UP
    return decide(
        request.method,
        error.status,
        error.code,
        attempt,
        message=error.detail,
        renewed=renewed,
        repeatable=request.repeatable,
        most=request.attempts or MAX_ATTEMPTS,
        sign_in=sign_in,
    )


def _say_wait(error: ApiError | TransportError) -> None:
    """Add to an error with a longer pause than is waited for how long the server asks to wait."""
    seconds = error.retry_after if isinstance(error, ApiError) else None
    if seconds is None or seconds <= LONGEST_RETRY_AFTER_SECONDS:
        return
    add_note(
        error,
        f"The server asks to wait {in_words(seconds)} (Retry-After), and no more than "
        f"{LONGEST_RETRY_AFTER_SECONDS:.0f} s are waited for. Run again after that: the next run "
        "goes on where this one has stopped.",
    )


def _explain(error: SessionExpired) -> None:
    """Add to the error of a request for which the token was renewed what to do."""
    error.message += (
        ". A new access token was refused too: check that the user and the app may use the API, "
        "the session settings in Setup, and the IP ranges of the profile"
    )
    error.args = (error.message,)


def _uncompressed(request: Request) -> Request:
    return replace(request, headers={**request.headers, "Accept-Encoding": "identity"})


def _uncertain(request: Request, error: SalesforceError) -> TransportError:
    return TransportError(
        f"{error.message} It is not known whether Salesforce carried it out, so it was not sent "
        "again.",
        ambiguous=True,
        status=error.status,
        code=error.code,
        job_id=request.job_id,
        request_id=error.request_id,
    )


def _hint(error: SalesforceError) -> float | None:
    return error.retry_after if isinstance(error, ApiError) else None


def _log_retry(request: Request, error: SalesforceError, attempt: int, waited: float) -> None:
    log.warning(
        "%s: %s, sending it again after %.1f s (attempt %d of %d)",
        request.purpose,
        error.code or (f"HTTP {error.status}" if error.status else "no answer"),
        waited,
        attempt + 1,
        request.attempts or MAX_ATTEMPTS,
    )

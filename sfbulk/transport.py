"""Requests to the org with its token, sent again where that is safe.

Layers, each with one worry: `Transport` (token, retries), `session` (keeps the token),
`wire` (one request, once), `http_errors` (what its failure means), `retry` (what to do).
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk.auth.sign_in import sign_in_for
from sfbulk.errors import ApiError, SalesforceError, TransportError
from sfbulk.http.retry import LONGEST_RETRY_AFTER_SECONDS, MAX_ATTEMPTS, Decision, Pauses, decide
from sfbulk.http.wire import Request, Wire, json_body
from sfbulk.quota.guard import QuotaGuard
from sfbulk.quota.limits import Limit, parse_limits
from sfbulk.session import OrgSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock
    from sfbulk.http.wire import Reply, Sink
    from sfbulk.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")


class Transport:
    """Everything the client asks of the org goes through here; safe for several threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_new_refresh_token: Callable[[str], None] | None = None,
    ) -> None:
        self.clock = clock
        self.guard = QuotaGuard(settings.quota, clock, self.limits)
        self.api_version = settings.api_version
        self.base_path = f"/services/data/v{settings.api_version}"
        self.async_path = f"/services/async/{settings.api_version}"
        self._wire = Wire()
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
        """The org's own host; signs in when that has not happened yet."""
        return self._session.token().instance_url

    def close(self) -> None:
        """Close the pooled connections."""
        self._wire.close()

    def send(self, request: Request, sink: Sink | None = None) -> Reply:
        """API call: the reply to `request`; `sink` takes its body.

        Raises:
            SignInError: no access token is available.
            ApiError: Salesforce refuses.
            TransportError: no usable answer; `ambiguous` when the request may have been
                carried out.
        """
        return self._signed(request, lambda reply: reply, sink)

    def json(self, request: Request) -> dict[str, Any]:
        """API call: the JSON object `request` is answered with.

        Raises:
            SignInError: no access token is available.
            ApiError: Salesforce refuses.
            TransportError: no usable answer; `ambiguous` when the request may have been
                carried out.
        """
        return self.read(request, json_body)

    def read(self, request: Request, parse: Callable[[Request, Reply], T]) -> T:
        """API call: what `parse` makes of the reply to `request`.

        Args:
            request: what to send.
            parse: reads the reply; it raises `wire.unusable` for a body that is none, which
                then counts as no answer.

        Raises:
            SignInError: no access token is available.
            ApiError: Salesforce refuses.
            TransportError: no usable answer; `ambiguous` when the request may have been
                carried out.
        """
        return self._signed(request, lambda reply: parse(request, reply), None)

    def limits(self) -> dict[str, Limit]:
        """API call: the org's limits by Salesforce's names for them.

        Raises:
            ApiError: the user may not see them.
        """
        return parse_limits(
            self.json(Request("GET", f"{self.base_path}/limits", "Read the org's limits"))
        )

    def _signed(self, request: Request, read: Callable[[Reply], T], sink: Sink | None) -> T:
        token = self._session.token()

        def send(request: Request) -> T:
            # What belongs to a job that has begun is never stopped half-way.
            self.guard.before_request(begins_work=request.job_id is None)
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
            # The caller's own request was not sent, so it cannot have been carried out.
            error.ambiguous = False
            raise

    def _repeat(
        self, request: Request, send: Callable[[Request], T], renew: Callable[[], None] | None
    ) -> T:
        pauses = Pauses(self.clock)
        renewed = renew is None
        for attempt in itertools.count(1):
            try:
                return send(request)
            except (ApiError, TransportError) as error:
                decision = _decision(request, error, attempt, renewed=renewed)
                if decision is Decision.UNCERTAIN:
                    raise _uncertain(request, error) from error
                if decision is Decision.GIVE_UP:
                    raise
                failed = error
                if isinstance(error, TransportError) and error.compression:
                    # Compression only saves time, and something on the way spoils it.
                    request = _uncompressed(request)
            if decision is Decision.RENEW and renew is not None:
                renew()
                renewed = True
            else:
                _log_retry(request, failed, attempt, pauses.wait(_hint(failed)))
        raise AssertionError  # pragma: no cover - count() does not end


def _decision(
    request: Request, error: ApiError | TransportError, attempt: int, *, renewed: bool
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
            most=request.attempts or MAX_ATTEMPTS,
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
    )


def _uncompressed(request: Request) -> Request:
    return replace(request, headers={**request.headers, "Accept-Encoding": "identity"})


def _uncertain(request: Request, error: SalesforceError) -> TransportError:
    return TransportError(
        f"{error.message} It is not known whether Salesforce did it, so it was not sent again.",
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

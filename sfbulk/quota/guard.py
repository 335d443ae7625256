"""Stops a run before it uses more of the org's daily limits than its quota allows.

Only what begins new work is stopped. A job that has begun is finished: its polls and
results may pass the line by some calls, since stopping between them would leave rows in
Salesforce that nobody accounts for.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sfbulk.errors import ApiError, TransportError
from sfbulk.quota.limits import (
    API_REQUESTS,
    BATCHES,
    QUERY_JOBS,
    QUERY_STORAGE,
    ROWS_PER_BATCH,
    Ledger,
    Usage,
    parse_limit_info,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.clock import Clock
    from sfbulk.quota.limits import Limit, Quota

log = logging.getLogger(__name__)

_STALE_SECONDS = 300.0
"""The numbers of `/limits` are right to within five minutes (REST API guide: Limits)."""


class QuotaGuard:
    """Counts what a run uses; without a quota it asks for nothing and stops nothing."""

    def __init__(
        self, quota: Quota, clock: Clock, read_limits: Callable[[], Mapping[str, Limit]]
    ) -> None:
        """Take the quota.

        Args:
            quota: the lines.
            clock: the time.
            read_limits: asks the org for its limits.
        """
        self._quota = quota
        self._clock = clock
        self._read_limits = read_limits
        self._ledger = Ledger(quota)
        self._lock = threading.RLock()
        self._read_at: float | None = None

    def before_request(self, *, begins_work: bool) -> None:
        """Count a request that is about to be sent.

        Args:
            begins_work: whether it is no part of a job that has begun.

        Raises:
            QuotaReached: it begins work, and no further request is allowed.
        """
        with self._lock:
            if begins_work:
                self._ledger.require(API_REQUESTS)
            self._ledger.spend(API_REQUESTS)

    def after_answer(self, headers: Mapping[str, str]) -> None:
        """Take the count that an answer carries, if it does."""
        info = parse_limit_info(headers.get("Sforce-Limit-Info", ""))
        if info is not None:
            with self._lock:
                self._ledger.note(API_REQUESTS, info.org)

    def before_query_job(self) -> None:
        """API call, if a quota is set and its numbers are old: allow one more query job.

        Raises:
            QuotaReached: it is one too many, or no space for results is left within the quota.
        """
        self._begin(QUERY_JOBS, 1, QUERY_STORAGE)

    def before_batches(self, count: int = 1) -> None:
        """API call, if a quota is set and its numbers are old: allow so many more batches.

        Raises:
            QuotaReached: they are too many.
        """
        self._begin(BATCHES, count)

    def after_ingest(self, rows: int) -> None:
        """Count the batches that Salesforce made of one 2.0 job beyond the first."""
        with self._lock:
            self._ledger.spend(BATCHES, max(-(-rows // ROWS_PER_BATCH) - 1, 0))

    def _begin(self, name: str, amount: int, *others: str) -> None:
        if not self._quota:
            return
        with self._lock:
            self._refresh()
            for needed in (name, *others):
                self._ledger.require(needed, amount)
            self._ledger.spend(name, amount)

    def _refresh(self) -> None:
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < _STALE_SECONDS:
            return
        self._read_at = now
        try:
            limits = self._read_limits()
        except (ApiError, TransportError) as error:
            # The right to see limits is one that few integration users have.
            log.warning(
                "The org's limits cannot be read (%s): the quota is checked for API requests "
                "only. Give the user the permission View Setup and Configuration.",
                error.code or (f"HTTP {error.status}" if error.status else "no usable answer"),
            )
            return
        for name, limit in limits.items():
            self._ledger.note(name, Usage(limit.used, limit.maximum))

"""Stops a run before it uses more of the org's daily limits than its quota allows.

Only new work is stopped. A job that has been created is finished: its polls and its results may
exceed the quota by some requests. Otherwise rows would be loaded and their outcomes never read.
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
    Usage,
    UsageCounter,
    parse_limit_info,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.clock import Clock
    from sfbulk.quota.limits import Limit, Quota

log = logging.getLogger(__name__)

_STALE_SECONDS = 300.0
"""The numbers of `/limits` are accurate within five minutes (REST API guide: Limits)."""


class QuotaGuard:
    """Counts what a run uses; without a quota it requests nothing and stops nothing.

    Args:
        quota: how much may be used.
        clock: the time.
        read_limits: reads the org's limits.
    """

    def __init__(
        self, quota: Quota, clock: Clock, read_limits: Callable[[], Mapping[str, Limit]]
    ) -> None:
        self._quota = quota
        self._clock = clock
        self._read_limits = read_limits
        self._usage = UsageCounter(quota)
        # Reentrant, since reading the limits is a request that is counted too.
        self._lock = threading.RLock()
        self._read_at: float | None = None

    def before_request(self, *, begins_work: bool) -> None:
        """Count a request that is about to be sent.

        Args:
            begins_work: whether it starts new work; False for a request of an existing job.

        Raises:
            QuotaReached: it starts new work, and no further request is allowed.
        """
        with self._lock:
            if begins_work:
                self._usage.require(API_REQUESTS)
            self._usage.spend(API_REQUESTS)

    def after_answer(self, headers: Mapping[str, str]) -> None:
        """Read the count of API requests from the headers of an answer, if they have one."""
        info = parse_limit_info(headers.get("Sforce-Limit-Info", ""))
        if info is not None:
            with self._lock:
                self._usage.note(API_REQUESTS, info.org)

    def before_query_job(self) -> None:
        """API call, if a quota is set and the limits are old: count one more query job.

        Raises:
            QuotaReached: no further query job, or no further storage for results, is allowed.
        """
        self._begin(QUERY_JOBS, 1, QUERY_STORAGE)

    def before_batches(self, count: int = 1) -> None:
        """API call, if a quota is set and the limits are old: count further batches.

        Raises:
            QuotaReached: so many further batches are not allowed.
        """
        self._begin(BATCHES, count)

    def after_ingest(self, rows: int) -> None:
        """Count the batches of an ended 2.0 job; its first one was counted at its creation."""
        with self._lock:
            self._usage.spend(BATCHES, max(-(-rows // ROWS_PER_BATCH) - 1, 0))

    def _begin(self, name: str, amount: int, *others: str) -> None:
        if not self._quota:
            return
        with self._lock:
            self._refresh()
            for needed in (name, *others):
                self._usage.require(needed, amount)
            self._usage.spend(name, amount)

    def _refresh(self) -> None:
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < _STALE_SECONDS:
            return
        # Set before the request, so that limits that cannot be read are not requested each time.
        self._read_at = now
        try:
            limits = self._read_limits()
        except (ApiError, TransportError) as error:
            # Few integration users have the permission to see limits, so this is not an error.
            log.warning(
                "The org's limits cannot be read (%s), so the quota is only checked for API "
                "requests. Give the user the permission View Setup and Configuration.",
                error.code or (f"HTTP {error.status}" if error.status else "no usable answer"),
            )
            return
        for name, limit in limits.items():
            self._usage.note(name, Usage(limit.used, limit.maximum))

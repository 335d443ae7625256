"""The query jobs of a run: how each is made, where its pages lie, and how all of them end."""

from __future__ import annotations

import logging
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sfbulk.errors import ApiError, TransportError
from tap_sfbulk.jobs_ahead import JobsAhead, Query
from tap_sfbulk.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from sfbulk import QueryJob, ResultPage, Salesforce
    from tap_sfbulk.jobs_ahead import Key, PendingQuery
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.plan import StreamPlan
    from tap_sfbulk.settings import RunOptions
    from tap_sfbulk.windows import Bounds

log = logging.getLogger(__name__)

_SPAN = timedelta(minutes=5)
"""Short, because the ids of the answer are not used; Salesforce wants at least a minute."""

T = TypeVar("T")


@dataclass(frozen=True)
class OpenJob:
    """One pass while it is read."""

    job: QueryJob
    pages: Iterator[ResultPage]
    """API call: waits for the job; each page is checked with `check_rows` once it is read."""
    covered: datetime | None
    """Up to when all changes are visible to it; None if Salesforce does not say."""


class RunJobs:
    """The jobs of all streams of a run.

    Args:
        salesforce: The org.
        options: How many jobs may be ahead, and where their pages lie.
    """

    def __init__(self, salesforce: Salesforce, options: RunOptions) -> None:
        self._salesforce = salesforce
        self._bounds: Bounds | None = None
        self._covered: dict[str, datetime | None] = {}
        self._spool = Spool(options.spool_dir, options.spool_limit_mb)
        self._ahead = JobsAhead(options.max_jobs_ahead, lambda: self._spool.has_room_ahead)

    def plan(self, plans: Iterable[StreamPlan], bounds: Bounds | None) -> None:
        """Take over what is read next, in this order; other jobs are given up."""
        self._bounds = bounds
        queries: dict[Key, Query] = {}
        for plan in plans:
            queries.update(self._queries(plan))
        self._ahead.plan(queries)

    @contextmanager
    def open(self, plan: StreamPlan, part: Pass) -> Iterator[OpenJob]:
        """API call: one pass, and the jobs of what comes after it are submitted.

        If the block ends well, the job is deleted; if it ends early, the job is aborted. The pages
        on disk are removed in any case.

        Raises:
            SalesforceError: If the query is refused.
        """
        query = self._query(plan, part)
        pending = self._ahead.take((plan.name, part.soql), query)
        job = _result(pending.job)
        with self._ahead.disposing(pending, job):
            self._ahead.fill()
            yield OpenJob(job, _pages(pending), self._covered.get(plan.name))

    def drop(self, stream: str) -> None:
        """API call: give up the jobs that are left of a stream."""
        self._ahead.drop(stream)

    def close(self) -> None:
        """API call: end all jobs that nobody will read, and remove the folder of the pages."""
        self._spool.budget.stop()
        self._ahead.close()
        self._spool.close()

    def _queries(self, plan: StreamPlan) -> Mapping[Key, Query]:
        return {(plan.name, part.soql): self._query(plan, part) for part in plan.passes}

    def _query(self, plan: StreamPlan, part: Pass) -> Query:
        return Query(partial(self._submit, plan, part), self._pages)

    def _submit(self, plan: StreamPlan, part: Pass) -> QueryJob:
        if part is plan.passes[0]:
            # Before the job is created, so that a transaction that ends in between is visible to
            # it.
            self._covered[plan.name] = self._covered_until(plan) if plan.asks_covered else None
        return self._salesforce.query_job(part.soql, include_deleted=part.include_deleted)

    def _pages(self, job: QueryJob) -> Generator[ResultPage, None, None]:
        return self._spool.guarded(job.pages(self._spool.path, budget=self._spool.budget))

    def _covered_until(self, plan: StreamPlan) -> datetime | None:
        """API call: up to when all changes of an object are visible; None if it is not known.

        Nothing limits how late a row becomes visible after it got its stamp, but
        `latestDateCovered` goes back to the start of a transaction that is still open (SOAP API
        guide: GetUpdatedResult).
        """
        if self._bounds is None:
            return None
        now = self._bounds.now
        try:
            span = self._salesforce.updated(plan.sobject, now - _SPAN, now)
        except (ApiError, TransportError) as error:
            # It only adds to the lookback, which works without it.
            reason = error.code or (f"HTTP {error.status}" if error.status else "no usable answer")
            log.info(
                "%s: Salesforce does not say up to when all changes are visible (%s). The next "
                "run starts earlier by the lookback alone.",
                plan.name,
                reason,
            )
            return None
        return span.latest_date_covered


def _pages(pending: PendingQuery) -> Iterator[ResultPage]:
    yield from _result(pending.pages)


def _result(future: Future[T]) -> T:
    wait([future])
    return future.result()

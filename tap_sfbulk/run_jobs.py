"""The query jobs of a run: how each is made, where its pages lie, and how all of them end."""

from __future__ import annotations

import logging
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sfbulk import JobState, QueryJob
from sfbulk.error_text import contained
from sfbulk.errors import ApiError, DataError, TransportError
from sfbulk.read import ReadApi
from sfbulk.soql import root_object
from sfbulk.usage import Usage
from tap_sfbulk.api_choice import ApiType, choose
from tap_sfbulk.jobs_ahead import ENDS_THE_RUN, JobsAhead, Query
from tap_sfbulk.resume import CannotResume
from tap_sfbulk.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Future
    from datetime import datetime

    from sfbulk import Salesforce
    from sfbulk.read import ReadJob, ResultPage
    from tap_sfbulk.jobs_ahead import Key, PendingQuery
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.plan import StreamPlan
    from tap_sfbulk.resume import ResumePoint
    from tap_sfbulk.settings import RunOptions
    from tap_sfbulk.windows import Bounds

log = logging.getLogger(__name__)

_SPAN = timedelta(minutes=5)
"""Short, because the ids of the answer are not used; Salesforce wants at least a minute."""

_TICK_SECONDS = 1.0

_REFUSALS = frozenset({400, 403, 404, 409, 410})
"""The statuses with which Salesforce refuses a job or a page for good."""

T = TypeVar("T")


@dataclass(frozen=True)
class OpenJob:
    """One pass while it is read."""

    job: ReadJob
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
        self._usages: dict[str, Usage] = {}
        self._counts: dict[str, int | None] = {}
        """About how many records an object has; None if Salesforce does not say."""
        self._by_rest: set[str] = set()
        """Objects that are read by REST, because they are small or because bulk refuses them."""
        self._spool = Spool(options.spool_dir, options.spool_limit_mb)
        self._ahead = JobsAhead(
            options.max_jobs_ahead,
            lambda: self._spool.has_room_ahead,
            in_order=options.has_quota,
        )

    @property
    def waiting(self) -> int:
        """How many submitted jobs Salesforce still works on."""
        return self._ahead.waiting

    def usage_of(self, stream: str) -> Usage:
        """What a stream has used in this run."""
        return self._usages.setdefault(stream, Usage())

    def plan(self, plans: Iterable[StreamPlan], bounds: Bounds | None) -> None:
        """API call: take over what is read next, in this order; other jobs are given up."""
        self._bounds = bounds
        listed = list(plans)
        self._count_records(listed)
        queries: dict[Key, Query] = {}
        for plan in listed:
            # What goes wrong is raised again when the stream is read.
            with contained(plan.name):
                queries.update(self._queries(plan))
        self._ahead.plan(queries)

    @contextmanager
    def open(
        self,
        plan: StreamPlan,
        part: Pass,
        is_kept: Callable[[], bool],
        tick: Callable[[], None],
    ) -> Iterator[OpenJob]:
        """API call: one pass, and the jobs of what comes after it are submitted.

        If the block ends well, the job is deleted when the stream is dropped; if it ends early,
        the job is aborted, but for one that a next run can read on. The pages on disk are removed
        in any case.

        Args:
            plan: Of the stream.
            part: One of its passes.
            is_kept: Whether the state has the job, so that a next run can read it on.
            tick: Called now and then while it waits.

        Raises:
            CannotResume: If a job to read on is not there, or is not the one that was left.
            SalesforceError: If the query is refused.
        """
        query = self._query(plan, part)
        pending = self._ahead.take((plan.name, part.soql), query)
        job = _result(pending.job, tick)
        with self._ahead.disposing(pending, job, is_kept):
            self._ahead.fill()
            yield OpenJob(job, _pages(pending, tick), self._covered.get(plan.name))

    def drop(self, stream: str) -> None:
        """API call: delete the jobs of a stream that was read, and give up what is left of it."""
        self._ahead.drop(stream)

    def close(self) -> None:
        """API call: end all jobs that nobody will read, and remove the folder of the pages."""
        self._spool.budget.stop()
        self._ahead.close()
        self._spool.close()

    def _queries(self, plan: StreamPlan) -> Mapping[Key, Query]:
        return {(plan.name, part.soql): self._query(plan, part) for part in plan.passes}

    def _query(self, plan: StreamPlan, part: Pass) -> Query:
        usage = self.usage_of(plan.name)
        left = plan.resume if part is plan.passes[0] else None
        if left:
            return Query(
                partial(self._opened, left, part),
                partial(self._pages_left, left),
                usage,
                is_kept=True,
            )
        return Query(partial(self._submit, plan, part), self._pages, usage)

    def _opened(self, left: ResumePoint, part: Pass) -> ReadJob:
        """API call: the job that an interrupted run has left.

        Raises:
            CannotResume: If it cannot be read on.
        """
        if left.api_version != self._salesforce.api_version:
            raise CannotResume(f"it is of API version {left.api_version}")
        try:
            job = self._salesforce.open_read_job(
                left.job_id, part.soql, api=left.api, include_deleted=part.include_deleted
            )
        except ApiError as error:
            raise _cannot_resume(error) from error
        except DataError:
            raise CannotResume("the state has no id of a job") from None
        if isinstance(job, QueryJob) and job.state is not JobState.JOB_COMPLETE:
            raise CannotResume(f"its state is {job.state.value}")
        return job

    def _pages_left(self, left: ResumePoint, job: ReadJob) -> Generator[ResultPage, None, None]:
        pages = job.pages(
            self._spool.path, start=left.locator, rows_before=left.rows, budget=self._spool.budget
        )
        try:
            yield from self._spool.guarded(pages)
        except ApiError as error:
            raise _cannot_resume(error) from error

    def _submit(self, plan: StreamPlan, part: Pass) -> ReadJob:
        if part is plan.passes[0]:
            # Before the job is created, so that a transaction that ends in between is visible to
            # it.
            self._covered[plan.name] = self._covered_until(plan) if plan.asks_covered else None
        sobject = root_object(part.soql)
        # A part of the rows is small, and what was refused once is refused again.
        rows = 0 if plan.is_part or sobject in self._by_rest else self._counts.get(sobject)
        choice = choose(plan.api, rows, part.soql)
        return self._salesforce.read_job(
            part.soql,
            api=choice.api,
            or_rest=choice.or_rest,
            include_deleted=part.include_deleted,
            chunk_size=choice.chunk_size,
        )

    def _count_records(self, plans: Iterable[StreamPlan]) -> None:
        """API call: about how many records the objects have, where that decides on the API."""
        names = {
            root_object(part.soql)
            for plan in plans
            if plan.api.api_type is ApiType.AUTO
            for part in plan.passes
        }
        if unknown := sorted(names - self._counts.keys()):
            counts = self._salesforce.record_counts(unknown)
            self._counts.update({name: counts.get(name) for name in unknown})

    def _pages(self, job: ReadJob) -> Generator[ResultPage, None, None]:
        if job.api is ReadApi.REST:
            self._by_rest.add(job.object_name)
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


def _cannot_resume(error: ApiError) -> Exception:
    """The error itself if it may pass: then the next run reads the job on."""
    if isinstance(error, ENDS_THE_RUN) or error.status not in _REFUSALS:
        return error
    return CannotResume(error.code or f"HTTP {error.status}")


def _pages(pending: PendingQuery, tick: Callable[[], None]) -> Iterator[ResultPage]:
    yield from _result(pending.pages, tick)


def _result(future: Future[T], tick: Callable[[], None]) -> T:
    while not wait([future], _TICK_SECONDS).done:
        tick()
    return future.result()

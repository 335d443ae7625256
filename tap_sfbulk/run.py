"""One run of the tap over all its streams: plans them, submits their jobs, knows which failed."""

from __future__ import annotations

import logging
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.bulk2 import disposing
from sfbulk.errors import (
    ApiError,
    LimitExceeded,
    QuotaReached,
    SalesforceError,
    SessionExpired,
    SignInError,
    TransportError,
)
from tap_sfbulk.failures import Failures
from tap_sfbulk.plan import Bounds, StreamPlan, StreamRequest, plan_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sfbulk import QueryJob, ResultPage, Salesforce
    from sfbulk.clock import Clock
    from tap_sfbulk.plan import Pass
    from tap_sfbulk.settings import RunOptions

log = logging.getLogger(__name__)

ENDS_THE_RUN = (SignInError, SessionExpired, LimitExceeded, QuotaReached)
"""Errors of one stream after which no other one can be read either."""

_SPAN = timedelta(minutes=5)
"""Short, because the ids of the answer are not used; Salesforce wants at least a minute."""


class _OpenJob(NamedTuple):
    job: QueryJob
    pages: Iterator[ResultPage]


@dataclass
class Reading:
    """One stream while it is read."""

    plan: StreamPlan
    _job: Callable[[Pass], AbstractContextManager[_OpenJob]]
    _now: Callable[[], datetime]
    """The clock of this machine."""
    covered: datetime | None = None
    """What the bookmark may not pass: up to when all changes are visible, and a second clock."""

    @contextmanager
    def open(self, part: Pass) -> Iterator[Iterator[ResultPage]]:
        """API call: the pages of one pass; each is to be checked with `check_rows` once it is read.

        If the block ends well, the job is deleted; if it ends early, the job is aborted. The pages
        on disk are removed in any case.

        Raises:
            ConfigError: If the bookmark is in the future by the clock of the job.
            SalesforceError: If the query is refused, its job fails, or a page cannot be read.
            RowCountMismatch: If all pages together do not hold the rows of the job.
        """
        now = self._now()
        with self._job(part) as opened:
            created = opened.job.created
            if created:
                self._compare(created)
            yield opened.pages
            if not created:
                # Where nothing is created, only an answer with rows has a time.
                self._compare(opened.job.created or now)

    def _compare(self, second_clock: datetime) -> None:
        for warning in self.plan.check_clock(second_clock):
            log.warning(warning)
        self.covered = min(self.covered, second_clock) if self.covered else second_clock


@dataclass(frozen=True)
class _Planned:
    request: StreamRequest
    plan: StreamPlan | SalesforceError


class Run:
    """One run over all selected streams.

    All selected streams are planned together, when the first of them is read, and the server's
    clock is read once for all of them. One reading is enough, because it comes before the first
    job of the run and so before each job: the upper bound of every window is fixed before its job.
    It is also better than one for each stream, because all windows end at the same time: no run
    brings a child record whose parent comes only with the next run. What is committed later is
    read by the next run, which starts where these windows ended.

    Args:
        salesforce: The org.
        clock: The local clock; windows are planned by the server's.
        options: What the settings say about the run.
        requests: What is asked for by the streams selected now, in the order they are read in.
    """

    def __init__(
        self,
        salesforce: Salesforce,
        clock: Clock,
        options: RunOptions,
        requests: Callable[[], Iterable[StreamRequest]],
    ) -> None:
        self.clock = clock
        self._salesforce = salesforce
        self._options = options
        self._requests = requests
        self._bounds: Bounds | None = None
        self._planned: dict[str, _Planned] = {}
        self.failures = Failures()

    @contextmanager
    def read(self, request: StreamRequest) -> Iterator[Reading]:
        """API call: read one stream, pass by pass, each by a job of its own.

        Raises:
            ConfigError: If the request cannot be planned.
            SalesforceError: If the server's clock cannot be read.
        """
        self.failures.begin(request.name)
        plan = self._take_plan(request)
        for warning in plan.warnings:
            log.warning(warning)
        if plan.is_empty:
            log.info("%s: nothing to read, the window ends before it begins.", plan.name)
        asks = plan.moves_bookmark and request.sobject.replicateable
        # Before the job is created, so that a transaction that ends in between is visible to it.
        covered = self._covered_until(plan.name) if asks else None
        yield Reading(plan, self._open, self.clock.now, covered)

    def _take_plan(self, request: StreamRequest) -> StreamPlan:
        planned = self._planned.pop(request.name, None)
        # A program may read a stream again, or after it changed the selection or the state.
        if planned is None or planned.request != request:
            self._plan_all(request)
            planned = self._planned.pop(request.name)
        if isinstance(planned.plan, SalesforceError):
            raise planned.plan
        return planned.plan

    def _plan_all(self, asked: StreamRequest) -> None:
        """API call: plan all selected streams, by the server's clock of now.

        Raises:
            SalesforceError: If the clock cannot be read and the stream asked for needs it. The
                others that need it are not planned; the first of them to be read tries again.
        """
        requests = {each.name: each for each in (*self._requests(), asked)}
        self._bounds = None
        if any(each.is_incremental for each in requests.values()):
            try:
                self._bounds = self._bounds_now()
            except SalesforceError as error:
                if asked.is_incremental or isinstance(error, ENDS_THE_RUN):
                    raise
        self._planned = {
            name: _Planned(each, self._plan_or_error(each))
            for name, each in requests.items()
            if self._bounds or not each.is_incremental
        }

    def _bounds_now(self) -> Bounds:
        return Bounds(self._salesforce.server_time(), self._options.start, self._options.end)

    def _plan_or_error(self, request: StreamRequest) -> StreamPlan | SalesforceError:
        try:
            return plan_stream(request, self._bounds)
        except SalesforceError as error:
            # Of this stream only, so it is raised when this stream is read.
            return error

    @contextmanager
    def _open(self, part: Pass) -> Iterator[_OpenJob]:
        folder = self._options.spool_dir
        with (
            tempfile.TemporaryDirectory(prefix="tap-sfbulk-", dir=folder) as spool,
            disposing(
                self._salesforce.query_job(part.soql, include_deleted=part.include_deleted)
            ) as job,
            # A download ahead of the reader must end before its folder is removed.
            closing(job.pages(Path(spool))) as pages,
        ):
            yield _OpenJob(job, pages)

    def _covered_until(self, name: str) -> datetime | None:
        """API call: up to when all changes of an object are visible; None if it is not known.

        Nothing limits how late a row becomes visible after it got its stamp, but
        `latestDateCovered` goes back to the start of a transaction that is still open (SOAP API
        guide: GetUpdatedResult).
        """
        if self._bounds is None:
            return None
        try:
            span = self._salesforce.updated(name, self._bounds.now - _SPAN, self._bounds.now)
        except (ApiError, TransportError) as error:
            # It only adds to the lookback, which works without it.
            reason = error.code or (f"HTTP {error.status}" if error.status else "no usable answer")
            log.info(
                "%s: Salesforce does not say up to when all changes are visible (%s). The next "
                "run starts earlier by the lookback alone.",
                name,
                reason,
            )
            return None
        return span.latest_date_covered

"""One run of the tap over all its streams: plans them, submits their jobs, knows which failed."""

from __future__ import annotations

import itertools
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.errors import SalesforceError
from tap_sfbulk.failures import Failures
from tap_sfbulk.jobs_ahead import ENDS_THE_RUN
from tap_sfbulk.plan import StreamPlan, StreamRequest, plan_stream
from tap_sfbulk.run_jobs import RunJobs
from tap_sfbulk.windows import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sfbulk import ResultPage, Salesforce
    from sfbulk.clock import Clock
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.run_jobs import OpenJob
    from tap_sfbulk.settings import RunOptions

log = logging.getLogger(__name__)


@dataclass
class Reading:
    """One stream while it is read."""

    plan: StreamPlan
    _job: Callable[[StreamPlan, Pass], AbstractContextManager[OpenJob]]
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
        with self._job(self.plan, part) as opened:
            self._not_after(opened.covered)
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
        self._not_after(second_clock)

    def _not_after(self, bound: datetime | None) -> None:
        if bound:
            self.covered = min(self.covered, bound) if self.covered else bound


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
        self._jobs: RunJobs | None = None
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
        try:
            yield Reading(plan, self._open_jobs().open, self.clock.now)
        except SalesforceError as error:
            if isinstance(error, ENDS_THE_RUN):
                self.close()
            raise
        except BaseException:
            self.close()
            raise
        finally:
            if self._jobs:
                self._jobs.drop(plan.name)

    def close(self) -> None:
        """API call: end all jobs that nobody will read; the next read begins a new run."""
        jobs, self._jobs = self._jobs, None
        self._planned.clear()
        if jobs:
            jobs.close()

    def _open_jobs(self) -> RunJobs:
        if self._jobs is None:
            self._jobs = RunJobs(self._salesforce, self._options)
        return self._jobs

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
        self._open_jobs().plan(self._plans_from(asked), self._bounds)

    def _plans_from(self, asked: StreamRequest) -> list[StreamPlan]:
        """The plans of the stream asked for and of those after it; a dry run reads one by one."""
        coming = itertools.dropwhile(lambda name: name != asked.name, self._planned)
        plans = [self._planned[name].plan for name in coming if asked.row_limit is None]
        return [plan for plan in plans if isinstance(plan, StreamPlan)]

    def _bounds_now(self) -> Bounds:
        return Bounds(self._salesforce.server_time(), self._options.start, self._options.end)

    def _plan_or_error(self, request: StreamRequest) -> StreamPlan | SalesforceError:
        try:
            return plan_stream(request, self._bounds)
        except SalesforceError as error:
            # Of this stream only, so it is raised when this stream is read.
            return error

"""One run of the tap over all its streams: plans them, submits their jobs, knows which failed."""

from __future__ import annotations

import itertools
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sfbulk.usage import counting
from tap_sfbulk.failures import Failures, ends_the_run
from tap_sfbulk.plan import StreamPlan, StreamRequest, plan_stream
from tap_sfbulk.progress import RunProgress
from tap_sfbulk.reading import Reading
from tap_sfbulk.resume import CannotResume
from tap_sfbulk.run_jobs import RunJobs
from tap_sfbulk.windows import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from sfbulk import Deleted, Salesforce
    from sfbulk.clock import Clock
    from tap_sfbulk.settings import RunOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Planned:
    request: StreamRequest
    plan: StreamPlan | Exception


def log_not_resumed(stream: str, reason: str) -> None:
    """Say that rows are read again, and why."""
    log.info(
        "%s: the job of an interrupted run cannot be read on (%s), so the rows since the last "
        "bookmark are read again.",
        stream,
        reason,
    )


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
        self._progress = RunProgress(clock, salesforce.usage)
        self.failures = Failures()

    @contextmanager
    def read(self, request: StreamRequest, *, goes_on: bool = False) -> Iterator[Reading]:
        """API call: read one stream, pass by pass, each by a job of its own.

        Args:
            request: What is asked for.
            goes_on: Whether the stream was read in this run already, and what remains is read now.

        Raises:
            CannotResume: If the job that an interrupted run has left cannot be read on.
            ConfigError: If the request cannot be planned.
            SalesforceError: If the server's clock cannot be read.
        """
        self.failures.begin(request.name)
        plan = self._plan_alone(request) if goes_on else self._take_plan(request)
        if plan.not_resumed:
            log_not_resumed(plan.name, plan.not_resumed)
        for warning in plan.warnings:
            log.warning(warning)
        if plan.is_empty:
            log.info("%s: nothing to read, the window ends before it begins.", plan.name)
        jobs = self._open_jobs()
        progress = self._progress.begin(plan.name, jobs.usage_of(plan.name), lambda: jobs.waiting)
        try:
            with counting(progress.usage):
                yield Reading(
                    plan, jobs.open, self.clock.now, self._salesforce.api_version, progress
                )
        except CannotResume:
            raise
        except Exception as error:
            if ends_the_run(error):
                self.end()
            raise
        except BaseException:
            self.end()
            raise
        finally:
            if self._jobs:
                self._jobs.drop(plan.name)
            progress.end()
            progress.log_metrics()

    @property
    def org(self) -> str:
        """The org's host, which names what is kept of the org from run to run."""
        return urlsplit(self._salesforce.instance_url).netloc.replace(":", "_")

    def deleted(self, sobject: str, start: datetime, end: datetime) -> Deleted:
        """API call: as `Salesforce.deleted`."""
        return self._salesforce.deleted(sobject, start, end)

    def close(self) -> None:
        """API call: end all jobs that nobody will read; the next read begins a new run."""
        jobs, self._jobs = self._jobs, None
        self._planned.clear()
        self._progress.close()
        if jobs:
            jobs.close()

    def end(self) -> None:
        """API call: close, and log in one line what the run has done, if it has read anything."""
        self.close()
        if self._progress.has_begun:
            log.info(self._progress.summary())
            usage = self._salesforce.usage
            used = usage.requests, usage.query_jobs
            self._progress = RunProgress(self.clock, usage, used)

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
        if isinstance(planned.plan, Exception):
            raise planned.plan
        return planned.plan

    def _plan_alone(self, request: StreamRequest) -> StreamPlan:
        """By the clock of the other streams of this run."""
        if request.is_incremental and self._bounds is None:
            self._bounds = self._bounds_now()
        return plan_stream(request, self._bounds)

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
            except Exception as error:
                if asked.is_incremental or ends_the_run(error):
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

    def _plan_or_error(self, request: StreamRequest) -> StreamPlan | Exception:
        try:
            return plan_stream(request, self._bounds)
        except Exception as error:  # noqa: BLE001 - whatever it is
            # Of this stream only, so it is raised when this stream is read.
            return error

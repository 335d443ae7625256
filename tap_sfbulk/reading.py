"""One stream while it is read: its passes in their order, and the place that has been reached."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tap_sfbulk.passes import PassKind
from tap_sfbulk.resume import ResumePoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sfbulk import ResultPage
    from sfbulk.read import ReadJob
    from tap_sfbulk.passes import Pass
    from tap_sfbulk.plan import StreamPlan
    from tap_sfbulk.progress import StreamProgress
    from tap_sfbulk.run_jobs import OpenJob

log = logging.getLogger(__name__)


class OpensJobs(Protocol):
    """Opens the job of a pass: see `RunJobs.open`."""

    def __call__(
        self,
        plan: StreamPlan,
        part: Pass,
        is_kept: Callable[[], bool],
        tick: Callable[[], None],
        /,
    ) -> AbstractContextManager[OpenJob]:
        """API call: the job, submitted ahead or now."""


class Reading:
    """One stream while it is read.

    Args:
        plan: What is read.
        open_job: Opens the job of a pass.
        now: The clock of this machine.
        api_version: Of the org's API.
        progress: Counts what was read.
    """

    def __init__(
        self,
        plan: StreamPlan,
        open_job: OpensJobs,
        now: Callable[[], datetime],
        api_version: str,
        progress: StreamProgress,
    ) -> None:
        self.plan = plan
        self.progress = progress
        self.covered = plan.resume.covered if plan.resume else None
        """What the bookmark may not pass: until when all changes are visible, and a second clock"""
        self._open_job = open_job
        self._now = now
        self._api_version = api_version
        self._read: tuple[StreamPlan, Pass] | None = None
        self._pages = self._rows = self._rows_before = 0
        self._is_kept = False
        self._job: ReadJob | None = None

    @contextmanager
    def open(self, plan: StreamPlan, part: Pass) -> Iterator[Iterator[ResultPage]]:
        """API call: the pages of one pass of a plan, each checked with `check_rows` once read.

        If the block ends well, the job is deleted; if it ends early, the job is aborted, but for
        one that the state has, so that a next run can read it on. The pages on disk are removed in
        any case.

        Raises:
            CannotResume: If a job to read on is not there, or is not the one that was left.
            ConfigError: If the bookmark is in the future by the clock of the job.
            SalesforceError: If the query is refused, its job fails, or a page cannot be read.
            RowCountMismatch: If all pages together do not hold the rows of the job.
        """
        now = self._now()
        resume = plan.resume if part is plan.passes[0] else None
        self._read = (plan, part)
        self._rows = self._rows_before = resume.rows if resume else 0
        self._is_kept = bool(resume)
        with self._open_job(plan, part, lambda: self._is_kept, self.progress.tick) as opened:
            self._job = opened.job
            self.progress.took_job(opened.job, self._rows_before)
            self._pages = 0
            created = opened.job.created
            self._take_covered(opened.covered, created or now)
            if created:
                self._compare(created)
            yield self._counted(opened.pages)
            self._is_kept = False
            if not created:
                # Where nothing is created, only an answer with rows has a time.
                self._compare(opened.job.created or now)

    @property
    def rows(self) -> int:
        """How many rows the pass has that was read last."""
        return self._rows

    def place_after(
        self, page: ResultPage, maximum: datetime | None, version: int | None
    ) -> ResumePoint | None:
        """Where a next run goes on if this one is interrupted after a page; None if it cannot.

        From then on the job stays, whatever ends this run before it is read.

        Args:
            page: A page of the pass that is open; its rows are out.
            maximum: The latest replication key of the rows that are out.
            version: What the rows of a whole table carry.
        """
        plan, part = self._read or (self.plan, self.plan.passes[0])
        is_possible = part.kind is PassKind.ROWS and page.next_locator
        if not is_possible or plan.is_part or self._job is None:
            return None
        self._is_kept = True
        return ResumePoint(
            api=self._job.api,
            job_id=page.job_id or "",
            locator=str(page.next_locator),
            api_version=self._api_version,
            query=part.fingerprint,
            rows=self._rows + (page.rows or 0),
            window=plan.window,
            maximum=maximum,
            covered=self.covered,
            version=version,
        )

    def _counted(self, pages: Iterator[ResultPage]) -> Iterator[ResultPage]:
        for page in pages:
            yield page
            # Its file is there until the next page is asked for.
            rows, size = page.rows or 0, page.path.stat().st_size
            self._rows += rows
            self._pages += 1
            self.progress.took_page(rows, size, self._pages_left())

    def _pages_left(self) -> int | None:
        """By the rows of the job and those of its pages so far."""
        of_job = self._job.records_processed if self._job else None
        read = self._rows - self._rows_before
        if not of_job or read <= 0:
            return None
        return round((of_job - self._rows) * self._pages / read)

    def _take_covered(self, covered: datetime | None, second_clock: datetime) -> None:
        # Each window of the run has the same answer, which is reported once.
        is_known = covered is None or self.covered is not None
        if covered and not is_known and (warning := self.plan.check_covered(covered, second_clock)):
            log.warning(warning)
        self._not_after(covered)

    def _compare(self, second_clock: datetime) -> None:
        for warning in self.plan.check_clock(second_clock):
            log.warning(warning)
        self._not_after(second_clock)

    def _not_after(self, bound: datetime | None) -> None:
        if bound:
            self.covered = min(self.covered, bound) if self.covered else bound

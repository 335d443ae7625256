"""Tells how far a run is: a table on a terminal, lines at a pace, metrics, a line at the end."""

from __future__ import annotations

import logging
import os
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import metrics

from sfbulk_singer.live_table import LiveTable, Shown
from sfbulk_singer.progress import STREAMS_SHOWN, Pace, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock
    from sfbulk.read import ReadJob
    from sfbulk.usage import Usage

log = logging.getLogger(__name__)

_COLUMNS = ("Stream", "Rows", "Rows/s", "Pages left", "Seconds")


class StreamMetric(str, Enum):
    """What the SDK has no metric for."""

    BYTES = "byte_count"
    JOBS = "job_count"


class StreamProgress:
    """How much of one stream is read.

    Args:
        stream: Its name.
        clock: The time.
        usage: What it has used, jobs that were submitted ahead included.
        jobs_waiting: How many submitted jobs Salesforce still works on.
    """

    def __init__(
        self, stream: str, clock: Clock, usage: Usage, jobs_waiting: Callable[[], int]
    ) -> None:
        self.stream = stream
        self.usage = usage
        self.rows = 0
        self.bytes = 0
        self._clock = clock
        self._jobs_waiting = jobs_waiting
        self._start = clock.monotonic()
        self._pace = Pace(clock)
        self._end: float | None = None
        self._left_of_job: int | None = None
        self._job: ReadJob | None = None
        self._rows_of_job = 0

    @property
    def seconds(self) -> float:
        """Since it was begun, to its end."""
        return (self._end or self._clock.monotonic()) - self._start

    def took_job(self, job: ReadJob, rows_before: int) -> None:
        """A job was created, and its pages are read from now on.

        Args:
            job: As the client follows it, in another thread.
            rows_before: Those of its rows that an earlier run has read.
        """
        self._job, self._rows_of_job = job, rows_before
        self._left_of_job = None

    def took_page(self, rows: int, size: int, left: int | None) -> None:
        """A page was written.

        Args:
            rows: Its rows.
            size: Bytes of its file.
            left: Pages of the job that are left; None if that is not known.
        """
        self.rows += rows
        self.bytes += size
        self._rows_of_job += rows
        self._left_of_job = left
        self.tick()

    def tick(self) -> None:
        """Write a line, if the last one is long enough ago."""
        if self._pace.is_due():
            log.info("%s: %s", self.stream, self._line())

    def log_metrics(self) -> None:
        """After the stream: its requests, jobs and bytes; the SDK has rows and seconds."""
        self._log(metrics.Metric.HTTP_REQUEST_COUNT, self.usage.requests)
        self._log(StreamMetric.JOBS, self.usage.query_jobs)
        self._log(StreamMetric.BYTES, self.bytes)

    def _log(self, metric: Enum, value: int) -> None:
        tags: dict[str, Any] = {metrics.Tag.STREAM: self.stream, metrics.Tag.PID: os.getpid()}
        point = metrics.Point("counter", cast("metrics.Metric", metric), value, tags)
        metrics.log(metrics.get_metrics_logger(), point)

    def _line(self) -> str:
        jobs = f"{counted(self._jobs_waiting(), 'more job')} waiting"
        job = f"{text}; " if (text := self.job_text()) else ""
        if not self.rows:
            return f"waiting for its job for {self.seconds:,.0f} s; {job}{jobs}"
        pace = self.rows / max(self.seconds, 0.001)
        return f"{self.rows:,} rows, {pace:,.0f} rows/s{self._pages_left()}; {job}{jobs}"

    def job_text(self) -> str:
        """The job that is read: id, state, and rows of those it has; empty if there is none."""
        job = self._job
        if job is None or self._end is not None:
            return ""
        named = f"job {job.id} is {job.state_name}" if job.id else "by REST"
        rows = job.records_processed
        if not rows:
            return named
        if not job.has_ended:
            return f"{named}, {rows:,} rows so far"
        read = self._rows_of_job
        return f"{named}, {read:,} of {rows:,} rows are read ({100 * read // rows}%)"

    def cells(self) -> tuple[str, str, str, str, str]:
        """What a table shows of it: name, rows, rows per second, pages left, seconds."""
        pace = self.rows / max(self.seconds, 0.001)
        left = "" if self._left_of_job is None else f"{self._left_of_job:,}"
        return self.stream, f"{self.rows:,}", f"{pace:,.0f}", left, f"{self.seconds:,.0f}"

    def end(self) -> None:
        """The stream is read; its seconds stand still."""
        self._end = self._clock.monotonic()

    def _pages_left(self) -> str:
        left = self._left_of_job
        return "" if left is None else f", about {counted(left, 'page')} left"


class RunProgress:
    """What a run has done.

    Args:
        clock: The time.
        usage: What the client has used.
        before: Requests and query jobs of earlier runs of the same client.
    """

    def __init__(self, clock: Clock, usage: Usage, before: tuple[int, int] = (0, 0)) -> None:
        self._clock = clock
        self._usage = usage
        self._start = clock.monotonic()
        self._before = before
        self._streams: list[StreamProgress] = []
        self._jobs_waiting: Callable[[], int] = int
        self._table = LiveTable(_COLUMNS, self._shown)

    @property
    def has_begun(self) -> bool:
        """Whether a stream was read."""
        return bool(self._streams)

    def begin(self, stream: str, usage: Usage, jobs_waiting: Callable[[], int]) -> StreamProgress:
        """A stream is read from now on; see `StreamProgress`."""
        begun = StreamProgress(stream, self._clock, usage, jobs_waiting)
        self._streams.append(begun)
        self._jobs_waiting = jobs_waiting
        self._table.start()
        return begun

    def close(self) -> None:
        """Take the table from the terminal."""
        self._table.stop()

    def _shown(self) -> Shown:
        streams = list(self._streams)
        rows = sum(each.rows for each in streams)
        parts = [
            f"{rows:,} rows of {counted(len(streams), 'stream')}",
            f"{counted(self._jobs_waiting(), 'more job')} waiting",
            streams[-1].job_text() if streams else "",
        ]
        return Shown(
            [each.cells() for each in streams[-STREAMS_SHOWN:]],
            "; ".join(filter(None, parts)),
        )

    def summary(self) -> str:
        """One line about the whole run."""
        rows = sum(each.rows for each in self._streams)
        names = {each.stream for each in self._streams}
        requests, jobs = self._before
        return (
            f"Read {rows:,} rows of {counted(len(names), 'stream')} in "
            f"{self._clock.monotonic() - self._start:,.1f} s, with "
            f"{self._usage.query_jobs - jobs:,} query jobs and "
            f"{self._usage.requests - requests:,} API requests."
        )

"""Tells how far a load is: a table on a terminal, lines at a pace, tables of results at the end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from sfbulk_singer.live_table import LiveTable, Shown, print_table
from sfbulk_singer.progress import STREAMS_SHOWN, Pace, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from sfbulk.clock import Clock
    from target_sfbulk.report import StreamReport
    from target_sfbulk.stream import StreamLoad

LOGGER = logging.getLogger("target-sfbulk")

_COLUMNS = ("Stream", "Read", "Sent", "In", "Refused", "Skipped", "Jobs in flight")
_CLOSING_COLUMNS = ("Stream", "Read", "Sent", "In", "Created", "Refused", "Skipped", "Jobs", "s")
_ERROR_COLUMNS = ("Stream", "Rows", "Error")

# With every one, the table could be longer than the terminal's memory.
_MOST_ERRORS = 20


class _Counts(NamedTuple):
    """What happened to the rows of a stream, and which of its jobs run."""

    read: int
    sent: int
    loaded: int
    refused: int
    skipped: int
    running: tuple[str, ...]
    """Id and state of each job that runs."""


class StreamProgress:
    """How far one stream is.

    Args:
        load: Its load.
        report: Its counts.
        clock: The time.
    """

    def __init__(self, load: StreamLoad, report: StreamReport, clock: Clock) -> None:
        self._load = load
        self.report = report
        self._clock = clock
        self._start = clock.monotonic()
        self._told: _Counts | None = None

    @property
    def is_busy(self) -> bool:
        """Whether rows have no outcome yet."""
        return self._load.pending_rows > 0

    def counts(self) -> _Counts:
        """What happened so far."""
        report, load = self.report, self._load
        return _Counts(
            report.read,
            load.sent_rows,
            report.loaded,
            report.rejected + load.unwritten_rejects,
            report.skipped,
            tuple(load.running),
        )

    def cells(self) -> tuple[str, ...]:
        """What a table shows of it."""
        *counts, running = self.counts()
        return (self.report.stream, *(f"{count:,}" for count in (*counts, len(running))))

    def tell(self) -> None:
        """Write a line, unless nothing waits and nothing happened since the last one."""
        counts = self.counts()
        if counts == self._told and not self.is_busy:
            return
        self._told = counts
        pace = counts.read / max(self._clock.monotonic() - self._start, 0.001)
        LOGGER.info(
            "%s: %s rows read, %s rows/s; %s sent, %s in, %s refused%s; %s",
            self.report.stream,
            *(f"{count:,}" for count in (counts.read, round(pace), counts.sent, counts.loaded)),
            f"{counts.refused:,}",
            f", {counts.skipped:,} skipped" if counts.skipped else "",
            _in_flight(counts.running),
        )


class RunProgress:
    """How far a run is.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pace = Pace(clock)
        self._streams: list[StreamProgress] = []
        self._table = LiveTable(_COLUMNS, self._shown, shares_terminal=True)

    def begin(self, load: StreamLoad, report: StreamReport) -> None:
        """A stream is loaded from now on."""
        self._streams.append(StreamProgress(load, report, self._clock))
        self._table.start()

    def tick(self) -> None:
        """Write a line for each stream, if the last ones are long enough ago and no table is shown.

        On a terminal the table says the same.
        """
        if self._pace.is_due() and not self._table.is_shown:
            for stream in self._streams:
                stream.tell()

    def paused(self) -> AbstractContextManager[None]:
        """A block that writes to stdout, which may be the terminal of the table."""
        return self._table.paused()

    def close(self) -> None:
        """Take the table from the terminal."""
        self._table.stop()

    def print_results(self) -> bool:
        """Write what happened to each stream, and why rows were rejected, on a terminal.

        Returns:
            Whether stderr is a terminal.
        """
        reports = [stream.report for stream in self._streams]
        closing = [_closing_cells(stream) for stream in self._streams]
        if not print_table(_CLOSING_COLUMNS, Shown(closing, _recovered(reports))):
            return False
        if errors := [cells for report in reports for cells in _error_cells(report)]:
            left_out = len(errors) - _MOST_ERRORS
            more = f"{counted(left_out, 'more error')}\n" if left_out > 0 else ""
            files = (report.rejects_file for report in reports if report.rejected)
            print_table(_ERROR_COLUMNS, Shown(errors[:_MOST_ERRORS], more + "\n".join(files)))
        return True

    def _shown(self) -> Shown:
        # Those that have work last, as the last ones are shown.
        streams = sorted(self._streams, key=lambda stream: stream.is_busy)
        counts = [stream.counts() for stream in streams]
        read, loaded = sum(c.read for c in counts), sum(c.loaded for c in counts)
        return Shown(
            [stream.cells() for stream in streams[-STREAMS_SHOWN:]],
            f"{counted(read, 'row')} of {counted(len(streams), 'stream')} read, {loaded:,} in;"
            f" {_in_flight([job for c in counts for job in c.running])}",
        )


def _in_flight(running: Sequence[str]) -> str:
    number = f"{counted(len(running), 'job')} in flight"
    return f"{number}: {', '.join(running)}" if running else number


def _closing_cells(stream: StreamProgress) -> tuple[str, ...]:
    report, counts = stream.report, stream.counts()
    numbers = (counts.read, counts.sent, counts.loaded, report.created, counts.refused)
    jobs = len(report.job_ids)
    return (
        report.stream,
        *(f"{number:,}" for number in (*numbers, counts.skipped, jobs)),
        f"{report.seconds:,.1f}",
    )


def _error_cells(report: StreamReport) -> Iterable[tuple[str, ...]]:
    for reason, count in report.reasons.most_common():
        yield report.stream, f"{count:,}", reason


def _recovered(reports: Iterable[StreamReport]) -> str:
    recovered = sum(report.recovered for report in reports)
    return f"{counted(recovered, 'reject')} of an earlier run" if recovered else ""

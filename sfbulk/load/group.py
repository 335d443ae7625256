"""The loading engine: sends the files of several loads while rows are added to them.

The loads of a group share the jobs in flight, the bounds of what is buffered and the order of their
rows. The engine does not use HTTP itself: the carrier of a load sends a file,
polls its job and reads its results. One thread does everything, so the order of the requests is
always the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk.error_text import unexpected
from sfbulk.load.backlog import NEVER, Backlog
from sfbulk.load.cycles import Cycles
from sfbulk.load.dry_run import WrittenFiles
from sfbulk.load.follow_ups import take_out
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.loader import F, Loader
from sfbulk.load.options import JOBS_IN_FLIGHT
from sfbulk.load.orphans import Orphans
from sfbulk.load.outcomes import Detail
from sfbulk.load.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from typing_extensions import Self

    from sfbulk.clock import Clock
    from sfbulk.errors import SalesforceError
    from sfbulk.load.journal import Journal
    from sfbulk.load.loader import Carrier, Flight, Lane
    from sfbulk.load.orphans import Waiting
    from sfbulk.load.outcomes import FileOutcome
    from sfbulk.load.row_file import FileOwner, RowFile
    from sfbulk.load.spool import SpoolSettings
    from sfbulk.load.stub_maker import StubMaker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BufferLimits:
    """How much the loads of a group buffer together."""

    bytes: int = 400_000_000
    """Bytes on disk of the files that are not settled."""
    rows: int = 500_000
    """Rows from the first one without an outcome to the last, summed over the loads."""


class LoadGroup:
    """Loads that run at the same time; `new_loader` makes one.

    As a context manager it aborts the jobs if the block fails.

    Args:
        clock: the time.
        jobs_in_flight: how many jobs, or batches of Bulk API 1.0, may run in parallel.
        limits: how much is buffered.
        more_objects: whether loads of other objects may join later. Rows whose parents are not
            found wait for them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        jobs_in_flight: int = JOBS_IN_FLIGHT,
        limits: BufferLimits = BufferLimits(),
        more_objects: bool = False,
    ) -> None:
        self.backlog = Backlog()
        """The unsettled files of all loads."""
        self.settled_files = 0
        """How many files have outcomes; when it grows, a loader has new ones in `settled`."""
        self.on_step: Callable[[], None] = _nothing
        """Called before each file is sent and after each look at the jobs that run, also while a
        method blocks. It may drop rows that were not sent: see `Loader.drop_after`."""
        self.written = WrittenFiles()
        """In a dry run, the files that would have been sent so far."""
        self._clock = clock
        self._most_in_flight = max(1, jobs_in_flight)
        self._limits = limits
        self._loaders: dict[FileOwner, Loader[Any]] = {}
        self._in_flight = 0
        self._look_at = NEVER
        self._errors: list[SalesforceError] = []
        self._orphans = Orphans(more_objects=more_objects)
        self._cycles = Cycles(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.abandon()

    def new_loader(  # noqa: PLR0913 - what a load works with, by keyword
        self,
        carrier: Carrier[F],
        files: SpoolSettings,
        *,
        journal: Journal = NO_JOURNAL,
        serial: Callable[[], Carrier[Any]] | None = None,
        stop_on_failure: bool = True,
        stubs: StubMaker | None = None,
        detail: Detail = Detail.REJECTED,
    ) -> Loader[F]:
        """A load of this group.

        Args:
            carrier: sends its files to Salesforce.
            files: how its rows are written into files.
            journal: records each step of this load before it is done.
            serial: makes the carrier for rows that failed again and again for a passing reason.
            stop_on_failure: whether a failed job of this load ends all loads of the group.
            stubs: how records are created that others need as parents.
            detail: which rows have an outcome of their own.
        """
        spool = RowSpool(files, self.backlog)
        loader = Loader(
            carrier,
            spool,
            self.backlog,
            journal=journal,
            serial=serial,
            stop_on_failure=stop_on_failure,
            stubs=stubs,
            detail=detail,
        )
        self._loaders[spool] = loader
        self._orphans.objects.add(files.sobject.casefold())
        return loader

    @property
    def due(self) -> float | None:
        """The monotonic time at which `advance` has something to do; None if it has nothing.

        A caller that waits for further rows calls `advance` then.
        """
        if self._errors or self._can_send():
            return self._clock.monotonic()
        at = min(self._next_step, self.backlog.deadline)
        return None if at == NEVER else at

    def advance(self) -> None:
        """API calls, if they are due: send full and old files, poll the jobs that run.

        Blocks while more is buffered than the limits allow.

        Raises:
            SalesforceError: a job could not be created, sent or read, or it failed. The jobs that
                ran in parallel have ended, and no further one was created.
        """
        now = self._clock.monotonic()
        if self.backlog.deadline <= now:
            self.backlog.end_overdue(now)
        if self._look_at <= now:
            self._look()
        if self._can_send():
            self._send()
        while self._is_full():
            self._seal_oldest()
            self._send()
            if self._next_step == NEVER:
                # What is left waits for parents that did not come.
                self._release(self._orphans.last_chance())
            self._wait()
        if self._errors:
            self.wind_down()

    def wait(self) -> None:
        """API calls: wait until `advance` has something to do, and do it; for the end of the input.

        Raises:
            SalesforceError: as `advance`.
        """
        if (due := self.due) is not None:
            self._clock.sleep(max(0.0, due - self._clock.monotonic()))
        self.advance()

    def cut(self) -> None:
        """End all files: the rows added so far are sent as soon as it is their turn."""
        for loader in self._loaders.values():
            loader.spool.seal_all()

    def drain(self) -> None:
        """API calls: load all rows that were added; then every row has an outcome.

        Raises:
            SalesforceError: as `advance`.
        """
        self.cut()
        self._work_off()
        self._orphans.start_passes()
        while self._orphans and not self._errors:
            if self._orphans.is_stuck and self._create_parents():
                self._orphans.start_passes()
            self._release(self._orphans.next_pass())
            self._work_off()
        if self._errors:
            self.wind_down()

    def finish(self) -> None:
        """API call, after the last `drain`: check that Salesforce has the rows that were sent.

        Raises:
            SalesforceError: it has other rows.
        """
        for loader in self._loaders.values():
            for lane in loader.lanes:
                lane.carrier.finish()

    def wind_down(self) -> None:
        """API calls: create no more jobs, wait for those that run, and raise the first error.

        Raises:
            SalesforceError: the first error of the loads.
        """
        while self._in_flight:
            self._wait()
        # Each is logged once, also if the caller winds down again.
        while len(self._errors) > 1:
            log.error("%s", self._errors.pop(1))
        if self._errors:
            raise self._errors[0]

    def abandon(self) -> None:
        """API calls: abort the jobs that are running; errors are logged, not raised."""
        for loader in self._loaders.values():
            for lane in loader.lanes:
                lane.carrier.abandon(lane.flying)

    def _is_full(self) -> bool:
        if self._errors:
            return False
        backlog, limits = self.backlog, self._limits
        return backlog.span > limits.rows or backlog.bytes > limits.bytes

    def _seal_oldest(self) -> None:
        oldest = [loader.spool.oldest for loader in self._loaders.values()]
        self.backlog.seal(min(file for file in oldest if file is not None))

    def _can_send(self) -> bool:
        if self._errors or self._in_flight >= self._most_in_flight:
            return False
        return self.backlog.has_ready(self._clock.monotonic())

    @property
    def _next_step(self) -> float:
        """The monotonic time at which to poll a file, or to send one whose pause ends."""
        if self._errors or self._in_flight >= self._most_in_flight:
            return self._look_at
        return min(self._look_at, self.backlog.resume_at)

    def _send(self) -> None:
        while self._can_send():
            # The file before may have taken minutes.
            self.on_step()
            if file := self.backlog.next_file():
                self._send_file(file)
        self._schedule()

    def _send_file(self, file: RowFile) -> None:
        loader = self._loaders[file.owner]
        loader.spool.remove_replaced(file)
        lane = loader.lane(file)
        try:
            lane.flying.append(lane.carrier.send(file))
            self._in_flight += 1
            loader.count_sent(file)
        except Exception as error:  # noqa: BLE001 - the jobs that run must be read all the same
            self._fail(error, f"{file.rows:,} rows of {loader.spool.sobject}")

    def _fail(self, error: Exception, what: str) -> None:
        """Keep an error: nothing more is sent, and what runs is read before it is raised."""
        self._errors.append(unexpected(error, what))

    def _work_off(self) -> None:
        """Send what can be sent, and wait for its outcomes."""
        self._send()
        while self._next_step != NEVER:
            self._wait()
            self._send()

    def _create_parents(self) -> bool:
        """Create records that rows which wait need of each other; whether there are new ones."""
        try:
            return self._cycles.create(self._loaders.values(), self._orphans.waiting())
        except Exception as error:  # noqa: BLE001 - as in `_send_file`
            self._fail(error, "Records that refer to each other")
            return False

    def _wait(self) -> None:
        """Sleep until something is to be done, and poll the files that are due."""
        if self._next_step != NEVER:
            self._clock.sleep(max(0.0, self._next_step - self._clock.monotonic()))
            self._look()

    def _look(self) -> None:
        now = self._clock.monotonic()
        for loader, lane in self._flying():
            if lane.carrier.next_look(lane.flying) <= now:
                for flight in lane.carrier.look(lane.flying):
                    lane.flying.remove(flight)
                    self._in_flight -= 1
                    try:
                        self._read(loader, lane, flight)
                    except Exception as error:  # noqa: BLE001 - as in `_send_file`
                        self._fail(
                            error, f"{loader.spool.sobject}: results of job {flight.file.job_id}"
                        )
        self._schedule()
        self.on_step()

    def _schedule(self) -> None:
        looks = (lane.carrier.next_look(lane.flying) for _, lane in self._flying())
        self._look_at = min(looks, default=NEVER)

    def _flying(self) -> list[tuple[Loader[Any], Lane[Any]]]:
        loaders = self._loaders.values()
        return [(loader, lane) for loader in loaders for lane in loader.lanes if lane.flying]

    def _read(self, loader: Loader[Any], lane: Lane[Any], flight: Flight) -> None:
        try:
            outcome = _outcome(lane, flight)
        except Exception:
            if known := flight.known():
                loader.keep(known)
            raise
        if outcome.mismatch:
            # The file stays unsettled, in the journal too: the next run reads its job again.
            loader.keep(outcome)
            self._errors.append(outcome.mismatch)
            return
        loader.journal.settled(flight.file, outcome.not_loaded())
        outcome.entry = flight.file.entry
        # Not before: until then, a later run needs what was sent to read the results again.
        flight.settled()
        self._take(loader, outcome)
        self.settled_files += 1
        if outcome.failure and loader.stop_on_failure:
            self._errors.append(outcome.failure)

    def _take(self, loader: Loader[Any], outcome: FileOutcome) -> None:
        """Keep the outcomes of a file, and send some of its rows again."""
        file = outcome.file
        again = take_out(
            outcome,
            passing=not self._errors and loader.may_send_again(file),
            orphans=not self._errors and file.may_wait,
            hopeless=self._orphans.is_hopeless,
        )
        if not again.numbers:
            loader.settle(outcome)
            return
        loader.report(outcome, again.numbers)
        if again.passing:
            log.info(
                "%d rows of job %s failed for a reason that may pass: they are sent again soon",
                len(again.passing),
                outcome.job_id,
            )
            loader.send_again(file, self._clock.monotonic())
        else:
            self._orphans.add(file, outcome, again.orphans)

    def _release(self, orphans: Iterable[Waiting]) -> None:
        """Send rows again whose parents were missing, or report them."""
        for one in orphans:
            loader = self._loaders[one.file.owner]
            if one.reported is None:
                self.backlog.send_again(one.file)
            elif one.left:
                loader.report(one.reported, one.left)
                self.backlog.send_again(one.file)
            else:
                loader.settle(one.reported)


def _outcome(lane: Lane[Any], flight: Flight) -> FileOutcome:
    """API call: the outcomes of a file that has ended; raises why there are none."""
    if flight.error:
        raise flight.error
    return lane.carrier.read(flight)


def _nothing() -> None:
    """What a group calls if nobody is interested."""

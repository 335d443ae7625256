"""The loading engine: takes numbered rows, sends files, and returns outcomes.

The engine takes rows while its jobs run. It does not use HTTP itself: a carrier sends a file,
polls its job and reads its results. One thread does everything, so the order of the requests
is always the same.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from sfbulk.errors import SalesforceError
from sfbulk.jobs.row_error import RowError
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.outcomes import RowOutcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from sfbulk.clock import Clock
    from sfbulk.load.journal import Journal
    from sfbulk.load.outcomes import FileOutcome
    from sfbulk.load.row import Row
    from sfbulk.load.spool import RowFile, RowSpool

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Flight:
    """A file that was sent and has no outcome yet."""

    file: RowFile
    error: SalesforceError | None = None
    """Why its job could not be polled."""


F = TypeVar("F", bound=Flight)


class Carrier(Protocol[F]):
    """Sends files to Salesforce with one of the bulk APIs."""

    most_in_flight: int
    """How many files may be in flight at the same time."""

    def send(self, file: RowFile) -> F:
        """API call: send a file; Salesforce may start to load it.

        Raises:
            SalesforceError: it was not sent, or it is not known whether it was: see
                `RowFile.job_id`.
        """

    def next_look(self, flights: Sequence[F]) -> float:
        """The monotonic time at which to poll these files; there is at least one."""

    def look(self, flights: Sequence[F]) -> list[F]:
        """API call: poll the files that are due; the ones that have ended or have an `error`."""

    def read(self, flight: F) -> FileOutcome:
        """API call: the outcomes of the rows of a file whose job has ended.

        Raises:
            SalesforceError: the results cannot be read.
        """

    def finish(self) -> None:
        """API call: close jobs that are still open, after every file has been read.

        Raises:
            SalesforceError: Salesforce has other rows than were sent.
        """

    def abandon(self, flights: Sequence[F]) -> None:
        """API call: abort the jobs that are running; errors are logged, not raised."""


@dataclass(frozen=True)
class LoaderLimits:
    """How much a load buffers."""

    bytes: int = 400_000_000
    """Bytes on disk of the files that are not settled."""
    rows: int = 500_000
    """Rows from the oldest one without an outcome to the newest one."""


class Loader(Generic[F]):
    """Loads the rows of one object with one operation.

    Call `add` and `advance` for each row, and `flush` after the last one; read `settled` in
    between. As a context manager it aborts its jobs if the block fails.

    Args:
        carrier: sends files to Salesforce.
        spool: makes the files.
        clock: the time.
        limits: how much is buffered.
        journal: records each step before it is done.
        before_send: called before a file is sent, to load first what its rows need.
        stop_on_failure: whether a failed job ends the load.
    """

    def __init__(  # noqa: PLR0913 - what the engine works with, by keyword
        self,
        carrier: Carrier[F],
        spool: RowSpool,
        clock: Clock,
        *,
        limits: LoaderLimits = LoaderLimits(),
        journal: Journal = NO_JOURNAL,
        before_send: Callable[[], None] = lambda: None,
        stop_on_failure: bool = True,
    ) -> None:
        self._carrier = carrier
        self._spool = spool
        self._clock = clock
        self._limits = limits
        self._journal = journal
        self._before_send = before_send
        self._stop_on_failure = stop_on_failure
        self._flying: list[F] = []
        self._settled: deque[FileOutcome] = deque()
        self._errors: list[SalesforceError] = []
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._carrier.abandon(self._flying)

    @property
    def settled_to(self) -> int:
        """Every row up to this number has an outcome."""
        oldest = self._spool.oldest
        return self._taken if oldest is None else oldest.numbers[0] - 1

    @property
    def pending_rows(self) -> int:
        """The number of rows without an outcome."""
        return self._spool.rows

    @property
    def pending_bytes(self) -> int:
        """The bytes of the files whose rows have no outcome."""
        return self._spool.bytes

    def add(self, number: int, row: Row) -> RowStatus | None:
        """Add a row; nothing is sent yet.

        Args:
            number: the number of its record; higher than the one before.
            row: the row.

        Returns:
            The row's outcome, if the journal knows it from an earlier run: it is not sent again.

        Raises:
            DataError: the row cannot be sent, and was not added.
        """
        digest = self._journal.digest(row)
        status = self._journal.known(number, digest)
        if status is None:
            self._spool.add(number, row, digest)
        self._taken = number
        return status

    def advance(self) -> None:
        """API calls, if they are due: send full files, poll the jobs that run.

        Blocks while more is buffered than the limits allow.

        Raises:
            SalesforceError: a job could not be created, sent or read, or it failed. The jobs that
                ran in parallel have ended, and no further one was created.
        """
        self._send()
        if self._flying and self._seconds_to_look() <= 0:
            self._look()
        while self._is_full():
            if oldest := self._spool.oldest:
                self._spool.seal(oldest)
            self._send()
            self._wait()
        if self._errors:
            self.wind_down()

    def flush(self) -> None:
        """API calls: load all rows that were added; then every row has an outcome.

        Raises:
            SalesforceError: as `advance`.
        """
        self._spool.seal_all()
        self._send()
        while self._flying:
            self._wait()
            self._send()
        if self._errors:
            self.wind_down()

    def finish(self) -> None:
        """API call, after the last `flush`: check that Salesforce has the rows that were sent.

        Raises:
            SalesforceError: it has other rows.
        """
        self._carrier.finish()

    def wind_down(self) -> None:
        """API calls: create no more jobs, wait for those that run, and raise the first error.

        Raises:
            SalesforceError: the first error of the load.
        """
        while self._flying:
            self._wait()
        # Each is logged once, also if the caller winds down again.
        while len(self._errors) > 1:
            log.error("%s", self._errors.pop(1))
        if self._errors:
            raise self._errors[0]

    def settled(self) -> Iterator[FileOutcome]:
        """The outcomes that are new since the last call."""
        while self._settled:
            yield self._settled.popleft()

    def unsettled(self, error: SalesforceError) -> Iterator[RowOutcome]:
        """The rows that have no outcome because of `error`."""
        reason = (RowError(error.code or type(error).__name__, error.message),)
        for file in self._spool.unsettled():
            status = RowStatus.UNKNOWN if file.job_id else RowStatus.UNPROCESSED
            for number in file.numbers:
                yield RowOutcome(number, status, None, False, reason, file.job_id)

    def _is_full(self) -> bool:
        if self._errors:
            return False
        span = self._taken - self.settled_to
        return span > self._limits.rows or self._spool.bytes > self._limits.bytes

    def _send(self) -> None:
        while not self._errors and len(self._flying) < self._carrier.most_in_flight:
            file = self._spool.next_file()
            if file is None:
                return
            self._before_send()
            try:
                flight = self._carrier.send(file)
            except SalesforceError as error:
                self._errors.append(error)
            else:
                self._flying.append(flight)

    def _wait(self) -> None:
        """Sleep until a file in flight is due, and poll it."""
        if self._flying:
            self._clock.sleep(max(0.0, self._seconds_to_look()))
            self._look()

    def _seconds_to_look(self) -> float:
        return self._carrier.next_look(self._flying) - self._clock.monotonic()

    def _look(self) -> None:
        for flight in self._carrier.look(self._flying):
            self._flying.remove(flight)
            self._read(flight)

    def _read(self, flight: F) -> None:
        try:
            if flight.error:
                raise flight.error
            outcome = self._carrier.read(flight)
        except SalesforceError as error:
            self._errors.append(error)
            return
        not_loaded = [row.number for row in outcome.rows if not row.success]
        self._journal.settled(flight.file, not_loaded)
        self._spool.settle(flight.file)
        self._settled.append(outcome)
        if outcome.failure and self._stop_on_failure:
            self._errors.append(outcome.failure)

"""One load of a group: takes the numbered rows of one object, and returns their outcomes.

A loader makes no API call itself: its group sends its files while they and other rows are taken,
see `sfbulk.load.group`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from sfbulk.csvio.limits import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from sfbulk.jobs.row_error import RowError
from sfbulk.load.follow_ups import SAME_API, pause_before
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.outcomes import Detail, RowOutcome, RowStatus
from sfbulk.load.spool import FileLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from sfbulk.errors import SalesforceError
    from sfbulk.load.backlog import Backlog
    from sfbulk.load.journal import Journal
    from sfbulk.load.outcomes import FileOutcome
    from sfbulk.load.row import Row
    from sfbulk.load.row_file import RowFile
    from sfbulk.load.spool import RowSpool
    from sfbulk.load.stub_maker import StubMaker

# An id that is sent instead of a key may be longer.
SERIAL_LIMITS = FileLimits(bytes=MAX_BATCH_BYTES - 20 * MAX_BATCH_ROWS, rows=MAX_BATCH_ROWS)
"""One batch of the rows that are sent by the Serial job."""


@dataclass(eq=False)
class Flight:
    """A file that was sent and has no outcome yet."""

    file: RowFile
    error: SalesforceError | None = None
    """Why its job could not be polled."""

    def named(self) -> str:
        """The id of its job or batch, and its state as last read; empty if nothing runs."""
        return ""

    def known(self) -> FileOutcome | None:
        """The outcomes of rows that were not sent; None if all were."""
        return None

    def settled(self) -> None:
        """Remove what only a later run would need; the journal has the outcome of each row."""


F = TypeVar("F", bound=Flight)


class Carrier(Protocol[F]):
    """Sends files to Salesforce with one of the bulk APIs."""

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


@dataclass(eq=False)
class Lane(Generic[F]):
    """A way of a load's files: a carrier and the files that it has in flight."""

    carrier: Carrier[F]
    flying: list[F] = field(default_factory=list)


class Loader(Generic[F]):
    """The rows of one object with one operation.

    Call `add` for each row, then `LoadGroup.advance`, and `LoadGroup.drain` after the last row;
    read `settled` in between.

    Args:
        carrier: sends files to Salesforce.
        spool: makes the files.
        backlog: the unsettled files of all loads of the group.
        journal: records each step, and knows which rows an earlier run has sent.
        serial: makes the carrier for rows that failed again and again for a passing reason.
        stop_on_failure: whether a failed job ends the loads of the group.
        stubs: how records are created that others of the run need as parents.
        detail: which rows have an outcome of their own.
    """

    def __init__(  # noqa: PLR0913 - what a load works with, by keyword
        self,
        carrier: Carrier[F],
        spool: RowSpool,
        backlog: Backlog,
        *,
        journal: Journal = NO_JOURNAL,
        serial: Callable[[], Carrier[Any]] | None = None,
        stop_on_failure: bool = True,
        stubs: StubMaker | None = None,
        detail: Detail = Detail.REJECTED,
    ) -> None:
        self._detail = detail
        self.spool = spool
        self.stubs = stubs
        self.created_before: set[int] = set()
        """Rows whose records were created by a row without lookups; see `cycles`."""
        self.stop_on_failure = stop_on_failure
        self.lanes: list[Lane[Any]] = [Lane(carrier)]
        self._serial = serial
        self._backlog = backlog
        self.journal = journal
        self.sent_rows = 0
        """The number of rows that were sent, each counted once."""
        self._settled: deque[FileOutcome] = deque()
        self._taken = 0
        self._span = 0

    @property
    def settled_to(self) -> int:
        """Every row up to this number has an outcome."""
        first = self.spool.first
        return self._taken if first is None else first - 1

    @property
    def pending_rows(self) -> int:
        """The number of rows without an outcome."""
        return self.spool.rows

    @property
    def untried_rows(self) -> int:
        """The number of rows without an outcome that no job can have loaded: they were not sent."""
        untried = (one for one in self.spool.unsettled() if one.job_id is None and not one.sent)
        return sum(file.records for file in untried)

    @property
    def running(self) -> list[str]:
        """The jobs, or batches of Bulk API 1.0, that run: see `Flight.named`."""
        return [flight.named() for lane in self.lanes for flight in list(lane.flying)]

    @property
    def pending_bytes(self) -> int:
        """The bytes of the files whose rows have no outcome."""
        return self.spool.bytes

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
        digest = self.journal.digest(row)
        status = self.journal.known(number, digest)
        if status is None:
            self.spool.add(number, row, digest)
        self._taken = number
        self._count_span()
        return status

    def count_sent(self, file: RowFile) -> None:
        """Count the rows of a file that was sent, unless it was sent before."""
        self.sent_rows += 0 if file.sent else file.rows
        file.sent = True

    def lane(self, file: RowFile) -> Lane[Any]:
        """The way of a file that is sent now."""
        if file.attempt <= SAME_API or self._serial is None:
            return self.lanes[0]
        if len(self.lanes) == 1:
            self.lanes.append(Lane(self._serial()))
        return self.lanes[1]

    def may_send_again(self, file: RowFile) -> bool:
        """Whether rows of a file that failed for a passing reason are sent again."""
        return file.attempt < SAME_API or (file.attempt == SAME_API and self._serial is not None)

    def send_again(self, file: RowFile, now: float) -> None:
        """Let a file be sent again, after a pause, whose rows failed for a passing reason."""
        file.attempt += 1
        parts = self.spool.divide(file, SERIAL_LIMITS) if file.attempt > SAME_API else ()
        for one in parts or (file,):
            self._backlog.send_again(one, now + pause_before(file.attempt))

    def report(self, outcome: FileOutcome, left: Collection[int]) -> None:
        """Keep the outcomes of some rows of a file; the others are sent again."""
        self._note_created(outcome, left)
        self.spool.keep(outcome.file, left)
        self._count_span()
        self._settled.append(outcome)

    def drop_after(self, number: int) -> int:
        """Drop the rows after this one that were never sent.

        Returns:
            How many rows were dropped. They never have an outcome.
        """
        flying = {flight.file for lane in self.lanes for flight in lane.flying}
        dropped = self.spool.drop_after(number, flying)
        self._count_span()
        return dropped

    def keep(self, outcome: FileOutcome) -> None:
        """Keep what is known of a file until `settled` returns it; its rows are not settled."""
        self._settled.append(outcome)

    def settle(self, outcome: FileOutcome) -> None:
        """Keep the outcome of a file until `settled` returns it, and remove the file."""
        self._note_created(outcome, ())
        self._add_replaced(outcome)
        self.spool.settle(outcome.file)
        self._count_span()
        self._settled.append(outcome)

    def settled(self) -> Iterator[FileOutcome]:
        """The outcomes that are new since the last call."""
        while self._settled:
            yield self._settled.popleft()

    def unsettled(self, error: SalesforceError) -> Iterator[RowOutcome]:
        """The rows that have no outcome because of `error`."""
        reason = (RowError(error.code or type(error).__name__, error.message),)
        for file in self.spool.unsettled():
            status = RowStatus.UNKNOWN if file.job_id else RowStatus.UNPROCESSED
            for number in file.numbers:
                yield RowOutcome(number, status, None, False, reason, file.job_id)
            for number in set(file.replaced).difference(file.numbers):
                yield RowOutcome(number, RowStatus.UNPROCESSED, None, False, reason, None)

    def _add_replaced(self, outcome: FileOutcome) -> None:
        """Add the rows that were not sent, as others of the file replace them."""
        replaced = outcome.file.replaced
        outcome.counts.replaced += len(replaced)
        if self._detail is Detail.EVERY_ROW:
            outcome.rows += [
                RowOutcome(number, RowStatus.REPLACED, None, False, (), None) for number in replaced
            ]

    def _note_created(self, outcome: FileOutcome, left: Collection[int]) -> None:
        if not self.created_before:
            return
        others = {*left, *(row.number for row in outcome.rows if not row.success)}
        created = self.created_before.intersection(outcome.file.numbers) - others
        # For Salesforce the whole row was an update.
        self.created_before -= created
        outcome.counts.created += len(created)
        outcome.rows = [
            replace(row, created=True) if row.number in created else row for row in outcome.rows
        ]

    def _count_span(self) -> None:
        span = self._taken - self.settled_to
        self._backlog.span += span - self._span
        self._span = span

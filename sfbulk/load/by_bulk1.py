"""The carrier for Bulk API 1.0: each file is a batch of one job."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.bulk1.add_batches import BatchAdder
from sfbulk.error_text import unexpected
from sfbulk.errors import ApiError, QuotaReached
from sfbulk.jobs.polling import PollTimer
from sfbulk.jobs.row_error import RowError
from sfbulk.jobs.waiting import JobWait, rows_so_far
from sfbulk.load.batch_rows import BatchOutcome, read_batch
from sfbulk.load.job_summary import JobSummary
from sfbulk.load.loader import Flight
from sfbulk.load.outcomes import Counts, Detail, FileOutcome, RowOutcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.bulk1.job_settings import JobSettings
    from sfbulk.bulk1.states import BatchInfo
    from sfbulk.load.journal import Journal
    from sfbulk.load.row_file import RowFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


@dataclass(eq=False, kw_only=True)
class BatchFlight(Flight):
    """A file and its batch; job and batch are None if Salesforce accepted no more batches."""

    job: Bulk1Job | None
    batch: BatchInfo | None
    waiting: JobWait | None = None

    def named(self) -> str:
        """The id of its batch, its state as last read, and its rows so far."""
        batch = self.batch
        if batch is None:
            return ""
        return f"{batch.id} {batch.state.value}{rows_so_far(batch.number_records_processed)}"


class Bulk1Carrier:
    """Adds a batch for each file to one job, or to a new job after that one had to be closed."""

    def __init__(  # noqa: PLR0913 - what it works with, by keyword
        self,
        transport: Transport,
        settings: JobSettings,
        *,
        compressed: bool,
        detail: Detail,
        journal: Journal,
        refusal_is_error: bool = False,
    ) -> None:
        settings.check()
        self._transport = transport
        self._clock = transport.clock
        self._adder = BatchAdder(transport, settings, compressed=compressed)
        self._refusal_is_error = refusal_is_error
        self._detail = detail
        self._journal = journal
        self._timer = PollTimer(self._clock)
        self._refused: RowError | None = None
        """Why Salesforce accepts no more batches."""

    def send(self, file: RowFile) -> BatchFlight:
        """API call: add a batch.

        If Salesforce refuses a later batch than the first, nothing more is sent, and the rows of
        further files are reported as unprocessed. It is not an error: earlier batches are loaded,
        and a caller who repeats the whole load would load them twice. For a caller that knows
        which rows are loaded, `refusal_is_error`.

        Raises:
            ApiError, QuotaReached: the first batch is refused, or with `refusal_is_error` any.
            TransportError: no answer to any attempt.
        """
        if self._refused is not None:
            return BatchFlight(file, job=None, batch=None)
        self._journal.begin(file)
        try:
            job, batch = self._add(file)
        except (ApiError, QuotaReached) as error:
            file.job_id = None
            if self._refusal_is_error or not self._adder.count:
                raise
            log.warning("%s No more batches are sent", error.message)
            self._refused = RowError(error.code or type(error).__name__, error.message)
            return BatchFlight(file, job=None, batch=None)
        self._journal.added(file, job.id, batch.id)
        self._timer = PollTimer(self._clock)
        waiting = JobWait.for_job(self._transport)
        return BatchFlight(file, job=job, batch=batch, waiting=waiting)

    def next_look(self, flights: Sequence[BatchFlight]) -> float:
        """The monotonic time at which to poll the jobs."""
        # A file that was not sent has ended: its rows are reported immediately.
        return 0.0 if any(one.batch is None for one in flights) else self._timer.due

    def look(self, flights: Sequence[BatchFlight]) -> list[BatchFlight]:
        """API call for each job: poll its batches; the ones that have ended."""
        ended = [flight for flight in flights if flight.batch is None]
        if not self._timer.is_due:
            return ended
        for job in {flight.job for flight in flights if flight.job is not None}:
            ended += _look(job, [flight for flight in flights if flight.job is job])
        self._timer.polled()
        return ended

    def read(self, flight: BatchFlight) -> FileOutcome:
        """API call: the outcomes of the rows of a batch, in their order.

        Raises:
            SalesforceError: the results cannot be read.
        """
        job, batch, file = flight.job, flight.batch, flight.file
        if job is None or batch is None:
            found, job_id = BatchOutcome(_unprocessed(file, self._refused)), None
        else:
            self._journal.read(file, job.id, batch.id)
            found, job_id = read_batch(job, batch, file), job.id
        counts = Counts()
        counts.count(found.rows)
        if job and batch:
            log.info(
                "Batch %s of job %s on %s (%s) is %s. %s",
                batch.id,
                job.id,
                job.object_name,
                job.info.operation,
                batch.state.value,
                counts,
            )
        rows = [row for row in found.rows if self._detail is Detail.EVERY_ROW or not row.success]
        state = batch.state.value if batch else ""
        summary = _summary(job, batch, file, counts) if job and batch else None
        return FileOutcome(file, job_id, counts, rows, state, mismatch=found.mismatch, job=summary)

    def finish(self) -> None:
        """API call: check that the jobs have only the batches that were sent, and close them.

        Raises:
            JobError: a job has batches that were not sent.
        """
        self._adder.check()
        self._adder.close()

    def abandon(self, flights: Sequence[BatchFlight]) -> None:  # noqa: ARG002 - the carrier's port
        """API call: abort the jobs."""
        self._adder.abort()

    def _add(self, file: RowFile) -> tuple[Bulk1Job, BatchInfo]:
        def before(job: Bulk1Job) -> None:
            self._journal.add(file, job.id)
            # Salesforce loads a batch when it arrives, so from here on rows may be loaded.
            file.job_id = job.id

        return self._adder.add(file.path, file.spelled, before)


def _look(job: Bulk1Job, flights: Sequence[BatchFlight]) -> list[BatchFlight]:
    wanted = {flight.batch.id: flight for flight in flights if flight.batch}
    try:
        listed = job.look(wanted)
    except Exception as error:  # noqa: BLE001 - of this job alone
        for flight in flights:
            flight.error = unexpected(error, f"Job {job.id} on {job.object_name}")
        return list(flights)
    for batch in listed:
        wanted[batch.id].batch = batch
    ended = {batch.id for batch in listed if batch.state.is_terminal}
    return [one for id_, one in wanted.items() if id_ in ended or _is_over(one)]


def _is_over(flight: BatchFlight) -> bool:
    """Whether a batch that runs is not waited for any longer; says so each minute until then."""
    job, batch = flight.job, flight.batch
    if job is None or batch is None or flight.waiting is None:
        return False
    status = (
        f"The batch {batch.id} of the {job.info.operation} job {job.id} on {job.object_name} is "
        f"still {batch.state.value}{rows_so_far(batch.number_records_processed)}"
    )
    flight.error = flight.waiting.over(status, job.id)
    return flight.error is not None


def _summary(job: Bulk1Job, batch: BatchInfo, file: RowFile, counts: Counts) -> JobSummary:
    return JobSummary(
        job.info.operation,
        file.rows,
        counts.succeeded,
        batch.created_date,
        batch.system_modstamp,
        batch.total_processing_time,
    )


def _unprocessed(file: RowFile, reason: RowError | None) -> list[RowOutcome]:
    errors = () if reason is None else (reason,)
    return [RowOutcome(n, RowStatus.UNPROCESSED, None, False, errors, None) for n in file.numbers]

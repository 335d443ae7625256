"""The carrier for Bulk API 2.0: each file is the upload of one job."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.bulk2.ingest import IngestJob
from sfbulk.describe.reader import described_once
from sfbulk.error_text import unexpected
from sfbulk.errors import SalesforceError, UploadUnknown
from sfbulk.http.retry import MAX_ATTEMPTS, Backoff
from sfbulk.jobs.disposing import abort_quietly, aborting, delete_quietly
from sfbulk.jobs.polling import PollTimer
from sfbulk.jobs.waiting import JobWait, rows_so_far
from sfbulk.load.job_rows import JobRows, SentRows
from sfbulk.load.loader import Flight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.jobs.operation import Operation
    from sfbulk.load.columns import Describe
    from sfbulk.load.journal import Journal
    from sfbulk.load.outcomes import Detail, FileOutcome
    from sfbulk.load.row_file import RowFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# How many jobs are created for one file if it is never known whether the data arrived: as often
# as any other request is sent.
_JOBS_FOR_ONE_UPLOAD = MAX_ATTEMPTS


@dataclass(frozen=True)
class Bulk2Settings:
    """How the jobs of a load are created; see `IngestJob.create`."""

    sobject: str
    operation: Operation
    external_id: str | None = None
    assignment_rule_id: str | None = None


@dataclass(eq=False, kw_only=True)
class JobFlight(Flight):
    """A file and its job, which has been closed."""

    job: IngestJob
    timer: PollTimer
    waiting: JobWait

    def named(self) -> str:
        """The id of its job, its state as last read, and its rows so far."""
        return f"{self.job.id} {self.job.state.value}{rows_so_far(self.job.records_processed)}"


class Bulk2Carrier:
    """Creates a job for each file."""

    def __init__(
        self,
        transport: Transport,
        settings: Bulk2Settings,
        *,
        describe: Describe,
        detail: Detail,
        journal: Journal,
    ) -> None:
        self._transport = transport
        self._settings = settings
        # The results of each job are matched column by column.
        self._describe = described_once(describe)
        self._detail = detail
        self._journal = journal

    def send(self, file: RowFile) -> JobFlight:
        """API call: create a job with the rows of a file and close it.

        If it is not known which data a job has, the job is aborted and a new one is created. The
        aborted job has loaded nothing, since it was never closed.

        Raises:
            SalesforceError: Salesforce refuses, or does not answer.
        """
        backoff = Backoff(self._transport.clock)
        for attempt in range(1, _JOBS_FOR_ONE_UPLOAD + 1):
            try:
                return self._send(file)
            except UploadUnknown as error:
                file.job_id = None
                if attempt == _JOBS_FOR_ONE_UPLOAD:
                    raise _gave_up(error, self._settings.sobject) from error
                log.warning(
                    "It is not known whether job %s on %s has its data exactly once. It was "
                    "aborted, and a new job is created for its rows",
                    error.job_id,
                    self._settings.sobject,
                )
            # A bad connection may last for seconds. Without pauses, all attempts would be over.
            backoff.wait()
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def next_look(self, flights: Sequence[JobFlight]) -> float:
        """The monotonic time at which to poll the first of these jobs."""
        return min(0.0 if one.job.state.is_terminal else one.timer.due for one in flights)

    def look(self, flights: Sequence[JobFlight]) -> list[JobFlight]:
        """API call: poll the jobs that are due; the ones that have ended or cannot be read."""
        return [flight for flight in flights if self._has_ended(flight)]

    def read(self, flight: JobFlight) -> FileOutcome:
        """API call: the outcomes of the rows of a job. A job with only successful rows is deleted.

        Raises:
            ApiError, TransportError: the results cannot be read.
        """
        job, file = flight.job, flight.file
        self._journal.read(file, job.id, None)
        key = self._settings.external_id or "Id"
        rows = JobRows(job, SentRows(file, key), self._describe, self._detail)
        outcome = rows.read(Backoff(self._transport.clock).wait)
        log.info(
            "Job %s on %s (%s) is %s. %s",
            job.id,
            job.object_name,
            job.info.operation,
            job.state.value,
            outcome.counts,
        )
        changed = len(outcome.unmatched) + sum(row.returned is not None for row in outcome.rows)
        if changed:
            log.warning(
                "Job %s on %s: Salesforce returned %d rows with other values than were sent; %d of "
                "them may be any of several rows",
                job.id,
                job.object_name,
                changed,
                len(outcome.unmatched),
            )
        # Any other job is kept, so that a user can look at its rows in Setup.
        if outcome.counts.succeeded == file.rows and not outcome.mismatch:
            # Before: a later run could not find out anything about a deleted job.
            self._journal.settled(file, ())
            delete_quietly(job)
        return outcome

    def finish(self) -> None:
        """Do nothing: each job was closed when its file was sent."""

    def abandon(self, flights: Sequence[JobFlight]) -> None:
        """API call: abort the jobs that are running."""
        for flight in flights:
            abort_quietly(flight.job)

    def _send(self, file: RowFile) -> JobFlight:
        self._journal.begin(file)
        settings = self._settings
        key = settings.external_id
        job = IngestJob.create(
            self._transport,
            settings.sobject,
            settings.operation,
            external_id=key and file.spelled(key),
            assignment_rule_id=settings.assignment_rule_id,
        )
        log.info("Job %s on %s was created for %d rows", job.id, job.object_name, file.rows)
        with aborting(job):
            self._journal.upload(file, job.id)
            job.upload(file.path)
        self._close(file, job)
        return JobFlight(
            file,
            job=job,
            timer=PollTimer(self._transport.clock),
            waiting=JobWait.for_job(self._transport),
        )

    def _close(self, file: RowFile, job: IngestJob) -> None:
        try:
            self._journal.close(file, job.id)
            # From here on rows may be loaded, even if the answer to the close is lost.
            file.job_id = job.id
            job.close()
        except SalesforceError:
            # Only then: if a signal ends the process here, a later run must be able to tell a job
            # that was never closed from one that was aborted while it loaded rows.
            abort_quietly(job)
            raise

    def _has_ended(self, flight: JobFlight) -> bool:
        if flight.job.state.is_terminal:
            return True
        if not flight.timer.is_due:
            return False
        try:
            info = flight.job.poll()
        except Exception as error:  # noqa: BLE001 - of this job alone
            abort_quietly(flight.job)
            flight.error = unexpected(error, f"Job {flight.job.id} on {flight.job.object_name}")
            return True
        flight.timer.polled()
        return info.state.is_terminal or _is_over(flight)


def _is_over(flight: JobFlight) -> bool:
    """Whether a job that runs is not waited for any longer; says so each minute until then."""
    flight.error = flight.waiting.over(flight.job.info.status, flight.job.id)
    return flight.error is not None


def _gave_up(error: UploadUnknown, sobject: str) -> UploadUnknown:
    return UploadUnknown(
        f"It is not known whether job {error.job_id} on {sobject} has its data exactly once. It "
        f"was the last of {_JOBS_FOR_ONE_UPLOAD} jobs that were created for the same rows. All of "
        "them were aborted before they were closed, so none of these rows is loaded. Load them "
        "again when the connection to Salesforce is better.",
        ambiguous=True,
        job_id=error.job_id,
    )

"""Reads from Salesforce what became of the rows of a file that an earlier run has sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.states import Bulk1JobState
from sfbulk.bulk2.ingest import IngestJob
from sfbulk.bulk2.states import JobState
from sfbulk.errors import JobTimeout, NotFound
from sfbulk.jobs.disposing import delete_quietly
from sfbulk.jobs.key_column import key_column
from sfbulk.jobs.row_error import RowError
from sfbulk.jobs.waiting import say_left_running
from sfbulk.load.batch_rows import read_batch
from sfbulk.load.job_rows import JobRows, SentRows
from sfbulk.load.journal_entries import Phase
from sfbulk.load.outcomes import UNKNOWN_CODE, Detail, RowOutcome, RowStatus
from sfbulk.load.row_file import RowFile
from sfbulk.load.unrecorded_jobs import UnrecordedJobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sfbulk.load.columns import Describe
    from sfbulk.load.journal_entries import LostFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


@dataclass
class LostRows:
    """What is known of the rows of a lost file; the rows that are not in `rows` are loaded."""

    rows: list[RowOutcome]
    state: str = ""
    """The state in which the job or batch ended; empty if it is not known."""
    delete: Callable[[], None] = field(default=lambda: None)
    """API call: delete the job, of which all rows are loaded."""


class LostJobs:
    """Finds out what became of jobs that earlier runs have created.

    Args:
        transport: the org.
        batches: the jobs of Bulk API 1.0, each with its known batches.
        describe: describes an object.
    """

    def __init__(
        self, transport: Transport, batches: Mapping[str, Collection[str]], describe: Describe
    ) -> None:
        self._transport = transport
        self._batches = batches
        self._unrecorded = UnrecordedJobs(transport)
        self._describe = describe

    def read(self, file: LostFile) -> LostRows:
        """API calls: the rows of this file that are not loaded.

        A job that is still open is aborted, one that runs is waited for.

        Raises:
            JobTimeout: a job runs for longer than `job_timeout`; the next run waits again.
            SalesforceError: Salesforce does not answer.
        """
        # Some of its rows were not sent, and its entry names no job any more.
        if file.phase is Phase.RESULTS and file.job_id is None:
            return _left_out(file)
        if file.job_id is None:
            self._unrecorded.abort(file)
            return LostRows(_all(file, RowStatus.UNPROCESSED))
        try:
            return self._batch(file) if file.is_batch else self._job(file)
        except JobTimeout as error:
            say_left_running(error)
            raise
        except NotFound:
            return self._gone(file)

    def close_jobs(self) -> None:
        """API calls: close the jobs of Bulk API 1.0 that are still open."""
        for job_id in self._batches:
            try:
                job = Bulk1Job.open(self._transport, job_id)
            except NotFound:
                continue
            if job.state is Bulk1JobState.OPEN:
                job.close()

    def _job(self, file: LostFile) -> LostRows:
        job = IngestJob.open(self._transport, file.job_id or "")
        if job.state is JobState.OPEN:
            job.abort()
            log.info("Job %s on %s was not closed: aborted", job.id, job.object_name)
            return LostRows(_all(file, RowStatus.UNPROCESSED))
        # The lost run aborted it itself, before it was closed.
        if job.state is JobState.ABORTED and file.phase is Phase.UPLOADED:
            return LostRows(_all(file, RowStatus.UNPROCESSED))
        # To send its rows again while it runs could load them twice.
        info = job.wait()
        # The folder of the run may be gone, such as that of a container. Counts may still tell.
        if not file.path.exists() and file.phase is Phase.RESULTS:
            return self._gone(file)
        if not file.path.exists():
            complete = info.state is JobState.JOB_COMPLETE and not info.records_failed
            if not complete or info.records_processed != len(file.numbers):
                return self._unclear(file, f"its rows are no longer in {file.path}")
            return LostRows([], info.state.value, lambda: delete_quietly(job))
        return self._results(file, job)

    def _results(self, file: LostFile, job: IngestJob) -> LostRows:
        info = job.info
        sent = SentRows(_row_file(file), key_column(info.operation, info.external_id))
        outcome = JobRows(job, sent, self._describe, Detail.REJECTED).read()
        if outcome.mismatch:
            return self._unclear(file, outcome.mismatch.message, outcome.rows)
        rows = [*outcome.rows, *(row for row in outcome.unplaced_rows() if row.is_reject)]
        return LostRows(rows, info.state.value, lambda: delete_quietly(job))

    def _batch(self, file: LostFile) -> LostRows:
        job = Bulk1Job.open(self._transport, file.job_id or "")
        # A request of the lost run cannot add a batch any more.
        if job.state is Bulk1JobState.OPEN:
            job.close()
        known = self._batches.get(job.id, set())
        found = (
            [file.batch_id]
            if file.batch_id
            else [batch.id for batch in job.batches() if batch.id not in known]
        )
        if not found:
            return LostRows(_all(file, RowStatus.UNPROCESSED))
        # Batches are added one after the other, so more than one was not added by the lost run.
        if len(found) > 1:
            return self._unclear(file, f"the job has {len(found)} batches that may have its rows")
        (batch,) = job.wait(found)
        sent = _row_file(file)
        outcome = read_batch(job, batch, sent)
        rows = [row for row in outcome.rows if not row.success]
        if outcome.mismatch:
            return self._unclear(file, outcome.mismatch.message, rows)
        return LostRows(rows, batch.state.value)

    def _gone(self, file: LostFile) -> LostRows:
        # It was never closed, so it has loaded nothing.
        if file.phase is Phase.UPLOADED:
            return LostRows(_all(file, RowStatus.UNPROCESSED))
        if file.phase is Phase.RESULTS:
            return _left_out(file)
        return self._unclear(file, "the job is gone; Salesforce removes jobs after seven days")

    def _unclear(self, file: LostFile, why: str, known: Sequence[RowOutcome] = ()) -> LostRows:
        log.error(
            "%s: it is not known which of the %d rows of job %s on %s are loaded: %s",
            file.name.name,
            len(file.numbers) - len(known),
            file.job_id,
            file.name.sobject,
            why,
        )
        reason = RowError(UNKNOWN_CODE, f"The outcome of job {file.job_id} is not known: {why}.")
        others = sorted({*file.numbers}.difference(row.number for row in known))
        return LostRows([*known, *_rows(file, others, RowStatus.UNKNOWN, reason)])


def _row_file(file: LostFile) -> RowFile:
    return RowFile(file.path, file.columns, 0, numbers=file.numbers)


def _left_out(file: LostFile) -> LostRows:
    """Its results were read before: these rows are not loaded, and all others are."""
    left = [number for number in file.numbers if number in file.left_out]
    return LostRows(list(_rows(file, left, RowStatus.UNPROCESSED)))


def _all(file: LostFile, status: RowStatus) -> list[RowOutcome]:
    return list(_rows(file, file.numbers, status))


def _rows(
    file: LostFile, numbers: Iterable[int], status: RowStatus, *reasons: RowError
) -> Iterable[RowOutcome]:
    for number in numbers:
        yield RowOutcome(number, status, None, False, reasons, file.job_id, file.batch_id)

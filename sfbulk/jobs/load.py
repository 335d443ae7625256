"""Loads records from any iterator of dicts: encodes, splits into jobs, runs them, counts."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sfbulk.csvio import MAX_JOB_BYTES
from sfbulk.errors import RowCountMismatch, UploadUnknown
from sfbulk.jobs.ingest2 import IngestJob
from sfbulk.jobs.job import aborting, disposing
from sfbulk.jobs.records import RowMaker, naming_record
from sfbulk.jobs.spool import JobFile, JobSpool
from sfbulk.jobs.states import JobState, failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk.jobs.results import FailedRow
    from sfbulk.jobs.states import JobInfo, Operation
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

_JOB_BYTES = MAX_JOB_BYTES
# Rows are loaded when this much lies on disk, or this many keys are in memory (50 MB).
_SPOOL_BYTES = 4 * MAX_JOB_BYTES
_SPOOL_KEYS = 500_000

# Jobs begun for one file when each time it cannot be told whether the data arrived.
_JOBS_FOR_ONE_UPLOAD = 3


@dataclass
class IngestSummary:
    """What became of the records of one call; the three counts add up to its records."""

    job_ids: list[str] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    unprocessed: int = 0
    failures: list[FailedRow] = field(default_factory=list, repr=False)
    """The refused rows with Salesforce's reason."""


class RecordLoader:
    """One load of one object.

    A record maps columns (field names, or `Account.Ext__c` for a parent by its external id)
    to None, text, bool, int, float, Decimal, date or aware datetime. In an update or
    upsert None and the empty text clear the field, and a column that is absent leaves it
    alone. A delete sends the `Id` and nothing else. Jobs run one after the other, and a
    later version of a record is loaded after an earlier one has been.
    """

    def __init__(
        self, transport: Transport, sobject: str, operation: Operation, external_id: str | None
    ) -> None:
        self._transport = transport
        self._sobject = sobject
        self._operation = operation
        self._external_id = external_id
        self._rows = RowMaker(operation, external_id)
        self._summary = IngestSummary()

    def load(self, records: Iterable[Mapping[str, Any]]) -> IngestSummary:
        """API call: load all records; rows Salesforce refuses are counted, not raised.

        Raises:
            DataError: a record cannot be sent; names its number. Jobs before it are done.
            JobFailed: a job failed as a whole; those before it are done.
            RowCountMismatch: Salesforce does not account for every row of a job.
            ApiError: Salesforce refuses a job.
            TransportError: no answer.
        """
        with TemporaryDirectory(prefix="sfbulk-") as folder:
            spool = JobSpool(Path(folder), max_job_bytes=_JOB_BYTES)
            for number, record in enumerate(records, start=1):
                self._add(spool, number, record)
                if spool.size >= _SPOOL_BYTES or spool.keys >= _SPOOL_KEYS:
                    self._run(spool.drain())
            self._run(spool.drain())
        return self._summary

    def _add(self, spool: JobSpool, number: int, record: Mapping[str, Any]) -> None:
        with naming_record(number):
            row = self._rows.row(record)
            spool.add(row.columns, row.cells, key=row.key)

    def _run(self, files: list[JobFile]) -> None:
        for file in files:
            self._run_one(file)
            file.path.unlink()

    def _run_one(self, file: JobFile) -> None:
        with disposing(self._uploaded(file)) as job:
            self._summary.job_ids.append(job.id)
            job.close()
            self._account(job, job.wait(), file.rows)

    def _uploaded(self, file: JobFile) -> IngestJob:
        """API call: an open job that surely has the data of `file`.

        A job of which that cannot be told is aborted and another begun: as it was never
        closed, it has loaded nothing.
        """
        for _ in range(_JOBS_FOR_ONE_UPLOAD - 1):
            with suppress(UploadUnknown):
                return self._create_and_upload(file)
        return self._create_and_upload(file)

    def _create_and_upload(self, file: JobFile) -> IngestJob:
        job = IngestJob.create(
            self._transport,
            self._sobject,
            self._operation,
            external_id=self._external_id,
            line_ending=file.group.line_ending,
        )
        with aborting(job):
            job.upload(file.path)
        return job

    def _account(self, job: IngestJob, info: JobInfo, sent: int) -> None:
        failures = list(job.failed())
        succeeded = (info.records_processed or 0) - len(failures)
        complete = info.state is JobState.JOB_COMPLETE
        unprocessed = 0 if complete else sum(1 for _ in job.unprocessed())
        self._summary.succeeded += succeeded
        self._summary.failed += len(failures)
        self._summary.unprocessed += unprocessed
        self._summary.failures += failures
        log.info("Job %s on %s: %d rows, %d refused", job.id, self._sobject, sent, len(failures))
        counts = (
            f"of {sent:,} rows {succeeded:,} are saved, {len(failures):,} refused, "
            f"{unprocessed:,} not tried"
        )
        if error := failure(info):
            raise type(error)(f"{error.message} Reckoned up, {counts}.", job_id=job.id)
        if succeeded + len(failures) != sent or info.records_failed not in (None, len(failures)):
            raise RowCountMismatch(
                f"Job {job.id} on {self._sobject} does not account for every row: {counts}. "
                "Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=job.id,
            )

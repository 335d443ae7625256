"""Loads any number of records by 2.0 jobs: encodes, splits, runs, tells what became of each."""

from __future__ import annotations

import logging
from array import array
from collections import Counter, deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict

from sfbulk.csvio import MAX_JOB_BYTES, ColumnDelimiter
from sfbulk.describer import Describer
from sfbulk.errors import RowCountMismatch, SalesforceError, UploadUnknown
from sfbulk.jobs.columns import ObjectColumns
from sfbulk.jobs.ingest2 import IngestJob
from sfbulk.jobs.job import disposing
from sfbulk.jobs.job_outcomes import JobOutcomes, SentRows
from sfbulk.jobs.outcomes import RowOutcome, RowStatus
from sfbulk.jobs.records import RowRules, naming_record
from sfbulk.jobs.results import RowError
from sfbulk.jobs.sources import numbered_rows
from sfbulk.jobs.spool import JobFile, JobSpool
from sfbulk.jobs.states import JobState, Operation, failure
from sfbulk.jobs.submit import submit
from sfbulk.values import PrecisionLoss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sfbulk.jobs.columns import Describe
    from sfbulk.jobs.sources import Records
    from sfbulk.jobs.states import JobInfo
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

_JOB_BYTES = MAX_JOB_BYTES
# Rows are loaded when this much lies on disk, or this many keys are in memory (50 MB).
_SPOOL_BYTES = 4 * MAX_JOB_BYTES
_SPOOL_KEYS = 500_000

JOBS_IN_FLIGHT = 4
"""Jobs that Salesforce works on side by side while further rows are sent."""


@dataclass
class IngestSummary:
    """What became of the records of one call; the counts add up to its records."""

    job_ids: list[str] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    unprocessed: int = 0
    unknown: int = 0
    """Records that no result list has: query them before they are sent again."""
    fitted: Counter[str] = field(default_factory=Counter)
    """Values that were sent as Salesforce stores them, by column: line breaks as LF."""
    nulls_kept: Counter[str] = field(default_factory=Counter)
    """Nulls of fields that cannot be null, by column: the field was left as it is."""
    failures: list[RowOutcome] = field(default_factory=list, repr=False)
    """The records that are not in, each with its number and Salesforce's reason."""


class LoadOptions(TypedDict, total=False):
    """What a load can be told besides its records."""

    columns: Sequence[str]
    """The names of the values, when records are sequences."""
    column_delimiter: ColumnDelimiter
    """That of CSV; a comma by default."""
    assignment_rule_id: str
    """An assignment rule for cases or leads."""
    jobs_in_flight: int
    """Most jobs at a time; 4 by default. 1 where parallel jobs would lock each other's rows."""
    precision_loss: PrecisionLoss
    """`FIT`, the default, makes CR and CRLF in texts LF, as Salesforce would; `REJECT` refuses."""


class RecordLoader:
    """One load of one object.

    A record that is a mapping, or a sequence whose columns are given beside it, has in its
    columns (field names, or `Account.Ext__c` for a parent by its external id) None, text,
    bool, int, float, Decimal, date or aware datetime. In an update or upsert None and the
    empty text clear the field, and a column that is absent leaves it alone. Cells of CSV go
    as they are: empty leaves a field alone, `#N/A` clears it. A delete sends the `Id` and
    nothing else.

    Columns go out as describe spells them. CR and CRLF in a text become LF, as Salesforce would
    store them, and a null of a field that cannot be null leaves it as it is; both are counted.
    Of two columns that set one field, such as `AccountId` and `Account.Ext__c`, the empty one is
    left out.

    Rows are split by their encoded bytes and by their columns.
    Several jobs run side by side; a later version of a record is loaded when the jobs of an
    earlier one have ended.
    """

    def __init__(  # noqa: PLR0913 - what is loaded and how, by keyword
        self,
        transport: Transport,
        sobject: str,
        operation: Operation,
        *,
        external_id: str | None = None,
        assignment_rule_id: str | None = None,
        jobs_in_flight: int = JOBS_IN_FLIGHT,
        describe: Describe | None = None,
        precision_loss: PrecisionLoss = PrecisionLoss.FIT,
    ) -> None:
        """Take what is loaded and how.

        Args:
            transport: the org.
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation takes one.
            assignment_rule_id: an assignment rule for cases or leads.
            jobs_in_flight: most jobs at a time.
            describe: tells the names of fields, and their types, by which results are matched.
            precision_loss: whether CR and CRLF in texts become LF, or are refused.
        """
        self._transport = transport
        self._sobject = sobject
        self._operation = operation
        self._external_id = external_id
        self._assignment_rule_id = assignment_rule_id
        self._jobs_in_flight = max(1, jobs_in_flight)
        self._describe = describe or Describer(transport).one
        self._key = None if operation is Operation.INSERT else external_id or "Id"
        self._every_row = False
        # Of the files whose rows nothing has been told of yet.
        self._numbers: dict[Path, array[int]] = {}
        self._closed: dict[Path, str] = {}
        columns = ObjectColumns(sobject, self._describe)
        self._rules = RowRules(operation, external_id, columns, precision_loss)
        changes = self._rules.changes
        self._summary = IngestSummary(fitted=changes.fitted, nulls_kept=changes.nulls_kept)

    def load(
        self,
        records: Records,
        columns: Sequence[str] | None = None,
        column_delimiter: ColumnDelimiter = ColumnDelimiter.COMMA,
    ) -> IngestSummary:
        """API call: load all records; rows Salesforce refuses are told of, not raised.

        Raises:
            DataError: a record cannot be sent; names its number. Jobs before it are done.
            CsvError: bytes that are no CSV, or whose header row is none.
            JobFailed: a job failed as a whole. Those that ran beside it are waited for, and no
                further one is begun.
            RowCountMismatch: a job counts more rows than were sent.
            ResultsMismatch: a result belongs to no row that was sent, or to any of several.
            ApiError: Salesforce refuses a job.
            TransportError: no answer.
        """
        for outcomes in self._rounds(records, columns, column_delimiter):
            self._summary.failures += outcomes
        return self._summary

    def outcomes(
        self,
        records: Records,
        columns: Sequence[str] | None = None,
        column_delimiter: ColumnDelimiter = ColumnDelimiter.COMMA,
    ) -> Iterator[RowOutcome]:
        """API call: load all records; what became of each, in their order, in rounds of 400 MB.

        Every record of a round is told of before its error is raised: one that was not sent as
        unprocessed, one that may be in as unknown.

        Raises:
            DataError, CsvError, JobFailed, RowCountMismatch, ResultsMismatch, ApiError,
                TransportError: as `load`.
        """
        self._every_row = True
        for outcomes in self._rounds(records, columns, column_delimiter):
            yield from outcomes

    def _rounds(
        self,
        records: Records,
        columns: Sequence[str] | None,
        column_delimiter: ColumnDelimiter,
    ) -> Iterator[list[RowOutcome]]:
        rows = numbered_rows(records, columns, self._rules, column_delimiter)
        with TemporaryDirectory(prefix="sfbulk-") as folder:
            spool = JobSpool(Path(folder), max_job_bytes=_JOB_BYTES)
            for number, row in rows:
                with naming_record(number):
                    file = spool.add(row.columns, row.cells, key=row.key)
                self._numbers.setdefault(file.path, array("Q")).append(number)
                if spool.size >= _SPOOL_BYTES or spool.keys >= _SPOOL_KEYS:
                    yield from self._round(spool.drain())
            yield from self._round(spool.drain())

    def _round(self, files: list[JobFile]) -> Iterator[list[RowOutcome]]:
        """The outcomes of a round, in the order of the records, before its error."""
        known: list[RowOutcome] = []
        error = self._run(files, known)
        if error and self._every_row:
            known += self._untold(error)
        known.sort(key=lambda outcome: outcome.number)
        yield known
        if error:
            raise error

    def _untold(self, error: SalesforceError) -> Iterator[RowOutcome]:
        """The rows that an error has kept from being sent, or from being told of.

        Only a job that was to be closed can have loaded anything.
        """
        reason = (RowError(error.code or type(error).__name__, error.message),)
        for path, numbers in self._numbers.items():
            job_id = self._closed.get(path)
            status = RowStatus.UNKNOWN if job_id else RowStatus.UNPROCESSED
            for number in numbers:
                yield RowOutcome(number, status, None, False, reason, job_id)

    def _run(self, files: list[JobFile], known: list[RowOutcome]) -> SalesforceError | None:
        for _, wave in groupby(files, key=lambda file: file.group.wave):
            errors = self._run_wave(list(wave), known)
            for error in errors[1:]:
                log.error("%s", error)
            if errors:
                return errors[0]
        return None

    def _run_wave(self, files: list[JobFile], known: list[RowOutcome]) -> list[SalesforceError]:
        flying: deque[tuple[IngestJob, JobFile]] = deque()
        errors: list[SalesforceError] = []
        with _aborted_when_interrupted(flying):
            for file in files:
                if len(flying) == self._jobs_in_flight:
                    self._finish(*flying.popleft(), known, errors)
                if errors:
                    break
                with _kept(errors):
                    flying.append((self._submit(file), file))
            while flying:
                self._finish(*flying.popleft(), known, errors)
        return errors

    def _submit(self, file: JobFile) -> IngestJob:
        def closing(job: IngestJob) -> None:
            self._closed[file.path] = job.id

        try:
            job = submit(lambda: self._create(file), file.path, closing)
        except UploadUnknown:
            self._closed.pop(file.path, None)
            raise
        self._summary.job_ids.append(job.id)
        return job

    def _finish(
        self,
        job: IngestJob,
        file: JobFile,
        known: list[RowOutcome],
        errors: list[SalesforceError],
    ) -> None:
        with _kept(errors), disposing(job):
            self._account(job, job.wait(), file, known)
        file.path.unlink()

    def _create(self, file: JobFile) -> IngestJob:
        self._closed.pop(file.path, None)
        key = self._external_id
        return IngestJob.create(
            self._transport,
            self._sobject,
            self._operation,
            external_id=key and self._rules.columns.column(key).header,
            assignment_rule_id=self._assignment_rule_id,
        )

    def _account(
        self, job: IngestJob, info: JobInfo, file: JobFile, known: list[RowOutcome]
    ) -> None:
        told = self._told(job, info, file)
        del self._numbers[file.path], self._closed[file.path]
        counts = Counter(outcome.status for outcome in told)
        counts[RowStatus.SUCCEEDED] = file.rows - sum(not outcome.success for outcome in told)
        known += told if self._every_row else (one for one in told if not one.success)
        summary = self._summary
        summary.succeeded += counts[RowStatus.SUCCEEDED]
        summary.failed += counts[RowStatus.FAILED]
        summary.unprocessed += counts[RowStatus.UNPROCESSED]
        summary.unknown += counts[RowStatus.UNKNOWN]
        log.info(
            "Job %s on %s: %d rows, %d refused",
            job.id,
            self._sobject,
            file.rows,
            counts[RowStatus.FAILED],
        )
        if error := failure(info):
            raise type(error)(
                f"{error.message} Reckoned up, {_reckoned(file, counts)}.", job_id=job.id
            )
        if (info.records_processed or 0) > file.rows:
            raise RowCountMismatch(
                f"Job {job.id} on {self._sobject} counts {info.records_processed:,} rows where "
                f"{_reckoned(file, counts)}. Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=job.id,
            )

    def _told(self, job: IngestJob, info: JobInfo, file: JobFile) -> list[RowOutcome]:
        """API call: what became of all rows, or of those that are not in, where that adds up."""
        sent = SentRows(file, self._numbers[file.path], self._key)
        complete = info.state is JobState.JOB_COMPLETE and info.records_processed == file.rows
        if complete and not self._every_row:
            refused = JobOutcomes(job, info, sent, self._describe).refused()
            if info.records_failed in (None, len(refused)):
                return refused
        return JobOutcomes(job, info, sent, self._describe).all()


def _reckoned(file: JobFile, counts: Counter[RowStatus]) -> str:
    text = (
        f"of {file.rows:,} rows {counts[RowStatus.SUCCEEDED]:,} are saved, "
        f"{counts[RowStatus.FAILED]:,} refused, {counts[RowStatus.UNPROCESSED]:,} not tried"
    )
    unknown = counts[RowStatus.UNKNOWN]
    return f"{text}, {unknown:,} of unknown fate" if unknown else text


@contextmanager
def _kept(errors: list[SalesforceError]) -> Iterator[None]:
    """Put the block's error into the list: other jobs are to be waited for first."""
    try:
        yield
    except SalesforceError as error:
        errors.append(error)


@contextmanager
def _aborted_when_interrupted(flying: deque[tuple[IngestJob, JobFile]]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for job, _ in flying:
            with suppress(SalesforceError):
                job.abort()
        raise

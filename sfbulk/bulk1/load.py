"""Loads any number of records by a job of Bulk API 1.0; tells what became of each, in order."""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sfbulk.bulk1.batches import BatchSpool
from sfbulk.bulk1.encode import ENCODERS
from sfbulk.bulk1.job import ClassicJob, JobSettings, add_once, disposing
from sfbulk.bulk1.states import BatchInfo, BatchState, ClassicJobState
from sfbulk.errors import (
    ApiError,
    JobError,
    QuotaReached,
    RowCountMismatch,
    SalesforceError,
)
from sfbulk.jobs.outcomes import RowOutcome, RowStatus
from sfbulk.jobs.records import naming_record
from sfbulk.jobs.results import RowError
from sfbulk.jobs.sources import Records, numbered_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sfbulk.bulk1.batches import BatchFile
    from sfbulk.bulk1.row_results import RowResult
    from sfbulk.jobs.records import RowRules
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# A round of batches is sent when this much lies on disk, or so many rows' results would be
# in memory (100 MB).
_ROUND_BYTES = 400_000_000
_ROUND_ROWS = 500_000


@dataclass
class ClassicSummary:
    """What became of the records of one call, in the order in which they were given."""

    results: list[RowOutcome] = field(default_factory=list, repr=False)

    @property
    def succeeded(self) -> int:
        """How many records are in."""
        return self._count(RowStatus.SUCCEEDED)

    @property
    def failed(self) -> int:
        """How many Salesforce refused."""
        return self._count(RowStatus.FAILED)

    @property
    def unprocessed(self) -> int:
        """How many it never tried."""
        return self._count(RowStatus.UNPROCESSED)

    @property
    def unknown(self) -> int:
        """How many are in or not, which Salesforce does not tell."""
        return self._count(RowStatus.UNKNOWN)

    @property
    def failures(self) -> list[RowOutcome]:
        """The records that are not, or not surely, in."""
        return [outcome for outcome in self.results if not outcome.success]

    def _count(self, status: RowStatus) -> int:
        return sum(outcome.status is status for outcome in self.results)


class ClassicLoader:
    """One load of one object; see `Bulk1.load`."""

    def __init__(
        self, transport: Transport, settings: JobSettings, rules: RowRules, *, compressed: bool
    ) -> None:
        settings.check()
        self._transport = transport
        self._settings = settings
        self._rules = rules
        self._compressed = compressed
        self._refused: RowError | None = None
        """Why Salesforce takes no more batches."""

    def outcomes(
        self, records: Records, columns: Sequence[str] | None = None
    ) -> Iterator[RowOutcome]:
        """API call: load all records; what became of each, in their order.

        Raises:
            DataError: a record cannot be sent; names its number.
            RowCountMismatch: Salesforce does not account for every row of a batch.
            JobError: the job holds batches that were not sent.
            QuotaReached, ApiError: the first batch may not be sent, or Salesforce refuses it.
            TransportError: no answer.
        """
        with TemporaryDirectory(prefix="sfbulk-") as folder:
            rounds = self._rounds(records, columns, Path(folder))
            first = next(rounds, None)
            if first is None:
                return
            key = self._settings.external_id
            spelled = replace(
                self._settings, external_id=key and self._rules.columns.column(key).header
            )
            with ExitStack() as jobs:
                self._sender = _Sender(self._transport, spelled, self._compressed, jobs)
                yield from self._run(first)
                for files in rounds:
                    yield from self._run(files)
                self._sender.finish()

    def _rounds(
        self, records: Records, columns: Sequence[str] | None, folder: Path
    ) -> Iterator[list[BatchFile]]:
        spool = BatchSpool(folder, ENCODERS[self._settings.content_type])
        for number, row in numbered_rows(records, columns, self._rules):
            with naming_record(number):
                spool.add(number, row.columns, row.cells, row.values, key=row.key)
            if spool.size >= _ROUND_BYTES or spool.rows >= _ROUND_ROWS:
                yield spool.drain()
        if spool.rows:
            yield spool.drain()

    def _run(self, files: list[BatchFile]) -> Iterator[RowOutcome]:
        found: list[RowOutcome] = []
        for _, wave in groupby(files, key=lambda file: file.group.wave):
            found += self._run_wave(list(wave))
        found.sort(key=lambda outcome: outcome.number)
        yield from found

    def _run_wave(self, files: list[BatchFile]) -> Iterator[RowOutcome]:
        sent: dict[ClassicJob, dict[str, BatchFile]] = defaultdict(dict)
        for file in files:
            if (refused := self._send(file, sent)) is not None:
                yield from _untried(file.numbers, refused)
        for job, batches in sent.items():
            for batch in job.wait(batches):
                yield from _outcomes(job, batch, batches[batch.id])

    def _send(
        self, file: BatchFile, sent: dict[ClassicJob, dict[str, BatchFile]]
    ) -> RowError | None:
        """Add a batch, or tell why it was not sent.

        What was sent before a refusal must still be accounted for: whoever loads all of it
        again would have it twice.
        """
        if self._refused is None:
            try:
                job, batch = self._sender.send(file.path)
            except (ApiError, QuotaReached) as error:
                if not self._sender.batches:
                    raise
                log.warning("%s Nothing more is sent", error.message)
                self._refused = RowError(error.code or type(error).__name__, error.message)
            else:
                sent[job][batch.id] = file
        file.path.unlink()
        return self._refused


class _Sender:
    """Adds batches to a job, and to another one when that had to be closed.

    `jobs` closes them at the end, and aborts them when the load fails.
    """

    def __init__(
        self, transport: Transport, settings: JobSettings, compressed: bool, jobs: ExitStack
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._compressed = compressed
        self._jobs = jobs
        self._counts: dict[ClassicJob, int] = {}

    @property
    def batches(self) -> int:
        """How many were sent."""
        return sum(self._counts.values())

    def send(self, path: Path) -> tuple[ClassicJob, BatchInfo]:
        """API call: add one batch."""
        job, batch = add_once(self._open_job, path, compressed=self._compressed)
        self._counts[job] += 1
        return job, batch

    def finish(self) -> None:
        """API call: check that the jobs hold what was sent, and nothing else.

        Raises:
            JobError: a job holds batches that were not sent.
        """
        for job, sent in self._counts.items():
            try:
                total = job.refresh().number_batches_total
            except SalesforceError as error:
                # The rows are in and told of: no reason to lose that.
                log.warning("%s Its batches were not counted once more", error.message)
                continue
            if total not in (None, sent):
                raise JobError(
                    f"Job {job.id} on {job.object_name} holds {total:,} batches where {sent:,} "
                    "were sent, so rows may be in twice. Look at the job in Setup, Bulk Data Load "
                    "Jobs.",
                    job_id=job.id,
                )

    def _open_job(self) -> ClassicJob:
        job = next(reversed(self._counts), None)
        if job is None or job.state is ClassicJobState.CLOSED:
            job = ClassicJob.create(self._transport, self._settings)
            self._jobs.enter_context(disposing(job))
            self._counts[job] = 0
        return job


def _outcomes(job: ClassicJob, batch: BatchInfo, file: BatchFile) -> list[RowOutcome]:
    if batch.state is BatchState.COMPLETED:
        results = list(job.row_results(batch.id))
        _check_counts(job, batch, len(file.numbers), results)
        return [_outcome(batch, n, one) for n, one in zip(file.numbers, results, strict=True)]
    reason = _reason(batch)
    log.warning(
        "Batch %s of job %s on %s is %s (%s): %d rows",
        batch.id,
        job.id,
        job.object_name,
        batch.state.value,
        reason.code or "no reason given",
        len(file.numbers),
    )
    results = _partial_results(job, batch)
    told = [_outcome(batch, n, one) for n, one in zip(file.numbers, results, strict=False)]
    untold = (batch.number_records_processed or 0) > len(results)
    status = RowStatus.UNKNOWN if untold else RowStatus.UNPROCESSED
    rest = file.numbers[len(told) :]
    return told + [
        RowOutcome(n, status, None, False, (reason,), batch.job_id, batch.id) for n in rest
    ]


def _untried(numbers: Iterable[int], reason: RowError) -> list[RowOutcome]:
    return [RowOutcome(n, RowStatus.UNPROCESSED, None, False, (reason,), None) for n in numbers]


def _partial_results(job: ClassicJob, batch: BatchInfo) -> list[RowResult]:
    """What is told of the rows of a batch that did not complete."""
    if not batch.number_records_processed:
        return []
    try:
        return list(job.row_results(batch.id))
    except ApiError:
        # "Records not processed", whatever the count says.
        return []


def _outcome(batch: BatchInfo, number: int, result: RowResult) -> RowOutcome:
    status = RowStatus.SUCCEEDED if result.success else RowStatus.FAILED
    made, errors = result.created, result.errors
    return RowOutcome(number, status, result.id, made, errors, batch.job_id, batch.id)


def _reason(batch: BatchInfo) -> RowError:
    """The stateMessage, `Code : text`."""
    code, colon, text = (batch.state_message or "").partition(" : ")
    return RowError(code, text) if colon else RowError("", code)


def _check_counts(job: ClassicJob, batch: BatchInfo, sent: int, results: list[RowResult]) -> None:
    failed = sum(not result.success for result in results)
    agreed = (
        len(results) == sent
        and batch.number_records_processed in (None, sent)
        and batch.number_records_failed in (None, failed)
    )
    if not agreed:
        raise RowCountMismatch(
            f"Batch {batch.id} of job {job.id} on {job.object_name} does not account for every "
            f"row: of {sent:,} rows {len(results):,} have results, {failed:,} of them refused; "
            f"Salesforce counts {batch.number_records_processed} and "
            f"{batch.number_records_failed}. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=job.id,
        )

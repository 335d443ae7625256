"""Finds the outcomes of the rows of one ended batch of Bulk API 1.0.

The results of a batch have the order of its rows and nothing of their values. So a list that lacks
some says nothing of any one row. Then the counts of the batch decide: if it has processed every
row, and failed none or all, each outcome is known. Else the rows are unknown.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.bulk1.states import BatchState
from sfbulk.errors import ApiError, DataError, RowCountMismatch, SalesforceError
from sfbulk.jobs.operation import Operation
from sfbulk.jobs.row_error import RowError, parse_reason
from sfbulk.load.outcomes import UNKNOWN_CODE, RowOutcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.bulk1.row_results import RowResult
    from sfbulk.bulk1.states import BatchInfo
    from sfbulk.load.row_file import RowFile

log = logging.getLogger(__name__)

_REFUSED = (
    "Salesforce refused it, as all rows of batch {} of job {}. The results of the batch do not say "
    "why: look at the job in Setup, Bulk Data Load Jobs."
)
_UNKNOWN = (
    "Of batch {} of job {}, {:,} rows are loaded and {:,} failed, and its results do not say which."
    " Query the record before you send it again."
)


@dataclass
class BatchOutcome:
    """The outcomes of the rows of a batch, in their order."""

    rows: list[RowOutcome]
    mismatch: SalesforceError | None = None
    """Why results and counts cannot both be true; `rows` has what is known."""


@dataclass
class _Results:
    """The results of a batch, as far as they can be read."""

    rows: list[RowResult] = field(default_factory=list)
    error: SalesforceError | None = None
    """Why they are not complete."""

    @property
    def failed(self) -> int:
        return sum(not row.success for row in self.rows)


def read_batch(job: Bulk1Job, batch: BatchInfo, file: RowFile) -> BatchOutcome:
    """API call: the outcomes of the rows of an ended batch.

    Raises:
        ApiError: the results are refused, and the counts of the batch do not decide.
        TransportError: no answer to any attempt.
    """
    results = _read(job, batch)
    if batch.state is not BatchState.COMPLETED:
        return BatchOutcome(_of_incomplete(job, batch, file, results.rows))
    if results.error is None and len(results.rows) == file.rows:
        return BatchOutcome(_outcomes(batch, file, results.rows))
    if not _adds_up(batch, file.rows, results):
        return _mismatch(job, batch, file, results)
    return BatchOutcome(_by_counts(job, batch, file, results))


def _read(job: Bulk1Job, batch: BatchInfo) -> _Results:
    results = _Results()
    # Of a batch that did not complete, Salesforce may refuse results although it counts some.
    if batch.state is BatchState.COMPLETED or batch.number_records_processed:
        try:
            for one in job.row_results(batch.id):
                results.rows.append(one)
        except (ApiError, DataError, RowCountMismatch) as error:
            results.error = error
    return results


def _of_incomplete(
    job: Bulk1Job, batch: BatchInfo, file: RowFile, results: Sequence[RowResult]
) -> list[RowOutcome]:
    reason = parse_reason(batch.state_message)
    log.warning(
        "Batch %s of job %s on %s is %s (%s): %d rows",
        batch.id,
        job.id,
        job.object_name,
        batch.state.value,
        reason.code or "no reason given",
        file.rows,
    )
    known = _outcomes(batch, file, results)
    missing = (batch.number_records_processed or 0) > len(results)
    status = RowStatus.UNKNOWN if missing else RowStatus.UNPROCESSED
    return known + _alike(batch, file.numbers[len(known) :], status, reason)


def _adds_up(batch: BatchInfo, sent: int, results: _Results) -> bool:
    """Whether the counts of a completed batch are those of all rows, and its results fit them."""
    failed = batch.number_records_failed
    if batch.number_records_processed != sent or failed is None:
        return False
    return results.failed <= failed and len(results.rows) - results.failed <= sent - failed


def _by_counts(
    job: Bulk1Job, batch: BatchInfo, file: RowFile, results: _Results
) -> list[RowOutcome]:
    failed = batch.number_records_failed or 0
    loaded = file.rows - failed
    if failed and loaded and isinstance(results.error, ApiError):
        # A later attempt may read them.
        raise results.error
    log.warning(
        "Batch %s of job %s on %s has %d results that can be read for %d rows. By its counts, %d "
        "of them are loaded and %d failed",
        batch.id,
        job.id,
        job.object_name,
        len(results.rows),
        file.rows,
        loaded,
        failed,
    )
    if not failed:
        created = job.info.operation == Operation.INSERT.value
        return _alike(batch, file.numbers, RowStatus.SUCCEEDED, created=created)
    status = RowStatus.UNKNOWN if loaded else RowStatus.FAILED
    text = (_UNKNOWN if loaded else _REFUSED).format(batch.id, job.id, loaded, failed)
    reasons = dict.fromkeys(error for row in results.rows for error in row.errors)
    return _alike(batch, file.numbers, status, RowError(UNKNOWN_CODE, text), *reasons)


def _mismatch(job: Bulk1Job, batch: BatchInfo, file: RowFile, results: _Results) -> BatchOutcome:
    if isinstance(results.error, ApiError):
        raise results.error
    error = RowCountMismatch(
        f"The results of batch {batch.id} of job {job.id} on {job.object_name} do not fit its "
        f"counts: {file.rows:,} rows were sent. The results have {len(results.rows):,} rows, "
        f"{results.failed:,} of them failed, but Salesforce processed "
        f"{batch.number_records_processed}, of which {batch.number_records_failed} failed. Look at "
        "the job in Setup, Bulk Data Load Jobs.",
        job_id=job.id,
    )
    complete = len(results.rows) == file.rows
    return BatchOutcome(_outcomes(batch, file, results.rows) if complete else [], error)


def _outcomes(batch: BatchInfo, file: RowFile, results: Sequence[RowResult]) -> list[RowOutcome]:
    return [
        RowOutcome(
            number,
            RowStatus.SUCCEEDED if one.success else RowStatus.FAILED,
            one.id,
            one.created,
            one.errors,
            batch.job_id,
            batch.id,
        )
        for number, one in zip(file.numbers, results, strict=False)
    ]


def _alike(
    batch: BatchInfo,
    numbers: Sequence[int],
    status: RowStatus,
    *reasons: RowError,
    created: bool = False,
) -> list[RowOutcome]:
    """Rows with the same outcome."""
    return [RowOutcome(n, status, None, created, reasons, batch.job_id, batch.id) for n in numbers]

"""The chunks into which PK chunking has divided a query: waits for them, finds what they lack."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.bulk1.chunking import IdRange, gap_query, gaps, id_range
from sfbulk.bulk1.states import BatchInfo, BatchState, Bulk1JobState
from sfbulk.errors import JobAborted, JobError, JobFailed, NotSupportedByBulk
from sfbulk.http.bulk_refusals import is_bulk_refusal, is_query_refusal
from sfbulk.jobs.row_error import parse_reason
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.clock import Clock
    from sfbulk.errors import SalesforceError

log = logging.getLogger(__name__)

# After Salesforce has set the original batch to NotProcessed, it may still add batches of chunks.
# So the list must be the same for several polls in a row: for more of them if it is empty, or if
# the job reports another number of batches.
_ALIKE_LOOKS = 2
_LOOKS_FOR_MORE = 10
_LOOK_SECONDS = 2.0

# Why a query fails that is too large for one batch (other taps have these texts).
_TOO_MUCH_AT_ONCE = ("QUERY_TIMEOUT", "Retried more than", "Failed to write query result")


@dataclass(frozen=True)
class EndedBatches:
    """The batches of a query after all of them have ended."""

    completed: list[BatchInfo]
    """Those with results, in the order of their ids, which is the same in a later run."""
    again: list[str] = field(default_factory=list)
    """Queries for the rows of chunks that failed or that are missing."""

    @property
    def rows(self) -> int | None:
        """The number of rows; None if some are to be queried again, or a batch has no count."""
        counts = [batch.number_records_processed for batch in self.completed]
        known = [count for count in counts if count is not None]
        return None if self.again or len(known) < len(counts) else sum(known)


def ended_chunks(
    job: Bulk1Job, original: BatchInfo, clock: Clock, timeout: float | None
) -> EndedBatches:
    """API call: the chunks of a query, after all of them are listed and have ended.

    Raises:
        JobAborted: the job was aborted.
        JobFailed, NotSupportedByBulk: a chunk failed, and its range of ids is not known.
        JobError: the job has no chunks, or a missing one cannot be queried.
        JobTimeout: chunks are still running after `timeout` seconds.
    """
    chunks = _listed(job, original, clock, timeout)
    # Only a chunk's request shows its range of ids: Salesforce has added it to the query.
    queries = [job.query(chunk.id) for chunk in chunks]
    again = [*_failed(job, chunks, queries), *_missing(job, queries)]
    if again:
        log.warning("Job %s: %d chunks are queried again", job.id, len(again))
    completed = sorted((chunk for chunk in chunks if is_completed(chunk)), key=lambda one: one.id)
    return EndedBatches(completed, again)


def is_completed(batch: BatchInfo) -> bool:
    """Whether a batch has results."""
    return batch.state is BatchState.COMPLETED


def failure(job: Bulk1Job, batch: BatchInfo) -> SalesforceError:
    """The error for a batch of a query without results."""
    what = f"Batch {batch.id} of {job.info.operation} job {job.id} on {job.object_name}"
    if batch.state is BatchState.NOT_PROCESSED:
        return JobAborted(
            f"{what} was not processed: the job was aborted, by a user or an administrator.",
            job_id=job.id,
        )
    reason = quoted(batch.state_message or "Salesforce gives no reason")
    error = parse_reason(reason)
    code = error.code or None
    if is_bulk_refusal(reason):
        return NotSupportedByBulk(
            f"{what} failed: {reason}", code=code, detail=error.message, job_id=job.id
        )
    if any(text in reason for text in _TOO_MUCH_AT_ONCE):
        reason += ". Divide the query by PK chunking, or select fewer rows"
    return JobFailed(f"{what} failed: {reason}", code=code, job_id=job.id)


def _listed(
    job: Bulk1Job, original: BatchInfo, clock: Clock, timeout: float | None
) -> list[BatchInfo]:
    chunks: list[BatchInfo] = []
    alike = 0
    while True:
        listed = [batch for batch in job.wait(timeout=timeout) if batch.id != original.id]
        total = job.refresh().number_batches_total
        # The job's count includes the original batch.
        whole = listed and total in (None, len(listed) + 1)
        alike = alike + 1 if len(listed) == len(chunks) else 0
        chunks = listed
        if alike >= (_ALIKE_LOOKS if whole else _LOOKS_FOR_MORE):
            break
        clock.sleep(_LOOK_SECONDS)
    if job.state is Bulk1JobState.ABORTED:
        raise failure(job, original)
    if not chunks:
        raise JobError(
            f"Salesforce has divided the query of job {job.id} on {job.object_name} by PK "
            "chunking, but the job has no chunks. Run the query again, or without PK chunking.",
            job_id=job.id,
        )
    log.info("Job %s on %s has %d chunks", job.id, job.object_name, len(chunks))
    return chunks


def _failed(job: Bulk1Job, chunks: list[BatchInfo], queries: list[str]) -> Iterator[str]:
    """The queries of chunks that did not complete."""
    for chunk, query in zip(chunks, queries, strict=True):
        if is_completed(chunk):
            continue
        # Without a range of ids the query would return the rows of all chunks.
        is_whole = len(chunks) > 1 and id_range(query) == IdRange(None, None)
        if is_whole or is_query_refusal(chunk.state_message or ""):
            raise failure(job, chunk)
        yield query


def _missing(job: Bulk1Job, queries: list[str]) -> Iterator[str]:
    """Queries for the ranges of ids between the chunks that no chunk has."""
    for gap in gaps([id_range(query) for query in queries]):
        log.warning("Job %s has no chunk from %s to %s", job.id, gap.low, gap.high)
        if (query := gap_query(queries, gap)) is None:
            raise JobError(
                f"Job {job.id} on {job.object_name} has no chunk for the ids from {gap.low} to "
                f"{gap.high}, and no chunk's query can be used for them. Run the query again.",
                job_id=job.id,
            )
        yield query

"""Queries by Bulk API 1.0: one batch, or one for each range of ids with PK chunking."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sfbulk.bulk1.add_batches import add_once, disposing
from sfbulk.bulk1.chunking import IdRange, PkChunking, gap_query, gaps, id_range
from sfbulk.bulk1.job import Bulk1Job, rows_missing
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.bulk1.states import BatchInfo, BatchState, Bulk1JobState, ContentType, QueryOperation
from sfbulk.errors import (
    JobAborted,
    JobError,
    JobFailed,
    NotSupportedByBulk,
    SalesforceError,
)
from sfbulk.jobs.row_error import parse_reason
from sfbulk.soql import root_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# How often a chunk is queried before the query fails.
_CHUNK_ATTEMPTS = 3
# After Salesforce has set the original batch to NotProcessed, it may still add batches of chunks.
# So the list must be the same for several polls in a row: for more of them if it is empty, or if
# the job reports another number of batches.
_ALIKE_LOOKS = 2
_LOOKS_FOR_MORE = 10
_LOOK_SECONDS = 2.0

# Why a query fails that is too large for one batch (other taps have these texts).
_TOO_MUCH_AT_ONCE = ("QUERY_TIMEOUT", "Retried more than", "Failed to write query result")


class Bulk1Query:
    """One query of one object; see `Bulk1.query`."""

    def __init__(
        self,
        transport: Transport,
        soql: str,
        *,
        include_deleted: bool,
        content_type: ContentType,
        pk_chunking: PkChunking | None,
    ) -> None:
        self._transport = transport
        self._soql = soql
        self._settings = JobSettings(
            sobject=root_object(soql),
            operation=QueryOperation.QUERY_ALL if include_deleted else QueryOperation.QUERY,
            content_type=content_type,
            pk_chunking=pk_chunking,
        )

    def rows(self) -> Iterator[dict[str, Any]]:
        """API call: every row; counts are checked.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            JobFailed: the query, or a chunk of it, failed; the text has Salesforce's reason.
            JobAborted: a user or a program aborted the job.
            RowCountMismatch: the number of rows is not the number that Salesforce reports.
            ApiError: Salesforce refuses the job.
            DataError: the query names no object, or a result file cannot be read.
            TransportError: no answer to any attempt.
        """
        with self._ran(self._settings, self._soql) as (job, batch):
            if batch.state is BatchState.NOT_PROCESSED and self._settings.pk_chunking:
                yield from self._chunked_rows(job, batch)
            else:
                yield from _batch_rows(job, batch)

    @contextmanager
    def _ran(self, settings: JobSettings, soql: str) -> Iterator[tuple[Bulk1Job, BatchInfo]]:
        """API call: a new job with the query as its batch, after the batch has ended."""
        with ExitStack() as jobs:

            def opened() -> Bulk1Job:
                job = Bulk1Job.create(self._transport, settings)
                return jobs.enter_context(disposing(job))

            job, batch = add_once(opened, soql.encode())
            (ended,) = job.wait([batch.id])
            yield job, ended

    def _chunked_rows(self, job: Bulk1Job, original: BatchInfo) -> Iterator[dict[str, Any]]:
        chunks = self._chunks(job, original)
        # Only a chunk's request shows its range of ids: Salesforce has added it to the query.
        queries = [job.request(chunk.id).decode() for chunk in chunks]
        again = [*_failed(job, chunks, queries), *self._missing(job, queries)]
        for chunk in chunks:
            if _completed(chunk):
                yield from _batch_rows(job, chunk)
        if again:
            log.warning("Job %s: %d chunks are queried again", job.id, len(again))
            yield from self._repeated_rows(again)

    def _chunks(self, job: Bulk1Job, original: BatchInfo) -> list[BatchInfo]:
        """API call: the batches of the chunks, after the list is complete and all have ended."""
        chunks: list[BatchInfo] = []
        alike = 0
        while True:
            listed = [batch for batch in job.wait() if batch.id != original.id]
            total = job.refresh().number_batches_total
            # The job's count includes the original batch.
            whole = listed and total in (None, len(listed) + 1)
            alike = alike + 1 if len(listed) == len(chunks) else 0
            chunks = listed
            if alike >= (_ALIKE_LOOKS if whole else _LOOKS_FOR_MORE):
                break
            self._transport.clock.sleep(_LOOK_SECONDS)
        if job.state is Bulk1JobState.ABORTED:
            raise _failure(job, original)
        if not chunks:
            raise JobError(
                f"Salesforce has divided the query of job {job.id} on {job.object_name} by PK "
                "chunking, but the job has no chunks. Run the query again, or without PK chunking.",
                job_id=job.id,
            )
        log.info("Job %s on %s has %d chunks", job.id, job.object_name, len(chunks))
        return chunks

    def _missing(self, job: Bulk1Job, queries: list[str]) -> Iterator[str]:
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

    def _repeated_rows(self, queries: list[str]) -> Iterator[dict[str, Any]]:
        """API call: the rows of chunks without results, by jobs without PK chunking."""
        settings = JobSettings(
            sobject=self._settings.sobject,
            operation=self._settings.operation,
            content_type=self._settings.content_type,
        )
        for query in queries:
            for attempt in range(1, _CHUNK_ATTEMPTS + 1):
                with self._ran(settings, query) as (job, batch):
                    if _completed(batch) or attempt == _CHUNK_ATTEMPTS:
                        yield from _batch_rows(job, batch)
                        break


def _failed(job: Bulk1Job, chunks: list[BatchInfo], queries: list[str]) -> Iterator[str]:
    """The queries of chunks that did not complete."""
    for chunk, query in zip(chunks, queries, strict=True):
        if _completed(chunk):
            continue
        # Without a range of ids the query would return the rows of all chunks.
        if len(chunks) > 1 and id_range(query) == IdRange(None, None):
            raise _failure(job, chunk)
        yield query


def _completed(batch: BatchInfo) -> bool:
    return batch.state is BatchState.COMPLETED


def _batch_rows(job: Bulk1Job, batch: BatchInfo) -> Iterator[dict[str, Any]]:
    if not _completed(batch):
        raise _failure(job, batch)
    counted = 0
    for result_id in job.result_ids(batch.id):
        for row in job.rows(batch.id, result_id):
            counted += 1
            yield row
    if batch.number_records_processed not in (None, counted):
        raise rows_missing(job, batch, counted)


def _failure(job: Bulk1Job, batch: BatchInfo) -> SalesforceError:
    what = f"Batch {batch.id} of {job.info.operation} job {job.id} on {job.object_name}"
    if batch.state is BatchState.NOT_PROCESSED:
        return JobAborted(
            f"{what} was not processed: the job was aborted, by a user or an administrator.",
            job_id=job.id,
        )
    reason = batch.state_message or "Salesforce gives no reason"
    error = parse_reason(reason)
    code = error.code or None
    # The words decide, not the code, as for an error answer (`sfbulk.http.mapping`).
    if "not supported" in reason and "Bulk" in reason:
        return NotSupportedByBulk(
            f"{what} failed: {reason}", code=code, detail=error.message, job_id=job.id
        )
    if any(text in reason for text in _TOO_MUCH_AT_ONCE):
        reason += ". Divide the query by PK chunking, or select fewer rows"
    return JobFailed(f"{what} failed: {reason}", code=code, job_id=job.id)

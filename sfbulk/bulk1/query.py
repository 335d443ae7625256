"""Queries by Bulk API 1.0: one batch, or one for each range of ids with PK chunking."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sfbulk.bulk1 import open_queries
from sfbulk.bulk1.add_batches import add_once, disposing, set_quietly
from sfbulk.bulk1.chunking import PkChunking, chunk_parent
from sfbulk.bulk1.chunks import EndedBatches, ended_chunks, failure, is_completed
from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.bulk1.query_rows import read_rows
from sfbulk.bulk1.result_files import FILES_AHEAD, BatchCounts, FilesAhead, batch_results
from sfbulk.bulk1.states import BatchInfo, BatchState, Bulk1JobState, ContentType, QueryOperation
from sfbulk.error_text import naming_data
from sfbulk.errors import ApiError, DataError, NotFound, RowCountMismatch
from sfbulk.jobs.disposing import delete_quietly
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.page_folder import PageFolder
from sfbulk.jobs.read_api import ReadApi
from sfbulk.jobs.result_page import ResultPage
from sfbulk.jobs.spool_budget import SpoolBudget
from sfbulk.run_folder import temporary_folder
from sfbulk.soql import parse_select, root_object
from sfbulk.usage import CountingPool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from datetime import datetime

    from sfbulk.bulk1.result_files import Result, ResultFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# Clauses with which Salesforce does not divide a query.
_NOT_DIVIDED = frozenset({"ORDER BY", "LIMIT", "GROUP BY", "OFFSET"})
# How often a chunk is queried before the query fails.
_CHUNK_ATTEMPTS = 3


class Bulk1QueryJob:
    """A query of one object by a job of Bulk API 1.0.

    A chunk that failed, or is missing, is queried again by a job of its own.
    """

    def __init__(
        self, transport: Transport, job: Bulk1Job, batch: BatchInfo, settings: JobSettings
    ) -> None:
        self._transport = transport
        self._job = job
        self._batch = batch
        self._settings = settings
        self._ended: EndedBatches | None = None

    @classmethod
    def create(
        cls,
        transport: Transport,
        soql: str,
        *,
        include_deleted: bool = False,
        content_type: ContentType = ContentType.CSV,
        pk_chunking: PkChunking | None = None,
    ) -> Bulk1QueryJob:
        """API call: submit the query; with `include_deleted` it reads deleted rows too.

        Raises:
            DataError: the query names no object.
            NotSupportedByBulk: Bulk API does not support the object.
            ApiError: Salesforce refuses the job.
            QuotaReached: the settings allow no further batch.
            TransportError: no answer to any attempt.
        """
        settings = JobSettings(
            sobject=root_object(soql),
            operation=QueryOperation.QUERY_ALL if include_deleted else QueryOperation.QUERY,
            content_type=content_type,
            pk_chunking=pk_chunking,
        )
        job, batch = _submitted(transport, settings, soql)
        return cls(transport, job, batch, settings)

    @classmethod
    def open(cls, transport: Transport, job_id: str) -> Bulk1QueryJob:
        """API call: the query of the job with this id, for example of an interrupted run.

        Raises:
            NotFound: there is no such job, or it has no query; Salesforce removes jobs after seven
                days.
        """
        open_queries.close_left(transport.instance_url, partial(Bulk1Job.close_left, transport))
        job = Bulk1Job.open(transport, job_id)
        batches = job.batches()
        if not batches:
            raise NotFound(f"Job {job_id} on {job.object_name} has no query.", job_id=job_id)
        # With PK chunking the batch with the whole query is not processed.
        divided = [one for one in batches if one.state is BatchState.NOT_PROCESSED]
        settings = JobSettings(
            sobject=job.object_name,
            operation=QueryOperation(job.info.operation),
            content_type=job.content_type,
            pk_chunking=PkChunking() if divided and len(batches) > 1 else None,
        )
        return cls(transport, job, (divided or batches)[0], settings)

    @property
    def api(self) -> ReadApi:
        """The API that runs it."""
        return ReadApi.BULK1

    @property
    def id(self) -> str:
        """The id of its job."""
        return self._job.id

    @property
    def object_name(self) -> str:
        """The object it reads."""
        return self._job.object_name

    @property
    def has_ended(self) -> bool:
        """Whether all of its batches have ended, as last read."""
        return self._ended is not None or self._job.state.is_terminal

    @property
    def created(self) -> datetime | None:
        """When its job was created, by the clock of the org's database; None if not known."""
        return self._job.info.created_date

    @property
    def state_name(self) -> str:
        """What Salesforce calls the state of its job, as last read, such as `Open`."""
        return self._job.state.value

    @property
    def records_processed(self) -> int | None:
        """The number of its rows; None before `wait`, and if chunks are to be queried again."""
        return self._ended.rows if self._ended else None

    def wait(self, *, timeout: float | None = None) -> EndedBatches:
        """API call: wait until the query has run; `timeout` in seconds, else `job_timeout`.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            JobFailed: the query failed; the text has Salesforce's reason.
            JobAborted: a user or a program aborted the job.
            JobTimeout: it is still running; it was left running.
        """
        if self._ended is None:
            self._ended = self._wait(timeout)
            # Its results can be read all the same, and a process that is killed leaves no open job.
            delete_quietly(self)
        return self._ended

    def pages(
        self,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        budget: SpoolBudget | None = None,
    ) -> Generator[ResultPage, None, None]:
        """API call: the result files as pages, in their order; waits for the query.

        Several files are downloaded at a time. The file of a page is removed when the next page
        is taken. A result file without rows is no page.

        Args:
            spool: an existing directory for them.
            start: the `next_locator` of the last page that was read before, in this run or an
                earlier one. A chunk that is queried again cannot be resumed: its pages, and the
                one before them, have no `next_locator`.
            rows_before: how many rows the pages before `start` had, if that is known.
            budget: while it is full, no further download is started; None for one of its own.

        Raises:
            DataError: the results are not CSV.
            NotFound: there is no such page.
            RowCountMismatch: a batch, or the query, has another number of rows than Salesforce
                reports.
            JobError, ApiError, TransportError: as `wait`.
        """
        if self._settings.content_type is not ContentType.CSV:
            raise DataError(f"Job {self.id}: pages are read as CSV. Create the job with CSV.")
        counts = BatchCounts()
        total = 0 if start is None else rows_before
        for file in self._files(spool, start, budget, counts):
            if file.is_empty:
                counts.add(file.result, 0)
                continue
            page = _page(file)
            yield page
            counts.add(file.result, page.rows)
            total = None if total is None or page.rows is None else total + page.rows
        self._check_total(total)

    def rows(self) -> Iterator[dict[str, Any]]:
        """API call: every row; see `Bulk1Job.rows` for their values. Counts are checked.

        Raises:
            DataError: a result file cannot be read.
            RowCountMismatch: a batch has another number of rows than Salesforce reports.
            JobError, ApiError, TransportError: as `wait`.
        """
        counts = BatchCounts()
        with temporary_folder() as spool:
            for file in self._files(spool, None, None, counts):
                counted = 0
                if file.size:
                    result = file.result
                    what = f"A result of batch {result.batch.id} of job {result.job.id}"
                    with naming_data(what, result.job.id):
                        for row in read_rows(self._settings.content_type, read_chunks(file.path)):
                            counted += 1
                            yield row
                counts.add(file.result, counted)

    def abort(self) -> None:
        """API call: stop the job.

        Raises:
            ApiError: Salesforce refuses.
        """
        self._job.abort()

    def delete(self) -> None:
        """API call: close the job; Bulk API 1.0 does not delete jobs before seven days.

        Raises:
            ApiError: Salesforce refuses.
        """
        if self._job.state is Bulk1JobState.OPEN:
            self._job.close()

    def _check_total(self, rows: int | None) -> None:
        """Compare all rows: of the batch in which a later run began, it knows only a part."""
        announced = self.records_processed
        if None not in (rows, announced) and rows != announced:
            raise RowCountMismatch(
                f"The result files of job {self.id} on {self.object_name} have {rows:,} rows, but "
                f"Salesforce found {announced:,}. Run the query again.",
                job_id=self.id,
            )

    def _wait(self, timeout: float | None) -> EndedBatches:
        (batch,) = self._job.wait([self._batch.id], timeout=timeout)
        if batch.state is BatchState.NOT_PROCESSED and self._settings.pk_chunking:
            return ended_chunks(self._job, batch, self._transport.clock, timeout)
        if not is_completed(batch):
            raise failure(self._job, batch)
        return EndedBatches([batch])

    def _files(
        self, spool: Path, start: str | None, budget: SpoolBudget | None, counts: BatchCounts
    ) -> Iterator[ResultFile]:
        ended = self.wait()
        pool = CountingPool(FILES_AHEAD, thread_name_prefix="sfbulk-result")
        with TemporaryDirectory(prefix=f"{self.id}-", dir=spool) as name:
            folder = PageFolder(Path(name), budget or SpoolBudget())
            ahead = FilesAhead(folder, pool)
            try:
                yield from ahead.read(self._results(ended, start, counts))
                for query in ended.again:
                    yield from self._repeated(query, ahead, counts)
            finally:
                # A reader that stops early must not wait for downloads that still run.
                folder.stop()
                pool.shutdown(cancel_futures=True)
                folder.release()
                # The results of a closed job can still be read, by a later run too.
                delete_quietly(self)

    def _results(
        self, ended: EndedBatches, start: str | None, counts: BatchCounts
    ) -> Iterator[Result]:
        wanted = start
        for batch in ended.completed:
            if wanted is not None and wanted.partition("/")[0] != batch.id:
                continue
            results = list(batch_results(self._job, batch, can_be_resumed=True))
            places = [one.locator for one in results]
            first = places.index(wanted) if wanted in places else 0
            if first == 0:
                counts.begin(batch)
            if wanted in (None, *places):
                wanted = None
                yield from results[first:]
        if wanted is not None:
            raise NotFound(
                f"Job {self.id} on {self.object_name} has no page {start}. Run the query again.",
                job_id=self.id,
            )

    def _repeated(self, query: str, ahead: FilesAhead, counts: BatchCounts) -> Iterator[ResultFile]:
        """API call: the results of a chunk that had none, by jobs without PK chunking."""
        for attempt in range(1, _CHUNK_ATTEMPTS + 1):
            with self._ran(query) as (job, batch):
                if is_completed(batch):
                    counts.begin(batch)
                    yield from ahead.read(batch_results(job, batch, can_be_resumed=False))
                    return
                if attempt == _CHUNK_ATTEMPTS:
                    raise failure(job, batch)

    @contextmanager
    def _ran(self, soql: str) -> Iterator[tuple[Bulk1Job, BatchInfo]]:
        """API call: a new job with the query as its batch, after the batch has ended."""
        settings = replace(self._settings, pk_chunking=None)
        job, batch = _submitted(self._transport, settings, soql)
        with disposing(job):
            (ended,) = job.wait([batch.id])
            yield job, ended


def chunked_query(
    transport: Transport, soql: str, *, include_deleted: bool, chunk_size: int | None
) -> Bulk1QueryJob:
    """API call: submit a query with PK chunking, or without it where Salesforce does not divide.

    Raises:
        DataError: a wrong chunk size, or the query names no object.
        SalesforceError: as `Bulk1QueryJob.create`.
    """
    clauses = parse_select(soql).clauses
    chunking = PkChunking(chunk_size=chunk_size, parent=chunk_parent(root_object(soql)))
    try:
        return Bulk1QueryJob.create(
            transport,
            soql,
            include_deleted=include_deleted,
            pk_chunking=None if any(name in _NOT_DIVIDED for name, _ in clauses) else chunking,
        )
    except ApiError as error:
        # "PK chunking is not supported for X", or "Entity 'X' is not supported to use PKChunking".
        if "pkchunking" not in error.detail.replace(" ", "").lower():
            raise
        log.info(
            "%s cannot be divided by PK chunking, so its query is one batch", root_object(soql)
        )
    return Bulk1QueryJob.create(transport, soql, include_deleted=include_deleted)


def _submitted(
    transport: Transport, settings: JobSettings, soql: str
) -> tuple[Bulk1Job, BatchInfo]:
    """API call: a new job with the query as its batch."""
    jobs: list[Bulk1Job] = []

    def opened() -> Bulk1Job:
        jobs.append(Bulk1Job.create(transport, settings))
        return jobs[-1]

    try:
        return add_once(opened, soql.encode())
    except BaseException:
        for job in jobs:
            set_quietly(job, Bulk1JobState.ABORTED)
        raise


def _page(file: ResultFile) -> ResultPage:
    result, following = file.result, file.following
    can_be_resumed = following is not None and following.can_be_resumed
    return ResultPage(
        source=f"batch {result.batch.id} of job {result.job.id}",
        path=file.path,
        expected_rows=result.batch.number_records_processed if result.is_only else None,
        locator=result.locator if result.can_be_resumed else None,
        next_locator=following.locator if following and can_be_resumed else None,
        job_id=result.job.id,
    )

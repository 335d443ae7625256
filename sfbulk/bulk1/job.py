"""Jobs of Bulk API 1.0 and their batches: create, add batch, close, wait, abort, results."""

from __future__ import annotations

import gzip
import logging
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.bulk1 import documents, open_queries
from sfbulk.bulk1.post_batch import post_batch
from sfbulk.bulk1.query_rows import read_rows
from sfbulk.bulk1.row_results import RowResult, read_row_results
from sfbulk.bulk1.states import (
    BatchInfo,
    BatchState,
    Bulk1JobInfo,
    Bulk1JobState,
    ContentType,
    QueryOperation,
)
from sfbulk.csvio.limits import MAX_BATCH_BYTES
from sfbulk.error_text import naming_data
from sfbulk.errors import ApiError, DataError, NotFound, RowCountMismatch
from sfbulk.http.shapes import checked_id
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS, Request
from sfbulk.jobs.disposing import aborting
from sfbulk.jobs.download import download
from sfbulk.jobs.files import read_chunks, save_chunks, size_of
from sfbulk.jobs.key_column import key_column, require_column
from sfbulk.jobs.polling import PollWait
from sfbulk.jobs.state_change import change_state
from sfbulk.jobs.waiting import rows_so_far
from sfbulk.private_files import open_private
from sfbulk.run_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from sfbulk.bulk1.job_settings import JobSettings
    from sfbulk.http.wire import Sink
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


class Bulk1Job:
    """A job on the server; `info` is its state as last read.

    Salesforce processes its batches as they arrive, before the job is closed.
    """

    def __init__(self, transport: Transport, info: Bulk1JobInfo) -> None:
        self._transport = transport
        self.info = info
        self._known: set[str] = set()
        self._completed: dict[str, BatchInfo] = {}
        """Batches that were read as Completed, with the counts that their results must have."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state.value} on {self.object_name}>"

    @classmethod
    def create(cls, transport: Transport, settings: JobSettings) -> Bulk1Job:
        """API call: create a job.

        If the answer is lost, another job is created. The first one, if it exists, is empty and
        loads nothing.

        Raises:
            DataError: settings that contradict each other.
            NotSupportedByBulk: Bulk API does not support the object.
            ApiError: Salesforce refuses, for example an unknown object.
            TransportError: no answer to any attempt.
        """
        settings.check()
        request = Request(
            "POST",
            f"{transport.async_path}/job",
            f"Create Bulk API 1.0 {settings.operation.value} job on {settings.sobject}",
            body=settings.document,
            content_type=documents.XML_TYPE,
            headers=settings.headers,
            bulk1=True,
            repeatable=True,
        )
        job = cls(transport, transport.read(request, documents.read_job))
        if isinstance(settings.operation, QueryOperation):
            # Nobody else knows of it yet, and a signal may come in the block.
            with aborting(job):
                open_queries.note(
                    transport.instance_url, job.id, partial(cls.close_left, transport)
                )
        return job

    @classmethod
    def close_left(cls, transport: Transport, job_id: str) -> None:
        """API call: close the job with this id if it is open."""
        with suppress(NotFound):
            job = cls.open(transport, job_id)
            if job.state is Bulk1JobState.OPEN:
                job.close()

    @classmethod
    def open(cls, transport: Transport, job_id: str) -> Bulk1Job:
        """API call: the job with this id.

        Raises:
            DataError: it is not an id.
            NotFound: there is no such job.
        """
        path = f"{transport.async_path}/job/{checked_id(job_id, 'a job')}"
        request = Request("GET", path, f"Read job {job_id}", job_id=job_id, bulk1=True)
        job = cls(transport, transport.read(request, documents.read_job))
        # Batches that exist now are not taken for one whose answer is lost later.
        job.batches()
        return job

    @property
    def id(self) -> str:
        """Its id: 18 characters that start with 750."""
        return self.info.id

    @property
    def state(self) -> Bulk1JobState:
        """Its state as last read."""
        return self.info.state

    @property
    def object_name(self) -> str:
        """The object it reads or writes."""
        return self.info.object

    @property
    def content_type(self) -> ContentType:
        """The form of its data.

        Raises:
            DataError: this version does not support it, such as ZIP_CSV.
        """
        try:
            return ContentType(self.info.content_type)
        except ValueError:
            raise DataError(
                f"Job {self.id} on {self.object_name} has the content type "
                f"'{self.info.content_type}', which this version of sfbulk does not support.",
                job_id=self.id,
            ) from None

    def refresh(self) -> Bulk1JobInfo:
        """API call: read the job's state and counts.

        Raises:
            UnknownState: a state that this version does not know.
            NotFound: there is no such job any more; Salesforce removes jobs after seven days.
        """
        self.info = self._transport.read(self._request("GET", "Read"), documents.read_job)
        return self.info

    def add_batch(
        self, body: Path | bytes | Iterable[bytes], *, compressed: bool = False
    ) -> BatchInfo:
        """API call: add data, or the query of a query job; Salesforce starts to process it.

        If the answer is lost, the batch is searched in the list of batches. If it is not there,
        the job is closed so that a late batch cannot be loaded twice.

        Args:
            body: a file, the bytes, or chunks (which are saved in a temporary file first, so that
                they can be sent again); at most 10,000,000 bytes.
            compressed: send it with gzip.

        Raises:
            DataError: no data, more than Salesforce accepts in a batch, or CSV without the column
                of the key.
            QuotaReached: the settings allow no further batch.
            ApiError: Salesforce refuses, for example because the job is closed.
            BatchNotAdded: no answer, and the batch is not in the job, which is closed now.
            TransportError: no answer; `ambiguous` if the batch may have been added.
        """
        with temporary_folder() as folder:
            if not isinstance(body, (Path, bytes)):
                file = folder / "batch"
                save_chunks(body, file)
                body = file
            self._check_size(body)
            self._check_key(body)
            self._transport.guard.before_batches()
            request = replace(
                self._request("POST", "Add a batch to", "/batch"),
                body=_packed(body, folder) if compressed else body,
                content_type=self.content_type.media_type,
                headers={"Content-Encoding": "gzip"} if compressed else {},
                read_timeout=DATA_READ_TIMEOUT_SECONDS,
            )
            batch = self._post_in_either_form(request, body)
        self._known.add(batch.id)
        return batch

    def _post_in_either_form(self, request: Request, body: Path | bytes) -> BatchInfo:
        """API call: add a batch; without compression if Salesforce refuses compression."""
        try:
            return post_batch(self, request, body, self._transport.clock)
        except ApiError as error:
            if not request.headers or error.status != HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
                raise
            # Compression only saves time.
            log.info("Job %s: compressed batches are refused, so it is sent uncompressed", self.id)
        return post_batch(
            self, replace(request, body=body, headers={}), body, self._transport.clock
        )

    def _check_key(self, body: Path | bytes) -> None:
        key = key_column(self.info.operation, self.info.external_id_field_name)
        if key and self.content_type is ContentType.CSV:
            require_column(body, key, f"job {self.id} on {self.object_name}")

    def post(self, request: Request) -> BatchInfo:
        """API call: send the request that adds a batch, once."""
        return self._transport.read(request, documents.read_batch)

    def batches(self) -> list[BatchInfo]:
        """API call: all batches with their states, also those that PK chunking has added."""
        listed = self._list()
        self._known.update(batch.id for batch in listed)
        return listed

    def unknown_batches(self) -> list[BatchInfo]:
        """API call: the batches that neither `add_batch` nor `batches` has returned before."""
        return [batch for batch in self._list() if batch.id not in self._known]

    def batch(self, batch_id: str) -> BatchInfo:
        """API call: one batch with its state.

        Raises:
            UnknownState: a state that this version does not know.
            NotFound: the job has no such batch.
        """
        request = self._request("GET", f"Read batch {batch_id} of", _batch(batch_id))
        batch = self._transport.read(request, documents.read_batch)
        self._keep_counts([batch])
        return batch

    def request(self, batch_id: str) -> bytes:
        """API call: the data of a batch, or its query, as Salesforce received it."""
        path = _batch(batch_id, "/request")
        request = self._request("GET", f"Read back batch {batch_id} of", path)
        return self._transport.send(request).content

    def query(self, batch_id: str) -> str:
        """API call: the query of a batch, to which PK chunking has added a range of ids."""
        path = _batch(batch_id, "/request")
        request = self._request("GET", f"Read back batch {batch_id} of", path)
        return self._transport.read(request, documents.read_query)

    def close(self) -> Bulk1JobInfo:
        """API call: close the job: no more batches can be added. Its batches are processed.

        Raises:
            ApiError: Salesforce refuses, for example because the job was aborted.
        """
        return self._change_state(Bulk1JobState.CLOSED)

    def abort(self) -> Bulk1JobInfo:
        """API call: stop the job. Rows already saved stay saved.

        Raises:
            ApiError: Salesforce refuses, for example because the job was aborted before.
        """
        return self._change_state(Bulk1JobState.ABORTED)

    def wait(
        self, batch_ids: Collection[str] | None = None, *, timeout: float | None = None
    ) -> list[BatchInfo]:
        """API call: wait until batches have ended, in any state: check their states.

        Args:
            batch_ids: the batches; None for all batches of the job.
            timeout: seconds after which to stop waiting; None for the setting `job_timeout`.

        Raises:
            JobTimeout: some batches are still queued or running; they were left running.
            UnknownState: a state that this version does not know.
        """
        wait = PollWait.for_job(self._transport, timeout)
        while True:
            listed = self.look(batch_ids)
            running = [batch for batch in listed if not batch.state.is_terminal]
            # A batch that was just added may not be listed yet.
            if not running and len(listed) >= len(batch_ids or ()):
                return listed
            status = self._status(listed)
            if not wait.pause():
                raise wait.waiting.timeout(status, self.id)
            wait.waiting.tell(status)

    def look(self, batch_ids: Collection[str] | None = None) -> list[BatchInfo]:
        """API call: the current state of these batches, or of all.

        Raises:
            UnknownState: a state that this version does not know.
        """
        return [one for one in self._list() if batch_ids is None or one.id in batch_ids]

    def row_results(self, batch_id: str) -> Iterator[RowResult]:
        """API call: the results of a batch of a load, in the order of its rows.

        If `wait`, `look`, `batches` or `batch` has read the batch as Completed, the number of
        rows is compared with its counts.

        Raises:
            ApiError: there are no results, for example of a batch that failed.
            DataError: results that cannot be read.
            RowCountMismatch: the results are not as many rows as Salesforce counts.
        """
        rows = failed = 0
        with self._download(batch_id, "") as file:
            if file.stat().st_size:
                with naming_data(f"The results of {self._named(batch_id)}", self.id):
                    for result in read_row_results(self.content_type, read_chunks(file)):
                        rows += 1
                        failed += not result.success
                        yield result
        self._check_counts(batch_id, rows, failed)

    def result_ids(self, batch_id: str) -> list[str]:
        """API call: the ids of the result files of a query's batch.

        Raises:
            ApiError: there are no results, for example of a batch that failed.
            RowCountMismatch: there are none, but the batch was read as Completed with rows.
        """
        request = self._request(
            "GET", f"List results of batch {batch_id} of", _batch(batch_id, "/result")
        )
        found = self._transport.read(request, documents.read_result_ids)
        if not found:
            self._check_empty(batch_id)
        return found

    def rows(self, batch_id: str, result_id: str) -> Iterator[dict[str, Any]]:
        """API call: the rows of one result file.

        Values in CSV and XML are text, or None if empty. Values in JSON are text, bool, int,
        Decimal or None; dates and datetimes are milliseconds since 1970, as Salesforce writes
        them in JSON. A parent's field has the name `Account.Name` in each.

        Raises:
            DataError: a file that cannot be read.
            RowCountMismatch: the file is empty, but the batch was read as Completed with rows.
        """
        with self._download(batch_id, _part(result_id)) as file:
            if file.stat().st_size:
                what = f"Result {result_id} of {self._named(batch_id)}"
                with naming_data(what, self.id):
                    yield from read_rows(self.content_type, read_chunks(file))
            else:
                self._check_empty(batch_id)

    def save_result(self, batch_id: str, result_id: str, path: Path) -> None:
        """API call: download one result file of a query without changing it."""
        self.download_result(batch_id, result_id, lambda chunks: save_chunks(chunks, path))

    def download_result(
        self, batch_id: str, result_id: str, save: Sink, *, rows: int | None = None
    ) -> None:
        """API call: one result file of a query; `save` is called with its chunks.

        After a download that broke off, `save` is called again with the first chunk.

        Args:
            batch_id: the batch.
            result_id: the file.
            save: called with the chunks.
            rows: how many rows the file should have, if that is known.
        """
        what = f"Get result {result_id} of batch {batch_id} of"
        request = self._request("GET", what, _batch(batch_id, "/result" + _part(result_id)))
        download(self._transport, request, save, rows=rows)

    def _list(self) -> list[BatchInfo]:
        request = self._request("GET", "List the batches of", "/batch")
        batches = self._transport.read(request, documents.read_batches)
        self._keep_counts(batches)
        return batches

    def _status(self, listed: Collection[BatchInfo]) -> str:
        """How far batches are that are waited for."""
        running = Counter(one.state.value for one in listed if not one.state.is_terminal)
        rows = sum(one.number_records_processed or 0 for one in listed)
        return (
            f"{running.total():,} batches of job {self.id} on {self.object_name} have not ended: "
            f"{', '.join(f'{count:,} {state}' for state, count in running.items())}"
            f"{rows_so_far(rows)}"
        )

    def _keep_counts(self, batches: Iterable[BatchInfo]) -> None:
        # Only of these: a batch that failed may have fewer results than rows.
        self._completed.update(
            {batch.id: batch for batch in batches if batch.state is BatchState.COMPLETED}
        )

    def _check_counts(self, batch_id: str, rows: int, failed: int) -> None:
        batch = self._completed.get(batch_id)
        if batch is None:
            return
        processed, refused = batch.number_records_processed, batch.number_records_failed
        if processed in (None, rows) and refused in (None, failed):
            return
        raise RowCountMismatch(
            f"The results of batch {batch_id} of job {self.id} on {self.object_name} have {rows:,} "
            f"rows, {failed:,} of them failed, but Salesforce processed {processed}, of which "
            f"{refused} failed. Look at the job in Setup, Bulk Data Load Jobs.",
            job_id=self.id,
        )

    def _check_empty(self, batch_id: str) -> None:
        batch = self._completed.get(batch_id)
        if batch is not None and batch.number_records_processed:
            raise rows_missing(self, batch, 0)

    def _change_state(self, wanted: Bulk1JobState) -> Bulk1JobInfo:
        request = replace(
            self._request("POST", f"Set {wanted.value} on"),
            body=documents.job_document({"state": wanted.value}),
            content_type=documents.XML_TYPE,
        )
        self.info = change_state(
            lambda: self._transport.read(request, documents.read_job),
            self.refresh,
            changed=lambda info: info.state is wanted,
            ended=lambda info: info.state.is_terminal,
        )
        open_queries.forget(self._transport.instance_url, self.id)
        return self.info

    @contextmanager
    def _download(self, batch_id: str, path: str) -> Iterator[Path]:
        # Save it on disk first: if a caller reads slowly, Salesforce closes the connection.
        with temporary_folder() as folder:
            file = folder / "result"
            request = self._request(
                "GET", f"Get results of batch {batch_id} of", _batch(batch_id, "/result")
            )
            download(
                self._transport,
                replace(request, path=request.path + path),
                lambda chunks: save_chunks(chunks, file),
                # A query's batch may have several files.
                rows=None if path else self._announced(batch_id),
            )
            yield file

    def _announced(self, batch_id: str) -> int | None:
        batch = self._completed.get(batch_id)
        return batch.number_records_processed if batch else None

    def _named(self, batch_id: str) -> str:
        return f"batch {batch_id} of job {self.id} on {self.object_name}"

    def _check_size(self, body: Path | bytes) -> None:
        size = size_of(body)
        if not 0 < size <= MAX_BATCH_BYTES:
            raise DataError(
                f"The batch for job {self.id} on {self.object_name} has {size:,} bytes; Salesforce "
                f"accepts 1 to {MAX_BATCH_BYTES:,}. Divide it into several batches.",
                job_id=self.id,
            )

    def _request(self, method: str, verb: str, path: str = "") -> Request:
        return Request(
            method,
            f"{self._transport.async_path}/job/{self.id}{path}",
            f"{verb} {self.info.operation} job {self.id} on {self.object_name}",
            job_id=self.id,
            bulk1=True,
        )


def rows_missing(job: Bulk1Job, batch: BatchInfo, rows: int) -> RowCountMismatch:
    """The error for a query's batch whose result files do not have the rows it found."""
    return RowCountMismatch(
        f"The result files of batch {batch.id} of job {job.id} on {job.object_name} have {rows:,} "
        f"rows, but Salesforce found {batch.number_records_processed:,}. Run the query again.",
        job_id=job.id,
    )


def _batch(batch_id: str, path: str = "") -> str:
    return f"/batch/{checked_id(batch_id, 'a batch')}{path}"


def _part(result_id: str) -> str:
    return f"/{checked_id(result_id, 'a result')}"


def _packed(body: Path | bytes, folder: Path) -> Path | bytes:
    if isinstance(body, bytes):
        return gzip.compress(body, mtime=0)
    packed = folder / "batch.gz"
    with (
        body.open("rb") as source,
        open_private(packed, "wb") as there,
        gzip.GzipFile(fileobj=there, mode="wb") as target,
    ):
        shutil.copyfileobj(source, target)
    return packed

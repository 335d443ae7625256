"""Ingest jobs of Bulk API 2.0: create, upload, close, wait, read results, abort, delete."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from sfbulk.bulk2.job import Job, wait_until_ended
from sfbulk.bulk2.results import failed_rows, require_results, successful_rows
from sfbulk.bulk2.states import JobInfo, JobState, failure, read_job
from sfbulk.csvio import MAX_JOB_BYTES, ColumnDelimiter, LineEnding, decode_rows
from sfbulk.error_text import naming_data
from sfbulk.errors import (
    ApiError,
    DataError,
    RowCountMismatch,
    TransportError,
    UnknownState,
    UploadUnknown,
)
from sfbulk.http.unusable import unusable
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS, Request
from sfbulk.jobs.download import download
from sfbulk.jobs.files import read_chunks, save_chunks, size_of
from sfbulk.jobs.key_column import check_external_id, key_column, require_column
from sfbulk.jobs.polling import PollWait
from sfbulk.run_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from sfbulk.bulk2.results import FailedRow, SuccessfulRow
    from sfbulk.jobs.operation import Operation
    from sfbulk.transport import Transport

T = TypeVar("T")

# A part of Salesforce's message about a job with two uploads. It comes with different codes, at
# the second upload or at the close ("Found multipe contents for job: <750...>", recorded).
_TWO_UPLOADS = "contents for job"


class IngestJob(Job):
    """An ingest job on the server: one upload of at most 100 MB, then a result for each row."""

    kind: ClassVar[str] = "ingest"

    def __init__(
        self,
        transport: Transport,
        info: JobInfo,
        column_delimiter: ColumnDelimiter | None = None,
    ) -> None:
        super().__init__(transport, info)
        self.column_delimiter = column_delimiter or _delimiter(info)
        self._key = key_column(info.operation, info.external_id)

    @classmethod
    def create(  # noqa: PLR0913 - the job's settings, by keyword
        cls,
        transport: Transport,
        sobject: str,
        operation: Operation,
        *,
        external_id: str | None = None,
        line_ending: LineEnding = LineEnding.LF,
        column_delimiter: ColumnDelimiter = ColumnDelimiter.COMMA,
        assignment_rule_id: str | None = None,
    ) -> IngestJob:
        """API call: create a job for rows of `sobject`.

        Args:
            transport: the org.
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation has one.
            line_ending: the line ending of the CSV, also inside its values.
            column_delimiter: the column delimiter of the CSV and of the results.
            assignment_rule_id: an assignment rule for cases or leads.

        Raises:
            DataError: an upsert without a key field, or another operation with one.
            ApiError: Salesforce refuses, for example a key field that is not an external id.
            QuotaReached: the settings allow no further job.
            TransportError: no answer to any attempt.
        """
        check_external_id(sobject, operation, external_id)
        # A job counts as at least one batch of the org's daily limit.
        transport.guard.before_batches()
        body = {
            "object": sobject,
            "operation": operation.value,
            "externalIdFieldName": external_id,
            "contentType": "CSV",
            "lineEnding": line_ending.value,
            "columnDelimiter": column_delimiter.value,
            "assignmentRuleId": assignment_rule_id,
        }
        request = Request(
            "POST",
            f"{transport.base_path}/jobs/ingest",
            f"Create {operation.value} job on {sobject}",
            json={key: value for key, value in body.items() if value is not None},
            # A job whose answer was lost is never closed, so it loads nothing. It is not searched
            # in the list of jobs, since a job there may belong to another program.
            repeatable=True,
        )
        return cls(transport, transport.read(request, read_job), column_delimiter)

    def upload(self, body: Path | bytes | Iterable[bytes]) -> None:
        """API call: send the CSV, header row first; a job accepts one upload.

        Args:
            body: a file, the bytes, or chunks (which are saved in a temporary file first, so that
                they can be sent again).

        Raises:
            DataError: no data, more than Salesforce accepts in a job, or no column of the key.
            ApiError: Salesforce refuses the data.
            UploadUnknown: no answer, and the job does not show that it has the data; or it already
                had data. Nothing is loaded before `close`: abort the job and create a new one.
            JobAborted: a user or a program aborted the job.
        """
        if isinstance(body, (Path, bytes)):
            self._put(body)
            return
        with temporary_folder() as folder:
            file = folder / "upload.csv"
            save_chunks(body, file)
            self._put(file)

    def close(self) -> JobInfo:
        """API call: close the job after its upload; Salesforce starts to load the rows.

        Raises:
            ApiError: Salesforce refuses, for example because the job was aborted.
            UploadUnknown: the job has two uploads, so Salesforce refuses to load it.
        """
        with self._two_uploads_are_unknown():
            return self._change_state(JobState.UPLOAD_COMPLETE)

    def wait(self, *, timeout: float | None = None) -> JobInfo:
        """API call: wait until the job has ended, in any state: check its state.

        Args:
            timeout: seconds after which to stop waiting; None for the setting `job_timeout`.

        Raises:
            JobTimeout: it is still running; it was left running.
            UnknownState: a state that this version does not know.
        """
        wait = PollWait.for_job(self._transport, timeout)
        self.info = wait_until_ended(self.poll, self.info, wait)
        return self.info

    def poll(self) -> JobInfo:
        """API call: read the state of a job that has not ended, once.

        Raises:
            UnknownState: a state that this version does not know.
            NotFound: the job was deleted; Salesforce removes jobs after seven days.
        """
        info = self.refresh()
        # Only an ended job shows how many rows, and so how many batches, it had.
        if info.state.is_terminal:
            self._transport.guard.after_ingest(info.records_processed or 0)
        return info

    def successful(self, *, counted: bool = True) -> Generator[SuccessfulRow, None, None]:
        """API call: the rows that were loaded, in another order than in the upload.

        Args:
            counted: whether to compare their number with the job's counts; False for a caller that
                compares the results with the rows that were sent.

        Raises:
            RowCountMismatch: their number is not the number that Salesforce reports.
            JobError: the job has not ended, and there are no results yet.
        """
        processed, failed = self.info.records_processed, self.info.records_failed
        announced = None if processed is None or failed is None else processed - failed
        with self._results("successfulResults", announced) as rows:
            announced = announced if counted else None
            yield from self._counted("successfulResults", successful_rows(rows), announced)

    def failed(self, *, counted: bool = True) -> Generator[FailedRow, None, None]:
        """API call: the rows that Salesforce rejected, in another order than in the upload.

        Args:
            counted: as for `successful`.

        Raises:
            RowCountMismatch: their number is not the number that Salesforce reports.
            JobError: the job has not ended, and there are no results yet.
        """
        with self._results("failedResults", self.info.records_failed) as rows:
            announced = self.info.records_failed if counted else None
            yield from self._counted("failedResults", failed_rows(rows), announced)

    def unprocessed(self) -> Generator[dict[str, str], None, None]:
        """API call: the rows that were not processed, since the job failed or was aborted.

        Raises:
            JobError: the job has not ended, and there are no results yet.
        """
        with self._results("unprocessedrecords") as rows:
            yield from rows

    def _counted(self, resource: str, rows: Iterator[T], announced: int | None) -> Iterator[T]:
        count = 0
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the count
            yield row
        # The counts of a job that failed or was aborted may not be final.
        complete = self.state is JobState.JOB_COMPLETE
        if complete and announced not in (None, count):
            raise RowCountMismatch(
                f"The {resource} of job {self.id} on {self.object_name} have {count:,} rows, but "
                f"Salesforce reports {announced:,}. Read them again.",
                job_id=self.id,
            )

    def _put(self, body: Path | bytes) -> None:
        self._check_upload(body)
        # Counts that a job showed before its upload say nothing about the upload.
        counts_tell = not self.info.has_data
        lost = self._send_upload(body)
        # A second PUT could put the rows into the job twice: Salesforce may take both, and refuse
        # the close.
        if lost is not None and not (self._shows_data() and counts_tell):
            raise self._unknown() from lost

    def _check_upload(self, body: Path | bytes) -> None:
        size = size_of(body)
        # An upload of 0 bytes completes without loading anything (live tests of other clients).
        if not 0 < size <= MAX_JOB_BYTES:
            raise DataError(
                f"The upload for job {self.id} on {self.object_name} has {size:,} bytes; "
                f"Salesforce accepts 1 to {MAX_JOB_BYTES:,}. Divide it into several jobs.",
                job_id=self.id,
            )
        if self._key:
            job = f"job {self.id} on {self.object_name}"
            require_column(body, self._key, job, self.column_delimiter)

    def _send_upload(self, body: Path | bytes) -> TransportError | None:
        """API call: send the data once; the error if it is not known whether it arrived."""
        request = replace(
            self._request("PUT", "Upload to", "/batches"),
            body=body,
            read_timeout=DATA_READ_TIMEOUT_SECONDS,
        )
        try:
            with self._two_uploads_are_unknown():
                reply = self._transport.send(request)
        except TransportError as error:
            if not error.ambiguous or isinstance(error, UploadUnknown):
                raise
            return error
        # Any other success, for example of a gateway, does not prove that the data arrived.
        if reply.status == HTTPStatus.CREATED:
            return None
        return unusable(request, reply.status, "not the answer to an upload")

    @contextmanager
    def _two_uploads_are_unknown(self) -> Iterator[None]:
        try:
            yield
        except (ApiError, TransportError) as error:
            if _TWO_UPLOADS not in error.message.lower():
                raise
            raise self._unknown() from error

    def _unknown(self) -> UploadUnknown:
        return UploadUnknown(
            f"It is not known whether job {self.id} on {self.object_name} has its data once. Abort "
            "the job: it was never closed, so it loads nothing. Then create a new one.",
            ambiguous=True,
            job_id=self.id,
        )

    def _shows_data(self) -> bool:
        """API call: whether the job, which is still open, shows that it has its data.

        Raises:
            JobAborted: a user or a program aborted the job.
        """
        info = self.refresh()
        if error := failure(info):
            raise error
        return info.has_data

    @contextmanager
    def _results(
        self, resource: str, announced: int | None = None
    ) -> Iterator[Iterator[dict[str, str]]]:
        request = self._request("GET", f"Get {resource} of", f"/{resource}")
        # Save it on disk first: if a caller reads slowly, Salesforce closes the connection.
        with temporary_folder() as folder:
            file = folder / f"{resource}.csv"
            download(
                self._transport,
                request,
                lambda chunks: save_chunks(chunks, file),
                ended=self.state.is_terminal,
                # The counts of a job that failed or was aborted may not be final.
                rows=announced if self.state is JobState.JOB_COMPLETE else None,
            )
            what = f"The {resource} of job {self.id} on {self.object_name}"
            with naming_data(what, self.id, announced):
                if announced:
                    require_results(file, self.column_delimiter)
                yield decode_rows(read_chunks(file), self.column_delimiter)


def _delimiter(info: JobInfo) -> ColumnDelimiter:
    try:
        return ColumnDelimiter(info.column_delimiter or ColumnDelimiter.COMMA)
    except ValueError:
        raise UnknownState(
            f"Job {info.id} on {info.object} has the column delimiter '{info.column_delimiter}', "
            "which this version of sfbulk does not know. Give the delimiter, or report the word.",
            job_id=info.id,
        ) from None

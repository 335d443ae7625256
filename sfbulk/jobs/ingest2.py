"""Bulk API 2.0 ingest jobs: create, upload, close, wait, read results, abort, delete."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from sfbulk.csvio import MAX_JOB_BYTES, LineEnding, decode_rows
from sfbulk.errors import DataError
from sfbulk.jobs.files import read_chunks, save_chunks
from sfbulk.jobs.job import Job
from sfbulk.jobs.results import failed_rows, successful_rows
from sfbulk.jobs.states import JobInfo, JobState, Operation, parse_job
from sfbulk.wire import DATA_READ_TIMEOUT_SECONDS, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sfbulk.jobs.results import FailedRow, SuccessfulRow
    from sfbulk.transport import Transport


class IngestJob(Job):
    """A bulk load on the server: one upload of at most 100 MB, then results per row."""

    kind: ClassVar[str] = "ingest"

    @classmethod
    def create(
        cls,
        transport: Transport,
        sobject: str,
        operation: Operation,
        *,
        external_id: str | None = None,
        line_ending: LineEnding = LineEnding.LF,
    ) -> IngestJob:
        """API call: open a job for rows of `sobject`.

        Args:
            transport: the org.
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation takes one.
            line_ending: that of the CSV, also inside its values.

        Raises:
            DataError: an upsert without key field, or one for another operation.
            ApiError: Salesforce refuses, as for an unfit key field.
            QuotaReached: the settings allow no further job.
            TransportError: no answer; `ambiguous` when the job may exist all the same.
        """
        if (operation is Operation.UPSERT) != (external_id is not None):
            raise DataError(f"An upsert needs external_id, other operations take none: {sobject}.")
        transport.guard.before_batches()
        body = {
            "object": sobject,
            "operation": operation.value,
            "externalIdFieldName": external_id,
            "contentType": "CSV",
            "lineEnding": line_ending.value,
        }
        request = Request(
            "POST",
            f"{transport.base_path}/jobs/ingest",
            f"Create {operation.value} job on {sobject}",
            json={key: value for key, value in body.items() if value is not None},
        )
        return cls(transport, parse_job(transport.json(request)))

    def upload(self, body: Path | bytes | Iterable[bytes]) -> None:
        """API call: send the CSV, header row first; a job takes one upload.

        Args:
            body: a file, the bytes, or pieces (which are put in a temporary file first,
                so that they can be sent again).

        Raises:
            DataError: nothing to send, or more than Salesforce takes in a job.
            ApiError: Salesforce refuses.
            TransportError: no answer. When `ambiguous`, the data may have arrived; it is not
                loaded before `close`, so the way out is to abort and begin a new job.
        """
        if isinstance(body, (Path, bytes)):
            self._put(body)
            return
        with TemporaryDirectory(prefix="sfbulk-") as folder:
            file = Path(folder) / "upload.csv"
            save_chunks(body, file)
            self._put(file)

    def close(self) -> JobInfo:
        """API call: say that the upload is complete; Salesforce begins to load.

        Raises:
            ApiError: Salesforce refuses, as for a job that was aborted meanwhile.
        """
        return self._change_state(JobState.UPLOAD_COMPLETE)

    def wait(self, *, timeout: float | None = None) -> JobInfo:
        """API call: wait until the job has ended, in whichever way: look at the state.

        Args:
            timeout: seconds of patience; None has no end.

        Raises:
            JobTimeout: it still runs; it was left running.
            UnknownState: a state word this version does not know.
        """
        was_running = not self.state.is_terminal
        info = self._wait(timeout)
        if was_running:
            self._transport.guard.after_ingest(info.records_processed or 0)
        return info

    def successful(self) -> Iterator[SuccessfulRow]:
        """API call: the rows that are in. Their order is not that of the upload."""
        with self._results("successfulResults") as rows:
            yield from successful_rows(rows)

    def failed(self) -> Iterator[FailedRow]:
        """API call: the rows Salesforce refused. Their order is not that of the upload."""
        with self._results("failedResults") as rows:
            yield from failed_rows(rows)

    def unprocessed(self) -> Iterator[dict[str, str]]:
        """API call: the rows Salesforce never tried, because the job failed or was aborted."""
        with self._results("unprocessedrecords") as rows:
            yield from rows

    def _put(self, body: Path | bytes) -> None:
        size = body.stat().st_size if isinstance(body, Path) else len(body)
        if not 0 < size <= MAX_JOB_BYTES:
            raise DataError(
                f"The upload for job {self.id} on {self.object_name} has {size:,} bytes; "
                f"Salesforce takes 1 to {MAX_JOB_BYTES:,}. Split it into several jobs.",
                job_id=self.id,
            )
        request = self._request("PUT", "Upload to", "/batches")
        self._transport.send(replace(request, body=body, read_timeout=DATA_READ_TIMEOUT_SECONDS))

    @contextmanager
    def _results(self, resource: str) -> Iterator[Iterator[dict[str, str]]]:
        request = replace(
            self._request("GET", f"Get {resource} of", f"/{resource}"),
            read_timeout=DATA_READ_TIMEOUT_SECONDS,
        )
        # On disk first: a slow reader would hold the connection until Salesforce cuts it.
        with TemporaryDirectory(prefix="sfbulk-") as folder:
            file = Path(folder) / f"{resource}.csv"
            self._transport.send(request, lambda chunks: save_chunks(chunks, file))
            yield decode_rows(read_chunks(file))

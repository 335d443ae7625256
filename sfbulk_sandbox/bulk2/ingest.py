"""Bulk API 2.0 ingest jobs over HTTP (Bulk API guide: Bulk API 2.0 Ingest)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sfbulk_sandbox.bulk2.documents import (
    created_document,
    listed_document,
    result_response,
    short_document,
)
from sfbulk_sandbox.bulk2.ingest_work import IngestWork, ResultKind
from sfbulk_sandbox.bulk2.job_resources import JobResources
from sfbulk_sandbox.bulk2.jobs import ENDED, Job, JobState, JobType
from sfbulk_sandbox.bulk2.settings import JobSettings
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.multipart import form_parts
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse
from sfbulk_sandbox.sign_in.auth import not_found

if TYPE_CHECKING:
    from collections.abc import Iterator
    from tempfile import _TemporaryFileWrapper

    from sfbulk_sandbox.http.requests import Request

# The limit is 150 MB after base64 encoding, which turns three bytes into four (Bulk API guide:
# Upload Job Data).
MAX_UPLOAD_BYTES = 150_000_000 // 4 * 3
# Bulk API guide: Create a Job (multipart).
MAX_FORM_CHARACTERS = 100_000

# A recording of v61 has the key, one of v60 does not.
_PK_CHUNKING_SINCE = 61.0

_KNOWN_KEYS = frozenset(
    {
        "object",
        "operation",
        "externalIdFieldName",
        "assignmentRuleId",
        "contentType",
        "columnDelimiter",
        "lineEnding",
        "concurrencyMode",
    }
)


class IngestJobResources(JobResources):
    """The resources under /jobs/ingest."""

    job_type = JobType.INGEST
    collection = "ingest"
    deletable = ENDED | {JobState.UPLOAD_COMPLETE}

    def resources_below(self, job: str) -> list[Resource]:
        """Return the resources of the upload and the results."""
        return [
            Resource(job + "/batches", {}, self.context.admit, streaming={"PUT": self.upload}),
            Resource(job + "/{results}", {"GET": self.results}, self.context.admit),
        ]

    def create(self, request: Request) -> Response:
        """Create a job that waits for its upload, or one with its rows in the same request."""
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            return self._create_whole(request)
        job = self.context.new_job(
            JobSettings(request.document(), known=_KNOWN_KEYS), request.version
        )
        self.jobs.add(job)
        return JsonResponse(created_document(job))

    def _create_whole(self, request: Request) -> Response:
        """Create a job from a form with its settings and its rows (Create a Job, multipart)."""
        document, rows = _form(request)
        settings = JobSettings(document, known=_KNOWN_KEYS)
        job = self.context.new_job(settings, request.version)
        if not isinstance(job.work, IngestWork):
            raise TypeError(f"job {job.id} is not an ingest job")
        job.work.upload_path.write_bytes(rows)
        # The same count as after an upload, so that the job can be closed.
        job.uploads = 1
        self.jobs.add(job)
        self.jobs.close_upload(job)
        # Not the current state: the worker may have started already.
        return JsonResponse(created_document(job) | {"state": JobState.UPLOAD_COMPLETE.value})

    async def upload(self, request: Request) -> Response:
        """Store the upload of a job."""
        job, work = self._job_and_work(request)
        if job.state is not JobState.OPEN:
            raise Fault(
                code="INVALIDJOBSTATE",
                message=f"Uploading to a Job in state {job.state.value} is not allowed",
            )
        self._check_second(job)
        self._keep(await _receive(request, work), job, work)
        return Response(status_code=201)

    def info(self, request: Request) -> Response:
        """Return the state and the counts of a job."""
        job = self.job(request)
        self.jobs.progress.polled(job.id)
        with job.lock:
            document = listed_document(job)
            if self._shows_counts(job):
                document["numberRecordsProcessed"] = job.processed
                document["numberRecordsFailed"] = job.failed
            document |= {
                "retries": 0,
                "totalProcessingTime": job.processing_ms,
                "apiActiveProcessingTime": job.processing_ms,
                "apexProcessingTime": 0,
            }
            if float(job.version) >= _PK_CHUNKING_SINCE:
                document["isPkChunkingSupported"] = False
            if job.error_message:
                document["errorMessage"] = job.error_message
        return JsonResponse(document)

    def change(self, request: Request) -> Response:
        """Close the upload, or abort the job."""
        job = self.job(request)
        state = request.document().get("state")
        if state == JobState.UPLOAD_COMPLETE.value:
            self.jobs.close_upload(job)
            # Not the current state: the worker may have started already.
            return JsonResponse(short_document(job) | {"state": state})
        if state == JobState.ABORTED.value:
            self.jobs.abort(job)
            return JsonResponse(short_document(job))
        raise Fault(
            code="INVALIDJOBSTATE",
            message=f"A job can be set to UploadComplete or Aborted, not to {state}",
        )

    def results(self, request: Request) -> Response:
        """Return the result of each row of a job that has ended."""
        try:
            kind = ResultKind(request.path["results"].lower())
        except ValueError:
            raise not_found() from None
        job, work = self._job_and_work(request)
        if job.state not in ENDED:
            raise Fault(
                code="INVALIDJOBSTATE",
                message=f"InvalidJobState : the job is {job.state.value} and has no results yet",
            )
        # After an abort the worker still finishes its current chunk of rows.
        self.jobs.progress.wait_for(job.id)
        return result_response(work.results(job, kind), self.behaviour)

    def _check_second(self, job: Job) -> None:
        if job.uploads and self.behaviour.has("second_upload", "refused"):
            raise _second_upload(job)

    def _keep(self, arrived: Path, job: Job, work: IngestWork) -> None:
        with job.lock:
            # If two uploads arrive at the same time, the first complete one counts.
            if job.uploads:
                arrived.unlink()
                self._check_second(job)
            else:
                arrived.rename(work.upload_path)
            job.uploads += 1

    def _shows_counts(self, job: Job) -> bool:
        is_open = job.state is JobState.OPEN
        hidden = is_open and self.behaviour.has("counts_after_upload", "hidden")
        return job.uploads > 0 and not hidden

    def _job_and_work(self, request: Request) -> tuple[Job, IngestWork]:
        job = self.job(request)
        if not isinstance(job.work, IngestWork):
            raise TypeError(f"job {job.id} is not an ingest job")
        return job, job.work


def _form(request: Request) -> tuple[dict[str, Any], bytes]:
    if len(request.body.decode(errors="replace")) > MAX_FORM_CHARACTERS:
        raise Fault(
            code="EXCEEDEDQUOTA",
            message="ExceededQuota : a multipart request holds at most 100,000 characters",
        )
    try:
        parts = form_parts(request.headers.get("content-type", ""), request.body)
        job, rows = parts["job"], parts["content"]
    except ValueError as error:
        raise Fault(code="CLIENTINPUTERROR", message=f"ClientInputError : {error}") from None
    except KeyError as missing:
        raise Fault(
            code="CLIENTINPUTERROR", message=f"ClientInputError : the form has no part {missing}"
        ) from None
    return replace(request, body=job).document(), rows


async def _receive(request: Request, work: IngestWork) -> Path:
    if request.stream is None:
        raise TypeError("an upload is streamed")
    size = 0
    with _arriving(work.upload_path.parent) as file:
        async for block in request.stream():
            size += len(block)
            # The server drops what the client still sends, so the client sees the answer.
            _check_size(size)
            file.write(block)
    return Path(file.name)


@contextmanager
def _arriving(folder: Path) -> Iterator[_TemporaryFileWrapper[bytes]]:
    with NamedTemporaryFile(dir=folder, delete=False) as file:
        try:
            yield file
        except BaseException:
            # After a broken connection the job is still Open and has no data.
            Path(file.name).unlink()
            raise


def _check_size(size: int) -> None:
    if size > MAX_UPLOAD_BYTES:
        raise Fault(
            code="EXCEEDEDQUOTA",
            message="ExceededQuota : the upload is over 150 MB after base64 encoding",
            status=413,
        )


def _second_upload(job: Job) -> Fault:
    return Fault(
        code="CLIENTINPUTERROR",
        message=f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / "
        "'Delete' the current Job then create a new Job and make sure you only do 'PUT' "
        "once on a given Job.",
    )

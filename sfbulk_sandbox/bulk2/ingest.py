"""Bulk API 2.0 ingest jobs over HTTP (Bulk API guide: Bulk API 2.0 Ingest)."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sfbulk_sandbox.bulk2.jobs import ENDED, Job, JobState, JobType
from sfbulk_sandbox.bulk2.lines import (
    JobResources,
    created_document,
    listed_document,
    result_answer,
    short_document,
)
from sfbulk_sandbox.bulk2.load import IngestWork, ResultKind
from sfbulk_sandbox.bulk2.settings import JobSettings
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.multipart import form_parts
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonAnswer
from sfbulk_sandbox.sign_in.auth import not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from tempfile import _TemporaryFileWrapper

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.bulk2.jobs import Jobs
    from sfbulk_sandbox.bulk2.lists import ListedJob
    from sfbulk_sandbox.http.requests import Call

# 150 MB after base64, which makes four bytes of three (Bulk API guide: Upload Job Data).
MAX_UPLOAD_BYTES = 150_000_000 // 4 * 3
# Bulk API guide: Create a Job (multipart).
MAX_FORM_CHARACTERS = 100_000

# As recorded of v61; a recording of v60 lacks it.
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
    """The resources under /jobs/ingest.

    Args:
        jobs: Where jobs are kept.
        new_job: Makes a job of checked settings.
        classic: The loads of Bulk API 1.0, which the list shows too.
        behaviour: How the org answers where public sources differ.
        admit: The check that comes before each call.
    """

    job_type = JobType.INGEST
    collection = "ingest"
    deletable = ENDED | {JobState.UPLOAD_COMPLETE}

    def __init__(
        self,
        jobs: Jobs,
        *,
        new_job: Callable[[JobSettings, str], Job],
        classic: Callable[[], Iterable[ListedJob]],
        behaviour: Behaviour,
        admit: Callable[[Call], Mapping[str, str]],
    ) -> None:
        super().__init__(jobs, classic)
        self._new_job = new_job
        self._behaviour = behaviour
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}/jobs/ingest"
        job = base + "/{job_id}"
        return [
            Resource(base, {"GET": self.list, "POST": self.create}, self._admit),
            Resource(
                job,
                {"GET": self.info, "PATCH": self.change, "DELETE": self.delete},
                self._admit,
            ),
            Resource(job + "/batches", {}, self._admit, streaming={"PUT": self.upload}),
            Resource(job + "/{results}", {"GET": self.results}, self._admit),
        ]

    def create(self, call: Call) -> Response:
        """Create a job that waits for its upload, or brings it in the same call."""
        if call.headers.get("content-type", "").lower().startswith("multipart/"):
            return self._create_whole(call)
        job = self._new_job(JobSettings(call.document(), known=_KNOWN_KEYS), call.version)
        self.jobs.add(job)
        return JsonAnswer(created_document(job))

    def _create_whole(self, call: Call) -> Response:
        """Create a job from a form of its settings and its rows (Create a Job, multipart)."""
        settings, rows = _form(call)
        job = self._new_job(JobSettings(settings, known=_KNOWN_KEYS), call.version)
        if not isinstance(job.work, IngestWork):
            raise TypeError(f"job {job.id} is no ingest job")
        job.work.upload_path.write_bytes(rows)
        job.uploads = 1
        self.jobs.add(job)
        self.jobs.close_upload(job)
        # The state of this moment: the worker may already be further.
        return JsonAnswer(created_document(job) | {"state": JobState.UPLOAD_COMPLETE.value})

    async def upload(self, call: Call) -> Response:
        """Take the one upload a job may have."""
        job, work = self._job_and_work(call)
        if job.state is not JobState.OPEN:
            raise Fault(
                code="INVALIDJOBSTATE",
                message=f"Uploading to a Job in state {job.state.value} is not allowed",
            )
        self._check_second(job)
        self._keep(await _receive(call, work), job, work)
        return Response(status_code=201)

    def info(self, call: Call) -> Response:
        """Tell a job's state and counts."""
        job = self.job(call)
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
        return JsonAnswer(document)

    def change(self, call: Call) -> Response:
        """Close the upload, or abort the job."""
        job = self.job(call)
        state = call.document().get("state")
        if state == JobState.UPLOAD_COMPLETE.value:
            self.jobs.close_upload(job)
            # The state of this moment: the worker may already be further.
            return JsonAnswer(short_document(job) | {"state": state})
        if state == JobState.ABORTED.value:
            self.jobs.abort(job)
            return JsonAnswer(short_document(job))
        raise Fault(
            code="INVALIDJOBSTATE",
            message=f"A job can be set to UploadComplete or Aborted, not to {state}",
        )

    def results(self, call: Call) -> Response:
        """Send what became of the rows of a job that has ended."""
        try:
            kind = ResultKind(call.path["results"].lower())
        except ValueError:
            raise not_found() from None
        job, work = self._job_and_work(call)
        if job.state not in ENDED:
            raise Fault(
                code="INVALIDJOBSTATE",
                message=f"InvalidJobState : the job is {job.state.value} and has no results yet",
            )
        # After an abort the worker still finishes its chunk of rows.
        self.jobs.progress.settle(job.id)
        return result_answer(work.results(job, kind), self._behaviour)

    def _check_second(self, job: Job) -> None:
        if job.uploads and self._behaviour.has("second_upload", "refused"):
            raise _second_upload(job)

    def _keep(self, arrived: Path, job: Job, work: IngestWork) -> None:
        with job.lock:
            # Of two uploads at a time the first to be whole counts.
            if job.uploads:
                arrived.unlink()
                self._check_second(job)
            else:
                arrived.rename(work.upload_path)
            job.uploads += 1

    def _shows_counts(self, job: Job) -> bool:
        is_open = job.state is JobState.OPEN
        hidden = is_open and self._behaviour.has("counts_after_upload", "hidden")
        return job.uploads > 0 and not hidden

    def _job_and_work(self, call: Call) -> tuple[Job, IngestWork]:
        job = self.job(call)
        if not isinstance(job.work, IngestWork):
            raise TypeError(f"job {job.id} is no ingest job")
        return job, job.work


def _form(call: Call) -> tuple[dict[str, Any], bytes]:
    if len(call.body.decode(errors="replace")) > MAX_FORM_CHARACTERS:
        raise Fault(
            code="EXCEEDEDQUOTA",
            message="ExceededQuota : a multipart request holds at most 100,000 characters",
        )
    try:
        parts = form_parts(call.headers.get("content-type", ""), call.body)
        job, rows = parts["job"], parts["content"]
    except ValueError as error:
        raise Fault(code="CLIENTINPUTERROR", message=f"ClientInputError : {error}") from None
    except KeyError as missing:
        raise Fault(
            code="CLIENTINPUTERROR", message=f"ClientInputError : the form has no part {missing}"
        ) from None
    return replace(call, body=job).document(), rows


async def _receive(call: Call, work: IngestWork) -> Path:
    if call.stream is None:
        raise TypeError("an upload is streamed")
    size = 0
    with _arriving(work.upload_path.parent) as file:
        async for block in call.stream():
            size += len(block)
            # Too much is still read to its end: a client that is sending would take an early
            # answer for a broken connection.
            if size <= MAX_UPLOAD_BYTES:
                file.write(block)
        _check_size(size)
    return Path(file.name)


@contextmanager
def _arriving(folder: Path) -> Iterator[_TemporaryFileWrapper[bytes]]:
    with NamedTemporaryFile(dir=folder, delete=False) as file:
        try:
            yield file
        except BaseException:
            # A connection that broke leaves the job as it was: Open and without data.
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

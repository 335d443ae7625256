"""Bulk API 1.0 over HTTP.

Answers about a job are in the notation of the request (XML or JSON), answers about batches in that
of the job. Errors are in the notation of the request, or in XML if it has none, as clients expect
(singer, jsforce).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from sfbulk_sandbox.bulk1 import documents
from sfbulk_sandbox.bulk1.chunking import parse_header
from sfbulk_sandbox.bulk1.documents import batch_document, info_response, job_document, read_info
from sfbulk_sandbox.bulk1.jobs import BatchState, JobState
from sfbulk_sandbox.bulk1.load import LoadWork
from sfbulk_sandbox.bulk1.query import QueryWork
from sfbulk_sandbox.bulk1.settings import ContentType, check_order, check_settings
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.bodies import BodyLimit
from sfbulk_sandbox.http.requests import EVERY_METHOD, Resource
from sfbulk_sandbox.limits import DAILY_API_REQUESTS
from sfbulk_sandbox.sign_in.auth import check_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from starlette.responses import Response

    from sfbulk_sandbox.bulk1.jobs import Batch, Job, Jobs
    from sfbulk_sandbox.bulk1.new_job import NewJobs
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.org.org import Org

# Bulk API guide, Batch Size: 10 MB and 10,000,000 characters. A character has at least one byte.
MOST_BATCH_BYTES = 10_000_000
_BLOCK_BYTES = 256 * 1024

_MEDIA_TYPES = {
    ContentType.CSV: ("text/csv",),
    ContentType.XML: ("application/xml", "text/xml"),
    ContentType.JSON: ("application/json",),
}
# The codes of Bulk API 1.0 for faults that all APIs have.
_CODES = {"UNKNOWN_EXCEPTION": "ClientInputError", "METHOD_NOT_ALLOWED": "InvalidUrl"}
_DOCUMENT_TYPES = ("", *_MEDIA_TYPES[ContentType.XML], *_MEDIA_TYPES[ContentType.JSON])


class Bulk1Resources:
    """The resources under /services/async.

    Args:
        org: The objects.
        jobs: Where jobs are kept.
        new_jobs: Creates jobs and batches.
        is_live: Returns whether a session id is valid.
        usage: Counts requests.
    """

    def __init__(
        self,
        org: Org,
        jobs: Jobs,
        new_jobs: NewJobs,
        *,
        is_live: Callable[[str], bool],
        usage: Usage,
    ) -> None:
        self._org = org
        self._jobs = jobs
        self._new_jobs = new_jobs
        self._is_live = is_live
        self._usage = usage

    def resources(self) -> list[Resource]:
        """Return the resources."""
        job = "/job/{job_id}"
        batch = job + "/batch/{batch_id}"
        methods: Mapping[str, Mapping[str, Callable[[Request], Response]]] = {
            "/job": {"POST": self.create},
            job: {"GET": self.job_info, "POST": self.change},
            job + "/batch": {"GET": self.batch_list, "POST": self.add_batch},
            batch: {"GET": self.batch_info},
            batch + "/request": {"GET": self.request},
            batch + "/result": {"GET": self.result},
            batch + "/result/{result_id}": {"GET": self.query_result},
            "/{rest:path}": dict.fromkeys(EVERY_METHOD, self._unknown),
        }
        base = "/services/async/{version}"
        return [
            Resource(base + path, handlers, self._admit, refuse=_refusal, limit=_BATCH_LIMIT)
            for path, handlers in methods.items()
        ]

    def create(self, request: Request) -> Response:
        """Create a job."""
        as_json = _document_is_json(request)
        document = read_info(request.body, as_json=as_json)
        if not as_json:
            check_order(document)
        settings = check_settings(
            self._org,
            document,
            parse_header(request.headers.get("sforce-enable-pkchunking")),
            request.headers.get("sforce-line-ending"),
        )
        job = self._new_jobs.job(settings, request.version)
        return info_response("jobInfo", job_document(job), as_json=as_json, status=201)

    def job_info(self, request: Request) -> Response:
        """Return the state and the counts of a job."""
        job = self._job(request)
        self._jobs.polled(job.batches)
        return info_response("jobInfo", job_document(job), as_json=_job_is_json(request, job))

    def change(self, request: Request) -> Response:
        """Close or abort a job."""
        job = self._job(request)
        as_json = _document_is_json(request)
        state = read_info(request.body, as_json=as_json).get("state")
        if state == JobState.CLOSED.value:
            self._jobs.close(job)
        elif state == JobState.ABORTED.value:
            self._jobs.abort(job)
        else:
            raise Fault("InvalidJobState", f"A job can be set to Closed or Aborted, not to {state}")
        return info_response("jobInfo", job_document(job), as_json=as_json)

    def add_batch(self, request: Request) -> Response:
        """Add records, or the query of a query job."""
        job = self._job(request)
        content_type = request.headers.get("content-type", "")
        if _media_type(request) not in _MEDIA_TYPES[job.settings.content]:
            raise Fault("UnsupportedContentType", f"Unsupported content type: {content_type}")
        if not request.body:
            raise Fault("ClientInputError", "Unable to find any data to create batch")
        batch = self._new_jobs.batch(job, request.body)
        # Not the current state: the worker may have finished before the answer is sent.
        document = batch_document(batch)
        self._jobs.submit(batch)
        answer = info_response("batchInfo", document, as_json=_is_json(job), status=201)
        answer.headers["location"] = (
            f"/services/async/{request.version}/job/{job.id}/batch/{batch.id}"
        )
        return answer

    def batch_list(self, request: Request) -> Response:
        """Return the state of every batch, including the chunks of PK chunking."""
        job = self._job(request)
        self._jobs.polled(job.batches)
        return documents.list_response(
            [batch_document(batch) for batch in list(job.batches)], as_json=_is_json(job)
        )

    def batch_info(self, request: Request) -> Response:
        """Return the state and the counts of a batch."""
        batch = self._batch(request)
        self._jobs.polled([batch])
        return info_response("batchInfo", batch_document(batch), as_json=_is_json(batch.job))

    def request(self, request: Request) -> Response:
        """Return a batch as it was sent."""
        batch = self._batch(request)
        return _data(batch, _blocks(batch.request_path))

    def result(self, request: Request) -> Response:
        """Return the result of each row, or the ids of a query's result files."""
        batch = self._completed(request)
        if isinstance(batch.work, QueryWork):
            return documents.result_list_response(
                batch.work.result_ids, as_json=_is_json(batch.job)
            )
        if not isinstance(batch.work, LoadWork):
            raise _not_processed()
        return _data(batch, _blocks(batch.work.results_path))

    def query_result(self, request: Request) -> Response:
        """Return a result file of a query."""
        batch = self._completed(request)
        if not isinstance(batch.work, QueryWork):
            raise Fault("InvalidBatch", "A load has one result, without an id")
        return _data(batch, batch.work.result(batch, request.path["result_id"]))

    def _job(self, request: Request) -> Job:
        return self._jobs.get(request.path["job_id"])

    def _batch(self, request: Request) -> Batch:
        return self._jobs.batch(self._job(request), request.path["batch_id"])

    def _completed(self, request: Request) -> Batch:
        batch = self._batch(request)
        if batch.state in (BatchState.QUEUED, BatchState.IN_PROGRESS):
            raise Fault("InvalidBatch", "Batch not completed")
        if batch.state is not BatchState.COMPLETED:
            raise _not_processed()
        return batch

    def _admit(self, request: Request) -> Mapping[str, str]:
        try:
            check_version(request.version)
        except Fault:
            raise Fault("InvalidVersion", f"Unsupported API version: {request.version}") from None
        if not self._is_live(request.headers.get("x-sfdc-session", "")):
            raise Fault("InvalidSessionId", "Invalid session id")
        if not self._usage.left(DAILY_API_REQUESTS):
            raise Fault("ExceededQuota", "TotalRequests Limit exceeded.")
        self._usage.count(DAILY_API_REQUESTS)
        return {}

    def _unknown(self, request: Request) -> Response:
        raise Fault("InvalidUrl", f"Unknown URL: /{request.path['rest']}")


def _data(batch: Batch, body: Iterator[bytes]) -> Response:
    # Set as a header, so that Starlette adds no charset: clients compare text/csv by equality.
    return StreamingResponse(body, headers={"content-type": batch.job.settings.content.media_type})


def _blocks(path: Path) -> Iterator[bytes]:
    # The file is opened at the first read: if the client has gone, it is never opened.
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _too_large(size: int) -> Fault:
    return Fault(
        "ClientInputError",
        f"Failed to read request. Exceeded max size limit of {MOST_BATCH_BYTES} "
        f"with request size {size}",
    )


# Documents of jobs have no limit of their own; they are far smaller.
_BATCH_LIMIT = BodyLimit(MOST_BATCH_BYTES, _too_large)


def _not_processed() -> Fault:
    return Fault("InvalidBatch", "Records not processed")


def _refusal(request: Request, fault: Fault) -> Response:
    fault.code = _CODES.get(fault.code, fault.code)
    return documents.fault_response(fault, as_json="json" in _media_type(request))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _document_is_json(request: Request) -> bool:
    media_type = _media_type(request)
    if media_type not in _DOCUMENT_TYPES:
        content_type = request.headers.get("content-type", "")
        raise Fault("UnsupportedContentType", f"Unsupported content type: {content_type}")
    return "json" in media_type


def _job_is_json(request: Request, job: Job) -> bool:
    media_type = _media_type(request)
    return "json" in media_type if media_type else _is_json(job)


def _is_json(job: Job) -> bool:
    return job.settings.content is ContentType.JSON

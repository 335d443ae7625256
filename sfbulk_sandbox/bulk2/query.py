"""Bulk API 2.0 query jobs over HTTP (Bulk API guide: Bulk API 2.0 Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.documents import (
    created_document,
    listed_document,
    result_response,
    short_document,
)
from sfbulk_sandbox.bulk2.job_resources import JobResources
from sfbulk_sandbox.bulk2.jobs import ENDED, Job, JobState, JobType
from sfbulk_sandbox.bulk2.query_work import Page, QueryWork, located_page, locator
from sfbulk_sandbox.bulk2.settings import JobSettings
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, no_content
from sfbulk_sandbox.sign_in.auth import not_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.bulk2.job_resources import JobContext
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.limits import Paging

_KNOWN_KEYS = frozenset(
    {"operation", "query", "contentType", "columnDelimiter", "lineEnding", "concurrencyMode"}
)
# Bulk API guide, Get Parallel Results for a Query Job.
_RESULT_URLS = 5
# A locator has four bytes for the page size.
_MOST_ROWS = 2**32 - 1
# Assumed: the guide shows isPkChunkingSupported, and the recordings of 52.0 do not have it.
_PK_CHUNKING_SINCE = 60.0


class QueryJobResources(JobResources):
    """The resources under /jobs/query.

    Args:
        context: The parts of the org.
        paging: How many rows a page has by default.
    """

    job_type = JobType.QUERY
    collection = "query"
    deletable = ENDED

    def __init__(self, context: JobContext, paging: Paging) -> None:
        super().__init__(context)
        self._paging = paging

    def resources_below(self, job: str) -> list[Resource]:
        """Return the resources of the results."""
        return [
            Resource(job + "/results", {"GET": self.results}, self.context.admit),
            Resource(job + "/resultPages", {"GET": self.result_pages}, self.context.admit),
            Resource(job + "/failedResults", {"GET": self.failed_results}, self.context.admit),
        ]

    def create(self, request: Request) -> Response:
        """Create a job. It is ready for processing at once."""
        settings = JobSettings(request.document(), known=_KNOWN_KEYS)
        job = self.context.new_job(settings, request.version)
        document = created_document(job)
        self.jobs.add(job)
        return JsonResponse(document)

    def info(self, request: Request) -> Response:
        """Return the state of a job."""
        job = self.job(request)
        self.jobs.progress.polled(job.id)
        with job.lock:
            document = listed_document(job) | {
                "numberRecordsProcessed": job.processed,
                "retries": 0,
                "totalProcessingTime": job.processing_ms,
            }
            if float(job.version) >= _PK_CHUNKING_SINCE:
                document["isPkChunkingSupported"] = True
            if job.error_message:
                document["errorMessage"] = job.error_message
        return JsonResponse(document)

    def change(self, request: Request) -> Response:
        """Abort a job."""
        job = self.job(request)
        if request.document().get("state") != JobState.ABORTED.value:
            raise Fault(code="INVALIDJOBSTATE", message="A query job can only be set to Aborted")
        self.jobs.abort(job)
        return JsonResponse(short_document(job))

    def results(self, request: Request) -> Response:
        """Return a page of rows, header first."""
        if self._is_early(request) and self.behaviour.has("early_results", "no_content"):
            return no_content()
        job, work = self._finished(request)
        page = self._page(job, request)
        end = min(page.start + page.size, work.rows.count)
        more = end < work.rows.count
        headers = {
            "Sforce-NumberOfRecords": str(max(0, end - page.start)),
            # The text "null": jsforce's loop does not end without it.
            "Sforce-Locator": locator(job, Page(end, page.size)) if more else "null",
        }
        return result_response(work.page(job, page), self.behaviour, headers)

    def result_pages(self, request: Request) -> Response:
        """Return the URLs of up to five pages, for parallel downloads (version 58.0 and later)."""
        job, work = self._finished(request)
        if self.behaviour.has("result_pages", "refused"):
            raise not_found()
        first = self._page(job, request)
        starts = range(first.start, max(work.rows.count, first.start + 1), first.size)
        locators = [locator(job, Page(start, first.size)) for start in starts[: _RESULT_URLS + 1]]
        path = f"/jobs/query/{job.id}"
        if self.behaviour.has("result_pages", "guide"):
            return JsonResponse(_pages_of_the_guide(request.base_path + path, locators))
        return JsonResponse(_pages(path, locators))

    def failed_results(self, request: Request) -> Response:
        """Return only the header: a row of a query cannot fail."""
        job, work = self._finished(request)
        header = job.dialect.encode(["sf__Id", "sf__Error", *work.header])
        return result_response(iter([header]), self.behaviour)

    def _is_early(self, request: Request) -> bool:
        return self.job(request).state not in ENDED

    def _finished(self, request: Request) -> tuple[Job, QueryWork]:
        job = self.job(request)
        # Bulk API guide: results need the API version with which the job was created.
        if job.version != request.version:
            raise Fault(
                code="INVALIDJOB",
                message=f"InvalidJob : the job was created with API version {job.version}",
                status=409,
            )
        if job.state is not JobState.JOB_COMPLETE:
            raise _too_early(job.state, self.behaviour)
        if not isinstance(job.work, QueryWork):
            raise TypeError(f"job {job.id} is not a query job")
        return job, job.work

    def _page(self, job: Job, request: Request) -> Page:
        size = self._paging.rows
        start = 0
        if text := request.query.get("locator"):
            page = located_page(job, text)
            start, size = page.start, page.size
        if text := request.query.get("maxRecords"):
            if not text.isdecimal() or int(text) < 1:
                raise Fault(
                    code="INVALID_FIELD",
                    message=f"maxRecords must be a whole number from 1, not {text}",
                )
            size = min(int(text), _MOST_ROWS)
        return Page(start, size)


def _too_early(state: JobState, behaviour: Behaviour) -> Fault:
    if state not in ENDED and behaviour.has("early_results", "precondition"):
        words = "IN_PROGRESS" if state is JobState.IN_PROGRESS else "UPLOAD_COMPLETE"
        text = (
            "can only download query results of successfully completed bulk job with status: "
            f"JOB_COMPLETE. Current status: {words}"
        )
        return Fault("JOB_NOT_COMPLETE", text, status=412)
    return Fault("INVALIDJOBSTATE", f"InvalidJobState : the job is {state.value}, not JobComplete")


def _pages(path: str, locators: Sequence[str]) -> dict[str, object]:
    """The document that three clients expect (node-sf-bulk2 commit 8b532e7 and two others)."""
    links = [f"{path}/results?locator={text}" for text in locators[:_RESULT_URLS]]
    following = [f"{path}/resultPages?locator={text}" for text in locators[_RESULT_URLS:]]
    return {
        "resultChunks": [{"resultLink": link} for link in links],
        "nextRecordsUrl": following[0] if following else None,
        "done": not following,
    }


def _pages_of_the_guide(path: str, locators: Sequence[str]) -> dict[str, object]:
    """The document of the Bulk API guide (Get Parallel Results for a Query Job)."""
    urls = [f"{path}/results?locator={text}" for text in locators[:_RESULT_URLS]]
    following = [f"{path}/resultpages?locator={text}" for text in locators[_RESULT_URLS:]]
    return {
        "resultPages": [{"resultUrl": url} for url in urls],
        **({"nextRecordsUrl": following[0]} if following else {}),
        "done": not following,
    }

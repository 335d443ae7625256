"""Bulk API 2.0 over HTTP: what query and ingest jobs share (Bulk API guide)."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from sfbulk_sandbox.bulk2.jobs import Job, JobState, JobType
from sfbulk_sandbox.bulk2.lists import ListedJob, list_document
from sfbulk_sandbox.http.responses import CSV_HEADERS, JsonAnswer, instant_text, no_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sfbulk_sandbox.behaviour import Behaviour
    from sfbulk_sandbox.bulk2.jobs import Jobs
    from sfbulk_sandbox.http.requests import Call


class JobResources:
    """What GET, PATCH, DELETE and the list do alike for both kinds of job."""

    job_type: JobType
    collection: str
    deletable: frozenset[JobState]

    def __init__(self, jobs: Jobs, classic: Callable[[], Iterable[ListedJob]]) -> None:
        self.jobs = jobs
        self._classic = classic

    def job(self, call: Call) -> Job:
        """Return the job the path names."""
        return self.jobs.get(self.job_type, call.path["job_id"])

    def list(self, call: Call) -> Response:
        """List the jobs of this kind, those of Bulk API 1.0 among them, 1,000 a page."""
        jobs = [listed_job(job) for job in self.jobs.all(self.job_type)]
        path = f"{call.base_path}/jobs/{self.collection}"
        return JsonAnswer(list_document(call, path, [*jobs, *self._classic()]))

    def delete(self, call: Call) -> Response:
        """Delete a job that has ended."""
        self.jobs.delete(self.job(call), self.deletable)
        return no_content()


def short_document(job: Job) -> dict[str, Any]:
    """Return the keys that every form of a job has, in the recorded order."""
    document: dict[str, Any] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.created_by,
        "createdDate": instant_text(job.created),
        "systemModstamp": instant_text(job.modified),
        "state": job.state.value,
    }
    if job.external_id:
        document["externalIdFieldName"] = job.external_id
    if job.assignment_rule_id:
        document["assignmentRuleId"] = job.assignment_rule_id
    document |= {
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version),
    }
    return document


def created_document(job: Job) -> dict[str, Any]:
    """Return the reply to a create call."""
    return short_document(job) | content_url(job) | _format(job)


def listed_document(job: Job) -> dict[str, Any]:
    """Return a job as the list shows it: without counts."""
    return short_document(job) | {"jobType": job.type.value} | content_url(job) | _format(job)


def listed_job(job: Job) -> ListedJob:
    """Return a job with what the filters of a list compare."""
    facts = {
        "jobType": job.type.value,
        "concurrencyMode": "Parallel",
        # The filter is about the header of Bulk API 1.0: 2.0 chunks as it likes.
        "isPkChunkingEnabled": "false",
    }
    return ListedJob(job.id, job.created, facts, listed_document(job))


def content_url(job: Job) -> dict[str, str]:
    """Return where to upload, as long as that is possible; it has no leading slash."""
    if job.state is not JobState.OPEN:
        return {}
    return {"contentUrl": f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"}


def result_answer(
    lines: Iterator[bytes], behaviour: Behaviour, headers: Mapping[str, str] | None = None
) -> Response:
    """Return results as CSV that is read from disk while it is sent; the first line is a header."""
    first = list(islice(lines, 2))
    if len(first) == 1 and not behaviour.has("empty_results", "header"):
        if behaviour.has("empty_results", "no_content"):
            return Response(status_code=204, headers=headers)
        return Response(headers={**CSV_HEADERS, **(headers or {})})
    return StreamingResponse(chain(first, lines), headers={**CSV_HEADERS, **(headers or {})})


def _format(job: Job) -> dict[str, str]:
    return {
        "lineEnding": job.settings.line_ending,
        "columnDelimiter": job.settings.column_delimiter,
    }

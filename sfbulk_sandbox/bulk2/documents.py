"""The documents of Bulk API 2.0 jobs, and result files as responses (Bulk API guide)."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from sfbulk_sandbox.bulk2.jobs import Job, JobState
from sfbulk_sandbox.bulk2.lists import ListedJob
from sfbulk_sandbox.http.responses import CSV_HEADERS, instant_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk_sandbox.behaviour import Behaviour


def short_document(job: Job) -> dict[str, Any]:
    """Return the keys that every document of a job has, in the recorded order."""
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
    """Return the answer to a create request."""
    return short_document(job) | content_url(job) | _format(job)


def listed_document(job: Job) -> dict[str, Any]:
    """Return a job as the list shows it, without counts."""
    return short_document(job) | {"jobType": job.type.value} | content_url(job) | _format(job)


def listed_job(job: Job) -> ListedJob:
    """Return a job with the facts that the filters of a list compare."""
    facts = {
        "jobType": job.type.value,
        "concurrencyMode": "Parallel",
        # The filter is about the PK chunking header of Bulk API 1.0, which 2.0 does not have.
        "isPkChunkingEnabled": "false",
    }
    return ListedJob(job.id, job.created, facts, listed_document(job))


def content_url(job: Job) -> dict[str, str]:
    """Return the upload path of an Open job; as recorded, it has no leading slash."""
    if job.state is not JobState.OPEN:
        return {}
    return {"contentUrl": f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"}


def result_response(
    lines: Iterator[bytes], behaviour: Behaviour, headers: Mapping[str, str] | None = None
) -> Response:
    """Return results as CSV, read from disk while they are sent.

    Args:
        lines: The header and the rows.
        behaviour: The switch `empty_results` decides the answer without rows.
        headers: More headers.
    """
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

"""Lists the jobs of an org, of both bulk APIs (Bulk API guide: Get Information About All Jobs)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk.http.dates import document_date
from sfbulk.http.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sfbulk.transport import Transport


@dataclass(frozen=True)
class ListedJob:
    """A job as a list has it: without counts."""

    id: str
    api: str
    """`BULK2`, or `BULK` for Bulk API 1.0."""
    operation: str
    object: str
    state: str
    """In Salesforce's words."""
    created: datetime | None
    created_by_id: str | None


def list_jobs(transport: Transport) -> list[ListedJob]:
    """API calls: all jobs of the org, the newest first; Salesforce keeps them for seven days.

    Raises:
        ApiError, TransportError: as `Transport.json`.
    """
    # Each list also has the jobs of Bulk API 1.0.
    found = {
        job.id: job
        for kind in ("query", "ingest")
        for job in map(_listed, _entries(transport, kind))
    }
    return sorted(found.values(), key=_age)


def _age(job: ListedJob) -> tuple[float, str]:
    return (-job.created.timestamp() if job.created else 0.0, job.id)


def _entries(transport: Transport, kind: str) -> Iterator[Mapping[str, Any]]:
    path: str | None = f"{transport.base_path}/jobs/{kind}"
    while path:
        document = transport.json(Request("GET", path, f"List the {kind} jobs"))
        yield from document.get("records") or ()
        path = document.get("nextRecordsUrl")


def _listed(entry: Mapping[str, Any]) -> ListedJob:
    try:
        created = document_date(entry.get("createdDate"))
    except ValueError:
        created = None
    return ListedJob(
        id=str(entry.get("id")),
        api="BULK" if entry.get("jobType") == "Classic" else "BULK2",
        operation=str(entry.get("operation") or ""),
        object=str(entry.get("object") or ""),
        state=str(entry.get("state") or ""),
        created=created,
        created_by_id=entry.get("createdById"),
    )

"""Lists the jobs of an org, of both bulk APIs (Bulk API guide: Get Information About All Jobs)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.errors import TransportError
from sfbulk.http.dates import document_date, http_date
from sfbulk.http.shapes import SalesforceId, Shape
from sfbulk.http.unusable import unusable
from sfbulk.http.wire import Request
from sfbulk.jobs.page_order import PageOrder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sfbulk.http.wire import Reply
    from sfbulk.transport import Transport


CLASSIC = "Classic"
"""The `jobType` of a job of Bulk API 1.0."""


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
        ApiError, TransportError: as `Transport.read`.
    """
    # Each list also has the jobs of Bulk API 1.0.
    found = {
        job.id: job
        for kind in ("query", "ingest")
        for page in job_pages(transport, kind)
        for job in map(_listed, page.jobs)
    }
    return sorted(found.values(), key=_age)


class JobEntry(msgspec.Struct, rename="camel"):
    """An entry of a list."""

    id: SalesforceId
    state: str = ""
    object: str | None = None
    operation: str | None = None
    job_type: str | None = None
    created_by_id: str | None = None
    created_date: Any = None
    external_id_field_name: str | None = None

    @property
    def api(self) -> str:
        """`BULK2`, or `BULK` for Bulk API 1.0."""
        return "BULK" if self.job_type == CLASSIC else "BULK2"

    @property
    def created(self) -> datetime | None:
        """When it was created, aware; None if the entry does not say it."""
        try:
            return document_date(self.created_date)
        except ValueError:
            return None


class _Page(msgspec.Struct, rename="camel"):
    records: tuple[JobEntry, ...]
    next_records_url: str | None = None


@dataclass(frozen=True)
class JobPage:
    """One page of a list of jobs."""

    jobs: tuple[JobEntry, ...]
    date: datetime | None
    """The org's clock, aware; None if the answer does not say it."""
    following: str | None
    """The path of the next page."""


_PAGE = Shape(_Page, "a list of jobs")

# Only the path of an address is used, because an address could name another host.
_FOLLOWING = re.compile(r"(?:https?://[^/?#\s]+)?(/services/data/v[0-9.]+/jobs/[a-z]+\?[!-~]*)")


def job_pages(transport: Transport, kind: str) -> Iterator[JobPage]:
    """API calls: the pages of the list of `query` or of `ingest` jobs, of both bulk APIs.

    Raises:
        ApiError, TransportError: as `Transport.read`.
    """
    path: str | None = f"{transport.base_path}/jobs/{kind}"
    order = PageOrder(path)
    while path:
        page = transport.read(Request("GET", path, f"List the {kind} jobs"), _page)
        order.took(len(page.jobs))
        path = page.following
        if problem := order.problem(path):
            raise TransportError(
                f"List the {kind} jobs: Salesforce sends the pages {problem}. Run again later.",
                ambiguous=False,
            )
        yield page


def _page(request: Request, reply: Reply) -> JobPage:
    page = _PAGE.of(request, reply)
    url = page.next_records_url
    following = _FOLLOWING.fullmatch(url) if url else None
    if url and not following:
        raise unusable(
            request, reply.status, "a nextRecordsUrl that is not the address of a list of jobs"
        )
    date = http_date(reply.headers.get("Date"))
    return JobPage(page.records, date, following[1] if following else None)


def _age(job: ListedJob) -> tuple[float, str]:
    return (-job.created.timestamp() if job.created else 0.0, job.id)


def _listed(entry: JobEntry) -> ListedJob:
    return ListedJob(
        id=entry.id,
        api=entry.api,
        operation=entry.operation or "",
        object=entry.object or "",
        state=entry.state,
        created=entry.created,
        created_by_id=entry.created_by_id,
    )

"""The job lists of Bulk API 2.0: jobs of both bulk APIs, with filters, 1,000 a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sfbulk_sandbox.bulk2.settings import invalid_job
from sfbulk_sandbox.faults.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sfbulk_sandbox.http.requests import Request

# Bulk API guide, Get Information About All Jobs.
JOBS_PER_PAGE = 1000
CLASSIC = "Classic"
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "jobType": (CLASSIC, "V2Query", "V2Ingest"),
    "concurrencyMode": ("Parallel", "Serial"),
    "isPkChunkingEnabled": ("true", "false"),
}


@dataclass(frozen=True)
class ListedJob:
    """A job in a list.

    Attributes:
        id: The id of the job.
        created: The creation time, by which lists are sorted. (Salesforce documents no order.)
        facts: The values that filters compare, by filter name.
        document: The entry in the list.
    """

    id: str
    created: datetime
    facts: Mapping[str, str]
    document: Mapping[str, Any]


def list_document(request: Request, path: str, jobs: Iterable[ListedJob]) -> dict[str, Any]:
    """Return one page of a list (Get Information About All Jobs).

    Args:
        request: Has the filters and the locator.
        path: The path of the list, for nextRecordsUrl.
        jobs: All jobs of the list.

    Raises:
        Fault: A filter has an unknown value, or the locator is not valid.
    """
    filters = _filters(request)
    found = [job for job in jobs if filters.items() <= job.facts.items()]
    # By id too, because several jobs can have the same time.
    found.sort(key=lambda job: (job.created, job.id))
    start = _start(request.query.get("queryLocator", "0"))
    page = found[start : start + JOBS_PER_PAGE]
    end = start + len(page)
    following = None
    if end < len(found):
        following = f"{path}?{urlencode({'queryLocator': f'{page[-1].id}-{end}', **filters})}"
    return {
        "done": following is None,
        "records": [job.document for job in page],
        "nextRecordsUrl": following,
    }


def _filters(request: Request) -> dict[str, str]:
    filters = {}
    for name, words in _FILTERS.items():
        given = request.query.get(name)
        if not given:
            continue
        word = next((word for word in words if word.lower() == given.lower()), None)
        if word is None:
            raise invalid_job(f"{name} must be one of {', '.join(words)}, not {given}")
        filters[name] = word
    return filters


def _start(locator: str) -> int:
    start = locator.rpartition("-")[2]
    if not start.isdecimal():
        raise Fault(code="INVALID_QUERY_LOCATOR", message="invalid query locator")
    return int(start)

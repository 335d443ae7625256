"""Lists the result pages of a query job, so that several can be fetched at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sfbulk.errors import JobError, TransportError
from sfbulk.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from sfbulk.jobs.states import JobInfo
    from sfbulk.transport import Transport

FIRST_VERSION = 58.0
"""Of the resource (Bulk API guide: Get Parallel Results for a Query Job)."""


@dataclass(frozen=True)
class _Part:
    """One answer: some pages, and where the next ones are listed."""

    locators: list[str | None]
    following: str | None


class PageList:
    """The locators of all pages, in their order."""

    def __init__(self, transport: Transport, info: JobInfo) -> None:
        self._transport = transport
        self._info = info
        self._seen: set[str | None] = set()

    def locators(self, pool: Executor) -> Iterator[str | None]:
        """API call: each page's locator; the next part of the list is read in `pool` meanwhile.

        Raises:
            JobError: Salesforce lists the pages in a circle.
            ApiError: Salesforce refuses.
            TransportError: no answer, or one that lists no pages.
        """
        coming = pool.submit(self._read, None)
        while True:
            part = coming.result()
            if part.following is not None:
                coming = pool.submit(self._read, part.following)
            for locator in part.locators:
                self._note(locator)
                yield locator
            if part.following is None:
                return

    def _read(self, locator: str | None) -> _Part:
        job_id = self._info.id
        request = Request(
            "GET",
            f"{self._transport.base_path}/jobs/query/{job_id}/resultPages",
            f"List the result pages of query job {job_id} on {self._info.object}",
            params={} if locator is None else {"locator": locator},
            job_id=job_id,
        )
        return _part(request, self._transport.json(request))

    def _note(self, locator: str | None) -> None:
        if locator in self._seen:
            raise JobError(
                f"Salesforce lists the pages of job {self._info.id} in a circle. "
                "Run the query again.",
                job_id=self._info.id,
            )
        self._seen.add(locator)


def _part(request: Request, document: dict[str, Any]) -> _Part:
    try:
        locators = [_locator(page["resultUrl"]) for page in document["resultPages"]]
        following = document.get("nextRecordsUrl")
        # Without a locator of its own the list would begin anew.
        return _Part(locators, _locator(following) if following else None)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TransportError(
            f"{request.purpose}: the answer lists no pages.",
            ambiguous=False,
            job_id=request.job_id,
        ) from error


def _locator(url: str) -> str | None:
    """The locator in an address; the rest of it is not used, it could name another host."""
    return next(iter(parse_qs(urlsplit(url).query).get("locator", [])), None)

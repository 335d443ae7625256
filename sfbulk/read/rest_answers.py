"""Requests the pages of a REST query (REST API guide: Query, QueryAll, Query More Results)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from sfbulk.errors import JobError, NotFound, RowCountMismatch
from sfbulk.http.bounds import RECORDS
from sfbulk.http.json_text import UnusableJsonError
from sfbulk.http.shapes import Count, Shape
from sfbulk.http.unusable import unusable
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS, Request
from sfbulk.jobs.page_order import PageOrder
from sfbulk.read.json_cells import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.http.wire import Reply
    from sfbulk.transport import Transport

MOST_ROWS = 2_000
"""Rows of a page (REST API guide: Query Options Header)."""

# Such as 0r8xx3fLTJ0Yp5GAAW-2000.
_LOCATOR = re.compile(r"(?!\.{1,2}\Z)[!-~]{1,500}")

_EXPIRED = "INVALID_QUERY_LOCATOR"


@dataclass(frozen=True)
class RestPage:
    """One answer of a query."""

    records: list[dict[str, Any]]
    total: int | None
    """The rows of the whole query; None if the answer does not say."""
    next_locator: str | None
    """The id of the next page; None for the last one."""


class RestAnswers:
    """Runs REST queries of one object.

    Args:
        transport: the org.
        sobject: named in errors.
        include_deleted: read deleted and archived rows too.
    """

    def __init__(self, transport: Transport, sobject: str, *, include_deleted: bool) -> None:
        self._transport = transport
        self._sobject = sobject
        self._path = f"{transport.base_path}/{'queryAll' if include_deleted else 'query'}"

    def first(self, soql: str) -> RestPage:
        """API call: the first page of a query.

        Raises:
            ApiError: Salesforce refuses the query; its status is 414 or 431 if the query is too
                long for a URL.
            TransportError: no usable answer.
        """
        return self._page(
            Request(
                "GET",
                self._path,
                f"Query {self._sobject} by REST",
                params={"q": soql},
                headers=_options(),
                read_timeout=DATA_READ_TIMEOUT_SECONDS,
                bounds=RECORDS,
            )
        )

    def following(self, locator: str) -> RestPage:
        """API call: the page with this id.

        Raises:
            NotFound: the server does not have the result of the query any more.
            TransportError: no usable answer.
        """
        request = Request(
            "GET",
            # Salesforce names this resource for the pages of /queryAll too.
            f"{self._transport.base_path}/query/{quote(locator, safe='')}",
            f"Query {self._sobject} by REST, next page",
            # The quota never stops a query that has begun: its rows would be left unread.
            job_id=locator,
            headers=_options(),
            read_timeout=DATA_READ_TIMEOUT_SECONDS,
            bounds=RECORDS,
        )
        try:
            return self._page(request)
        except NotFound as error:
            if error.code != _EXPIRED:
                raise
            raise _expired(self._sobject, error) from error

    def rows(self, soql: str) -> Iterator[dict[str, Any]]:
        """API call: all rows of a query.

        Raises:
            JobError: the pages would never end.
            RowCountMismatch: other rows than Salesforce announced.
            ApiError, TransportError: as `first` and `following`.
        """
        page = self.first(soql)
        read = PagesRead(self._sobject, page.total)
        while True:
            following = read.following(page)
            yield from page.records
            if following is None:
                break
            page = self.following(following)
        read.check_total()

    def _page(self, request: Request) -> RestPage:
        return self._transport.read(request, _parsed)


class PagesRead:
    """The pages of one query that were read so far.

    Args:
        sobject: named in errors.
        total: the rows that Salesforce announced; None if it did not.
        start: the id of the page to begin with; None for the first one.
        rows_before: the rows of the pages before it; None if that is not known.
    """

    def __init__(
        self,
        sobject: str,
        total: int | None,
        start: str | None = None,
        rows_before: int | None = None,
    ) -> None:
        self._sobject = sobject
        self._total = total
        self._count = rows_before or 0
        self._all_counted = start is None or rows_before is not None
        self._order = PageOrder(start)

    def following(self, page: RestPage) -> str | None:
        """Take a page; the id of the next one, None for the last.

        Raises:
            JobError: the pages would never end.
            RowCountMismatch: there are more rows than Salesforce announced.
        """
        self._count += len(page.records)
        if self._total is not None and self._count > self._total:
            raise self._other_number()
        self._order.took(len(page.records))
        if problem := self._order.problem(page.next_locator):
            raise JobError(
                f"Salesforce sends the pages of a REST query of {self._sobject} {problem}. Run "
                "the query again."
            )
        return page.next_locator

    def check_total(self) -> None:
        """Compare the rows of all pages with the number that Salesforce announced.

        Raises:
            RowCountMismatch: there are fewer.
        """
        if self._all_counted and self._total not in (None, self._count):
            raise self._other_number()

    def _other_number(self) -> RowCountMismatch:
        return RowCountMismatch(
            f"The pages of a REST query of {self._sobject} have {self._count:,} rows, but "
            f"Salesforce announced {self._total:,}. Run the query again."
        )


def _options() -> dict[str, str]:
    return {"Sforce-Query-Options": f"batchSize={MOST_ROWS}"}


class _Page(msgspec.Struct, rename="camel"):
    """An answer of a query; its numbers are texts, see `parse_json`."""

    records: list[dict[str, Any]]
    total_size: Count | None = None
    done: bool | None = None
    next_records_url: str | None = None


_PAGE = Shape(_Page, "a page of records", strict=False)


def _parsed(request: Request, reply: Reply) -> RestPage:
    try:
        document = parse_json(reply.content)
    except UnusableJsonError as error:
        raise unusable(request, reply.status, str(error)) from None
    page = _PAGE.within(request, reply, document)
    locator = _locator(page.next_records_url)
    if locator is None and (page.done is False or page.next_records_url):
        raise unusable(request, reply.status, "a page that does not say where the next one is")
    return RestPage(page.records, page.total_size, locator)


def _locator(url: str | None) -> str | None:
    """The id in an address. Nothing else of it is used, because it could name another host."""
    locator = (url or "").rstrip("/").rpartition("/")[2]
    return locator if _LOCATOR.fullmatch(locator) else None


def _expired(sobject: str, error: NotFound) -> NotFound:
    return NotFound(
        f"Query {sobject} by REST: the server does not have the rest of the result any more "
        f"({_EXPIRED}): it keeps a result for two days at most, and only a few for each user. Run "
        "the query again from its beginning.",
        status=error.status,
        code=error.code,
        job_id=error.job_id,
        request_id=error.request_id,
        detail=error.detail,
    )

"""Lists the result pages of a query job, so that several can be fetched at a time.

The list only saves time: each page names the next one, too. So no answer to it is an error.

Sources differ about its form. The Bulk API guide (Get Parallel Results for a Query Job) prints
`{"resultPages": [{"resultUrl": "/services/data/v68.0/jobs/query/…/results?locator=…"}]}`; three
clients that do not know each other read `{"resultChunks": [{"resultLink":
"/jobs/query/…/results?locator=…"}]}`. Either is taken, and of an address the locator alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from sfbulk.errors import ApiError, TransportError
from sfbulk.http.shapes import Shape, json_document
from sfbulk.http.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from sfbulk.bulk2.states import JobInfo
    from sfbulk.http.wire import Reply
    from sfbulk.transport import Transport

FIRST_VERSION = 58.0
"""Of the resource (Bulk API guide: Get Parallel Results for a Query Job)."""

# The pages can be read without the list, so it is not worth half a minute of attempts.
_ATTEMPTS = 2


@dataclass(frozen=True)
class _Part:
    """One answer: some pages, and where the next ones are listed."""

    locators: list[str | None]
    following: str | None


class PageList:
    """The locators of the pages in their order, as far as Salesforce lists them."""

    def __init__(self, transport: Transport, info: JobInfo) -> None:
        self._transport = transport
        self._info = info
        self._seen: set[str | None] = set()
        self.problem: str | None = None
        """Why the list ended early; None if it was read to its end."""

    def locators(self, pool: Executor) -> Iterator[str | None]:
        """API call: each page's locator; the next part of the list is read in `pool` meanwhile.

        A first page may come with a locator of its own or with none. An answer that is not
        understood ends the list, and `problem` says why.
        """
        try:
            for part in self._parts(pool):
                for locator in part.locators:
                    # Without a locator it is the first page.
                    if locator in self._seen or (locator is None and self._seen):
                        self.problem = "a page is listed twice"
                        return
                    self._seen.add(locator)
                    # Each page has a row, so such a list would not end.
                    if len(self._seen) > (self._info.records_processed or 0):
                        self.problem = "it has more pages than the result has rows"
                        return
                    yield locator
        except _NotUnderstoodError as error:
            self.problem = str(error)
        except ApiError as error:
            self.problem = error.code or f"HTTP {error.status}"
        except TransportError as error:
            self.problem = f"HTTP {error.status}" if error.status else "no answer"

    def _parts(self, pool: Executor) -> Iterator[_Part]:
        coming = pool.submit(self._read, None)
        while True:
            part = coming.result()
            if part.following is not None:
                coming = pool.submit(self._read, part.following)
            yield part
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
            attempts=_ATTEMPTS,
        )
        return self._transport.read(request, _part)


class _NotUnderstoodError(Exception):
    """The answer is not a list of pages; the text says why."""


class _Entry(msgspec.Struct, rename="camel"):
    result_link: str | None = None
    result_url: str | None = None


class _Document(msgspec.Struct, rename="camel"):
    result_chunks: list[_Entry] | None = None
    result_pages: list[_Entry] | None = None
    next_records_url: str | None = None


_DOCUMENT = Shape(_Document, "a list of result pages")


def _part(request: Request, reply: Reply) -> _Part:
    try:
        document = _DOCUMENT.read(json_document(request, reply))
    except ValueError as error:
        raise _NotUnderstoodError(str(error)) from None
    listed = document.result_chunks or document.result_pages
    if not listed:
        raise _NotUnderstoodError("the answer lists no pages")
    locators = [_locator(_link(entry)) for entry in listed]
    if document.next_records_url in (None, "", "null"):
        return _Part(locators, None)
    following = _locator(document.next_records_url)
    if following is None:
        # Without a locator of its own the list would begin again.
        raise _NotUnderstoodError("the answer does not say where the list goes on")
    return _Part(locators, following)


def _link(entry: _Entry) -> str:
    link = entry.result_link or entry.result_url
    if not link:
        raise _NotUnderstoodError("the answer lists a page without its address")
    return link


def _locator(url: str) -> str | None:
    """The locator in an address. Nothing else of it is used, because it could name another host.

    A locator is opaque text. A plus in it is a plus, where a form would read a blank.
    """
    for parameter in url.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if name == "locator":
            return unquote(value) or None
    return None

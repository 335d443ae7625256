"""Lists the result pages of a query job, so that several can be fetched at a time.

The list only saves time: each page names the next one, too. So no answer to it is an error.

Sources differ about its form. The Bulk API guide (Get Parallel Results for a Query Job) prints
`{"resultPages": [{"resultUrl": "/services/data/v68.0/jobs/query/…/results?locator=…"}]}`; three
clients that do not know each other read `{"resultChunks": [{"resultLink":
"/jobs/query/…/results?locator=…"}]}`. Either is taken, and of an address the locator alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from sfbulk.errors import ApiError, TransportError
from sfbulk.http.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from sfbulk.bulk2.states import JobInfo
    from sfbulk.transport import Transport

FIRST_VERSION = 58.0
"""Of the resource (Bulk API guide: Get Parallel Results for a Query Job)."""

_LISTS = ("resultChunks", "resultPages")
_LINKS = ("resultLink", "resultUrl")

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
        return _part(self._transport.json(request))


class _NotUnderstoodError(Exception):
    """The answer is not a list of pages; the text says why."""


def _part(document: Mapping[str, Any]) -> _Part:
    listed = _first(document, _LISTS)
    if not isinstance(listed, list):
        raise _NotUnderstoodError("the answer lists no pages")
    following = document.get("nextRecordsUrl")
    if following in (None, "", "null"):
        return _Part([_locator(_link(entry)) for entry in listed], None)
    locator = _locator(following)
    if locator is None:
        # Without a locator of its own the list would begin again.
        raise _NotUnderstoodError("the answer does not say where the list goes on")
    return _Part([_locator(_link(entry)) for entry in listed], locator)


def _link(entry: Any) -> Any:
    link = _first(entry, _LINKS) if isinstance(entry, dict) else None
    if not link:
        raise _NotUnderstoodError("the answer lists a page without its address")
    return link


def _first(document: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of the names that has one."""
    return next((document[name] for name in names if document.get(name)), None)


def _locator(url: Any) -> str | None:
    """The locator in an address. Nothing else of it is used, because it could name another host.

    A locator is opaque text. A plus in it is a plus, where a form would read a blank.
    """
    if not isinstance(url, str):
        raise _NotUnderstoodError("the answer has an address that is not text")
    for parameter in url.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if name == "locator":
            return unquote(value) or None
    return None

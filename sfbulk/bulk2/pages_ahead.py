"""Fetches result pages ahead of the reader: those that are listed, in any order, else the next one.

Which page follows which is decided by the pages alone: each names the next one. The list only
says what may be fetched before it is named.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor, Future

    from sfbulk.bulk2.page_files import FetchedPage, PageFiles
    from sfbulk.bulk2.page_list import PageList

log = logging.getLogger(__name__)


class PagesAhead:
    """The pages that are being fetched, the next one first.

    Args:
        files: fetches a page.
        pool: in which that is done.
        pages_ahead: most pages fetched at a time.
    """

    def __init__(self, files: PageFiles, pool: Executor, *, pages_ahead: int) -> None:
        self._files = files
        self._pool = pool
        self._pages_ahead = pages_ahead
        self._coming: deque[tuple[str | None, Future[FetchedPage]]] = deque()
        self._list: PageList | None = None
        self._listed: Iterator[str | None] = iter(())
        self._first_listed: str | None = None

    def begin(self, start: str | None, page_list: PageList | None) -> None:
        """API call: fetch the page at `start` (None: the first), and those listed after it."""
        self._add(start)
        if page_list is None:
            return
        self._list, self._listed = page_list, page_list.locators(self._pool)
        if start is None:
            # Either the first page by a locator of its own, or a list that begins with the second.
            self._first_listed = next(self._listed, None)
        # No parameter is documented that lists from a page on, so the pages before are skipped.
        elif start not in self._listed and page_list.problem is None:
            self._leave_list("the page to begin with is not in it")
        self.fill()

    def take(self) -> FetchedPage:
        """API call: the next page; waits for it.

        Raises:
            SalesforceError: as `PageFiles.fetch`.
        """
        _, future = self._coming.popleft()
        return future.result()

    def fill(self) -> None:
        """API call: start to download as many listed pages as there is room for."""
        for locator in itertools.islice(self._listed, self._room()):
            self._add(locator)
        if self._list and self._list.problem:
            self._leave_list(self._list.problem)

    @property
    def next_locator(self) -> str | None:
        """The page that comes next by the list; None when it lists no more."""
        return self._coming[0][0] if self._coming else None

    def expect(self, locator: str) -> None:
        """API call: make sure that the page of this locator comes next."""
        if self.next_locator == locator:
            return
        if self._list and locator == self._first_listed:
            self._coming.appendleft((locator, self._pool.submit(self._files.fetch, locator)))
            return
        if self._list:
            self._leave_list(f"it {'has other' if self._coming else 'lacks'} pages")
        self.drop()
        self._add(locator)

    def drop(self) -> None:
        """Give up the pages that are being downloaded; their files are removed."""
        for _, future in self._coming:
            if not future.cancel():
                future.add_done_callback(self._remove)
        self._coming.clear()

    def _add(self, locator: str | None) -> None:
        self._coming.append((locator, self._pool.submit(self._files.fetch, locator)))

    def _remove(self, future: Future[FetchedPage]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._files.remove(future.result())

    def _room(self) -> int:
        """How many more downloads may be started."""
        if self._files.is_full:
            return 0 if self._coming else 1
        return max(self._pages_ahead - len(self._coming), 0)

    def _leave_list(self, problem: str) -> None:
        log.info(
            "Job %s: the list of its result pages cannot be used (%s), so the pages are "
            "requested one after another",
            self._files.job_id,
            problem,
        )
        self._list, self._listed = None, iter(())

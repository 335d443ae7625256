"""Reads the result pages of a query job in their order, while the next ones are downloaded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sfbulk.bulk2.page_files import PageFiles
from sfbulk.bulk2.page_list import FIRST_VERSION, PageList
from sfbulk.bulk2.pages_ahead import PagesAhead
from sfbulk.csvio import decode_rows
from sfbulk.errors import ApiError, CsvError, JobError, RowCountMismatch
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.page_folder import PageFolder
from sfbulk.jobs.page_order import PageOrder
from sfbulk.jobs.spool_budget import SpoolBudget
from sfbulk.usage import CountingPool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor

    from sfbulk.bulk2.page_files import FetchedPage
    from sfbulk.bulk2.states import JobInfo
    from sfbulk.jobs.result_page import ResultPage
    from sfbulk.transport import Transport

PAGES_AHEAD = 4
"""Pages fetched at a time while one is read."""

LISTED_FROM_ROWS = 20_000
"""Fewer rows usually fit into one page, and the list costs a request of its own."""


class PageReader:
    """Reads the pages of one completed job, once, in their order, from any page on.

    Each page names the next one. Large results are fetched several pages at a time where the
    version lists them; else the next one is fetched while a page is read.

    Disk: the page being read and those ahead; no further one is begun while the budget is full.
    Memory: one chunk for each download.
    """

    def __init__(  # noqa: PLR0913 - what is read, and within which bounds, by keyword
        self,
        transport: Transport,
        info: JobInfo,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        max_records: int | None = None,
        pages_ahead: int = PAGES_AHEAD,
        budget: SpoolBudget | None = None,
    ) -> None:
        self._transport = transport
        self._info = info
        self._spool = spool
        self._start = start
        self._rows = rows_before or 0
        self._all_counted = start is None or rows_before is not None
        self._max_records = max_records
        self._pages_ahead = pages_ahead
        self._budget = budget or SpoolBudget()

    def pages(self) -> Iterator[ResultPage]:
        """API call: each page as a file, while the next ones are downloaded.

        A job without rows has no pages; its answer is only looked at for rows.

        Raises:
            RowCountMismatch: all pages together do not have as many rows as the job; from a
                locator on, without a number of rows before it, they have more.
            JobError: Salesforce repeats a locator, or sends page after page without rows.
            ApiError: Salesforce refuses a page.
            TransportError: a page could not be downloaded.
        """
        if self._info.records_processed == 0:
            self._check_none()
            return
        pool = CountingPool(self._pages_ahead, thread_name_prefix="sfbulk-page")
        with TemporaryDirectory(prefix=f"{self._info.id}-", dir=self._spool) as folder:
            page_folder = PageFolder(Path(folder), self._budget)
            files = PageFiles(self._transport, self._info, page_folder, self._max_records)
            try:
                for fetched in self._each(pool, files):
                    yield fetched.page
                    files.remove(fetched)
                    self._count(fetched.page.rows)
            finally:
                # A reader that stops early must not wait for downloads that still run.
                page_folder.stop()
                pool.shutdown(cancel_futures=True)
                page_folder.release()
        self._check_total()

    def _check_none(self) -> None:
        """API call: a count of 0 alone is not believed, as a bookmark would pass the rows.

        Raises:
            RowCountMismatch: the results have rows.
            TransportError: no usable answer.
        """
        with TemporaryDirectory(prefix=f"{self._info.id}-", dir=self._spool) as name:
            folder = PageFolder(Path(name), self._budget)
            try:
                files = PageFiles(self._transport, self._info, folder, self._max_records)
                rows = _rows_of(files.fetch(None))
            except (ApiError, CsvError):
                # What Salesforce answers for such a job is not documented.
                return
            finally:
                folder.release()
        if rows:
            raise self._other_number(rows)

    def _each(self, pool: ThreadPoolExecutor, files: PageFiles) -> Iterator[FetchedPage]:
        ahead = PagesAhead(files, pool, pages_ahead=self._pages_ahead)
        listed = PageList(self._transport, self._info) if self._may_be_listed() else None
        ahead.begin(self._start, listed)
        order = PageOrder(self._start)
        following: str | None = ""
        while following is not None:
            fetched = ahead.take()
            following = self._following(fetched, ahead)
            if problem := order.problem(following):
                raise self._endless(problem)
            if following is not None:
                ahead.expect(following)
            yield fetched
            order.took(fetched.page.rows)

    def _following(self, fetched: FetchedPage, ahead: PagesAhead) -> str | None:
        """Where the page after this one begins; None after the last."""
        if fetched.names_next and fetched.page.next_locator is None:
            ahead.drop()
            return None
        ahead.fill()
        return fetched.page.next_locator if fetched.names_next else ahead.next_locator

    def _may_be_listed(self) -> bool:
        return (
            self._pages_ahead > 1
            and self._max_records is None
            and (self._info.records_processed or 0) >= LISTED_FROM_ROWS
            and float(self._transport.api_version) >= FIRST_VERSION
        )

    def _endless(self, problem: str) -> JobError:
        return JobError(
            f"Salesforce sends the pages of job {self._info.id} {problem}. Run the query again.",
            job_id=self._info.id,
        )

    def _count(self, rows: int | None) -> None:
        # After each page: a server may send pages without end.
        self._rows += rows or 0
        self._all_counted &= rows is not None
        announced = self._info.records_processed
        if announced is not None and self._rows > announced:
            raise self._other_number(self._rows)

    def _check_total(self) -> None:
        if self._all_counted and self._rows < (self._info.records_processed or 0):
            raise self._other_number(self._rows)

    def _other_number(self, rows: int) -> RowCountMismatch:
        return RowCountMismatch(
            f"The result pages of job {self._info.id} hold {rows:,} rows where "
            f"Salesforce processed {self._info.records_processed or 0:,}. Run the query again.",
            job_id=self._info.id,
        )


def _rows_of(fetched: FetchedPage) -> int:
    if fetched.page.rows is not None:
        return fetched.page.rows
    return sum(1 for _ in decode_rows(read_chunks(fetched.page.path)))

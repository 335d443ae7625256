"""Downloads the result pages of a query job to files, ahead of the reader."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sfbulk.errors import ApiError, JobError, RowCountMismatch
from sfbulk.jobs.download import download
from sfbulk.jobs.page_list import FIRST_VERSION, PageList
from sfbulk.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from sfbulk.jobs.states import JobInfo
    from sfbulk.transport import Transport
    from sfbulk.wire import Reply

log = logging.getLogger(__name__)

PAGES_AHEAD = 4
"""Pages fetched at a time while one is read."""

SPOOL_BYTES = 500_000_000
"""Bytes of pages on disk from which on no further one is begun."""

LISTED_FROM_ROWS = 20_000
"""Fewer rows mostly come in one page, and the list would cost a request of its own."""


@dataclass
class ResultPage:
    """One page of results: a CSV file with a header row.

    The file is removed when the reader asks for the next page.
    """

    job_id: str
    path: Path
    expected_rows: int | None
    """Data rows by the server's count; None when a proxy stripped the header."""
    locator: str | None
    """Where this page begins; None for the first."""
    next_locator: str | None
    """Where the next page begins; None after the last."""
    rows: int | None = field(init=False)
    """Data rows as counted by `check_rows`, until then as expected."""

    def __post_init__(self) -> None:
        self.rows = self.expected_rows

    def check_rows(self, counted: int) -> None:
        """Take the number of data rows read from the file.

        Raises:
            RowCountMismatch: Salesforce announced another number.
        """
        self.rows = counted
        if self.expected_rows not in (None, counted):
            raise RowCountMismatch(
                f"A result page of job {self.job_id} holds {counted:,} rows where Salesforce "
                f"announced {self.expected_rows:,}. Run the query again.",
                job_id=self.job_id,
            )


class PageReader:
    """Reads the pages of one completed job, once, in their order.

    Large results are fetched several pages at a time where the version lists them; else
    each page names the next one, and that one is fetched while a page is read.

    Disk: the page being read and those ahead; no further one is begun while `spool_bytes`
    lie there. Memory: one chunk for each download.
    """

    def __init__(  # noqa: PLR0913 - what is read, and within which bounds, by keyword
        self,
        transport: Transport,
        info: JobInfo,
        spool: Path,
        *,
        max_records: int | None = None,
        pages_ahead: int = PAGES_AHEAD,
        spool_bytes: int = SPOOL_BYTES,
    ) -> None:
        self._transport = transport
        self._info = info
        self._spool = spool
        self._max_records = max_records
        self._pages_ahead = pages_ahead
        self._spool_bytes = spool_bytes
        self._on_disk = _Sum()
        self._stopped = threading.Event()
        self._locators: set[str] = set()
        self._refusal: str | None = None
        self._numbers = itertools.count(1)

    def pages(self) -> Iterator[ResultPage]:
        """API call: each page as a file, others being fetched meanwhile; none if there are no rows.

        Raises:
            RowCountMismatch: the pages together do not hold the rows of the job.
            JobError: Salesforce repeats a locator, or the results are not there.
            ApiError: Salesforce refuses a page.
            TransportError: a page could not be had.
        """
        if self._info.records_processed == 0:
            # What such a job answers is not documented, and nothing could be in it.
            return
        counts: list[int | None] = []
        pool = ThreadPoolExecutor(self._pages_ahead, thread_name_prefix="sfbulk-page")
        with TemporaryDirectory(prefix=f"{self._info.id}-", dir=self._spool) as folder:
            try:
                for page in self._all(pool, Path(folder)):
                    size = page.path.stat().st_size
                    yield page
                    page.path.unlink(missing_ok=True)
                    self._on_disk.add(-size)
                    counts.append(page.rows)
            finally:
                # A download under way must not keep a reader waiting who has left.
                self._stopped.set()
                pool.shutdown(cancel_futures=True)
        self._check_total(counts)

    def _all(self, pool: ThreadPoolExecutor, folder: Path) -> Iterator[ResultPage]:
        if not self._may_be_listed():
            yield from self._each_after_the_other(pool, folder, None)
            return
        last: ResultPage | None = None
        for page in self._listed(pool, folder):
            last = page
            yield page
        if self._refusal and (last is None or last.next_locator is not None):
            log.info(
                "Job %s: the pages are not listed (%s), so each is asked for after the other",
                self._info.id,
                self._refusal,
            )
            start = last.next_locator if last else None
            yield from self._each_after_the_other(pool, folder, start)

    def _may_be_listed(self) -> bool:
        return (
            self._pages_ahead > 1
            and self._max_records is None
            and (self._info.records_processed or 0) >= LISTED_FROM_ROWS
            and float(self._transport.api_version) >= FIRST_VERSION
        )

    def _listed(self, pool: ThreadPoolExecutor, folder: Path) -> Iterator[ResultPage]:
        locators = self._until_refused(PageList(self._transport, self._info).locators(pool))
        coming: deque[Future[ResultPage]] = deque()
        while True:
            self._fill(coming, locators, pool, folder)
            if not coming:
                return
            page = coming.popleft().result()
            self._fill(coming, locators, pool, folder)
            yield page

    def _until_refused(self, locators: Iterator[str | None]) -> Iterator[str | None]:
        try:
            yield from locators
        except ApiError as error:
            self._refusal = error.code or f"HTTP {error.status}"

    def _fill(
        self,
        coming: deque[Future[ResultPage]],
        locators: Iterator[str | None],
        pool: ThreadPoolExecutor,
        folder: Path,
    ) -> None:
        for locator in itertools.islice(locators, self._room(len(coming))):
            coming.append(pool.submit(self._download, folder, locator))

    def _room(self, coming: int) -> int:
        """How many more pages may be begun while so many are coming."""
        if self._on_disk.value >= self._spool_bytes:
            return 0 if coming else 1
        return self._pages_ahead - coming

    def _each_after_the_other(
        self, pool: ThreadPoolExecutor, folder: Path, start: str | None
    ) -> Iterator[ResultPage]:
        coming: Future[ResultPage] | None = pool.submit(self._download, folder, start)
        while coming is not None:
            page = coming.result()
            locator = page.next_locator
            coming = None if locator is None else self._submit_next(pool, folder, locator)
            yield page

    def _submit_next(
        self, pool: ThreadPoolExecutor, folder: Path, locator: str
    ) -> Future[ResultPage]:
        if locator in self._locators:
            raise JobError(
                f"Salesforce sends the pages of job {self._info.id} in a circle. "
                "Run the query again.",
                job_id=self._info.id,
            )
        self._locators.add(locator)
        return pool.submit(self._download, folder, locator)

    def _download(self, folder: Path, locator: str | None) -> ResultPage:
        path = folder / f"{next(self._numbers):06d}.csv"
        partial = path.with_suffix(".part")
        request = self._request(locator)
        reply = download(self._transport, request, lambda chunks: self._save(chunks, partial))
        partial.replace(path)
        following = reply.headers.get("Sforce-Locator")
        is_empty = path.stat().st_size == 0
        page = ResultPage(
            job_id=self._info.id,
            path=path,
            expected_rows=_count(reply) if not is_empty else _count(reply) or 0,
            locator=locator,
            # The last page says "null", in letters (Bulk API guide: Get Results for a Query Job).
            next_locator=None if following in (None, "", "null") else following,
        )
        if is_empty:
            page.check_rows(0)
        return page

    def _request(self, locator: str | None) -> Request:
        params = {"locator": locator, "maxRecords": self._max_records}
        return Request(
            "GET",
            f"{self._transport.base_path}/jobs/query/{self._info.id}/results",
            f"Get results of query job {self._info.id} on {self._info.object}",
            params={name: str(value) for name, value in params.items() if value is not None},
            job_id=self._info.id,
        )

    def _save(self, chunks: Iterator[bytes], partial: Path) -> None:
        # An attempt before this one has left its part there.
        self._on_disk.add(-partial.stat().st_size if partial.exists() else 0)
        with partial.open("wb") as file:
            for chunk in chunks:
                if self._stopped.is_set():
                    raise _Stopped
                file.write(chunk)
                self._on_disk.add(len(chunk))

    def _check_total(self, counts: list[int | None]) -> None:
        announced = self._info.records_processed
        known = [count for count in counts if count is not None]
        if announced is not None and len(known) == len(counts) and sum(known) != announced:
            raise RowCountMismatch(
                f"The result pages of job {self._info.id} hold {sum(known):,} rows where "
                f"Salesforce processed {announced:,}. Run the query again.",
                job_id=self._info.id,
            )


def _count(reply: Reply) -> int | None:
    """The data rows of a page by its header; None when a proxy has removed it."""
    text = reply.headers.get("Sforce-NumberOfRecords", "")
    return int(text) if text.isascii() and text.isdigit() else None


class _Sum:
    """A number that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.value = 0

    def add(self, number: int) -> None:
        with self._lock:
            self.value += number


class _Stopped(Exception):  # noqa: N818 - no error: the reader has left
    """Ends a download nobody waits for any more."""

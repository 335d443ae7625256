"""Downloads the result pages of a query job to files, one ahead of the reader."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sfbulk.errors import JobError, RowCountMismatch
from sfbulk.jobs.download import download
from sfbulk.wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from sfbulk.jobs.states import JobInfo
    from sfbulk.transport import Transport


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
    """Reads the pages of one completed job, once.

    Disk: at most two pages at a time, the one being read and the next. Memory: one
    chunk of a download.
    """

    def __init__(
        self, transport: Transport, info: JobInfo, spool: Path, max_records: int | None
    ) -> None:
        self._transport = transport
        self._info = info
        self._spool = spool
        self._max_records = max_records
        self._stopped = threading.Event()
        self._locators: set[str] = set()

    def pages(self) -> Iterator[ResultPage]:
        """API call: each page as a file; the next one is fetched while a page is read.

        Raises:
            RowCountMismatch: the pages together do not hold the rows of the job.
            JobError: Salesforce repeats a locator, or the results are not there.
            ApiError: Salesforce refuses a page.
            TransportError: a page could not be had.
        """
        counts: list[int | None] = []
        with (
            TemporaryDirectory(prefix=f"{self._info.id}-", dir=self._spool) as folder,
            ThreadPoolExecutor(1, thread_name_prefix="sfbulk-page") as pool,
        ):
            coming: Future[ResultPage] | None = pool.submit(self._download, Path(folder), None)
            try:
                while coming is not None:
                    page = coming.result()
                    coming = self._ahead(pool, Path(folder), page)
                    yield page
                    page.path.unlink(missing_ok=True)
                    counts.append(page.rows)
            finally:
                # A download under way must not keep a reader waiting who has left.
                self._stopped.set()
        self._check_total(counts)

    def _ahead(
        self, pool: ThreadPoolExecutor, folder: Path, page: ResultPage
    ) -> Future[ResultPage] | None:
        locator = page.next_locator
        if locator is None:
            return None
        if locator in self._locators:
            raise JobError(
                f"Salesforce sends the pages of job {self._info.id} in a circle. "
                "Run the query again.",
                job_id=self._info.id,
            )
        self._locators.add(locator)
        return pool.submit(self._download, folder, locator)

    def _download(self, folder: Path, locator: str | None) -> ResultPage:
        path = folder / f"{len(self._locators) + 1:06d}.csv"
        partial = path.with_suffix(".part")
        request = self._request(locator)
        reply = download(self._transport, request, lambda chunks: self._save(chunks, partial))
        partial.replace(path)
        following = reply.headers.get("Sforce-Locator")
        count = reply.headers.get("Sforce-NumberOfRecords", "")
        return ResultPage(
            job_id=self._info.id,
            path=path,
            expected_rows=int(count) if count.isascii() and count.isdigit() else None,
            locator=locator,
            # The last page says "null", in letters (Bulk API guide: Get Results for a Query Job).
            next_locator=None if following in (None, "", "null") else following,
        )

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
        with partial.open("wb") as file:
            for chunk in chunks:
                if self._stopped.is_set():
                    raise _Stopped
                file.write(chunk)

    def _check_total(self, counts: list[int | None]) -> None:
        announced = self._info.records_processed
        known = [count for count in counts if count is not None]
        if announced is not None and len(known) == len(counts) and sum(known) != announced:
            raise RowCountMismatch(
                f"The result pages of job {self._info.id} hold {sum(known):,} rows where "
                f"Salesforce processed {announced:,}. Run the query again.",
                job_id=self._info.id,
            )


class _Stopped(Exception):  # noqa: N818 - no error: the reader has left
    """Ends a download nobody waits for any more."""

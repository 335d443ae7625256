"""Downloads single result pages of a query job to files, and counts the bytes they take."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.errors import RowCountMismatch
from sfbulk.http.wire import Request
from sfbulk.jobs.download import download

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk.bulk2.states import JobInfo
    from sfbulk.http.wire import Reply
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
    """Where the next page begins, as this page says; None after the last."""
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


@dataclass(frozen=True)
class FetchedPage:
    """A page on disk, with what is needed to fetch the next one."""

    page: ResultPage
    size: int
    """Bytes of its file."""
    names_next: bool
    """Whether its answer said which page is next; False when a proxy stripped the header."""


class PageFiles:
    """Files of one job's pages in one folder; several threads may fetch at a time."""

    def __init__(
        self, transport: Transport, info: JobInfo, folder: Path, max_records: int | None
    ) -> None:
        self._transport = transport
        self._info = info
        self._folder = folder
        self._max_records = max_records
        self._numbers = itertools.count(1)
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def job_id(self) -> str:
        """The job whose pages these are."""
        return self._info.id

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of all files, unfinished ones included."""
        return self._bytes

    def fetch(self, locator: str | None) -> FetchedPage:
        """API call: one page as a file; the first when `locator` is None.

        Raises:
            RowCountMismatch: the answer has no body, but announces rows.
            ApiError: Salesforce refuses.
            TransportError: the page could not be downloaded.
        """
        path = self._folder / f"{next(self._numbers):06d}.csv"
        partial = path.with_suffix(".part")
        reply = download(
            self._transport, self._request(locator), lambda chunks: self._save(chunks, partial)
        )
        partial.replace(path)
        following = reply.headers.get("Sforce-Locator")
        size = path.stat().st_size
        page = ResultPage(
            job_id=self._info.id,
            path=path,
            expected_rows=_row_count(reply) if size else _row_count(reply) or 0,
            locator=locator,
            # The last page says "null", in letters (Bulk API guide: Get Results for a Query Job).
            next_locator=None if following in (None, "", "null") else following,
        )
        if not size:
            page.check_rows(0)
        return FetchedPage(page, size, names_next=bool(following))

    def remove(self, fetched: FetchedPage) -> None:
        """Remove the file of a page, if the reader has not moved it away."""
        fetched.page.path.unlink(missing_ok=True)
        self._count(-fetched.size)

    def stop(self) -> None:
        """End the downloads that still run, because the reader has stopped."""
        self._stopped.set()

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
        # An earlier attempt may have left a part of the page there.
        self._count(-partial.stat().st_size if partial.exists() else 0)
        with partial.open("wb") as file:
            for chunk in chunks:
                if self._stopped.is_set():
                    raise _Stopped
                file.write(chunk)
                self._count(len(chunk))

    def _count(self, more: int) -> None:
        with self._lock:
            self._bytes += more


class _Stopped(Exception):  # noqa: N818 - not an error: the reader has stopped
    """Ends a download after the reader has stopped."""


def _row_count(reply: Reply) -> int | None:
    text = reply.headers.get("Sforce-NumberOfRecords", "")
    return int(text) if text.isascii() and text.isdigit() else None

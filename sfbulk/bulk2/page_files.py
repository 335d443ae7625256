"""Downloads single result pages of a query job to files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.http.wire import Request
from sfbulk.jobs.download import download, row_count
from sfbulk.jobs.result_page import ResultPage

if TYPE_CHECKING:
    from sfbulk.bulk2.states import JobInfo
    from sfbulk.jobs.page_folder import PageFolder
    from sfbulk.transport import Transport


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
        self, transport: Transport, info: JobInfo, folder: PageFolder, max_records: int | None
    ) -> None:
        self._transport = transport
        self._info = info
        self._folder = folder
        self._max_records = max_records

    @property
    def job_id(self) -> str:
        """The job whose pages these are."""
        return self._info.id

    @property
    def is_full(self) -> bool:
        """Whether so much is on disk that no further download should begin."""
        return self._folder.is_full

    def fetch(self, locator: str | None) -> FetchedPage:
        """API call: one page as a file; the first when `locator` is None.

        Raises:
            RowCountMismatch: the answer has no body, but announces rows.
            ApiError: Salesforce refuses.
            TransportError: the page could not be downloaded.
        """
        path = self._folder.new_path()
        partial = path.with_suffix(".part")
        reply = download(
            self._transport,
            self._request(locator),
            lambda chunks: self._folder.save(chunks, partial),
        )
        partial.replace(path)
        following = reply.headers.get("Sforce-Locator")
        size = path.stat().st_size
        page = ResultPage(
            source=f"job {self._info.id}",
            job_id=self._info.id,
            path=path,
            expected_rows=row_count(reply) if size else row_count(reply) or 0,
            locator=locator,
            # The last page says "null", in letters (Bulk API guide: Get Results for a Query Job).
            next_locator=None if following in (None, "", "null") else following,
        )
        if not size:
            page.check_rows(0)
        return FetchedPage(page, size, names_next=bool(following))

    def remove(self, fetched: FetchedPage) -> None:
        """Remove the file of a page, if the reader has not moved it away."""
        self._folder.remove(fetched.page.path, fetched.size)

    def _request(self, locator: str | None) -> Request:
        params = {"locator": locator, "maxRecords": self._max_records}
        return Request(
            "GET",
            f"{self._transport.base_path}/jobs/query/{self._info.id}/results",
            f"Get results of query job {self._info.id} on {self._info.object}",
            params={name: str(value) for name, value in params.items() if value is not None},
            job_id=self._info.id,
        )

"""Bulk API 2.0 query jobs: create, wait, read pages, abort, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sfbulk.bulk2.job import Job
from sfbulk.bulk2.pages import PAGES_AHEAD, PageReader
from sfbulk.bulk2.states import JobInfo, failure, read_job
from sfbulk.csvio import decode_rows
from sfbulk.error_text import naming_data
from sfbulk.errors import DataError
from sfbulk.http.wire import Request
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.read_api import ReadApi
from sfbulk.run_folder import temporary_folder
from sfbulk.soql import root_object

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from sfbulk.jobs.result_page import ResultPage
    from sfbulk.jobs.spool_budget import SpoolBudget
    from sfbulk.transport import Transport


class QueryJob(Job):
    """A bulk query on the server."""

    kind: ClassVar[str] = "query"

    @classmethod
    def create(cls, transport: Transport, soql: str, *, include_deleted: bool = False) -> QueryJob:
        """API call: submit the query; with `include_deleted` it reads deleted rows too.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            ApiError: Salesforce refuses the query, for example for an unknown field.
            QuotaReached: the settings allow no further job.
            TransportError: no answer to any attempt.
        """
        transport.guard.before_query_job()
        request = Request(
            "POST",
            f"{transport.base_path}/jobs/query",
            f"Create a query job{_on_object(soql)}",
            json={"operation": "queryAll" if include_deleted else "query", "query": soql},
            # A second job changes nothing: it only counts as one of the org's daily jobs.
            repeatable=True,
        )
        job = cls(transport, transport.read(request, read_job))
        transport.count(query_jobs=1)
        return job

    @property
    def api(self) -> ReadApi:
        """The API that runs it."""
        return ReadApi.BULK2

    @property
    def created(self) -> datetime | None:
        """When it was created, by the clock of the org's database; None if an answer lacks it."""
        return self.info.created

    @property
    def state_name(self) -> str:
        """What Salesforce calls its state, as last read, such as `InProgress`."""
        return self.state.value

    def wait(self, *, timeout: float | None = None) -> JobInfo:
        """API call: wait until the query has run; `timeout` in seconds, else `job_timeout`.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            JobFailed: the query failed; the text has Salesforce's reason.
            JobAborted: a user or a program aborted the job.
            JobTimeout: it is still running; it was left running.
            UnknownState: a state that this version does not know.
        """
        info = self._wait(timeout)
        if error := failure(info):
            raise error
        return info

    def pages(  # noqa: PLR0913 - what is read, and within which bounds, by keyword
        self,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        max_records: int | None = None,
        pages_ahead: int = PAGES_AHEAD,
        budget: SpoolBudget | None = None,
    ) -> Generator[ResultPage, None, None]:
        """API call: the result pages as files, in their order, while the next ones are downloaded.

        Waits for the job if it has not ended. From version 58.0 on, several pages of a large
        result are downloaded at a time. The file of a page is removed when the next page is
        taken. A job without rows has no pages, and none are requested.

        Args:
            spool: an existing directory for them.
            start: the `next_locator` of the last page that was read before, in this run or an
                earlier one, to read the pages after it; None reads from the first page on.
            rows_before: how many rows the pages before `start` had, if that is known.
            max_records: most rows of a page; Salesforce chooses if None. With a number, pages
                are requested one after another.
            pages_ahead: most pages downloaded at a time; 1 requests one after another.
            budget: while it is full, no further download is started; None for one of its own.

        Raises:
            RowCountMismatch: all pages together do not have as many rows as the job; from
                `start` on, without `rows_before`, they have more.
            JobError: the job did not complete, or its pages go in a circle.
            ApiError: Salesforce refuses a page.
            TransportError: a page could not be downloaded.
        """
        self.wait()
        yield from PageReader(
            self._transport,
            self.info,
            spool,
            start=start,
            rows_before=rows_before,
            max_records=max_records,
            pages_ahead=pages_ahead,
            budget=budget,
        ).pages()

    def rows(self) -> Generator[dict[str, str | None], None, None]:
        """API call: every row as a dict by column name, empty cells as None; counts are checked.

        Raises:
            CsvError: a page is not CSV.
            RowCountMismatch: the number of rows is not the number that Salesforce reports.
            JobError: as `pages`.
        """
        with temporary_folder() as spool:
            for page in self.pages(spool):
                counted = 0
                with naming_data(page.name, self.id):
                    for row in decode_rows(read_chunks(page.path)):
                        counted += 1
                        yield {name: value or None for name, value in row.items()}
                page.check_rows(counted)


def _on_object(soql: str) -> str:
    """The object that a query reads, for errors; nothing if the server has to refuse the query."""
    try:
        return f" on {root_object(soql)}"
    except DataError:
        return ""

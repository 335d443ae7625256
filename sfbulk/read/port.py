"""The port to a query that is read, whichever API runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sfbulk.jobs.disposing import Disposable

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime
    from pathlib import Path

    from sfbulk.jobs.read_api import ReadApi
    from sfbulk.jobs.result_page import ResultPage
    from sfbulk.jobs.spool_budget import SpoolBudget


class ReadJob(Disposable, Protocol):
    """A query of one object, by any API.

    `disposing` deletes or aborts it. With Bulk API 2.0 and 1.0 it is a job on the server that runs
    from its creation; with REST nothing is requested before its pages are read.
    """

    @property
    def api(self) -> ReadApi:
        """The API that runs it, as far as it is known: see `Salesforce.read_job`, `or_rest`."""

    @property
    def object_name(self) -> str:
        """The object it reads."""

    @property
    def state_name(self) -> str:
        """What Salesforce calls the state of its job, as last read; empty if it has no job."""

    @property
    def records_processed(self) -> int | None:
        """The number of its rows; None until Salesforce reports it."""

    def wait(self, *, timeout: float | None = None) -> object:
        """API call: wait until the query has run; `timeout` in seconds, else `job_timeout`.

        Raises:
            JobFailed: the query failed; the text has Salesforce's reason.
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            JobAborted: a user or a program aborted the job.
            JobTimeout: it is still running; it was left running.
        """

    @property
    def created(self) -> datetime | None:
        """When its job was created, by the clock of the org's database; None if it has none."""

    def pages(
        self,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        budget: SpoolBudget | None = None,
    ) -> Generator[ResultPage, None, None]:
        """API call: the result pages as files; waits for the query.

        The pages of every API have the same form and the same cells. The file of a page is
        removed when the next page is taken. A query without rows has no pages, or an empty one.

        Args:
            spool: an existing directory for them.
            start: the `next_locator` of the last page that was read before, to read the pages
                after it; None reads from the first page on.
            rows_before: how many rows the pages before `start` had, if that is known.
            budget: while it is full, no further download is started; None for one of its own.

        Raises:
            RowCountMismatch: the pages have another number of rows than Salesforce reports.
            NotFound: the server does not have the results any more.
            JobError, ApiError, TransportError: the query cannot be read.
        """

"""Runs one query job and hands over its result pages, spooled to disk, row counts checked."""

from __future__ import annotations

import logging
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.errors import RowCountMismatch, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk import QueryJob, ResultPage, Salesforce


class Extract:
    """A finished query job whose pages are read one after the other.

    Each page's file is removed when the next one is asked for. The reader tells how many
    rows it got out of a page, and that is compared with what Salesforce says it wrote.
    """

    def __init__(self, job: QueryJob, spool: Path) -> None:
        self._job = job
        self._spool = spool
        self.rows = 0
        """Rows handed over so far."""
        self.is_complete = False
        """Whether every row of the job was handed over."""

    def pages(self) -> Iterator[PageRows]:
        """The pages in the order of the job.

        Raises:
            RowCountMismatch: If a page or the job has another number of rows than
                Salesforce counted.
            JobError: If the job fails.
        """
        self._job.wait()
        for result in self._job.pages(self._spool):
            page = PageRows(self._job.id, result)
            yield page
            page.check()
            self.rows += page.rows
            result.path.unlink(missing_ok=True)
        self._check_total()
        self.is_complete = True

    def _check_total(self) -> None:
        processed = self._job.records_processed
        if processed is not None and processed != self.rows:
            raise RowCountMismatch(
                f"Query job {self._job.id} processed {processed} rows, but its pages hold "
                f"{self.rows}. Nothing was bookmarked; run again."
            )


class PageRows:
    """A page and the number of rows its reader has got out of it."""

    def __init__(self, job_id: str, result: ResultPage) -> None:
        self._job_id = job_id
        self._expected = result.expected_rows
        self.path = result.path
        self.rows = 0

    def check(self) -> None:
        """Compare the rows with Salesforce's count; nothing to compare when a proxy took it.

        Raises:
            RowCountMismatch: If they differ.
        """
        if self._expected is not None and self._expected != self.rows:
            raise RowCountMismatch(
                f"A result page of query job {self._job_id} holds {self.rows} rows, but "
                f"Salesforce counted {self._expected}. Nothing was bookmarked; run again."
            )


@contextmanager
def extract(
    salesforce: Salesforce, soql: str, *, include_deleted: bool, spool_dir: str | None
) -> Iterator[Extract]:
    """Create a job for a query and leave nothing of it behind, however the block ends.

    Raises:
        SalesforceError: If the query is refused.
    """
    with tempfile.TemporaryDirectory(prefix="tap-sfbulk-", dir=spool_dir) as spool:
        job = salesforce.query_job(soql, include_deleted=include_deleted)
        extracted = Extract(job, Path(spool))
        try:
            yield extracted
        finally:
            _remove(job, is_running=not extracted.is_complete)


def _remove(job: QueryJob, *, is_running: bool) -> None:
    """Delete the job, aborted first where it may still run; a failure is only logged.

    The rows are out, or an error is on its way that must not be hidden by this one.
    """
    logger = logging.getLogger("tap-sfbulk")
    try:
        job.refresh()
        if is_running and not job.state.is_terminal:
            job.abort()
        job.delete()
    except SalesforceError as error:
        logger.warning("Query job %s could not be removed: %s", job.id, error)

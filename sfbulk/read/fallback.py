"""A bulk query that is read by REST instead if Bulk API refuses it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sfbulk.errors import ApiError, DataError, JobFailed, SalesforceError
from sfbulk.http.bulk_refusals import is_query_refusal
from sfbulk.jobs.disposing import delete_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import datetime
    from pathlib import Path

    from sfbulk.jobs.read_api import ReadApi
    from sfbulk.jobs.result_page import ResultPage
    from sfbulk.jobs.spool_budget import SpoolBudget
    from sfbulk.read.port import ReadJob

log = logging.getLogger(__name__)


class BulkOrRest:
    """A query that one API refuses, at its creation or as a failed job, goes to the other.

    Args:
        bulk: API call: submits the query.
        rest: the same query by REST.
    """

    def __init__(self, bulk: Callable[[], ReadJob], rest: Callable[[], ReadJob]) -> None:
        self._rest = rest
        try:
            self._job = bulk()
        except SalesforceError as error:
            self._change(error)

    @property
    def api(self) -> ReadApi:
        """The API that runs it; after `wait` it is not changed any more."""
        return self._job.api

    @property
    def id(self) -> str:
        """The id of its job; empty for REST."""
        return self._job.id

    @property
    def object_name(self) -> str:
        """The object it reads."""
        return self._job.object_name

    @property
    def has_ended(self) -> bool:
        """Whether the server has ended its work, as last read."""
        return self._job.has_ended

    @property
    def state_name(self) -> str:
        """What Salesforce calls the state of its job, as last read; empty for REST."""
        return self._job.state_name

    @property
    def records_processed(self) -> int | None:
        """The number of its rows; None until Salesforce reports it."""
        return self._job.records_processed

    @property
    def created(self) -> datetime | None:
        """When its job was created, by the clock of the org's database; None if it has none."""
        return self._job.created

    def wait(self, *, timeout: float | None = None) -> None:
        """API call: wait until the query has run, or is refused; see `ReadJob.wait`."""
        try:
            self._job.wait(timeout=timeout)
        except SalesforceError as error:
            refused = self._job
            self._change(error)
            delete_quietly(refused)

    def pages(
        self,
        spool: Path,
        *,
        start: str | None = None,
        rows_before: int | None = None,
        budget: SpoolBudget | None = None,
    ) -> Generator[ResultPage, None, None]:
        """API call: the result pages as files; see `ReadJob.pages`."""
        self.wait()
        yield from self._job.pages(spool, start=start, rows_before=rows_before, budget=budget)

    def abort(self) -> None:
        """API call: stop the job."""
        self._job.abort()

    def delete(self) -> None:
        """API call: give up the ended job and its results."""
        self._job.delete()

    def _change(self, error: SalesforceError) -> None:
        if not _is_refusal(error):
            raise error
        try:
            self._job = self._rest()
        except DataError:
            # REST cannot run such a query either, and the first reason is the one to act on.
            raise error from None
        log.info("%s is read by REST, because Bulk API refuses it: %s", self.object_name, error)


def _is_refusal(error: SalesforceError) -> bool:
    return isinstance(error, (ApiError, JobFailed)) and is_query_refusal(error.message)

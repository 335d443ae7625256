"""Aborts a job that a run has created, if the run was killed before it could record the job's id.

Such a job is open, has no data and loads nothing, but Salesforce keeps it for seven days. Nothing
in it says which program has created it. So only a job is aborted that fits in every way: object,
operation, key, user and the minute of its creation. If several fit, others may be in use by other
programs, and all of them are left alone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sfbulk.access.identity import read_user_id
from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk2.ingest import IngestJob
from sfbulk.errors import SalesforceError
from sfbulk.jobs.job_list import job_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.jobs.job_list import JobEntry
    from sfbulk.load.journal_entries import LostFile
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# The clock of the machine and that of the org are compared by a header with whole seconds.
_BEFORE = timedelta(seconds=3)
# A create request is repeated for up to half a minute.
_AFTER = timedelta(minutes=1)


class UnrecordedJobs:
    """Finds the open jobs of this user.

    Args:
        transport: the org.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ahead = timedelta()
        """How far the org's clock is ahead of this machine's."""

    def abort(self, file: LostFile) -> None:
        """API calls: abort the job that was created for this file, if there is exactly one.

        An error is logged, not raised: such a job loads nothing.
        """
        try:
            found = [job for job in self._open_jobs if self._fits(job, file)]
            if len(found) == 1:
                self._abort(found[0])
        except SalesforceError as error:
            log.warning(
                "%s: a job may have been left open. It loads nothing. %s",
                file.name.name,
                error.message,
            )
            return
        if len(found) > 1:
            log.warning(
                "%s: one of the jobs %s on %s was left open by the last run, and it is not known "
                "which. It loads nothing; abort it in Setup, Bulk Data Load Jobs",
                file.name.name,
                ", ".join(job.id for job in found),
                file.name.sobject,
            )

    def _abort(self, job: JobEntry) -> None:
        kind = Bulk1Job if job.api == "BULK" else IngestJob
        kind.open(self._transport, job.id).abort()
        log.info("Job %s was created by the last run, and never used: aborted", job.id)

    def _fits(self, job: JobEntry, file: LostFile) -> bool:
        begun = datetime.fromisoformat(file.begun) + self._ahead
        name = file.name
        key = name.key if name.operation == "upsert" else None
        created = job.created
        return (
            created is not None
            and begun - _BEFORE <= created <= begun + _AFTER
            and str(job.object).casefold() == name.sobject.casefold()
            and job.operation == name.operation
            and str(job.external_id_field_name or key).casefold() == str(key).casefold()
        )

    @cached_property
    def _open_jobs(self) -> list[JobEntry]:
        user = read_user_id(self._transport)
        return (
            [job for job in self._listed() if job.state == "Open" and user == job.created_by_id]
            if user
            else []
        )

    def _listed(self) -> Iterator[JobEntry]:
        for page in job_pages(self._transport, "ingest"):
            if page.date:
                self._ahead = page.date - self._transport.clock.now()
            yield from page.jobs

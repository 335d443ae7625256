"""Adds batches to a 1.0 job, or to a new job if that one had to be closed."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.states import Bulk1JobState
from sfbulk.errors import BatchNotAdded, JobError, JobTimeout, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk.bulk1.job_settings import JobSettings
    from sfbulk.bulk1.states import BatchInfo
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# How many jobs are tried for one batch whose answers are lost.
_ATTEMPTS = 4


class BatchAdder:
    """Adds the batches of one load to one job, or to several after lost answers."""

    def __init__(self, transport: Transport, settings: JobSettings, *, compressed: bool) -> None:
        self._transport = transport
        self._settings = settings
        self._compressed = compressed
        self._counts: dict[Bulk1Job, int] = {}

    @property
    def count(self) -> int:
        """The number of batches that were added."""
        return sum(self._counts.values())

    def add(
        self, body: Path, spelled: Callable[[str], str], before: Callable[[Bulk1Job], None]
    ) -> tuple[Bulk1Job, BatchInfo]:
        """API call: add one batch.

        Args:
            body: its data.
            spelled: returns a column's name as the data has it.
            before: called with the job before the batch is sent to it.

        Raises:
            BatchNotAdded: it did not arrive at any attempt.
            SalesforceError: as `Bulk1Job.add_batch`.
        """

        def opened() -> Bulk1Job:
            job = self._open_job(spelled)
            before(job)
            return job

        job, batch = add_once(opened, body, compressed=self._compressed)
        self._counts[job] += 1
        return job, batch

    def check(self) -> None:
        """API call: compare the number of batches of each job with the number that was added.

        Raises:
            JobError: a job has batches that were not added.
        """
        for job, added in self._counts.items():
            try:
                total = job.refresh().number_batches_total
            except SalesforceError as error:
                # The rows are loaded and reported, so this must not become an error.
                log.warning("%s The number of its batches could not be checked", error.message)
                continue
            if total not in (None, added):
                raise JobError(
                    f"Job {job.id} on {job.object_name} has {total:,} batches, but {added:,} were "
                    "sent, so rows may be loaded twice. Look at the job in Setup, Bulk Data Load "
                    "Jobs.",
                    job_id=job.id,
                )

    def close(self) -> None:
        """API call: close the jobs that are open."""
        # All but the last one are usually closed: a job is closed when a batch did not arrive.
        for job in reversed(self._counts):
            if job.state is Bulk1JobState.OPEN:
                set_quietly(job, Bulk1JobState.CLOSED)

    def abort(self) -> None:
        """API call: abort the jobs."""
        for job in reversed(self._counts):
            set_quietly(job, Bulk1JobState.ABORTED)

    def _open_job(self, spelled: Callable[[str], str]) -> Bulk1Job:
        # Batches go to the newest job only: older ones were closed.
        job = next(reversed(self._counts), None)
        if job is None or job.state is Bulk1JobState.CLOSED:
            # The key field of the job must be spelled like the column of the data.
            key = self._settings.external_id
            settings = replace(self._settings, external_id=key and spelled(key))
            job = Bulk1Job.create(self._transport, settings)
            self._counts[job] = 0
        return job


@contextmanager
def disposing(job: Bulk1Job) -> Iterator[Bulk1Job]:
    """API call: at the end of the block close the job, or abort it if the block failed.

    An error of this cleanup never replaces the error of the block. After the `timeout` of a caller
    the job is left running, as the text of that `JobTimeout` says.
    """
    try:
        yield job
    except BaseException as error:
        if isinstance(error, JobTimeout) and not error.by_setting:
            raise
        set_quietly(job, Bulk1JobState.ABORTED)
        raise
    if job.state is Bulk1JobState.OPEN:
        set_quietly(job, Bulk1JobState.CLOSED)


def add_once(
    opened: Callable[[], Bulk1Job], body: Path | bytes, *, compressed: bool = False
) -> tuple[Bulk1Job, BatchInfo]:
    """API call: add a batch to the open job, or to a new job if it did not arrive.

    Args:
        opened: returns the open job, or creates one.
        body: the batch.
        compressed: send it with gzip.

    Raises:
        BatchNotAdded: it did not arrive at any attempt.
        SalesforceError: as `Bulk1Job.add_batch`.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        job = opened()
        try:
            return job, job.add_batch(body, compressed=compressed)
        except BatchNotAdded as error:
            if attempt == _ATTEMPTS:
                raise
            log.warning("%s", error.message)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def set_quietly(job: Bulk1Job, wanted: Bulk1JobState) -> None:
    """API call: close or abort a job; a failure is logged."""
    try:
        job.abort() if wanted is Bulk1JobState.ABORTED else job.close()
    except SalesforceError as error:
        # This is not an error: Salesforce removes jobs after seven days.
        reason = error.code or type(error).__name__
        log.warning("Could not set %s on job %s: %s", wanted.value, job.id, reason)

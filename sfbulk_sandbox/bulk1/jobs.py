"""Bulk API 1.0 jobs and batches: states, counts, and the list of jobs. No HTTP."""

from __future__ import annotations

import logging
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NoReturn, Protocol

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.faults.kinds import JobFailed
from sfbulk_sandbox.org.first_refusals import FirstRefusals

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from sfbulk_sandbox.bulk1.settings import JobSettings
    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.faults.kinds import JobFault
    from sfbulk_sandbox.faults.progress import Progress

_SHORT_ID = 15
_log = logging.getLogger(__name__)


class JobState(str, Enum):
    """A job's state in Salesforce's words."""

    OPEN = "Open"
    CLOSED = "Closed"
    ABORTED = "Aborted"


class BatchState(str, Enum):
    """A batch's state in Salesforce's words."""

    QUEUED = "Queued"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    NOT_PROCESSED = "NotProcessed"


ENDED = frozenset({BatchState.COMPLETED, BatchState.FAILED, BatchState.NOT_PROCESSED})


class Work(Protocol):
    """The processing of a batch."""

    def run(self, batch: Batch) -> BatchState:
        """Process the batch and return its final state. Raises BatchFailure."""


class BatchFailure(Exception):  # noqa: N818 - Salesforce's word for it: the batch's state is Failed
    """The batch fails; the text is its stateMessage."""


class BatchAborted(Exception):  # noqa: N818 - not an error: another user aborted the job
    """Another user aborts the job while the batch is processed."""


def end_early(fault: JobFault) -> NoReturn:
    """End a batch as a fault says.

    Raises:
        BatchFailure: The fault is `job_failed`.
        BatchAborted: The fault is `job_aborted`.
    """
    if isinstance(fault, JobFailed):
        raise BatchFailure(fault.message)
    raise BatchAborted


@dataclass
class Batch:
    """One batch.

    Attributes:
        started: Whether processing has started. A batch that is only shown as InProgress can be
            aborted.
        processed: The number of processed rows, saved or rejected.
        failed: The number of rejected rows.
    """

    id: str
    job: Job
    created: datetime
    request_path: Path
    work: Work
    state: BatchState = BatchState.QUEUED
    message: str | None = None
    started: bool = False
    processed: int = 0
    failed: int = 0
    processing_ms: int = 0
    modified: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.modified = self.created


@dataclass
class Job:
    """One job. Its lock also guards the states of its batches.

    Attributes:
        folder: The folder of the batches' files.
        refusals: The first rejected rows of its batches.
    """

    id: str
    settings: JobSettings
    created_by: str
    created: datetime
    version: str
    folder: Path
    state: JobState = JobState.OPEN
    batches: list[Batch] = field(default_factory=list)
    refusals: FirstRefusals = field(default_factory=FirstRefusals, repr=False)
    modified: datetime = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.modified = self.created

    def count(self, state: BatchState) -> int:
        """Return the number of batches in a state."""
        return sum(batch.state is state for batch in self.batches)

    def current(self, batch: Batch) -> Batch:
        """Return the batch that a poll can move: in a Serial job, the first that has not ended."""
        if not self.settings.serial:
            return batch
        return next((one for one in self.batches if one.state not in ENDED), batch)


class Jobs:
    """Every Bulk API 1.0 job of the org. Safe to use from several threads."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Add a new job."""
        self._jobs[job.id[:_SHORT_ID]] = job

    def get(self, job_id: str) -> Job:
        """Return a job by its id of 15 or 18 characters.

        Raises:
            Fault: InvalidJob: there is no such job.
        """
        job = self._jobs.get(job_id[:_SHORT_ID])
        if job is None or job_id not in (job.id, job.id[:_SHORT_ID]):
            raise Fault("InvalidJob", f"Unable to find job for id: {job_id}")
        return job

    def all(self) -> list[Job]:
        """Return the jobs, oldest first."""
        return list(self._jobs.values())

    def batch(self, job: Job, batch_id: str) -> Batch:
        """Return a batch of a job by its id of 15 or 18 characters.

        Raises:
            Fault: InvalidBatch: the job has no such batch.
        """
        for batch in job.batches:
            if batch_id in (batch.id, batch.id[:_SHORT_ID]):
                return batch
        raise Fault("InvalidBatch", f"Unable to find batch for id: {batch_id}")

    def submit(self, batch: Batch) -> None:
        """Hand a batch over for processing, as the progress policy says."""
        self._progress.submit(
            batch.id,
            lambda: self._work(batch),
            lambda: self._show_running(batch),
            part_of=batch.job.id,
        )

    def polled(self, batches: Iterable[Batch]) -> None:
        """Count a poll of batches. In a Serial job, only the current batch can move."""
        # Each id once: in a Serial job, several batches have the same current batch.
        for batch_id in dict.fromkeys(batch.job.current(batch).id for batch in list(batches)):
            self._progress.polled(batch_id)

    def close(self, job: Job) -> None:
        """Close a job: no batch can be added, and the queued batches are processed.

        Raises:
            Fault: InvalidJobState: the job is not Open.
        """
        self._become(job, JobState.CLOSED, {JobState.OPEN}, "Closing")

    def abort(self, job: Job) -> None:
        """Abort a job: waiting batches are not processed, saved rows stay saved.

        Raises:
            Fault: InvalidJobState: the job is already Aborted.
        """
        with job.lock:
            self._become(job, JobState.ABORTED, {JobState.OPEN, JobState.CLOSED}, "Aborting")
            for batch in job.batches:
                if not batch.started and batch.state not in ENDED:
                    self._end(batch, BatchState.NOT_PROCESSED)
                    self._progress.drop(batch.id)

    def clear(self) -> None:
        """Remove all jobs and their files."""
        jobs = self.all()
        for job in jobs:
            with job.lock:
                # So that the worker does not start the queued batches.
                job.state = JobState.ABORTED
        self._progress.clear()
        self._jobs.clear()
        for job in jobs:
            shutil.rmtree(job.folder, ignore_errors=True)

    def _become(self, job: Job, state: JobState, allowed: set[JobState], doing: str) -> None:
        with job.lock:
            if job.state not in allowed:
                message = f"{doing} already {job.state.value} Job not allowed"
                raise Fault("InvalidJobState", message)
            job.state, job.modified = state, self._clock.now()

    def _show_running(self, batch: Batch) -> None:
        with batch.job.lock:
            if batch.state is BatchState.QUEUED:
                batch.state, batch.modified = BatchState.IN_PROGRESS, self._clock.now()

    def _work(self, batch: Batch) -> None:
        with batch.job.lock:
            if batch.state in ENDED or batch.job.state is JobState.ABORTED:
                return
            batch.started = True
            self._show_running(batch)
        started = self._clock.now()
        try:
            end = batch.work.run(batch)
        except BatchFailure as failure:
            end, batch.message = BatchState.FAILED, str(failure)
        except BatchAborted:
            end = BatchState.NOT_PROCESSED
            # A client may have aborted the job meanwhile.
            with suppress(Fault):
                self.abort(batch.job)
        except Exception:  # noqa: BLE001 - a bug of the sandbox must end the batch, or a client polls it without end
            _log.exception("batch %s: internal error of the sandbox", batch.id)
            end = BatchState.FAILED
            batch.message = "InternalServerError : internal error of the sandbox, see its log"
        batch.processing_ms = int((self._clock.now() - started).total_seconds() * 1000)
        self._end(batch, end)

    def _end(self, batch: Batch, state: BatchState) -> None:
        with batch.job.lock:
            batch.state, batch.modified = state, self._clock.now()

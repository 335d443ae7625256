"""Bulk API 1.0 jobs and their batches: states, counts and the list of them. No HTTP."""

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
    """What a batch does when its time has come."""

    def run(self, batch: Batch) -> BatchState:
        """Do it and return the state that follows. Raises BatchFailure."""


class BatchFailure(Exception):  # noqa: N818 - Salesforce's word for it: the batch's state is Failed
    """The batch as a whole fails; the text is its stateMessage."""


class BatchAborted(Exception):  # noqa: N818 - what happens, not what is wrong
    """Somebody aborts the job while the batch is worked on."""


def end_early(fault: JobFault) -> NoReturn:
    """Let a fault end a batch in the middle of its work.

    Raises:
        BatchFailure: The fault is that it fails.
        BatchAborted: The fault is that its job is aborted.
    """
    if isinstance(fault, JobFailed):
        raise BatchFailure(fault.message)
    raise BatchAborted


@dataclass
class Batch:
    """One batch.

    Attributes:
        begun: Whether it is worked on; until then InProgress is only shown, and it can be aborted.
        processed: Rows tried.
        failed: Those of them that were refused.
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
    """One job; its lock guards the states of its batches too.

    Attributes:
        folder: Where its batches keep their files.
    """

    id: str
    settings: JobSettings
    created_by: str
    created: datetime
    version: str
    folder: Path
    state: JobState = JobState.OPEN
    batches: list[Batch] = field(default_factory=list)
    modified: datetime = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.modified = self.created

    def count(self, state: BatchState) -> int:
        """Return how many batches are in a state."""
        return sum(batch.state is state for batch in self.batches)

    def current(self, batch: Batch) -> Batch:
        """Return the batch that is next to be worked on: a Serial job does one after another."""
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
        """Keep a new job."""
        self._jobs[job.id[:_SHORT_ID]] = job

    def get(self, job_id: str) -> Job:
        """Return a job by its id of 15 or 18 characters.

        Raises:
            Fault: InvalidJob, when there is none.
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
            Fault: InvalidBatch, when the job has none of this id.
        """
        for batch in job.batches:
            if batch_id in (batch.id, batch.id[:_SHORT_ID]):
                return batch
        raise Fault("InvalidBatch", f"Unable to find batch for id: {batch_id}")

    def submit(self, batch: Batch) -> None:
        """Let a batch be worked on as the progress policy says."""
        self._progress.submit(
            batch.id,
            lambda: self._work(batch),
            lambda: self._show_running(batch),
            part_of=batch.job.id,
        )

    def polled(self, batches: Iterable[Batch]) -> None:
        """Count a poll of batches; of a Serial job only the one that is next can move."""
        for batch_id in dict.fromkeys(batch.job.current(batch).id for batch in list(batches)):
            self._progress.polled(batch_id)

    def close(self, job: Job) -> None:
        """Let nothing more be added; what is queued is still worked on.

        Raises:
            Fault: InvalidJobState, when the job is not Open.
        """
        self._become(job, JobState.CLOSED, {JobState.OPEN}, "Closing")

    def abort(self, job: Job) -> None:
        """Abort a job: batches that wait are not processed, saved rows stay saved.

        Raises:
            Fault: InvalidJobState, when it was aborted before.
        """
        with job.lock:
            self._become(job, JobState.ABORTED, {JobState.OPEN, JobState.CLOSED}, "Aborting")
            for batch in job.batches:
                if not batch.started and batch.state not in ENDED:
                    self._end(batch, BatchState.NOT_PROCESSED)
                    self._progress.drop(batch.id)

    def clear(self) -> None:
        """Forget all jobs and their files."""
        jobs = self.all()
        for job in jobs:
            with job.lock:
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
            with suppress(Fault):
                self.abort(batch.job)
        except Exception:  # noqa: BLE001 - a fault of ours must end the batch too: a client would poll it for ever
            _log.exception("batch %s: the sandbox itself failed", batch.id)
            end = BatchState.FAILED
            batch.message = "InternalServerError : the sandbox failed, see its log"
        batch.processing_ms = int((self._clock.now() - started).total_seconds() * 1000)
        self._end(batch, end)

    def _end(self, batch: Batch, state: BatchState) -> None:
        with batch.job.lock:
            batch.state, batch.modified = state, self._clock.now()

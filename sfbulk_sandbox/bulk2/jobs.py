"""Bulk API 2.0 jobs: states, transitions, and the list of jobs. No HTTP."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.faults.kinds import JobFailed
from sfbulk_sandbox.org.first_refusals import FirstRefusals

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sfbulk_sandbox.bulk2.settings import JobSettings
    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.faults.kinds import JobFault
    from sfbulk_sandbox.faults.progress import Progress
    from sfbulk_sandbox.schema.rowfile import CsvDialect


class JobState(str, Enum):
    """A job's state in Salesforce's words."""

    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    ABORTED = "Aborted"
    FAILED = "Failed"


class JobType(str, Enum):
    """The two types of Bulk API 2.0 jobs in Salesforce's words."""

    QUERY = "V2Query"
    INGEST = "V2Ingest"


_SHORT_ID = 15
# Connectors delete their jobs, and the page shows them still. A sandbox may run for weeks.
_MOST_DELETED = 200
# As recorded, with the misspelling "multipe".
_TOO_MANY_UPLOADS = (
    "Found multipe contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the current Job "
    "then create a new Job and make sure you only do 'PUT' once on a given Job."
)
_log = logging.getLogger(__name__)

ENDED = frozenset({JobState.JOB_COMPLETE, JobState.ABORTED, JobState.FAILED})

# The allowed changes of state (Bulk API guide, job states).
_FOLLOWS = {
    JobState.OPEN: {JobState.UPLOAD_COMPLETE, JobState.ABORTED},
    JobState.UPLOAD_COMPLETE: {JobState.IN_PROGRESS, JobState.ABORTED},
    JobState.IN_PROGRESS: {JobState.JOB_COMPLETE, JobState.ABORTED, JobState.FAILED},
    JobState.JOB_COMPLETE: set(),
    JobState.ABORTED: set(),
    JobState.FAILED: set(),
}


class Work(Protocol):
    """The processing of a job."""

    def run(self, job: Job) -> None:
        """Process the job; stop when the job is no longer InProgress. Raises JobFailure."""

    def discard(self) -> None:
        """Remove the files."""


class JobFailure(Exception):  # noqa: N818 - Salesforce's word for it: the job's state is Failed
    """The job fails; the text is its errorMessage."""


@dataclass
class Job:
    """One job.

    Attributes:
        uploads: The number of accepted uploads. With more than one, the job cannot be closed.
        processed: The number of processed rows, saved or rejected.
        failed: The number of rejected rows.
        total: The number of rows, when it is known.
        processing_ms: The processing time in milliseconds.
        started: When the job became InProgress.
        deleted: When the job was deleted.
        refusals: The first rejected rows.
    """

    id: str
    type: JobType
    operation: str
    object: str
    created_by: str
    created: datetime
    version: str
    settings: JobSettings
    state: JobState
    work: Work
    external_id: str | None = None
    assignment_rule_id: str | None = None
    uploads: int = 0
    processed: int = 0
    failed: int = 0
    total: int | None = None
    error_message: str | None = None
    processing_ms: int = 0
    started: datetime | None = None
    deleted: datetime | None = None
    refusals: FirstRefusals = field(default_factory=FirstRefusals, repr=False)
    modified: datetime = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.modified = self.created

    @property
    def dialect(self) -> CsvDialect:
        """The CSV dialect of the job."""
        return self.settings.dialect

    def may_become(self, state: JobState) -> bool:
        """Return whether the job may change to a state."""
        return state in _FOLLOWS[self.state]

    def become(self, state: JobState, now: datetime) -> bool:
        """Change to a state if that is allowed, and return whether it was."""
        with self.lock:
            if not self.may_become(state):
                return False
            self.state, self.modified = state, now
            if state is JobState.IN_PROGRESS:
                self.started = now
            return True


class Jobs:
    """The Bulk API 2.0 jobs of the org, and their transitions. Safe to use from several threads."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self.progress = progress
        self._jobs: dict[str, Job] = {}
        self._deleted: deque[Job] = deque(maxlen=_MOST_DELETED)

    def add(self, job: Job) -> None:
        """Add a new job. A query job is ready for processing."""
        self._jobs[job.id[:_SHORT_ID]] = job
        if job.state is JobState.UPLOAD_COMPLETE:
            self._submit(job)

    def get(self, job_type: JobType, job_id: str) -> Job:
        """Return a job by its id of 15 or 18 characters.

        Raises:
            Fault: 404: there is no such job of this type.
        """
        job = self._jobs.get(job_id[:_SHORT_ID])
        if job and job.type is job_type and job_id in (job.id, job.id[:_SHORT_ID]):
            return job
        # A query job is not found under /jobs/ingest, and the other way round.
        raise Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)

    def all(self, job_type: JobType) -> list[Job]:
        """Return the jobs of a type, oldest first."""
        return [job for job in list(self._jobs.values()) if job.type is job_type]

    def deleted(self) -> list[Job]:
        """Return the last 200 deleted jobs. They have no files any more."""
        return list(self._deleted)

    def close_upload(self, job: Job) -> None:
        """Close the upload, so that the job is processed.

        Raises:
            Fault: The job is not Open, or has more than one upload. The job is not changed.
        """
        if job.uploads > 1:
            raise Fault(code="INVALIDJOB", message=_TOO_MANY_UPLOADS.format(job.id[:_SHORT_ID]))
        if not job.become(JobState.UPLOAD_COMPLETE, self._clock.now()):
            raise _wrong_state(f"Closing a Job in state {job.state.value} is not allowed")
        self._submit(job)

    def abort(self, job: Job) -> None:
        """Abort a job. Saved rows stay saved.

        Raises:
            Fault: The job has already ended.
        """
        if not job.become(JobState.ABORTED, self._clock.now()):
            if job.state is JobState.JOB_COMPLETE:
                raise _wrong_state("Aborting already Completed Job not allowed")
            raise _wrong_state(f"Aborting already {job.state.value} Job not allowed")
        self.progress.drop(job.id)

    def delete(self, job: Job, allowed: frozenset[JobState]) -> None:
        """Remove a job and its files.

        Raises:
            Fault: The job is not in an allowed state.
        """
        with job.lock:
            if job.state not in allowed:
                raise Fault(
                    code="API_ERROR",
                    message="Error encountered when deleting the job because the job is not "
                    "terminated",
                )
            # A deleted job in the queue must not be processed.
            job.become(JobState.ABORTED, self._clock.now())
            if self._jobs.pop(job.id[:_SHORT_ID], None):
                job.deleted = self._clock.now()
                self._deleted.append(job)
        self.progress.forget(job.id)
        job.work.discard()

    def clear(self) -> None:
        """Remove all jobs and their files."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.become(JobState.ABORTED, self._clock.now())
        self.progress.clear()
        self._jobs.clear()
        self._deleted.clear()
        for job in jobs:
            job.work.discard()

    def _submit(self, job: Job) -> None:
        self.progress.submit(job.id, self._worker(job), lambda: self._begin(job))

    def _begin(self, job: Job) -> None:
        job.become(JobState.IN_PROGRESS, self._clock.now())

    def _worker(self, job: Job) -> Callable[[], None]:
        def work() -> None:
            self._begin(job)
            if job.state is not JobState.IN_PROGRESS:
                return
            started = self._clock.now()
            end = self._outcome(job)
            now = self._clock.now()
            job.processing_ms = int((now - started).total_seconds() * 1000)
            job.become(end, now)

        return work

    def _outcome(self, job: Job) -> JobState:
        try:
            job.work.run(job)
        except JobFailure as failure:
            job.error_message = str(failure)
            return JobState.FAILED
        except Exception:  # noqa: BLE001 - a bug of the sandbox must end the job, or a client polls it without end
            _log.exception("job %s: internal error of the sandbox", job.id)
            job.error_message = "InternalServerError : internal error of the sandbox, see its log"
            return JobState.FAILED
        return JobState.JOB_COMPLETE


def end_early(job: Job, fault: JobFault, clock: Clock) -> None:
    """End a job as a fault says.

    Raises:
        JobFailure: The fault is `job_failed`.
    """
    if isinstance(fault, JobFailed):
        raise JobFailure(fault.message)
    job.become(JobState.ABORTED, clock.now())


def _wrong_state(message: str) -> Fault:
    return Fault(code="INVALIDJOBSTATE", message=message)

"""Bulk 2.0 jobs: their states, what may follow what, and the list of them. No HTTP."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.faults.kinds import JobFailed

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
    """The two kinds of Bulk 2.0 jobs in Salesforce's words."""

    QUERY = "V2Query"
    INGEST = "V2Ingest"


_SHORT_ID = 15
# As recorded, "multipe" too.
_TOO_MANY_UPLOADS = (
    "Found multipe contents for job: <{}>, please 'Close' / 'Abort' / 'Delete' the current Job "
    "then create a new Job and make sure you only do 'PUT' once on a given Job."
)
_log = logging.getLogger(__name__)

ENDED = frozenset({JobState.JOB_COMPLETE, JobState.ABORTED, JobState.FAILED})

_FOLLOWS = {
    JobState.OPEN: {JobState.UPLOAD_COMPLETE, JobState.ABORTED},
    JobState.UPLOAD_COMPLETE: {JobState.IN_PROGRESS, JobState.ABORTED},
    JobState.IN_PROGRESS: {JobState.JOB_COMPLETE, JobState.ABORTED, JobState.FAILED},
    JobState.JOB_COMPLETE: set(),
    JobState.ABORTED: set(),
    JobState.FAILED: set(),
}


class Work(Protocol):
    """What a job does when its time has come."""

    def run(self, job: Job) -> None:
        """Do it; stop soon once the job is no longer InProgress. Raises JobFailure."""

    def discard(self) -> None:
        """Remove its files."""


class JobFailure(Exception):  # noqa: N818 - Salesforce's word for it: the job's state is Failed
    """The job as a whole fails; the text is its errorMessage."""


@dataclass
class Job:
    """One job.

    `uploads` counts the uploads that were taken; only one may be. `processed` counts rows tried,
    `failed` those of them that were refused, `total` all rows once they are known.
    Times are milliseconds.
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
    modified: datetime = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.modified = self.created

    @property
    def dialect(self) -> CsvDialect:
        """The CSV the job reads and writes."""
        return self.settings.dialect

    def may_become(self, state: JobState) -> bool:
        """Tell whether the state may follow the one the job is in."""
        return state in _FOLLOWS[self.state]

    def become(self, state: JobState, now: datetime) -> bool:
        """Move to a state if that may follow, and tell whether it did."""
        with self.lock:
            if not self.may_become(state):
                return False
            self.state, self.modified = state, now
            return True


class Jobs:
    """Every job of the org, and the moves they make. Safe to use from several threads."""

    def __init__(self, clock: Clock, progress: Progress) -> None:
        self._clock = clock
        self.progress = progress
        self._jobs: dict[str, Job] = {}

    def add(self, job: Job) -> None:
        """Keep a new job; one that needs no upload is ready for work."""
        self._jobs[job.id[:_SHORT_ID]] = job
        if job.state is JobState.UPLOAD_COMPLETE:
            self._submit(job)

    def get(self, job_type: JobType, job_id: str) -> Job:
        """Return a job by its id of 15 or 18 characters.

        Raises:
            Fault: 404, when there is none of this type, or it was deleted.
        """
        job = self._jobs.get(job_id[:_SHORT_ID])
        if job and job.type is job_type and job_id in (job.id, job.id[:_SHORT_ID]):
            return job
        raise Fault(code="NOT_FOUND", message="The requested resource does not exist", status=404)

    def all(self, job_type: JobType) -> list[Job]:
        """Return the jobs of a type, oldest first."""
        return [job for job in list(self._jobs.values()) if job.type is job_type]

    def close_upload(self, job: Job) -> None:
        """Take the upload for complete and the job for ready.

        Raises:
            Fault: The job is not Open, or has more than one upload; it stays as it is.
        """
        if job.uploads > 1:
            raise Fault(code="INVALIDJOB", message=_TOO_MANY_UPLOADS.format(job.id[:_SHORT_ID]))
        if not job.become(JobState.UPLOAD_COMPLETE, self._clock.now()):
            raise _wrong_state(f"Closing a Job in state {job.state.value} is not allowed")
        self._submit(job)

    def abort(self, job: Job) -> None:
        """Abort a job that has not ended; rows already saved stay saved.

        Raises:
            Fault: The job has ended.
        """
        if not job.become(JobState.ABORTED, self._clock.now()):
            if job.state is JobState.JOB_COMPLETE:
                raise _wrong_state("Aborting already Completed Job not allowed")
            raise _wrong_state(f"Aborting already {job.state.value} Job not allowed")
        self.progress.drop(job.id)

    def delete(self, job: Job, allowed: frozenset[JobState]) -> None:
        """Remove a job and its files.

        Raises:
            Fault: The job is in none of the allowed states.
        """
        with job.lock:
            if job.state not in allowed:
                raise Fault(
                    code="API_ERROR",
                    message="Error encountered when deleting the job because the job is not "
                    "terminated",
                )
            # A deleted job that was still queued must find nothing to do.
            job.become(JobState.ABORTED, self._clock.now())
            self._jobs.pop(job.id[:_SHORT_ID], None)
        self.progress.forget(job.id)
        job.work.discard()

    def clear(self) -> None:
        """Forget all jobs and their files."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.become(JobState.ABORTED, self._clock.now())
        self.progress.clear()
        self._jobs.clear()
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
        except Exception:  # noqa: BLE001 - a fault of ours must end the job too: a client would poll it for ever
            _log.exception("job %s: the sandbox itself failed", job.id)
            job.error_message = "InternalServerError : the sandbox failed, see its log"
            return JobState.FAILED
        return JobState.JOB_COMPLETE


def end_early(job: Job, fault: JobFault, clock: Clock) -> None:
    """Let a fault end a job in the middle of its work.

    Raises:
        JobFailure: The fault is that it fails.
    """
    if isinstance(fault, JobFailed):
        raise JobFailure(fault.message)
    job.become(JobState.ABORTED, clock.now())


def _wrong_state(message: str) -> Fault:
    return Fault(code="INVALIDJOBSTATE", message=message)

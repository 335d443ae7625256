"""The common part of query and ingest jobs: state, waiting, abort and delete."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from sfbulk.bulk2.states import JobInfo, JobState, read_job
from sfbulk.errors import NotFound
from sfbulk.http.shapes import checked_id
from sfbulk.http.wire import Request
from sfbulk.jobs.polling import PollWait
from sfbulk.jobs.state_change import change_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# The states in which a job may be read after it was set to another state.
_SHOWS_AS = {
    JobState.UPLOAD_COMPLETE: frozenset(
        # A small job may have run, or failed, before it is read.
        {
            JobState.UPLOAD_COMPLETE,
            JobState.IN_PROGRESS,
            JobState.JOB_COMPLETE,
            JobState.FAILED,
        }
    ),
    JobState.ABORTED: frozenset({JobState.ABORTED}),
}


class Job:
    """A job on the server; `info` is its state as last read."""

    kind: ClassVar[str]
    """The name of its resource, `/jobs/{kind}`."""

    def __init__(self, transport: Transport, info: JobInfo) -> None:
        self._transport = transport
        self.info = info

    @classmethod
    def open(cls, transport: Transport, job_id: str) -> Self:
        """API call: the job with this id.

        Raises:
            DataError: it is not an id.
            UnknownState: a state that this version does not know.
            NotFound: there is no such job; Salesforce removes jobs after seven days.
        """
        path = f"{transport.base_path}/jobs/{cls.kind}/{checked_id(job_id, 'a job')}"
        request = Request("GET", path, f"Read {cls.kind} job {job_id}", job_id=job_id)
        return cls(transport, transport.read(request, read_job))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state.value} on {self.object_name}>"

    @property
    def id(self) -> str:
        """Its id: 18 characters that start with 750."""
        return self.info.id

    @property
    def state(self) -> JobState:
        """Its state as last read."""
        return self.info.state

    @property
    def has_ended(self) -> bool:
        """Whether it is in a state that it never leaves, as last read."""
        return self.info.state.is_terminal

    @property
    def object_name(self) -> str:
        """The object it reads or writes."""
        return self.info.object

    @property
    def records_processed(self) -> int | None:
        """Processed rows, with failed ones; None until Salesforce reports them."""
        return self.info.records_processed

    def refresh(self) -> JobInfo:
        """API call: read the job's state.

        Raises:
            UnknownState: a state that this version does not know.
            NotFound: the job was deleted; Salesforce removes jobs after seven days.
        """
        self.info = self._transport.read(self._request("GET", "Read"), read_job)
        return self.info

    def abort(self) -> JobInfo:
        """API call: stop the job. Rows already saved stay saved.

        Raises:
            ApiError: Salesforce refuses, for example because the job has ended.
        """
        return self._change_state(JobState.ABORTED)

    def delete(self) -> None:
        """API call: delete an ended job and its results on the server.

        Raises:
            ApiError: Salesforce refuses, for example because the job is still running.
        """
        try:
            self._transport.send(self._request("DELETE", "Delete"))
        except NotFound:
            # Already deleted, perhaps by a first attempt whose answer was lost.
            log.debug("Job %s is already deleted", self.id)

    def _wait(self, timeout: float | None) -> JobInfo:
        wait = PollWait.for_job(self._transport, timeout)
        self.info = wait_until_ended(self.refresh, self.info, wait)
        return self.info

    def _change_state(self, wanted: JobState) -> JobInfo:
        request = self._request("PATCH", f"Set {wanted.value} on", json={"state": wanted.value})
        self.info = change_state(
            lambda: self._transport.read(request, read_job),
            self.refresh,
            changed=lambda info: info.state in _SHOWS_AS[wanted],
            ended=lambda info: info.state.is_terminal,
        )
        return self.info

    def _request(
        self, method: str, verb: str, path: str = "", json: dict[str, Any] | None = None
    ) -> Request:
        return Request(
            method,
            f"{self._transport.base_path}/jobs/{self.kind}/{self.id}{path}",
            f"{verb} {self.kind} job {self.id} on {self.object_name}",
            json=json,
            job_id=self.id,
        )


def wait_until_ended(read: Callable[[], JobInfo], info: JobInfo, wait: PollWait) -> JobInfo:
    """API call: read a job until its state is terminal; says each minute that it is not.

    Args:
        read: reads the job.
        info: the job as last read.
        wait: pauses between two reads.

    Raises:
        JobTimeout: the wait is over first; the job was left running.
    """
    while not info.state.is_terminal:
        if not wait.pause():
            raise wait.waiting.timeout(info.status, info.id)
        info = read()
        wait.waiting.tell(info.status)
    return info

"""Adds a batch once: after a lost answer it is looked for before it is sent again.

Salesforce has no idempotence key. So the batch is looked for in the list of batches, read
back, and compared with what was sent. One that is not there may still arrive, and would be
loaded when it does. So the job is closed, after which Salesforce takes no batch, and the list
is read once more.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sfbulk.bulk1.states import Bulk1JobState
from sfbulk.errors import ApiError, BatchNotAdded, JobError, TransportError
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.polling import PollWait

if TYPE_CHECKING:
    from sfbulk.bulk1.states import BatchInfo, Bulk1JobInfo
    from sfbulk.clock import Clock
    from sfbulk.http.wire import Request

log = logging.getLogger(__name__)

# A batch that was taken just before the job was closed may come into the list a little later:
# ten seconds, all looks together.
_LOOKS = 8


class OpenJob(Protocol):
    """What this module needs of the job; `bulk1.job` has it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def object_name(self) -> str:
        """The object it loads."""

    def post(self, request: Request) -> BatchInfo:
        """API call: send the request of a new batch once."""

    def unknown_batches(self) -> list[BatchInfo]:
        """API call: the batches that were not added by this process."""

    def request(self, batch_id: str) -> bytes:
        """API call: the data of a batch as Salesforce received it."""

    def close(self) -> Bulk1JobInfo:
        """API call: let Salesforce take no more batches."""

    def refresh(self) -> Bulk1JobInfo:
        """API call: read the job."""


def post_batch(job: OpenJob, request: Request, body: Path | bytes, clock: Clock) -> BatchInfo:
    """API call: add a batch to a job once, whether or not an answer is lost.

    Args:
        job: the job, to which nobody else adds batches.
        request: what adds the batch.
        body: its data before any compression.
        clock: the time.

    Raises:
        ApiError: Salesforce refuses.
        JobError: the job holds a batch that is not the one sent.
        BatchNotAdded: the batch is not in the job, which is closed now.
        TransportError: no answer; when `ambiguous`, the batch may be in the job.
    """
    try:
        return job.post(request)
    except TransportError as error:
        if not error.ambiguous:
            raise
        lost = error
    # Read back it is expected unpacked, but as it was sent it is the same batch.
    sent = {_digest(form) for form in (body, request.body) if form is not None}
    found = _find(job, sent) or _find_in_closed(job, sent, PollWait(clock, None))
    if found is None:
        raise BatchNotAdded(
            f"{request.purpose}: no answer, and the batch is not there. The job was closed, so "
            "that it cannot arrive any more: add it to a new job.",
            ambiguous=False,
            status=lost.status,
            code=lost.code,
            job_id=job.id,
            request_id=lost.request_id,
        ) from lost
    log.info("%s: the answer was lost, the batch is there: %s", request.purpose, found.id)
    return found


def _find_in_closed(job: OpenJob, sent: set[bytes], wait: PollWait) -> BatchInfo | None:
    try:
        job.close()
    except ApiError:
        # Closed or aborted by somebody else, which keeps batches out just as well.
        if job.refresh().state is Bulk1JobState.OPEN:
            raise
    for _ in range(_LOOKS):
        if found := _find(job, sent):
            return found
        wait.pause()
    return None


def _find(job: OpenJob, sent: set[bytes]) -> BatchInfo | None:
    unknown = job.unknown_batches()
    return _verified(job, unknown, sent) if unknown else None


def _verified(job: OpenJob, unknown: list[BatchInfo], sent: set[bytes]) -> BatchInfo:
    for batch in unknown:
        if _digest(job.request(batch.id)) in sent:
            return batch
    raise JobError(
        f"Job {job.id} on {job.object_name} holds the batch {unknown[0].id}, which is not what was "
        "sent. Does somebody else add batches to it? Nothing more was sent.",
        job_id=job.id,
    )


def _digest(body: Path | bytes) -> bytes:
    digest = hashlib.sha256()
    for chunk in read_chunks(body) if isinstance(body, Path) else (body,):
        digest.update(chunk)
    return digest.digest()

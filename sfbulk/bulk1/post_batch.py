"""Adds a batch exactly once: after a lost answer, checks whether Salesforce has it.

Salesforce has no idempotency key. So the list of batches is read, and the data of each new batch
is compared with what was sent. A batch that is not in the list may still arrive and would then be
loaded. So the job is closed, after which Salesforce accepts no batch, and the list is read again.
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
from sfbulk.jobs.waiting import JobWait

if TYPE_CHECKING:
    from sfbulk.bulk1.states import BatchInfo, Bulk1JobInfo
    from sfbulk.clock import Clock
    from sfbulk.http.wire import Request

log = logging.getLogger(__name__)

# A batch that Salesforce accepted just before the job was closed may be listed a little later.
# So often is the list read, within about ten seconds.
_LOOKS = 12


class OpenJob(Protocol):
    """The methods of a job that this module uses; `bulk1.job` has them."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def object_name(self) -> str:
        """The object it loads."""

    def post(self, request: Request) -> BatchInfo:
        """API call: send the request that adds a batch, once."""

    def unknown_batches(self) -> list[BatchInfo]:
        """API call: the batches that were not added by this process."""

    def request(self, batch_id: str) -> bytes:
        """API call: the data of a batch as Salesforce received it."""

    def close(self) -> Bulk1JobInfo:
        """API call: close the job, so that Salesforce accepts no more batches."""

    def refresh(self) -> Bulk1JobInfo:
        """API call: read the job."""


def post_batch(job: OpenJob, request: Request, body: Path | bytes, clock: Clock) -> BatchInfo:
    """API call: add a batch to a job exactly once, even if an answer is lost.

    Args:
        job: the job; no other program may add batches to it.
        request: the request that adds the batch.
        body: its data before any compression.
        clock: the time.

    Raises:
        ApiError: Salesforce refuses the batch.
        JobError: the job has a batch that is not the one sent.
        BatchNotAdded: the batch is not in the job, which is closed now.
        TransportError: no answer; `ambiguous` if the batch may be in the job.
    """
    try:
        return job.post(request)
    except TransportError as error:
        if not error.ambiguous:
            raise
        lost = error
    # Salesforce should return a compressed batch decompressed. If it returns it as it was sent, it
    # is the same batch too.
    sent = {_digest(form) for form in (body, request.body) if form is not None}
    found = _find(job, sent) or _find_in_closed(job, sent, PollWait(clock, JobWait(clock, None)))
    if found is None:
        raise BatchNotAdded(
            f"{request.purpose}: no answer, and the batch is not in the job. The job was closed, "
            "so that a late batch cannot be loaded. Add the batch to a new job.",
            ambiguous=False,
            status=lost.status,
            code=lost.code,
            job_id=job.id,
            request_id=lost.request_id,
        ) from lost
    log.info("%s: the answer was lost, but the job has the batch %s", request.purpose, found.id)
    return found


def _find_in_closed(job: OpenJob, sent: set[bytes], wait: PollWait) -> BatchInfo | None:
    try:
        job.close()
    except ApiError:
        # Somebody else has closed or aborted it; then it accepts no batches either.
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
        f"Job {job.id} on {job.object_name} has the batch {unknown[0].id}, which this program did "
        "not send. No more batches were sent. Check which other program adds batches to the job.",
        job_id=job.id,
    )


def _digest(body: Path | bytes) -> bytes:
    digest = hashlib.sha256()
    for chunk in read_chunks(body) if isinstance(body, Path) else (body,):
        digest.update(chunk)
    return digest.digest()

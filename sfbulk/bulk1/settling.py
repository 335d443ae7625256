"""Settles what Salesforce may have done when its answer is lost: reads before it sends again.

Salesforce knows no idempotence key. So

- a job is created anew: one that was created unseen is open and empty, and loads nothing;
- a batch is looked for in the list of batches, read back, and compared with what was sent.
  One that is not there may still be on its way, and would be loaded when it arrives. So the
  job is closed, after which Salesforce takes no batch, and the list is read once more;
- a state is read from the job, as in Bulk API 2.0 (`sfbulk.jobs.state_change`).
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.bulk1 import documents
from sfbulk.bulk1.states import ClassicJobState
from sfbulk.errors import ApiError, BatchNotAdded, JobError, SalesforceError, TransportError
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.polling import Patience
from sfbulk.wire import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.bulk1.job import ClassicJob
    from sfbulk.bulk1.states import BatchInfo, ClassicJobInfo
    from sfbulk.clock import Clock
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

_ATTEMPTS = 4
_NAMED = 5
# A batch that was taken just before the job was closed may come into the list a little later:
# ten seconds, all looks together.
_LOOKS = 8


def create_job(
    transport: Transport, request: Request, described: Mapping[str, str]
) -> ClassicJobInfo:
    """API call: create a job, and another one when the answer is lost.

    Args:
        transport: the org.
        request: what creates the job.
        described: what a list of jobs says of it, to name the one that may be left open.

    Raises:
        ApiError: Salesforce refuses.
        TransportError: no answer, however often it was tried.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            info = transport.read(request, documents.read_job)
        except TransportError as error:  # noqa: PERF203 - the network is what takes time
            if not error.ambiguous or attempt == _ATTEMPTS:
                raise
            log.warning("%s: no answer. Creating another one", request.purpose)
        else:
            if attempt > 1:
                _name_the_lost(transport, info, described)
            return info
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def post_batch(job: ClassicJob, request: Request, body: Path | bytes, clock: Clock) -> BatchInfo:
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
    found = _find(job, sent) or _find_in_closed(job, sent, Patience(clock, None))
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


def _name_the_lost(
    transport: Transport, info: ClassicJobInfo, described: Mapping[str, str]
) -> None:
    """Say which job may be left open; it is not ours to abort, it may be somebody else's."""
    kind = "query" if info.operation.startswith("query") else "ingest"
    request = Request(
        "GET",
        f"{transport.base_path}/jobs/{kind}",
        "List jobs",
        params={"jobType": "Classic"},
    )
    try:
        listed = transport.json(request).get("records")
    except SalesforceError:
        listed = None
    alike = [
        str(job.get("id"))
        for job in (listed if isinstance(listed, list) else ())
        if isinstance(job, dict) and job.get("id") != info.id and described.items() <= job.items()
    ]
    log.warning(
        "A job whose creation went unanswered may be left open beside %s (%s). It is empty and "
        "loads nothing; Salesforce removes it after seven days",
        info.id,
        f"perhaps {', '.join(alike[:_NAMED])}" if alike else "its id is not known",
    )


def _find_in_closed(job: ClassicJob, sent: set[bytes], patience: Patience) -> BatchInfo | None:
    try:
        job.close()
    except ApiError:
        # Closed or aborted by somebody else, which keeps batches out just as well.
        if job.refresh().state is ClassicJobState.OPEN:
            raise
    for _ in range(_LOOKS):
        if found := _find(job, sent):
            return found
        patience.pause()
    return None


def _find(job: ClassicJob, sent: set[bytes]) -> BatchInfo | None:
    unknown = job.unknown_batches()
    return _verified(job, unknown, sent) if unknown else None


def _verified(job: ClassicJob, unknown: list[BatchInfo], sent: set[bytes]) -> BatchInfo:
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

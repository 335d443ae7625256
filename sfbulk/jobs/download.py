"""Downloads the results of a job, completely or not at all."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk.errors import JobError
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from sfbulk.http.wire import Reply, Request, Sink
    from sfbulk.transport import Transport


def download(transport: Transport, request: Request, save: Sink, *, ended: bool = True) -> Reply:
    """API call: the answer to `request`; `save` is called with its body.

    A download that breaks off is requested again, which Salesforce allows as long as the job
    exists; `save` is then called again and must start its file again. An answer without a body
    (200 or 204) gives `save` no chunks. For a job that has ended this means no rows; the caller
    compares that with the job's counts.

    Args:
        transport: the org.
        request: the request for the results.
        save: called with the chunks of the body.
        ended: whether the job, or the batch, is known to have ended. Before that, 204 means
            that there are no results yet (Bulk API guide 48.0).

    Raises:
        JobError: the job has not ended, and there are no results yet.
        ApiError: Salesforce refuses the request.
        TransportError: the results could not be downloaded.
    """
    reply = transport.send(replace(request, read_timeout=DATA_READ_TIMEOUT_SECONDS), save)
    if reply.status == HTTPStatus.NO_CONTENT and not ended:
        raise JobError(
            f"{request.purpose}: Salesforce has no results yet. Wait for the job to end.",
            job_id=request.job_id,
        )
    return reply

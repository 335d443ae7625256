"""Downloads the CSV of a job, whole or not at all."""

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
    """API call: the answer to `request`, its body handed to `save`.

    A download that breaks off is asked for again, which the service allows as long as the
    job exists; `save` is then called anew and begins its file anew. An answer without a body
    (200 or 204) gives `save` no chunks: of a job that has ended it means no rows, and the
    caller compares that with the job's counts.

    Args:
        transport: the org.
        request: for the results.
        save: takes the chunks of the body.
        ended: whether the job, or the batch, is known to have ended. Before that, 204 means
            that there are no results yet (Bulk API guide 48.0).

    Raises:
        JobError: the job has not ended, and there are no results yet.
        ApiError: Salesforce refuses.
        TransportError: the results could not be had.
    """
    reply = transport.send(replace(request, read_timeout=DATA_READ_TIMEOUT_SECONDS), save)
    if reply.status == HTTPStatus.NO_CONTENT and not ended:
        raise JobError(
            f"{request.purpose}: Salesforce has no results yet. Wait for the job to end.",
            job_id=request.job_id,
        )
    return reply

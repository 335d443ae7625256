"""Downloads the CSV of a job, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk.errors import JobError
from sfbulk.wire import DATA_READ_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from sfbulk.transport import Transport
    from sfbulk.wire import Reply, Request, Sink


def download(transport: Transport, request: Request, save: Sink) -> Reply:
    """API call: the answer to `request`, its body handed to `save`.

    A download that breaks off is asked for again, which the service allows as long as the
    job exists; `save` is then called anew and begins its file anew.

    Raises:
        JobError: the service has no results, or none yet.
        ApiError: Salesforce refuses.
        TransportError: the results could not be had.
    """
    reply = transport.send(replace(request, read_timeout=DATA_READ_TIMEOUT_SECONDS), save)
    if reply.status == HTTPStatus.NO_CONTENT:
        # How older versions say "not ready" (Bulk API guide 48.0).
        raise JobError(
            f"{request.purpose}: Salesforce has no results yet. Ask again later.",
            job_id=request.job_id,
        )
    return reply

"""Downloads the results of a job, completely or not at all."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk.errors import JobError, TransportError
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.http.wire import Reply, Request, Sink
    from sfbulk.transport import Transport


# A gateway on the way may cut every answer, so it is not asked for as often as others.
_CUT_ATTEMPTS = 3


def download(
    transport: Transport,
    request: Request,
    save: Sink,
    *,
    ended: bool = True,
    is_csv: bool = False,
) -> Reply:
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
        is_csv: whether it is CSV, which is requested again if it ends inside a quoted value.

    Raises:
        JobError: the job has not ended, and there are no results yet.
        ApiError: Salesforce refuses the request.
        TransportError: the results could not be downloaded.
    """
    request = replace(request, read_timeout=DATA_READ_TIMEOUT_SECONDS)
    reply = transport.send(request, _whole_csv(request, save) if is_csv else save)
    if reply.status == HTTPStatus.NO_CONTENT and not ended:
        raise JobError(
            f"{request.purpose}: Salesforce has no results yet. Wait for the job to end.",
            job_id=request.job_id,
        )
    return reply


def _whole_csv(request: Request, save: Sink) -> Sink:
    """`save` for CSV that may have been cut on its way, which its length does not always show."""

    def save_whole(chunks: Iterator[bytes]) -> None:
        quotes = 0

        def counted() -> Iterator[bytes]:
            nonlocal quotes
            for chunk in chunks:
                quotes += chunk.count(b'"')
                yield chunk

        save(counted())
        if quotes % 2:
            raise TransportError(
                f"{request.purpose}: the CSV ends inside a quoted value, so it was cut on its way. "
                "Check the proxies between here and Salesforce.",
                ambiguous=True,
                attempts=_CUT_ATTEMPTS,
                job_id=request.job_id,
            )

    return save_whole

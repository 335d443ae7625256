"""Downloads the results of a job, completely or not at all."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk.errors import JobError, TransportError
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS
from sfbulk.jobs.cut_off import EndCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.http.wire import Reply, Request, Sink
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

# A gateway on the way may cut every answer, so it is not asked for as often as others.
_CUT_ATTEMPTS = 3
_MOST_DOWNLOADS = 4


def download(
    transport: Transport,
    request: Request,
    save: Sink,
    *,
    ended: bool = True,
    rows: int | None = None,
) -> Reply:
    """API call: the answer to `request`; `save` is called with its body.

    A download that breaks off is requested again, which Salesforce allows as long as the job
    exists; `save` is then called again and must start its file again. So are results that look as
    if their end were missing, although the answer is complete; if they come alike again, they are
    what Salesforce has. An answer without a body (200 or 204) gives `save` no chunks. For a job
    that has ended this means no rows; the caller compares that with the job's counts.

    Args:
        transport: the org.
        request: the request for the results.
        save: called with the chunks of the body.
        ended: whether the job, or the batch, is known to have ended. Before that, 204 means
            that there are no results yet (Bulk API guide 48.0).
        rows: how many rows the results should have; None if that is not known. The header
            Sforce-NumberOfRecords goes before it.

    Raises:
        JobError: the job has not ended, and there are no results yet.
        ApiError: Salesforce refuses the request.
        TransportError: the results could not be downloaded.
    """
    request = replace(request, read_timeout=DATA_READ_TIMEOUT_SECONDS)
    reply = _send_until_whole(transport, request, save, rows)
    if reply.status == HTTPStatus.NO_CONTENT and not ended:
        raise JobError(
            f"{request.purpose}: Salesforce has no results yet. Wait for the job to end.",
            job_id=request.job_id,
        )
    return reply


def row_count(reply: Reply) -> int | None:
    """The number of rows that the headers of results announce."""
    text = reply.headers.get("Sforce-NumberOfRecords", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _send_until_whole(
    transport: Transport, request: Request, save: Sink, rows: int | None
) -> Reply:
    sizes: set[int] = set()
    while True:
        reply, check = _send(transport, request, save)
        announced = row_count(reply)
        if (
            not check.looks_cut_off(rows if announced is None else announced)
            or check.bytes in sizes
            or len(sizes) + 1 == _MOST_DOWNLOADS
        ):
            return reply
        sizes.add(check.bytes)
        log.warning(
            "%s: the %d bytes look as if their end were missing, reading them again",
            request.purpose,
            check.bytes,
        )


def _send(transport: Transport, request: Request, save: Sink) -> tuple[Reply, EndCheck]:
    check = EndCheck()

    def seen(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            check.see(chunk)
            yield chunk

    def checked(chunks: Iterator[bytes]) -> None:
        nonlocal check
        check = EndCheck()
        save(seen(chunks))
        if check.ends_in_quotes:
            raise TransportError(
                f"{request.purpose}: the CSV ends inside a quoted value, so it was cut on its way. "
                "Check the proxies between here and Salesforce.",
                ambiguous=True,
                attempts=_CUT_ATTEMPTS,
                job_id=request.job_id,
            )

    reply = transport.send(request, checked)
    return reply, check

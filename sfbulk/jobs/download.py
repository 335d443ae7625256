"""Downloads the results of a job, completely or not at all."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from sfbulk.errors import ApiError, JobError
from sfbulk.http.retry import Backoff
from sfbulk.http.wire import DATA_READ_TIMEOUT_SECONDS
from sfbulk.jobs.cut_off import EndCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfbulk.http.wire import Reply, Request, Sink
    from sfbulk.transport import Transport

    Send = Callable[[Request, Sink], Reply]

log = logging.getLogger(__name__)

# A gateway on the way may cut every answer, so it is not asked for as often as others.
_MOST_DOWNLOADS = 4

NOT_READY_PAUSES = 3
"""How often results that are not there yet are waited for: some seconds, as they may be gone."""

_NOT_READY = (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
_NOT_READY_CODES = ("INVALIDJOBSTATE", "InvalidJobState")


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
    what Salesforce has. Results that are not there yet although the job has ended are requested
    again after a pause. An answer without a body (200 or 204) gives `save` no chunks. For a job
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
    pauses = NOT_READY_PAUSES if ended else 0
    reply = _send_until_whole(partial(_when_ready, transport, pauses=pauses), request, save, rows)
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


def _when_ready(transport: Transport, request: Request, save: Sink, *, pauses: int) -> Reply:
    backoff = Backoff(transport.clock)
    for _ in range(pauses):
        try:
            return transport.send(request, save)
        except ApiError as error:
            if not _is_not_ready(error):
                raise
        backoff.wait()
    return transport.send(request, save)


def _is_not_ready(error: ApiError) -> bool:
    """Whether results may only be late: the end of a job may be seen before its results are."""
    if error.code == "INVALID_QUERY_LOCATOR":
        return False
    return error.status in _NOT_READY or error.code in _NOT_READY_CODES


def _send_until_whole(send: Send, request: Request, save: Sink, rows: int | None) -> Reply:
    sizes: set[int] = set()
    while True:
        reply, check = _checked(send, request, save)
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


def _checked(send: Send, request: Request, save: Sink) -> tuple[Reply, EndCheck]:
    check = EndCheck()

    def seen(chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            check.see(chunk)
            yield chunk

    def checked(chunks: Iterator[bytes]) -> None:
        nonlocal check
        check = EndCheck()
        save(seen(chunks))

    reply = send(request, checked)
    return reply, check

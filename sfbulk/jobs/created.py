"""Creates ingest jobs, each once: one whose creation went unanswered is looked up in the list.

Salesforce chooses job ids and knows no idempotence key. What makes the looking up safe:
a job without data, or one that is never closed, loads nothing (Bulk API guide: Upload
Complete). So where no job is found a new one is created: should the lost one appear
after all, it stays empty and Salesforce removes it after seven days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ApiError, NotFound, SalesforceError, TransportError
from sfbulk.http_dates import http_date
from sfbulk.jobs.states import JobInfo, JobState, parse_job
from sfbulk.wire import Request, json_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk.transport import Transport
    from sfbulk.wire import Reply

# A job that was neither answered for nor found is created anew this often.
_CREATE_ATTEMPTS = 3

# The server's clock is read to the second, ours may run at another speed for a while.
_CLOCK_MARGIN = timedelta(seconds=5)

_ID_CHARACTERS = 15
_USER_INFO = "/services/oauth2/userinfo"


def create_once(transport: Transport, request: Request) -> JobInfo:
    """API call: the ingest job that `request` creates, adopted from the list if need be.

    Raises:
        ApiError: Salesforce refuses.
        TransportError: no answer; `ambiguous` when a job may exist all the same. Then no
            data is in it, and it will never load any.
    """
    known = transport.known_jobs
    with known.creating:
        info = _created_or_found(transport, request)
        known.add(info.id)
        known.user_id = info.created_by or known.user_id
    return info


def _created_or_found(transport: Transport, request: Request) -> JobInfo:
    lost: TransportError | None = None
    for _ in range(_CREATE_ATTEMPTS):
        begun = transport.clock.monotonic()
        try:
            return parse_job(transport.json(request))
        except TransportError as error:
            if not error.ambiguous:
                raise
            lost = error
        found = _look_up(transport, request, lost, begun)
        if found is not None:
            return found
    raise lost or AssertionError  # pragma: no branch - there is at least one attempt


def _look_up(
    transport: Transport, request: Request, lost: TransportError, begun: float
) -> JobInfo | None:
    try:
        found = [
            info
            for record in _fitting(transport, request, begun)
            if (info := _still_empty(transport, record)) is not None
        ]
        ours = _ours(transport, found)
    except SalesforceError as error:
        raise _gave_up(
            lost, f"Looking for it in the list of jobs failed: {error.message}"
        ) from error
    if len(ours) > 1:
        raise _gave_up(
            lost,
            "Several open jobs without data may be the one: "
            f"{', '.join(info.id for info in ours)}. Abort those that nobody else fills, in "
            "Setup, Bulk Data Load Jobs, then load again.",
        ) from lost
    return ours[0] if ours else None


def _fitting(transport: Transport, request: Request, begun: float) -> list[Mapping[str, Any]]:
    """The open jobs in the org's list that look like the one asked for since `begun`."""
    wanted = {
        "jobType": "V2Ingest",
        "state": JobState.OPEN.value,
        "apiVersion": float(transport.api_version),
        **(request.json or {}),
    }
    found = []
    since: datetime | None = None
    for number, (page, server_time) in enumerate(_list_pages(transport)):
        if number == 0 and server_time is not None:
            gone_by = timedelta(seconds=transport.clock.monotonic() - begun)
            since = server_time - gone_by - _CLOCK_MARGIN
        found += [
            record
            for record in page
            if record.get("id") not in transport.known_jobs
            and _looks_like(record, wanted)
            and not _is_older(record, since)
        ]
    return found


def _looks_like(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    # What an older version leaves out of the list says nothing.
    return all(_same(record.get(key, value), value) for key, value in wanted.items())


def _same(said: object, wanted: object) -> bool:
    # Names of objects and fields come back in another case at times.
    if isinstance(said, str) and isinstance(wanted, str):
        return said.casefold() == wanted.casefold()
    return said == wanted


def _is_older(record: Mapping[str, Any], since: datetime | None) -> bool:
    created = _instant(record.get("createdDate"))
    return since is not None and created is not None and created < since


def _instant(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        return None


def _list_pages(
    transport: Transport,
) -> Iterator[tuple[list[Mapping[str, Any]], datetime | None]]:
    """The pages of the job list, each with the server's time if the answer tells it."""
    path: str | None = f"{transport.base_path}/jobs/ingest"
    params = {"jobType": "V2Ingest"}
    seen = set()
    while path is not None and path not in seen:
        seen.add(path)
        request = Request("GET", path, "List the ingest jobs", params=params)
        document, server_time = transport.read(request, _with_date)
        yield document.get("records") or [], server_time
        # What is asked for next belongs to the org's own host, so it must be a path.
        following = document.get("nextRecordsUrl")
        path = following if isinstance(following, str) and following.startswith("/") else None
        params = {}


def _with_date(request: Request, reply: Reply) -> tuple[dict[str, Any], datetime | None]:
    return json_body(request, reply), http_date(reply.headers.get("Date"))


def _still_empty(transport: Transport, record: Mapping[str, Any]) -> JobInfo | None:
    """The job of a list entry, unless it has data already, which cannot be ours."""
    job_id = str(record.get("id"))
    request = Request(
        "GET",
        f"{transport.base_path}/jobs/ingest/{job_id}",
        f"Read ingest job {job_id}",
        job_id=job_id,
    )
    try:
        info = parse_job(transport.json(request))
    except NotFound:
        return None
    return info if info.state is JobState.OPEN and not info.has_data else None


def _ours(transport: Transport, found: list[JobInfo]) -> list[JobInfo]:
    if not found:
        return []
    user_id = _user_id(transport)
    return [info for info in found if info.created_by[:_ID_CHARACTERS] == user_id[:_ID_CHARACTERS]]


def _user_id(transport: Transport) -> str:
    known = transport.known_jobs
    if known.user_id is None:
        reply = transport.json(Request("GET", _USER_INFO, "Ask who the user is"))
        known.user_id = str(reply.get("user_id", ""))
    if not known.user_id:
        raise ApiError("Ask who the user is: the answer names no user.")
    return known.user_id


def _gave_up(lost: TransportError, why: str) -> TransportError:
    return TransportError(
        f"{lost.message} {why}",
        ambiguous=True,
        status=lost.status,
        code=lost.code,
        request_id=lost.request_id,
    )

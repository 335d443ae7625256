"""Reads which records of an object were changed or deleted in a time span.

These are the replication resources (REST API guide: sObject Get Updated, sObject Get Deleted; SOAP
API guide: getUpdated(), getDeleted()). They exist for objects that are `replicateable`. Salesforce
ignores the seconds of `start` and `end`, and they must be at least a minute apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sfbulk.errors import TransportError
from sfbulk.http.dates import document_date
from sfbulk.http.wire import Request
from sfbulk.soql import require_time_zone

if TYPE_CHECKING:
    from sfbulk.transport import Transport


@dataclass(frozen=True)
class Updated:
    """Which records were created or changed."""

    ids: tuple[str, ...] = field(repr=False)
    """18 characters each."""
    latest_date_covered: datetime
    """Aware, in UTC. Later changes may not be visible yet: it is not later than the start of any
    transaction that still runs (SOAP API guide: GetUpdatedResult)."""


@dataclass(frozen=True)
class DeletedRecord:
    """A record in the recycle bin."""

    id: str
    """18 characters."""
    deleted_date: datetime
    """Aware, in UTC."""


@dataclass(frozen=True)
class Deleted:
    """Which records were deleted."""

    records: tuple[DeletedRecord, ...] = field(repr=False)
    earliest_date_available: datetime
    """Aware, in UTC. Earlier deletions are no longer available: if it is later than `start`,
    deletions may be missing, and only a comparison of all ids finds them."""
    latest_date_covered: datetime
    """As `Updated.latest_date_covered`."""


def read_updated(transport: Transport, sobject: str, start: datetime, end: datetime) -> Updated:
    """API call: see `Salesforce.updated`."""
    request = _request(transport, sobject, "updated", start, end)
    document = transport.json(request)
    try:
        ids = tuple(_text(record_id) for record_id in _list(document["ids"]))
        return Updated(ids, document_date(document["latestDateCovered"]))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _not_understood(request) from error


def read_deleted(transport: Transport, sobject: str, start: datetime, end: datetime) -> Deleted:
    """API call: see `Salesforce.deleted`."""
    request = _request(transport, sobject, "deleted", start, end)
    document = transport.json(request)
    try:
        return Deleted(
            tuple(_deleted_record(entry) for entry in _list(document["deletedRecords"])),
            document_date(document["earliestDateAvailable"]),
            document_date(document["latestDateCovered"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _not_understood(request) from error


def _request(
    transport: Transport, sobject: str, resource: str, start: datetime, end: datetime
) -> Request:
    return Request(
        "GET",
        f"{transport.base_path}/sobjects/{quote(sobject, safe='')}/{resource}",
        f"Read which records of {sobject} were {resource}",
        params={"start": _iso_8601(start), "end": _iso_8601(end)},
    )


def _iso_8601(instant: datetime) -> str:
    """The form of the guide's example: `2013-05-05T00:00:00+00:00`."""
    require_time_zone(instant)
    return instant.astimezone(timezone.utc).isoformat(timespec="seconds")


def _deleted_record(entry: dict[str, Any]) -> DeletedRecord:
    return DeletedRecord(_text(entry["id"]), document_date(entry["deletedDate"]))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: Any) -> str:
    # The callers turn this into one error for any answer in another form.
    if not isinstance(value, str):
        raise TypeError
    return value


def _not_understood(request: Request) -> TransportError:
    return TransportError(
        f"{request.purpose}: the answer is not in the form that Salesforce documents.",
        ambiguous=False,
        permanent=True,
    )

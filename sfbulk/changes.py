"""Asks which records of an object were changed or deleted in a span of time.

These are the replication resources (REST API guide: sObject Get Updated, sObject Get Deleted; SOAP
API guide: getUpdated(), getDeleted()). They serve the objects that are `replicateable`. Salesforce
reads `start` and `end` to the minute and wants them at least a minute apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sfbulk.errors import DataError, TransportError
from sfbulk.http.wire import Request

if TYPE_CHECKING:
    from sfbulk.transport import Transport


@dataclass(frozen=True)
class Updated:
    """Which records were created or changed."""

    ids: tuple[str, ...] = field(repr=False)
    """18 characters each."""
    latest_date_covered: datetime
    """Aware, in UTC. What changed after it may not be visible yet: it goes back to the start of a
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
    """Aware, in UTC. Deletions before it are not known any more: when it is later than `start`,
    some may be missing, and only a comparison of all ids finds them."""
    latest_date_covered: datetime
    """As that of `Updated`."""


def read_updated(transport: Transport, sobject: str, start: datetime, end: datetime) -> Updated:
    """API call: see `Salesforce.updated`."""
    request = _request(transport, sobject, "updated", start, end)
    document = transport.json(request)
    try:
        ids = tuple(_text(record_id) for record_id in document["ids"])
        return Updated(ids, _instant(document["latestDateCovered"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(request) from error


def read_deleted(transport: Transport, sobject: str, start: datetime, end: datetime) -> Deleted:
    """API call: see `Salesforce.deleted`."""
    request = _request(transport, sobject, "deleted", start, end)
    document = transport.json(request)
    try:
        return Deleted(
            tuple(_deleted_record(entry) for entry in document["deletedRecords"]),
            _instant(document["earliestDateAvailable"]),
            _instant(document["latestDateCovered"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(request) from error


def _request(
    transport: Transport, sobject: str, resource: str, start: datetime, end: datetime
) -> Request:
    return Request(
        "GET",
        f"{transport.base_path}/sobjects/{quote(sobject, safe='')}/{resource}",
        f"Ask which records of {sobject} were {resource}",
        params={"start": _iso_8601(start), "end": _iso_8601(end)},
    )


def _iso_8601(instant: datetime) -> str:
    """In the form of the guide's example, `2013-05-05T00:00:00+00:00`."""
    if instant.tzinfo is None:
        raise DataError("A datetime without a time zone names no instant; give it one.")
    return instant.astimezone(timezone.utc).isoformat(timespec="seconds")


def _deleted_record(entry: dict[str, Any]) -> DeletedRecord:
    return DeletedRecord(_text(entry["id"]), _instant(entry["deletedDate"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _instant(value: Any) -> datetime:
    """An instant such as `2015-08-19T08:17:00.000+0000` (recordings); aware, in UTC."""
    # Python 3.10 reads neither Z nor a zone without its colon.
    text = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", re.sub(r"Z$", "+00:00", _text(value)))
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(timezone.utc)


def _not_understood(request: Request) -> TransportError:
    return TransportError(
        f"{request.purpose}: the answer is not in the form that Salesforce documents.",
        ambiguous=False,
        permanent=True,
    )

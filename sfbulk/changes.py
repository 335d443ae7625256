"""Reads which records of an object were changed or deleted in a time span.

These are the replication resources (REST API guide: sObject Get Updated, sObject Get Deleted; SOAP
API guide: getUpdated(), getDeleted()). They exist for objects that are `replicateable`. Salesforce
ignores the seconds of `start` and `end`, and they must be at least a minute apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from sfbulk.http.shapes import SalesforceId, Shape, Time
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


class _Updated(msgspec.Struct, rename="camel"):
    ids: tuple[SalesforceId, ...]
    latest_date_covered: Time


class _DeletedRecord(msgspec.Struct, rename="camel"):
    id: SalesforceId
    deleted_date: Time


class _Deleted(msgspec.Struct, rename="camel"):
    deleted_records: tuple[_DeletedRecord, ...]
    earliest_date_available: Time
    latest_date_covered: Time


# It only saves a later look at the same rows, so nobody waits long for it.
_UPDATED = Shape(_Updated, "a list of changed records", attempts=2)
_DELETED = Shape(_Deleted, "a list of deleted records")


def read_updated(transport: Transport, sobject: str, start: datetime, end: datetime) -> Updated:
    """API call: see `Salesforce.updated`."""
    request = _request(transport, sobject, "updated", start, end)
    found = transport.read(request, _UPDATED.of)
    return Updated(found.ids, found.latest_date_covered.instant)


def read_deleted(transport: Transport, sobject: str, start: datetime, end: datetime) -> Deleted:
    """API call: see `Salesforce.deleted`."""
    request = _request(transport, sobject, "deleted", start, end)
    found = transport.read(request, _DELETED.of)
    return Deleted(
        tuple(DeletedRecord(each.id, each.deleted_date.instant) for each in found.deleted_records),
        found.earliest_date_available.instant,
        found.latest_date_covered.instant,
    )


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

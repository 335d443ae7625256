"""Records changed in a span of time: /updated and /deleted (REST guide: sObject Get Updated)."""

from __future__ import annotations

from datetime import timedelta, timezone
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, instant_text
from sfbulk_sandbox.rest.paths import named_sobject
from sfbulk_sandbox.schema.values import instant, moment_of
from sfbulk_sandbox.sign_in.auth import not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.long_transaction import LongTransaction
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.schema import SObject

# The earliest start of a span (REST guide: sObject Get Updated, sObject Get Deleted).
_UPDATED_REACH = timedelta(days=30)
_DELETED_REACH = timedelta(days=15)
# The first of these fields that the object has.
_CHANGED = ("SystemModstamp", "LastModifiedDate", "CreatedDate")


class ChangeResources:
    """The resources /updated and /deleted.

    Args:
        org: The rows and the schema.
        transaction: The long-running transaction.
        admit: The check before each request.
    """

    def __init__(
        self,
        org: Org,
        *,
        transaction: LongTransaction,
        admit: Callable[[Request], Mapping[str, str]],
    ) -> None:
        self._org = org
        self._transaction = transaction
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        sobject = "/services/data/v{version}/sobjects/{sobject}"
        return [
            Resource(sobject + "/updated", {"GET": self.updated}, self._admit),
            Resource(sobject + "/deleted", {"GET": self.deleted}, self._admit),
        ]

    def updated(self, request: Request) -> Response:
        """Return the ids of records that were created or changed."""
        start, end = self._span(request, _UPDATED_REACH)
        rows = self._rows(self._sobject(request), start, end, deleted=False)
        return JsonResponse(
            {
                "ids": [record_id for record_id, _ in rows],
                "latestDateCovered": instant_text(self._covered(end)),
            }
        )

    def deleted(self, request: Request) -> Response:
        """Return the deleted records: those in the recycle bin, and those deleted past it."""
        start, end = self._span(request, _DELETED_REACH)
        sobject = self._sobject(request)
        rows = self._rows(sobject, start, end, deleted=True)
        # The delete log is not the recycle bin (REST guide: sObject Get Deleted).
        rows = sorted([*rows, *self._org.removed(sobject, start, end)], key=itemgetter(1, 0))
        earliest = _minute(self._org.clock.now() - _DELETED_REACH)
        return JsonResponse(
            {
                "deletedRecords": [
                    {"id": record_id, "deletedDate": changed.removesuffix("Z") + "+0000"}
                    for record_id, changed in rows
                ],
                "earliestDateAvailable": instant_text(earliest),
                "latestDateCovered": instant_text(self._covered(end)),
            }
        )

    def _sobject(self, request: Request) -> SObject:
        sobject = named_sobject(self._org, request)
        if not sobject.allows("replicateable"):
            raise not_found()
        return sobject

    def _span(self, request: Request, reach: timedelta) -> tuple[datetime, datetime]:
        start, end = _instant(request, "start"), _instant(request, "end")
        if end - start < timedelta(minutes=1):
            raise _refused("end must be at least one minute after start")
        if start < _minute(self._org.clock.now() - reach):
            raise _refused(f"start must not be more than {reach.days} days ago")
        return start, end

    def _covered(self, end: datetime) -> datetime:
        # SOAP API guide, GetUpdatedResult: not later than the begin of a long-running transaction,
        # because its changes are not visible yet.
        known = self._transaction.start or self._org.clock.now()
        return min(end, _minute(known))

    def _rows(
        self, sobject: SObject, start: datetime, end: datetime, *, deleted: bool
    ) -> list[tuple[Any, Any]]:
        name = next((name for name in _CHANGED if sobject.field(name)), None)
        # Without a recycle bin, a deleted record is in the delete log alone.
        if name is None or (deleted and not sobject.has_recycle_bin):
            return []
        soql = (
            f"SELECT Id, {name} FROM {sobject.name} "  # noqa: S608 - SOQL of names from the schema and instants
            f"WHERE {name} >= {_literal(start)} AND {name} < {_literal(end)}"
            + (" AND IsDeleted = true" if deleted else "")
            + f" ORDER BY {name}, Id"
        )
        return [(row[0], row[1]) for row in self._org.query(soql, all_rows=deleted).rows()]


def _instant(request: Request, name: str) -> datetime:
    """Return a datetime of the query, without its seconds, which Salesforce ignores.

    Raises:
        Fault: The parameter is missing or is not an ISO 8601 datetime.
    """
    # A plus sign that the client did not write as %2B arrives as a space.
    text = request.query.get(name, "").strip().replace(" ", "+")
    try:
        return _minute(moment_of(instant(text)))
    except ValueError:
        raise _refused(f"{name} must be a date and time such as 2026-11-23T00:00:00Z") from None


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc).replace(second=0, microsecond=0)


def _literal(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _refused(message: str) -> Fault:
    return Fault(code="INVALID_REPLICATION_DATE", message=message)

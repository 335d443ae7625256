"""Collections over REST: up to 200 records in one request (REST guide: sObject Collections)."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import Fault, RollBack, RowError
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse
from sfbulk_sandbox.org.org import RowResult
from sfbulk_sandbox.rest.paths import key_field, named_sobject
from sfbulk_sandbox.rest.records import checked_names, record_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Operation, Org
    from sfbulk_sandbox.schema.schema import SObject

MOST_RECORDS = 200
MOST_READ = 2000
# The first characters of an id are the key prefix of its object.
_PREFIX_LENGTH = 3
_ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using "
    "AllOrNone header",
)


class CollectionResources:
    """The resources under /composite/sobjects.

    Args:
        org: The rows and the schema.
        admit: The check before each request.
    """

    def __init__(self, org: Org, *, admit: Callable[[Request], Mapping[str, str]]) -> None:
        self._org = org
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}/composite/sobjects"
        methods = {"POST": self.create, "PATCH": self.update, "DELETE": self.delete}
        return [
            Resource(base, methods, self._admit),
            Resource(base + "/{sobject}", {"GET": self.read, "POST": self.read}, self._admit),
            Resource(base + "/{sobject}/{field}", {"PATCH": self.upsert}, self._admit),
        ]

    def read(self, request: Request) -> Response:
        """Return records of one object by id; null for a missing record."""
        sobject = named_sobject(self._org, request)
        ids, fields = _read_request(request)
        names = checked_names(sobject, fields)
        if names is None:
            raise Fault(code="MISSING_ARGUMENT", message="fields must name the fields to read")
        return JsonResponse([self._found(request, sobject, one, names) for one in ids])

    def _found(
        self, request: Request, sobject: SObject, record_id: str, names: Sequence[str]
    ) -> dict[str, Any] | None:
        try:
            return record_document(self._org, request.base_path, sobject, record_id, names)
        except Fault as fault:
            if fault.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def create(self, request: Request) -> Response:
        """Insert records, of one object or several."""
        return self._save(request, "insert", _typed_records(request))

    def update(self, request: Request) -> Response:
        """Update records by their ids."""
        return self._save(request, "update", _typed_records(request))

    def upsert(self, request: Request) -> Response:
        """Insert or update records of one object by an external id or by Id."""
        sobject = named_sobject(self._org, request)
        key = key_field(sobject, request.path["field"]).name
        # A record without its key is rejected, but not the request.
        records = [(sobject.name, {key: None, **record}) for _, record in _typed_records(request)]
        return self._save(request, "upsert", records, key)

    def delete(self, request: Request) -> Response:
        """Move the records with these ids to the recycle bin."""
        given = [one.strip() for one in request.query.get("ids", "").split(",") if one.strip()]
        _check_number(given)
        records = []
        for record_id in given:
            sobject = self._org.schema.by_prefix(record_id[:_PREFIX_LENGTH])
            records.append((sobject.name if sobject else "", {"Id": record_id}))
        all_or_none = request.query.get("allOrNone", "").lower() == "true"
        return _answer(self._results("delete", records, None, all_or_none=all_or_none))

    def _save(
        self,
        request: Request,
        operation: Operation,
        records: Sequence[tuple[str, Mapping[str, Any]]],
        key: str | None = None,
    ) -> Response:
        all_or_none = request.document().get("allOrNone") is True
        results = self._results(operation, records, key, all_or_none=all_or_none)
        return _answer(results, created=operation == "upsert")

    def _results(
        self,
        operation: Operation,
        records: Sequence[tuple[str, Mapping[str, Any]]],
        key: str | None,
        *,
        all_or_none: bool,
    ) -> list[RowResult]:
        results: list[RowResult] = []
        try:
            with self._org.transaction():
                # One save per run of records of an object keeps the results in order.
                for name, group in groupby(records, key=lambda pair: pair[0]):
                    results += self._saved(operation, name, [one for _, one in group], key)
                if all_or_none:
                    _check_all(results)
        except RollBack:
            return [_rolled_back(result) if result.success else result for result in results]
        return results

    def _saved(
        self, operation: Operation, name: str, records: list[Mapping[str, Any]], key: str | None
    ) -> list[RowResult]:
        # No object has the key prefix of the id.
        if not name:
            return [
                _failed(RowError("MALFORMED_ID", f"malformed id {one['Id']}", ("Id",)))
                for one in records
            ]
        return self._org.save_records(operation, name, records, key)


def _typed_records(request: Request) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the object name and the fields of each record in the body."""
    records = request.document().get("records")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise Fault(code="JSON_PARSER_ERROR", message="records must be a list of objects")
    _check_number(records)
    return [(_type_of(request, record), record) for record in records]


def _read_request(request: Request) -> tuple[list[str], list[str]]:
    """Return the ids and field names: of the body of a POST, of the query of a GET."""
    if request.method == "POST":
        document = request.document()
        lists = [document.get("ids"), document.get("fields")]
        if not all(isinstance(one, list) for one in lists):
            raise Fault(code="JSON_PARSER_ERROR", message="ids and fields must be lists")
        ids, fields = ([str(text) for text in one or []] for one in lists)
    else:
        ids, fields = (request.query.get(name, "").split(",") for name in ("ids", "fields"))
    ids = [one.strip() for one in ids if one.strip()]
    if len(ids) > MOST_READ:
        text = f"record limit reached. cannot retrieve more than {MOST_READ} records in this call"
        raise Fault(code="EXCEEDED_ID_LIMIT", message=text)
    return ids, fields


def _type_of(request: Request, record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    name = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(name, str) and "sobject" not in request.path:
        raise Fault(code="MISSING_ARGUMENT", message="attributes.type must name the object")
    return str(name)


def _check_number(records: Sequence[Any]) -> None:
    if len(records) > MOST_RECORDS:
        text = f"record limit reached. cannot submit more than {MOST_RECORDS} records in this call"
        raise Fault(code="EXCEEDED_ID_LIMIT", message=text)


def _check_all(results: Sequence[RowResult]) -> None:
    if not all(result.success for result in results):
        raise RollBack


def _rolled_back(result: RowResult) -> RowResult:
    return replace(result, success=False, errors=(_ROLLED_BACK,))


def _failed(error: RowError) -> RowResult:
    return RowResult(None, success=False, created=False, errors=(error,))


def _answer(results: Sequence[RowResult], *, created: bool = False) -> Response:
    return JsonResponse([_document(result, created=created) for result in results])


def _document(result: RowResult, *, created: bool) -> dict[str, Any]:
    if not result.success:
        errors = [
            {"statusCode": error.code, "message": error.message, "fields": list(error.fields)}
            for error in result.errors
        ]
        document: dict[str, Any] = {"success": False, "errors": errors}
        # A rejected row whose key has no record has created = true (jsforce's live tests).
        made = result.created or result.id is None
    else:
        document = {"id": result.id, "success": True, "errors": []}
        made = result.created
    return document | {"created": made} if created else document

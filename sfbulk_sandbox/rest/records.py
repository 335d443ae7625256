"""REST over HTTP: versions, describes, single records, limits (REST API guide)."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from starlette.responses import Response

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.conditional import DescribesChange, content_etag, respond_unless_unchanged
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse, XmlResponse, no_content, prefers_xml
from sfbulk_sandbox.rest.forms import form_fields, is_form
from sfbulk_sandbox.rest.paths import key_field, named_record_id, named_sobject
from sfbulk_sandbox.schema.ids import is_valid, to18
from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.values import moment_of
from sfbulk_sandbox.sign_in.auth import NEWEST_VERSION, OLDEST_VERSION, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.org.org import Operation, Org, RowResult
    from sfbulk_sandbox.schema.schema import Field, SObject

_SEASONS = ("Winter", "Spring", "Summer")
# The first version in which an upsert that updates has a body; before, the answer is 204.
_UPSERT_BODY_SINCE = 46.0
# The date of a record's last change: the first of these fields that the object has.
_CHANGED = ("LastModifiedDate", "SystemModstamp", "CreatedDate")
# In the recordings only an Account has an ETag.
_WITH_ETAG = "Account"
# Row errors for which the DELETE of one record answers 404.
_GONE = ("INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED")
_UNQUOTED_KINDS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME})


class RestResources:
    """The resources of versions, limits, objects and single records.

    Args:
        org: The rows and the schema.
        usage: Counts requests.
        identity_url: Returns the identity URL for a base URL.
        admit: The check before each request.
    """

    def __init__(
        self,
        org: Org,
        *,
        usage: Usage,
        identity_url: Callable[[str], str],
        admit: Callable[[Request], Mapping[str, str]],
    ) -> None:
        self._org = org
        self._describes_change = DescribesChange(org.schema, org.clock)
        self._usage = usage
        self._identity_url = identity_url
        self._admit = admit

    def resources(self) -> list[Resource]:
        """Return the resources."""
        base = "/services/data/v{version}"
        sobject = base + "/sobjects/{sobject}"
        record = {"GET": self.read, "PATCH": self.update, "DELETE": self.delete}
        keyed = {"GET": self.read_keyed, "PATCH": self.upsert, "DELETE": self.delete_keyed}
        return [
            Resource("/services/data", {"GET": self.versions}),
            Resource(base, {"GET": self.index}, self._admit),
            Resource(base + "/limits", {"GET": self.limits}, self._admit),
            Resource(base + "/limits/recordCount", {"GET": self.record_count}, self._admit),
            Resource(base + "/sobjects", {"GET": self.describe_global}, self._admit),
            Resource(sobject, {"GET": self.basic, "POST": self.create}, self._admit),
            Resource(sobject + "/describe", {"GET": self.describe}, self._admit),
            Resource(sobject + "/{record_id}", record, self._admit),
            Resource(sobject + "/{field}/{value:path}", keyed, self._admit),
        ]

    def versions(self, request: Request) -> Response:
        """Return the API versions, oldest first. No session is needed."""
        entries = [_version_entry(number) for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)]
        if not prefers_xml(request.headers):
            return JsonResponse(entries)
        root = ET.Element("Versions")
        for entry in entries:
            version = ET.SubElement(root, "Version")
            for name, text in entry.items():
                ET.SubElement(version, name).text = text
        return XmlResponse(root)

    def index(self, request: Request) -> Response:
        """Return the resources of a version."""
        names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")
        document = {name: f"{request.base_path}/{name}" for name in names}
        return JsonResponse({**document, "identity": self._identity_url(request.base_url)})

    def limits(self, request: Request) -> Response:
        """Return the limits and what remains of them."""
        return JsonResponse(self._usage.document(float(request.version)))

    def record_count(self, request: Request) -> Response:
        """Return the number of records per object, without unknown and empty objects."""
        wanted = {name.lower() for name in request.query.get("sObjects", "").split(",") if name}
        counts = [
            {"count": count, "name": name}
            for name, count in sorted(self._org.counts().items())
            if count and (not wanted or name.lower() in wanted)
        ]
        return JsonResponse({"sObjects": counts})

    def describe_global(self, request: Request) -> Response:
        """Return the global describe."""
        return self._dated(request, lambda: self._global_document(float(request.version)))

    def basic(self, request: Request) -> Response:
        """Return the short describe of one object."""
        summary = named_sobject(self._org, request).summary(float(request.version))
        return JsonResponse({"objectDescribe": summary, "recentItems": []})

    def describe(self, request: Request) -> Response:
        """Return the describe of one object."""
        sobject = named_sobject(self._org, request)
        return self._dated(
            request, lambda: sobject.describe(float(request.version), request.base_url)
        )

    def _global_document(self, version: float) -> dict[str, Any]:
        sobjects = [sobject.summary(version) for sobject in self._org.schema.described()]
        return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects}

    def _dated(self, request: Request, document: Callable[[], dict[str, Any]]) -> Response:
        changes = self._describes_change
        headers = {"ETag": changes.etag}
        return respond_unless_unchanged(
            request, changes.moment, lambda: JsonResponse(document()), headers
        )

    def create(self, request: Request) -> Response:
        """Insert a record."""
        sobject = named_sobject(self._org, request)
        result = self._save("insert", sobject, _values(request, sobject))
        location = f"{request.base_path}/sobjects/{sobject.name}/{result.id}"
        return JsonResponse(
            {"id": result.id, "success": True, "errors": []},
            status_code=201,
            headers={"Location": location},
        )

    def read(self, request: Request) -> Response:
        """Return a record with all fields, or with the named fields."""
        sobject = named_sobject(self._org, request)
        return self._record(request, sobject, named_record_id(request, sobject))

    def read_keyed(self, request: Request) -> Response:
        """Return a record by external id, or the bytes of a base64 field."""
        sobject = named_sobject(self._org, request)
        # The path is .../{record id}/{field} for a file, .../{field}/{value} for an external id.
        file = sobject.field(request.path["value"])
        if file and file.kind is Kind.BINARY and is_valid(request.path["field"]):
            return self._file(sobject, request.path["field"], file)
        found = self._found(request, sobject)
        return _choice(request, sobject, found) or self._record(request, sobject, found[0])

    def update(self, request: Request) -> Response:
        """Update a record."""
        sobject = named_sobject(self._org, request)
        self._update(sobject, named_record_id(request, sobject), _values(request, sobject))
        return no_content()

    def upsert(self, request: Request) -> Response:
        """Insert or update a record by external id."""
        sobject = named_sobject(self._org, request)
        key = key_field(sobject, request.path["field"])
        if choice := _choice(request, sobject, self._ids(request, sobject, key)):
            return choice
        values = {**_values(request, sobject), key.name: request.path["value"]}
        result = self._save("upsert", sobject, values, key.name)
        if not result.created and float(request.version) < _UPSERT_BODY_SINCE:
            return no_content()
        return JsonResponse(
            {"id": result.id, "success": True, "errors": [], "created": result.created},
            status_code=201 if result.created else 200,
        )

    def delete(self, request: Request) -> Response:
        """Move a record to the recycle bin."""
        sobject = named_sobject(self._org, request)
        self._delete(sobject, named_record_id(request, sobject))
        return no_content()

    def delete_keyed(self, request: Request) -> Response:
        """Move a record to the recycle bin, by external id."""
        sobject = named_sobject(self._org, request)
        found = self._found(request, sobject)
        if choice := _choice(request, sobject, found):
            return choice
        self._delete(sobject, found[0])
        return no_content()

    def _record(self, request: Request, sobject: SObject, record_id: str) -> Response:
        names = checked_names(sobject, request.query.get("fields", "").split(","))
        answer = JsonResponse(
            record_document(self._org, request.base_path, sobject, record_id, names)
        )
        headers = {}
        if sobject.name == _WITH_ETAG:
            headers["ETag"] = content_etag(bytes(answer.body))
        changed = self._changed(sobject, record_id)
        if changed is None:
            return answer
        return respond_unless_unchanged(request, changed, lambda: answer, headers)

    def _changed(self, sobject: SObject, record_id: str) -> datetime | None:
        name = next((name for name in _CHANGED if sobject.field(name)), None)
        if name is None:
            return None
        text = self._org.record(sobject.name, record_id, [name])[name]
        return moment_of(text) if text else None

    def _file(self, sobject: SObject, record_id: str, field: Field) -> Response:
        content = self._org.record(sobject.name, record_id, [field.name])[field.name]
        return Response(base64.b64decode(content or ""), media_type="application/octet-stream")

    def _update(self, sobject: SObject, record_id: str, values: Mapping[str, Any]) -> None:
        # A missing or deleted record is a 404, not the row error of the save.
        self._org.record(sobject.name, record_id, ["Id"])
        self._save("update", sobject, {**values, "Id": record_id})

    def _delete(self, sobject: SObject, record_id: str) -> None:
        try:
            self._save("delete", sobject, {"Id": record_id})
        except Fault as fault:
            if fault.code in _GONE:
                fault.status = HTTPStatus.NOT_FOUND
            raise

    def _save(
        self,
        operation: Operation,
        sobject: SObject,
        values: Mapping[str, Any],
        external_id: str | None = None,
    ) -> RowResult:
        result = self._org.save_record(operation, sobject.name, values, external_id)
        if not result.success:
            error = result.errors[0]
            raise Fault(code=error.code, message=error.message, fields=error.fields)
        return result

    def _found(self, request: Request, sobject: SObject) -> list[str]:
        found = self._ids(request, sobject, key_field(sobject, request.path["field"]))
        if not found:
            raise not_found()
        return found

    def _ids(self, request: Request, sobject: SObject, key: Field) -> list[str]:
        literal = _literal(key, request.path["value"])
        soql = f"SELECT Id FROM {sobject.name} WHERE {key.name} = {literal}"  # noqa: S608 - SOQL of checked names and an escaped literal
        query = self._org.query(soql)
        return [str(row[0]) for row in query.rows()]


def _version_entry(number: int) -> dict[str, str]:
    releases = number - NEWEST_VERSION
    # The newest version is Winter '27. There are three releases a year; Winter is the first and has
    # the number of the next year.
    label = f"{_SEASONS[releases % 3]} '{27 + releases // 3}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def _choice(request: Request, sobject: SObject, found: Sequence[str]) -> Response | None:
    """Return a 300 with the records, if an external id has several."""
    if len(found) <= 1:
        return None
    urls = [f"{request.base_path}/sobjects/{sobject.name}/{one}" for one in found]
    return JsonResponse(urls, status_code=300)


def record_document(
    org: Org, base_path: str, sobject: SObject, record_id: str, names: Sequence[str] | None
) -> dict[str, Any]:
    """Return a record in REST's form, with the path instead of the content of a base64 field.

    Args:
        org: The org.
        base_path: The path of the API version.
        sobject: The object.
        record_id: The id of the record.
        names: The fields; None for all.

    Raises:
        Fault: 404: there is no such record.
    """
    values = org.record(sobject.name, record_id, names)
    url = f"{base_path}/sobjects/{sobject.name}/{to18(record_id)}"
    for field in sobject.fields:
        if field.kind is Kind.BINARY and values.get(field.name) is not None:
            values[field.name] = f"{url}/{field.name}"
    return {"attributes": {"type": sobject.name, "url": url}, **values}


def checked_names(sobject: SObject, asked: Iterable[str]) -> list[str] | None:
    """Return the requested fields with Id at the end; None if no field is requested.

    Raises:
        Fault: The object has no such field.
    """
    names = [name.strip() for name in asked if name.strip()]
    for name in names:
        if sobject.field(name) is None:
            message = f"No such column '{name}' on sobject of type {sobject.name}"
            raise Fault(code="INVALID_FIELD", message=message)
    # Assumed: Id comes last.
    if names and "id" not in {name.lower() for name in names}:
        names.append("Id")
    return names or None


def _values(request: Request, sobject: SObject) -> dict[str, Any]:
    """Return the fields in a request, which is JSON or a form with files."""
    given = form_fields(request, sobject) if is_form(request) else request.document()
    return {name: value for name, value in given.items() if name != "attributes"}


def _literal(field: Field, value: str) -> str:
    if field.kind in _UNQUOTED_KINDS:
        return quote(value, safe="+:")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

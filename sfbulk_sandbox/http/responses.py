"""Answers in JSON and XML, error lists, and the text form of timestamps."""

from __future__ import annotations

from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import msgspec
from starlette.responses import Response

from sfbulk_sandbox.http.pretty import pretty_json
from sfbulk_sandbox.schema.values import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sfbulk_sandbox.faults.errors import Fault

CSV_HEADERS = {
    # As recorded, without a charset; as a media type, Starlette would add one.
    "content-type": "text/csv",
}


XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


def encode_json(document: object) -> bytes:
    """Return compact UTF-8 JSON. A Decimal keeps all digits and is written in Java's form."""
    return msgspec.json.encode(_with_numbers(document))


def _with_numbers(value: Any) -> Any:
    # msgspec would write a Decimal as a string.
    if isinstance(value, Decimal):
        return msgspec.Raw(number_text(value).encode())
    if isinstance(value, dict):
        return {name: _with_numbers(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_numbers(member) for member in value]
    return value


class JsonResponse(Response):
    """A JSON document with Salesforce's content type (no space before `charset`)."""

    media_type = "application/json;charset=UTF-8"

    def render(self, content: object) -> bytes:
        """Return the body."""
        return encode_json(content)

    def indent(self) -> None:
        """Indent the body, for X-PrettyPrint."""
        self.body = pretty_json(bytes(self.body))
        self.headers["content-length"] = str(len(self.body))


def fault_response(fault: Fault) -> JsonResponse:
    """Return the error list of a fault (REST guide: Status Codes and Error Responses)."""
    return JsonResponse(
        [fault_document(fault)], status_code=fault.status, headers=_headers_of(fault)
    )


def _headers_of(fault: Fault) -> Mapping[str, str] | None:
    # As recorded for a session that has ended (restforce issue 284).
    is_unauthorized = fault.status == HTTPStatus.UNAUTHORIZED
    return {"www-authenticate": "Token"} if is_unauthorized else None


class XmlResponse(Response):
    """An XML document without line breaks."""

    media_type = "application/xml;charset=UTF-8"

    def render(self, content: ET.Element) -> bytes:
        """Return the body."""
        body: bytes = ET.tostring(content, encoding="utf-8")
        return XML_DECLARATION + body


def prefers_xml(headers: Mapping[str, str]) -> bool:
    """Return whether the client accepts XML but not JSON."""
    accepted = headers.get("accept", "").lower()
    return "application/xml" in accepted and "json" not in accepted and "*/*" not in accepted


def xml_fault_response(fault: Fault) -> XmlResponse:
    """Return the error list of a fault in its XML form (REST guide: Status Codes)."""
    root = ET.Element("Errors")
    error = ET.SubElement(root, "Error")
    texts = [("errorCode", fault.code), ("message", fault.message)]
    for name, text in [*texts, *(("fields", name) for name in fault.fields)]:
        ET.SubElement(error, name).text = text
    return XmlResponse(root, status_code=fault.status, headers=_headers_of(fault))


def fault_document(fault: Fault) -> dict[str, Any]:
    """Return one entry of the error list. As recorded, a 404 has errorCode first."""
    if fault.status == HTTPStatus.NOT_FOUND:
        return {"errorCode": fault.code, "message": fault.message}
    document: dict[str, Any] = {"message": fault.message, "errorCode": fault.code}
    if fault.fields:
        document["fields"] = list(fault.fields)
    return document


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """Return 204 without a body."""
    return Response(status_code=204, headers=headers)


def instant_text(instant: datetime) -> str:
    """Return a timestamp as in job documents: whole seconds, as in every recording."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000+0000"

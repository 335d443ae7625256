"""Records sent as a form: fields as JSON and files as parts (REST guide: Blob Data)."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.multipart import form_parts
from sfbulk_sandbox.schema.schema import Kind

if TYPE_CHECKING:
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.schema.schema import SObject

_CODE = "INVALID_MULTIPART_REQUEST"


def is_form(request: Request) -> bool:
    """Return whether the body is a form."""
    return request.headers.get("content-type", "").lower().startswith("multipart/")


def form_fields(request: Request, sobject: SObject) -> dict[str, Any]:
    """Return the fields of a form, with files as base64.

    The part of a file has the name of its field. The part of the other fields may have any name.

    Raises:
        Fault: The body is not a form, does not have exactly one part of fields, or that part is not
            a JSON object.
    """
    try:
        parts = form_parts(request.headers["content-type"], request.body)
    except ValueError as error:
        raise Fault(_CODE, f"Multipart message is malformed: {error}") from None
    files = {
        name: base64.b64encode(content).decode()
        for name, content in parts.items()
        if (field := sobject.field(name)) and field.kind is Kind.BINARY
    }
    documents = [content for name, content in parts.items() if name not in files]
    if not documents:
        raise Fault(_CODE, "Multipart message must include a non-binary part")
    if len(documents) > 1:
        text = "Multipart message must include one non-binary part, and each file by its field"
        raise Fault(_CODE, text)
    return {**replace(request, body=documents[0]).document(), **files}

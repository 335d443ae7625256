"""Reads the parts of a request's path: the object, the record id, the key field of an upsert."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.ids import is_valid
from sfbulk_sandbox.sign_in.auth import not_found

if TYPE_CHECKING:
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.schema import Field, SObject

_LIKE_AN_ID = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")


def named_sobject(org: Org, request: Request) -> SObject:
    """Return the object that the path names.

    Raises:
        Fault: 404, when the org has no such object.
    """
    sobject = org.schema.sobject(request.path["sobject"])
    if sobject is None:
        raise not_found()
    return sobject


def named_record_id(request: Request, sobject: SObject) -> str:
    """Return the record id that the path names.

    Raises:
        Fault: The text is not a valid id: 400 when it has the form of one, else 404.
    """
    text = request.path["record_id"]
    if is_valid(text):
        return text
    if _LIKE_AN_ID.fullmatch(text):
        message = f"{sobject.label} ID: id value of incorrect type: {text}"
        raise Fault(code="MALFORMED_ID", message=message)
    raise _no_key(text)


def key_field(sobject: SObject, name: str) -> Field:
    """Return the field by which an upsert of one object finds its records.

    Raises:
        Fault: 404, when the object has no such field or the field is not a key.
    """
    field = sobject.field(name)
    if field is None or not field.is_key:
        raise _no_key(name)
    return field


def _no_key(name: str) -> Fault:
    message = f"Provided external ID field does not exist or is not accessible: {name}"
    return Fault(code="NOT_FOUND", message=message, status=404)

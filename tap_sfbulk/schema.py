"""Turns describes into JSON Schema and keys, and says which fields bulk queries can select."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk_singer.names import matches
from tap_sfbulk.annotations import KEY, annotations_of

if TYPE_CHECKING:
    from sfbulk import FieldDescribe, SObjectDescribe

REPLICATION_KEYS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
"""Date/time fields that change with a row, the most complete first; the first one is the key."""

_INTEGERS = frozenset({"int", "long"})
_NUMBERS = frozenset({"double", "currency", "percent"})
_COMPOUNDS = frozenset({"address", "location"})
# Bulk API guide, SOQL considerations: compound and base64 fields and JunctionIdList are refused.
_NOT_SELECTABLE = _COMPOUNDS | {"base64", "byte", "complexvalue", "JunctionIdList"}

_NOT_INTEGERS = (
    # Databricks Lakeflow Connect, Salesforce connector reference: these come back as double.
    ("Site", "DailyBandwidthUsed"),
    ("Site", "DailyRequestTimeUsed"),
    # The same page for Knowledge__kav.Attachment__Length__s. Each article type of an org is an
    # object of its own, and each of its file fields has such a component.
    ("*__kav", "*__Length__s"),
)
"""Objects and fields that their describe calls an integer, but whose values have decimals."""


def property_of(field: FieldDescribe, sobject: str = "") -> dict[str, Any]:
    """JSON Schema of one field of an object, with what Salesforce says of it (`annotations`).

    It may be null unless it is the Id, even if `nillable` is false: old rows have nulls in fields
    that were made required later. There is no `maxLength`: rich text can be longer than the length
    in the describe, and a target that checks it would refuse the row.
    """
    json_type, json_format = _type_and_format(field.type)
    if json_type == "integer" and _has_decimals(sobject, field.name):
        json_type = "number"
    schema: dict[str, Any] = {"type": [json_type] if field.type == "id" else [json_type, "null"]}
    if json_format:
        schema["format"] = json_format
    schema["title"] = field.label
    schema["description"] = _description(field)
    schema[KEY] = annotations_of(field)
    return schema


def _has_decimals(sobject: str, field: str) -> bool:
    return any(matches(sobject, each) and matches(field, name) for each, name in _NOT_INTEGERS)


def _type_and_format(field_type: str) -> tuple[str, str | None]:
    if field_type in _INTEGERS:
        return "integer", None
    if field_type in _NUMBERS:
        return "number", None
    if field_type in _COMPOUNDS:
        return "object", None
    formats = {"date": "date", "datetime": "date-time", "time": "time"}
    # An unknown type is text: a new type of a later release must not stop discovery.
    return ("boolean" if field_type == "boolean" else "string"), formats.get(field_type)


def _description(field: FieldDescribe) -> str:
    shape = field.type
    if field.type in _NUMBERS:
        shape += f"({field.precision}, {field.scale})"
    elif field.type in _INTEGERS and field.digits:
        shape += f"({field.digits})"
    elif field.length:
        shape += f"({field.length})"
    if field.reference_to:
        shape += " to " + ", ".join(field.reference_to[:3])
        shape += " and others" if field.reference_to[3:] else ""
    notes = [shape, "formula" if field.calculated else "", field.inline_help_text or ""]
    return ". ".join(note for note in notes if note)


def fields_of(sobject: SObjectDescribe) -> list[FieldDescribe]:
    """The object's fields that are not deprecated and hidden, in the describe's order."""
    return [field for field in sobject.fields if not field.deprecated_and_hidden]


def is_compound(field: FieldDescribe) -> bool:
    """Whether the field is an address or geolocation, made of other fields.

    `Contact.Name` has components too, but is plain text.
    """
    return field.type in _COMPOUNDS


def is_selectable(field: FieldDescribe) -> bool:
    """Whether a bulk query can select the field.

    Decided by type. A `compoundFieldName` says nothing: `Contact.FirstName` has one and
    is plain text.
    """
    return field.type not in _NOT_SELECTABLE


def key_properties_of(sobject: SObjectDescribe) -> list[str]:
    """`["Id"]`, or nothing for an object without ids of its own."""
    ids = [field.name for field in fields_of(sobject) if field.type == "id"]
    return ids[:1] if has_own_ids(sobject) else []


def has_own_ids(sobject: SObjectDescribe) -> bool:
    """Whether an Id tells the object's rows apart, as far as its describe says.

    All rows of a big object have the Id `000000000000000AAA`, and those of a virtual object have
    an empty one: it has no key prefix, and no record of it can be retrieved by an Id. A key prefix
    alone says nothing, because history, feed and share objects share theirs.
    """
    is_big = sobject.name.endswith("__b")
    is_virtual = sobject.key_prefix is None and not sobject.retrieveable
    return not (is_big or is_virtual)


def replication_key_of(sobject: SObjectDescribe) -> str | None:
    """The first of `REPLICATION_KEYS` that can be filtered by, or None: full table."""
    stamps = {field.name for field in fields_of(sobject) if is_replication_key(field)}
    return next((name for name in REPLICATION_KEYS if name in stamps), None)


def is_replication_key(field: FieldDescribe) -> bool:
    """Whether a window can be limited by the field: a date/time that a query can filter by."""
    return field.type == "datetime" and field.filterable

"""Objects and fields as describe replies have them, typed; no I/O.

Attribute names are the keys of the reply in snake case. A key that the reply of an older API
version does not have gets its default.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from sfbulk.http.shapes import Name, Shape

T = TypeVar("T")


@dataclass(frozen=True)
class PicklistValue:
    """One value of a picklist; the API uses `value`, users see `label`."""

    value: str
    label: str = ""
    active: bool = True
    default_value: bool = False
    valid_for: str | None = None
    """For a dependent picklist: the controlling values it is valid for, as bits in base64."""


@dataclass(frozen=True)
class FilteredLookupInfo:
    """The filter of a lookup."""

    controlling_fields: tuple[str, ...] = ()
    dependent: bool = False
    optional_filter: bool = False


@dataclass(frozen=True)
class FieldDescribe:
    """One field of an object (SOAP API guide: describeSObjectResult, Field)."""

    name: Name
    label: str = ""
    type: str = "string"
    soap_type: str = ""
    length: int = 0
    byte_length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = False
    updateable: bool = False
    calculated: bool = False
    calculated_formula: str | None = None
    formula_treat_null_number_as_zero: bool = False
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    case_sensitive: bool = False
    custom: bool = False
    name_field: bool = False
    name_pointing: bool = False
    compound_field_name: str | None = None
    extra_type_info: str | None = None
    relationship_name: str | None = None
    relationship_order: int | None = None
    reference_to: tuple[str, ...] = ()
    reference_target_field: str | None = None
    polymorphic_foreign_key: bool = False
    cascade_delete: bool = False
    restricted_delete: bool = False
    write_requires_master_read: bool = False
    filterable: bool = False
    sortable: bool = False
    groupable: bool = False
    aggregatable: bool = False
    query_by_distance: bool = False
    search_prefilterable: bool = False
    auto_number: bool = False
    picklist_values: tuple[PicklistValue, ...] = field(default=(), repr=False)
    restricted_picklist: bool = False
    dependent_picklist: bool = False
    controller_name: str | None = None
    filtered_lookup_info: FilteredLookupInfo | None = None
    default_value: str | int | float | bool | None = None
    default_value_formula: str | None = None
    defaulted_on_create: bool = False
    encrypted: bool = False
    mask: str | None = None
    mask_type: str | None = None
    high_scale_number: bool = False
    display_location_in_decimal: bool = False
    html_formatted: bool = False
    inline_help_text: str | None = None
    permissionable: bool = False
    deprecated_and_hidden: bool = False
    ai_prediction_field: bool = False


@dataclass(frozen=True)
class ChildRelationship:
    """A lookup of another object to this one."""

    child_s_object: str
    """The other object's name."""
    field: str
    """Its lookup field."""
    relationship_name: str | None = None
    cascade_delete: bool = False
    restricted_delete: bool = False
    deprecated_and_hidden: bool = False
    junction_id_list_names: tuple[str, ...] = ()
    junction_reference_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordType:
    """A record type of the object."""

    record_type_id: str
    name: str = ""
    developer_name: str = ""
    active: bool = True
    available: bool = False
    """Whether the user may use it."""
    default_record_type_mapping: bool = False
    master: bool = False


@dataclass(frozen=True)
class SObjectSummary:
    """One object in the list of all objects (REST API guide: Describe Global)."""

    name: Name
    label: str = ""
    label_plural: str = ""
    key_prefix: str | None = None
    queryable: bool = False
    createable: bool = False
    updateable: bool = False
    deletable: bool = False
    undeletable: bool = False
    mergeable: bool = False
    retrieveable: bool = True
    replicateable: bool = False
    searchable: bool = False
    triggerable: bool = False
    custom: bool = False
    custom_setting: bool = False
    deprecated_and_hidden: bool = False


@dataclass(frozen=True)
class SObjectDescribe(SObjectSummary):
    """One object with its fields."""

    fields: tuple[FieldDescribe, ...] = field(default=(), repr=False)
    child_relationships: tuple[ChildRelationship, ...] = field(default=(), repr=False)
    record_type_infos: tuple[RecordType, ...] = field(default=(), repr=False)

    def field(self, name: str) -> FieldDescribe | None:
        """The field of that name, in upper or lower case; None if there is no such field."""
        wanted = name.lower()
        return next((f for f in self.fields if f.name.lower() == wanted), None)


def parse_summary(entry: Any) -> SObjectSummary:
    """One entry of the global describe's `sobjects`.

    Raises:
        ValueError: it is in another form; the text says where, and quotes nothing.
    """
    return _read(_SUMMARY, _by_attribute(SObjectSummary, entry))


def parse_describe(reply: Any) -> SObjectDescribe:
    """The reply of one object's describe.

    Raises:
        ValueError: it is in another form; the text says where, and quotes nothing.
    """
    described = _read(_DESCRIBE, _by_attribute(SObjectDescribe, reply))
    if not isinstance(reply.get("fields", []), list):
        raise ValueError("Expected `array` - at `$.fields`")  # noqa: TRY004 - as any other form
    names = Counter(each.name.lower() for each in described.fields)
    if names and (most := names.most_common(1)[0])[1] > 1:
        raise ValueError(f"it has several fields of the name {most[0]} - at `$.fields`")
    return described


def _read(shape: Shape[T], document: Any) -> T:
    try:
        return shape.read(document)
    except ValueError as error:
        # With the names that Salesforce's documents have.
        raise ValueError(_camel_case(str(error))) from None


_NESTED: dict[str, type[Any]] = {
    "fields": FieldDescribe,
    "picklist_values": PicklistValue,
    "child_relationships": ChildRelationship,
    "record_type_infos": RecordType,
    "filtered_lookup_info": FilteredLookupInfo,
}


def _by_attribute(kind: type[Any], reply: Any) -> Any:
    """The reply with the names of attributes; a null is the same as no value.

    Keys of a newer API version that have no attribute here are ignored.
    """
    if not isinstance(reply, dict):
        return reply
    keys = _KEYS[kind].items()
    return {
        name: _nested(_NESTED.get(name), value)
        for name, key in keys
        if (value := reply.get(key)) is not None
    }


def _nested(kind: type[Any] | None, value: Any) -> Any:
    if kind is None:
        return value
    if not isinstance(value, list):
        return _by_attribute(kind, value)
    return [_by_attribute(kind, each) for each in value]


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)


_KINDS: tuple[type[Any], ...] = (SObjectSummary, SObjectDescribe, *_NESTED.values())

_KEYS = {kind: {each.name: _camel_case(each.name) for each in fields(kind)} for kind in _KINDS}
"""For each class, its attributes and their keys in the reply."""

_SUMMARY = Shape(SObjectSummary, "an object")
_DESCRIBE = Shape(SObjectDescribe, "a describe")

"""What Salesforce says of its objects and fields, as typed values; no I/O.

Attribute names are the keys of the describe reply in snake case. A key that an older
API version or another org leaves out takes its default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


@dataclass(frozen=True)
class FieldDescribe:
    """One field of an object (REST API guide: sObject Describe)."""

    name: str
    label: str = ""
    type: str = "string"
    length: int = 0
    byte_length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = False
    updateable: bool = False
    calculated: bool = False
    external_id: bool = False
    id_lookup: bool = False
    unique: bool = False
    case_sensitive: bool = False
    custom: bool = False
    compound_field_name: str | None = None
    relationship_name: str | None = None
    reference_to: tuple[str, ...] = ()
    polymorphic_foreign_key: bool = False
    filterable: bool = False
    sortable: bool = False
    auto_number: bool = False
    restricted_picklist: bool = False
    defaulted_on_create: bool = False
    encrypted: bool = False
    html_formatted: bool = False
    inline_help_text: str | None = None
    deprecated_and_hidden: bool = False


@dataclass(frozen=True)
class SObjectSummary:
    """One object in the list of all objects (REST API guide: Describe Global)."""

    name: str
    label: str = ""
    label_plural: str = ""
    key_prefix: str | None = None
    queryable: bool = False
    createable: bool = False
    updateable: bool = False
    deletable: bool = False
    retrieveable: bool = False
    replicateable: bool = False
    custom: bool = False
    custom_setting: bool = False
    deprecated_and_hidden: bool = False


@dataclass(frozen=True)
class SObjectDescribe(SObjectSummary):
    """One object with its fields."""

    fields: tuple[FieldDescribe, ...] = field(default=(), repr=False)

    def field(self, name: str) -> FieldDescribe | None:
        """The field of that name, upper or lower case alike; None when there is none."""
        wanted = name.lower()
        return next((f for f in self.fields if f.name.lower() == wanted), None)


def parse_summary(entry: Mapping[str, Any]) -> SObjectSummary:
    """One entry of the global describe's `sobjects`."""
    return SObjectSummary(**_values(SObjectSummary, entry))


def parse_describe(reply: Mapping[str, Any]) -> SObjectDescribe:
    """The reply of one object's describe."""
    values = _values(SObjectSummary, reply)
    parsed = (FieldDescribe(**_values(FieldDescribe, each)) for each in reply.get("fields", ()))
    return SObjectDescribe(**values, fields=tuple(parsed))


def _values(kind: type[Any], reply: Mapping[str, Any]) -> dict[str, Any]:
    keys = {each.name: _camel_case(each.name) for each in fields(kind)}
    given = {name: reply[key] for name, key in keys.items() if key in reply}
    return {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)

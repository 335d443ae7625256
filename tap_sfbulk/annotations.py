"""Keeps in a property's JSON Schema what Salesforce says of the field: type, sizes, picklists.

JSON Schema has no words for most of it, and loaders refuse rows by some of the words it has
(`maxLength`, `multipleOf`, `enum`), although old rows may break them. So it stands under one key of
our own, which validators and loaders ignore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk import FieldDescribe

KEY = "x-salesforce"
"""The key in a property's JSON Schema."""

_SIZES = ("length", "precision", "scale", "digits")
_FLAGS = ("calculated", "external_id", "unique", "case_sensitive", "custom", "restricted_picklist")


def annotations_of(field: FieldDescribe) -> dict[str, Any]:
    """What the describe says of a field, by the describe's own names; without what it leaves empty.

    `type` is always there. `scale` is there for each number, since 0 decimals is a size too.
    """
    found: dict[str, Any] = {"type": field.type}
    found |= {name: getattr(field, name) for name in _SIZES if getattr(field, name)}
    if field.precision:
        found["scale"] = field.scale
    found |= {_camel_case(name): True for name in _FLAGS if getattr(field, name)}
    lists = {
        "referenceTo": list(field.reference_to),
        "picklistValues": [
            {"value": each.value, "label": each.label, "active": each.active}
            for each in field.picklist_values
        ],
    }
    names = {
        "relationshipName": field.relationship_name,
        "compoundFieldName": field.compound_field_name,
    }
    return found | {key: value for key, value in (lists | names).items() if value}


def annotated(schema: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A stream's schema with the annotations of `own`, the tap's schema of the same stream.

    The SDK keeps only words of JSON Schema when it reads a catalog, so that they have to be put
    back.
    """
    properties = own.get("properties", {})
    return {
        **schema,
        "properties": {
            name: {**each, **_only(properties.get(name, {}))}
            for name, each in schema.get("properties", {}).items()
        },
    }


def _only(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {KEY: schema[KEY]} if KEY in schema else {}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)

"""The fields that the rows of a stream can have, each with its JSON Schema and its column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_sfbulk.columns import CellKind, CompoundColumn, DeletedAtColumn, PageColumn, kind_of
from tap_sfbulk.schema import fields_of, has_own_ids, is_compound, is_selectable, property_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sfbulk import FieldDescribe, SObjectDescribe

DELETED_AT = "_sdc_deleted_at"
"""The property that says when a row was deleted; the name that Singer loaders expect."""

# REST API guide: Compound Fields. Codes exist where the org has lists of states and countries.
_ADDRESS_KEYS = (
    "city",
    "country",
    "countryCode",
    "geocodeAccuracy",
    "latitude",
    "longitude",
    "postalCode",
    "state",
    "stateCode",
    "street",
)


@dataclass(frozen=True)
class StreamField:
    """A field that the rows of a stream can have."""

    name: str
    """The property of the record."""
    schema: Mapping[str, Any]
    """The property's JSON Schema."""
    column: PageColumn | None
    """How it is read; None if a bulk query cannot select it."""


def object_fields(
    sobject: SObjectDescribe, *, with_deleted_at: bool, with_formulas: bool = True
) -> list[StreamField]:
    """The fields of an object that are not hidden, in the describe's order.

    Args:
        sobject: The object.
        with_deleted_at: Whether a field that says when a row was deleted is added, if the object
            marks its deleted rows.
        with_formulas: Whether calculated fields can be selected.
    """
    found = [stream_field(sobject, field) for field in fields_of(sobject)]
    if not with_formulas:
        formulas = {field.name for field in fields_of(sobject) if field.calculated}
        found = [replace(each, column=None) if each.name in formulas else each for each in found]
    stamp = deletion_stamp(sobject) if with_deleted_at else None
    return [*found, *([_deleted_at(stamp)] if stamp else [])]


def with_decimal_texts(field: StreamField) -> StreamField:
    """The field with its numbers as text, also those of its components; integers stay integers."""
    schema, column = _decimal_text(field.schema), field.column
    if isinstance(column, CompoundColumn):
        inner = {key: _decimal_text(part) for key, part in schema["properties"].items()}
        schema = {**schema, "properties": inner}
        parts = tuple((key, replace(part, kind=kind_of(inner[key]))) for key, part in column.parts)
        column = replace(column, parts=parts)
    elif column and column.kind is CellKind.NUMBER:
        column = replace(column, kind=CellKind.TEXT)
    return StreamField(field.name, schema, column)


def _decimal_text(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if kind_of(schema) is not CellKind.NUMBER:
        return schema
    types = ["string" if name == CellKind.NUMBER else name for name in schema["type"]]
    return {**schema, "type": types, "format": th.SingerDecimalType.string_format}


def schema_of(fields: Iterable[StreamField], title: str) -> dict[str, Any]:
    """JSON Schema of rows with these fields."""
    properties = {field.name: dict(field.schema) for field in fields}
    return {"type": "object", "title": title, "properties": properties}


def deletion_stamp(sobject: SObjectDescribe) -> str | None:
    """The field that says when a row was marked as deleted; None if the object marks none."""
    if sobject.field("IsDeleted") is None:
        return None
    # The mark is a change of the row, which sets both of these.
    stamps = (sobject.field(name) for name in ("SystemModstamp", "LastModifiedDate"))
    return next((stamp.name for stamp in stamps if stamp), None)


def stream_field(sobject: SObjectDescribe, field: FieldDescribe, path: str = "") -> StreamField:
    """A field of an object.

    Args:
        sobject: The object that has it.
        field: The field.
        path: How it is selected, if it is a field of a parent, such as `Account.Owner.Name`.
    """
    schema = property_of(field, sobject.name)
    if field.type == "id" and not has_own_ids(sobject):
        schema["type"] = ["string", "null"]
    if path:
        schema["description"] = f"{path}. {schema['description']}"
    name = path.replace(".", "_") or field.name
    if is_compound(field):
        return _compound(sobject, field, StreamField(name, schema, None), path)
    column = PageColumn(name, kind_of(schema), path or None) if is_selectable(field) else None
    return StreamField(name, schema, column)


def _compound(
    sobject: SObjectDescribe, field: FieldDescribe, bare: StreamField, path: str
) -> StreamField:
    """An address or geolocation, of those components that the user may see."""
    parts = dict(sorted(_components(sobject, field)))
    if not parts:
        return bare
    inner = {key: property_of(part, sobject.name) for key, part in parts.items()}
    before = path.removesuffix(field.name)
    columns = tuple(
        (key, PageColumn(before + part.name, kind_of(inner[key]))) for key, part in parts.items()
    )
    return StreamField(
        bare.name,
        {**bare.schema, "properties": inner},
        CompoundColumn(bare.name, CellKind.OBJECT, parts=columns),
    )


def _components(
    sobject: SObjectDescribe, compound: FieldDescribe
) -> Iterator[tuple[str, FieldDescribe]]:
    """The key in REST's object and the field of each component.

    A name may end in two keys (`BillingStateCode`), so the longest counts. Components of custom
    fields end in `__s`.
    """
    for part in fields_of(sobject):
        if part.compound_field_name != compound.name or is_compound(part):
            continue
        name = part.name.removesuffix("__s").lower()
        keys = [key for key in _ADDRESS_KEYS if name.endswith(key.lower())]
        if keys and is_selectable(part):
            yield max(keys, key=len), part


def _deleted_at(stamp: str) -> StreamField:
    schema = {
        "type": ["string", "null"],
        "format": "date-time",
        "title": "Deleted At",
        "description": f"{stamp} of a row in the recycle bin, else null.",
    }
    return StreamField(
        DELETED_AT, schema, DeletedAtColumn(DELETED_AT, CellKind.DATETIME, stamp=stamp)
    )

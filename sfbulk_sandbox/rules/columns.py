"""The meaning of a load's columns: a field, the id, or a parent by one of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.schema import Field, Kind, Schema, SObject

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Column:
    """One column of a load.

    Attributes:
        field: The field that the column sets.
        parent: The parent object of a relationship column such as `Account.Ext__c`.
        key: The parent's field whose values are in the cells.
    """

    field: Field
    parent: SObject | None = None
    key: Field | None = None


def read_header(schema: Schema, sobject: SObject, header: Sequence[str]) -> list[Column]:
    """The columns of a header.

    Raises:
        Fault: InvalidBatch for a name that is unknown or occurs twice.
    """
    columns: list[Column] = []
    for name in header:
        column = find_column(schema, sobject, name)
        if column is None:
            raise Fault("InvalidBatch", _meaningless(sobject, name))
        if any(column.field is other.field for other in columns):
            raise Fault("InvalidBatch", f"Field name is given twice : {name}")
        columns.append(column)
    return columns


def described_name(schema: Schema, sobject: SObject, name: str) -> str | None:
    """A column's name in the letter case of the describe; None for an unknown name."""
    column = find_column(schema, sobject, name)
    if column is None or column.key is None or column.parent is None:
        return column.field.name if column else None
    typed = f"{column.parent.name}:" if ":" in name else ""
    return f"{typed}{column.field.relationship_name}.{column.key.name}"


def find_column(schema: Schema, sobject: SObject, name: str) -> Column | None:
    """The column with a name; None for an unknown name.

    Names are not case sensitive. `Rel.Key` names a parent by its key. If the lookup may point at
    several objects, it is `Object:Rel.Key` (Bulk API guide: Relationship Fields in a Header Row).
    """
    if "." in name:
        return _relationship(schema, sobject, name)
    field = sobject.field(name)
    # A compound field cannot be written, only its components.
    if field is None or field.kind is Kind.COMPOUND:
        return None
    return Column(field)


def _relationship(schema: Schema, sobject: SObject, name: str) -> Column | None:
    path, _, key_name = name.partition(".")
    parent_name, colon, relationship = path.rpartition(":")
    lookup = sobject.relationship(relationship)
    if lookup is None or bool(colon) != lookup.polymorphic:
        return None
    wanted = parent_name.lower() or lookup.reference_to[0].lower()
    allowed = [target for target in lookup.reference_to if target.lower() == wanted]
    parent = schema.sobject(allowed[0]) if allowed else None
    key = parent.field(key_name) if parent else None
    return Column(lookup, parent, key) if key is not None and key.is_key else None


def _meaningless(sobject: SObject, name: str) -> str:
    """Why a column is unknown, in the words of an org of v65."""
    path, dot, _ = name.partition(".")
    _, colon, relationship = path.rpartition(":")
    lookup = sobject.relationship(relationship)
    if not dot:
        return f"Field name not found : {name}"
    if lookup is None:
        return f"Unable to find relationship: {relationship}"
    if colon and not lookup.polymorphic:
        return (
            "type is not needed for non polymorphic foreign key references: "
            f"{lookup.relationship_name}"
        )
    return f"Field name not found : {name}"


def upsert_key(sobject: SObject, name: str) -> Field:
    """The field by which an upsert finds its records.

    Raises:
        Fault: InvalidJob: the field is not an external id, an idLookup field or Id.
    """
    field = sobject.field(name)
    if field is None or not field.is_key:
        raise Fault("InvalidJob", no_key(sobject, name))
    return field


def no_key(sobject: SObject, name: str) -> str:
    """Why an upsert cannot use a field as its key, as recorded for a custom object and for Account.

    The text has the field's name in lower case.
    """
    kinds = "an External ID"
    if not sobject.name.endswith("__c"):
        kinds += ", Salesforce Id, or indexed field"
    return f"Field name provided, {name.lower()} does not match {kinds} for {sobject.name}"

"""Finds the CSV column that each record field of a stream fills.

The first rule that applies decides:

1. Singer's own fields (`_sdc_...`) are left out.
2. `lookups` names a relationship column for the record field.
3. `fields` names a Salesforce field for it, or null to leave it out.
4. It fills the Salesforce field of the same name, in any case.

If this user cannot write that field, `unknown_fields` decides whether that is a problem or the
value is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sfbulk import Operation
from sfbulk.load import can_be_null, empty_is_unclear
from sfbulk_singer.names import did_you_mean, unknown_object
from target_sfbulk.encode import REFUSED_TYPES, encoder_for

if TYPE_CHECKING:
    from sfbulk import FieldDescribe, Salesforce, SObjectDescribe
    from target_sfbulk.encode import Encode
    from target_sfbulk.settings import StreamSettings

BY_ID = frozenset({Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE})
"""Operations that find their record by its Id (Bulk API guide: Create a Job)."""

REMOVES = frozenset({Operation.DELETE, Operation.HARD_DELETE})
"""Operations whose CSV holds the Id and nothing else (Bulk API guide: Delete Records)."""

_RELATIONSHIP = re.compile(r"(?:(?P<type>\w+):)?(?P<relationship>\w+)\.(?P<field>\w+)")


class FieldProblemError(Exception):
    """Why a record field cannot be loaded, and what to do about it."""


@dataclass(frozen=True, eq=False)
class CsvColumn:
    """A record field and the CSV column that it fills; compared by identity, for speed.

    Attributes:
        source: The record field.
        header: The column's name in the CSV, as Salesforce spells it.
        fills: The field of the object that it sets: `AccountId` for `Account.Ext__c`.
        field: The field that decides the cell's type: for a lookup, the parent's key field.
        encode: Encodes a JSON value as the cell, see `encode.encoder_for`.
        nillable: Whether the field that it sets can be null.
        empty_is_unclear: Whether its empty cell may become the default or null in a new record.
        parent: For a lookup, the object that it refers to.
    """

    source: str
    header: str
    fills: str
    field: FieldDescribe
    encode: Encode
    nillable: bool
    empty_is_unclear: bool
    parent: str | None = None


class OrgSchema:
    """The objects of an org; each describe is read once."""

    def __init__(self, salesforce: Salesforce) -> None:
        self._salesforce = salesforce
        # Caches of this instance; on the methods they would keep every org alive.
        self._names = lru_cache(maxsize=None)(self._read_names)
        self._describe = lru_cache(maxsize=None)(salesforce.describe)

    def describe(self, wanted: str) -> SObjectDescribe | None:
        """API call: the describe of an object named in any case; None if there is none."""
        name = self._names().get(wanted.casefold())
        return self._describe(name) if name else None

    def has(self, wanted: str) -> bool:
        """API call: whether there is an object of this name, in any case."""
        return wanted.casefold() in self._names()

    def unknown_object(self, wanted: str) -> str:
        """API call: the problem that there is no such object, with a hint at a similar name."""
        return unknown_object(wanted, self._names().values())

    def _read_names(self) -> dict[str, str]:
        found = self._salesforce.describe_global()
        return {summary.name.casefold(): summary.name for summary in found}


class FieldMapper:
    """Finds the column of each record field of one stream."""

    def __init__(self, settings: StreamSettings, sobject: SObjectDescribe, org: OrgSchema) -> None:
        self._settings = settings
        self._sobject = sobject
        self._org = org
        self._by_relationship = {
            field.relationship_name.casefold(): field
            for field in sobject.fields
            if field.relationship_name
        }
        key_name = "Id" if settings.operation in BY_ID else settings.external_id
        self.key_field = sobject.field(key_name) if key_name else None

    def column(self, source: str) -> CsvColumn | None:
        """API call: the column that a record field fills; None if it is left out.

        Raises:
            FieldProblemError: It cannot be loaded.
        """
        settings = self._settings
        if source.startswith("_sdc_"):
            return None
        # Salesforce refuses a delete with any column but the Id, so all others are left out.
        if settings.operation in REMOVES:
            name = settings.fields.get(source, source)
            return self._own("Id", source) if name and name.casefold() == "id" else None
        if source in settings.lookups:
            return self._lookup(settings.lookups[source], source)
        if source in settings.fields:
            name = settings.fields[source]
            return self._own(name, source) if name else None
        return self._own_or_left_out(source)

    def _own_or_left_out(self, source: str) -> CsvColumn | None:
        try:
            return self._own(source, source)
        except FieldProblemError as problem:
            if self._settings.drop_unknown_fields:
                return None
            raise FieldProblemError(
                f"{problem}; map it with `fields`, to null to leave it out, or leave all such"
                " fields out with `unknown_fields`: `drop`"
            ) from None

    def _own(self, name: str, source: str) -> CsvColumn:
        field = self._sobject.field(name)
        if field is None:
            raise FieldProblemError(_unknown_field(self._sobject, name))
        self._require_writable(field)
        return CsvColumn(
            source,
            field.name,
            field.name,
            field,
            encoder_for(field),
            nillable=can_be_null(field),
            empty_is_unclear=empty_is_unclear(field),
        )

    def _require_writable(self, field: FieldDescribe) -> None:
        if field.type in REFUSED_TYPES:
            raise FieldProblemError(
                f"`{field.name}` is a field of type {field.type}, which a CSV column cannot fill:"
                f" {REFUSED_TYPES[field.type]}"
            )
        operation = self._settings.operation
        allowed = {
            Operation.INSERT: field.createable,
            Operation.UPDATE: field.updateable,
            Operation.UPSERT: field.createable or field.updateable,
        }
        # The key only finds the record; the Id of an update, for example, cannot be written.
        if field is not self.key_field and not allowed.get(operation, False):
            raise FieldProblemError(
                f"`{field.name}` cannot be written by {operation.value}: it is read-only for"
                " this user"
            )

    def _lookup(self, path: str, source: str) -> CsvColumn:
        parts = _RELATIONSHIP.fullmatch(path)
        if parts is None:
            raise FieldProblemError(
                f"the lookup `{path}` is not of the form `Relationship.Field`, or"
                " `Object:Relationship.Field` where a relationship has several objects"
            )
        reference = self._by_relationship.get(parts["relationship"].casefold())
        if reference is None:
            raise FieldProblemError(
                f"the lookup `{path}` names a relationship that `{self._sobject.name}` does not"
                f" have{did_you_mean(parts['relationship'], self._relationships())}"
            )
        self._require_writable(reference)
        prefix, parent = self._parent(path, parts["type"], reference)
        field = self._parent_key(parent, parts["field"], path)
        header = f"{prefix}{reference.relationship_name}.{field.name}"
        return CsvColumn(
            source,
            header,
            reference.name,
            field,
            encoder_for(field),
            nillable=can_be_null(reference),
            empty_is_unclear=empty_is_unclear(reference),
            parent=parent.name,
        )

    def _parent(
        self, path: str, wanted: str | None, reference: FieldDescribe
    ) -> tuple[str, SObjectDescribe]:
        # Bulk API guide, Relationship Fields for Polymorphic Fields: the object's name is required
        # if a relationship has several objects, and an error if it has one.
        choices = {name.casefold(): name for name in reference.reference_to}
        if len(choices) > 1 and wanted is None:
            raise FieldProblemError(
                f"the lookup `{path}` can refer to several objects: write"
                f" `{reference.reference_to[0]}:{path}` or another of"
                f" {', '.join(reference.reference_to)}"
            )
        name = choices.get((wanted or reference.reference_to[0]).casefold())
        parent = self._org.describe(name) if name else None
        if name is None or parent is None:
            raise FieldProblemError(
                f"the lookup `{path}` refers to {' or '.join(reference.reference_to)}, not to"
                f" `{wanted}`"
            )
        return (f"{name}:" if len(choices) > 1 else ""), parent

    def _parent_key(self, parent: SObjectDescribe, name: str, path: str) -> FieldDescribe:
        field = parent.field(name)
        if field is None:
            raise FieldProblemError(f"the lookup `{path}`: {_unknown_field(parent, name)}")
        if not finds_records(field):
            raise FieldProblemError(
                f"the lookup `{path}` cannot find its parent: `{field.name}` is neither an"
                f" external id nor an indexed lookup field of `{parent.name}`"
            )
        return field

    def _relationships(self) -> list[str]:
        return [field.relationship_name or "" for field in self._by_relationship.values()]


def finds_records(field: FieldDescribe) -> bool:
    """Whether upserts and lookups can find records by it (Bulk API guide: Upsert Records)."""
    return field.external_id or field.id_lookup or field.type == "id"


def _unknown_field(sobject: SObjectDescribe, name: str) -> str:
    hint = did_you_mean(name, (field.name for field in sobject.fields))
    return f"`{sobject.name}` has no field `{name}`{hint}"

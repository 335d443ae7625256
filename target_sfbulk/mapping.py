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
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk import Operation
from sfbulk.load import can_be_null, empty_is_unclear
from sfbulk_singer.names import did_you_mean
from target_sfbulk.encode import REFUSED_TYPES
from target_sfbulk.resolve import can_be_read, id_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk import FieldDescribe, SObjectDescribe
    from target_sfbulk.losses import Encode
    from target_sfbulk.org_schema import OrgSchema
    from target_sfbulk.stream_settings import StreamSettings

REMOVES = frozenset({Operation.DELETE, Operation.HARD_DELETE})
"""Operations whose CSV holds the Id and nothing else (Bulk API guide: Delete Records)."""

_CREATE_ONLY = (
    "Salesforce refuses rows of records that exist for a field that can be set in a new record"
    " only. With `create_only_fields`: `leave`, records that exist keep such a field as it is, and"
    " only new ones get the value"
)

_READ_ONLY = "Fields that cannot be written are read-only for this user"

_ADVICE = (
    # Not null, which Meltano drops from nested settings.
    'Map such a record field with `fields`, to "" to leave it out, or leave all of them out with'
    " `unknown_fields`: `drop`"
)

_NAMED_ONCE = ("OwnerId", "RecordTypeId")
"""Lookups whose constant is found before the first job."""

_RELATIONSHIP = re.compile(r"(?:(?P<type>\w+):)?(?P<relationship>\w+)\.(?P<field>\w+)")


class FieldProblemError(Exception):
    """Why a record field cannot be loaded.

    Attributes:
        advice: What it means and what to do, in sentences without a full stop that are said once
            for all such fields.
    """

    def __init__(self, problem: str, *advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


class CreateOnlyFieldError(FieldProblemError):
    """An upsert of a field that Salesforce refuses to update."""

    def __init__(self, name: str) -> None:
        super().__init__(f"`{name}` can be set in a new record only", _CREATE_ONLY)


@dataclass(frozen=True, eq=False)
class CsvColumn:
    """A record field and the CSV column that it fills; compared by identity, for speed.

    Attributes:
        source: The record field.
        header: The column's name in the CSV, as Salesforce spells it.
        fills: The field of the object that it sets: `AccountId` for `Account.Ext__c`.
        field: The field that decides the cell's type: for a lookup, the parent's key field.
        null: The cell of a null.
        nillable: Whether the field that it sets can be null.
        empty_is_unclear: Whether its empty cell may become the default or null in a new record.
        parent: For a lookup, the object that it refers to.
        to_id: Encodes a value as the parent's Id, where Salesforce does not look it up.
    """

    source: str
    header: str
    fills: str
    field: FieldDescribe
    null: str
    nillable: bool
    empty_is_unclear: bool
    parent: str | None = None
    to_id: Encode | None = None


class FieldMapper:
    """Finds the column of each record field of one stream."""

    def __init__(self, settings: StreamSettings, sobject: SObjectDescribe, org: OrgSchema) -> None:
        self._settings = settings
        self.sobject = sobject
        self._org = org
        self._by_relationship = {
            field.relationship_name.casefold(): field
            for field in sobject.fields
            if field.relationship_name
        }
        self.key_field = sobject.field(settings.external_id) if settings.external_id else None

    def column(self, source: str) -> CsvColumn | None:
        """API call: the column that a record field fills; None if it is left out.

        Raises:
            FieldProblemError: It cannot be loaded.
        """
        settings = self._settings
        if source.startswith("_sdc_"):
            return None
        # Salesforce refuses a delete with any column but the Id, so all but the key are left out.
        if settings.operation in REMOVES:
            name, key = settings.fields.get(source, source), self.key_field
            return self._own(key.name, source) if key and key is self._field(name) else None
        if source in settings.lookups:
            return self._lookup(settings.lookups[source], source)
        if source in settings.fields:
            name = settings.fields[source]
            return self._own(name, source) if name else None
        return self._own_or_left_out(source)

    def constant(self, name: str) -> CsvColumn:
        """API call: the column that a constant fills.

        Args:
            name: A field or relationship column.

        Raises:
            FieldProblemError: It cannot be filled.
        """
        return self._lookup(name, name, is_constant=True) if "." in name else self._own(name, name)

    def parents(self) -> Iterator[str]:
        """The objects that the lookups of the settings may refer to."""
        constants = (name for name in self._settings.constants if "." in name)
        for path in (*self._settings.lookups.values(), *constants):
            parts = _RELATIONSHIP.fullmatch(path)
            reference = parts and self._by_relationship.get(parts["relationship"].casefold())
            if parts and reference:
                wanted = parts["type"] or reference.reference_to[0]
                yield from (n for n in reference.reference_to if n.casefold() == wanted.casefold())

    def _field(self, name: str | None) -> FieldDescribe | None:
        return self.sobject.field(name) if name else None

    def _own_or_left_out(self, source: str) -> CsvColumn | None:
        try:
            return self._own(source, source)
        except CreateOnlyFieldError:
            raise
        except FieldProblemError as problem:
            if self._settings.drop_unknown_fields:
                return None
            raise FieldProblemError(str(problem), *problem.advice, _ADVICE) from None

    def _own(self, name: str, source: str) -> CsvColumn:
        field = self.sobject.field(name)
        if field is None:
            raise FieldProblemError(_unknown_field(self.sobject, name))
        self._require_writable(field)
        return self._column(field, source)

    def _column(self, field: FieldDescribe, source: str) -> CsvColumn:
        return CsvColumn(
            source,
            field.name,
            field.name,
            field,
            null=self._settings.null_of(source),
            nillable=can_be_null(field),
            empty_is_unclear=empty_is_unclear(field),
        )

    def _require_writable(self, field: FieldDescribe) -> None:
        if field.type in REFUSED_TYPES:
            raise FieldProblemError(
                f"`{field.name}` is a field of type {field.type}, which a CSV column cannot fill",
                f"For a field of type {field.type}: {REFUSED_TYPES[field.type]}",
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
                f"`{field.name}` cannot be written by {operation.value}", _READ_ONLY
            )
        if field is not self.key_field and self._settings.refuses_create_only:
            _require_updateable(field)

    def _lookup(self, path: str, source: str, *, is_constant: bool = False) -> CsvColumn:
        parts = _RELATIONSHIP.fullmatch(path)
        if parts is None:
            raise FieldProblemError(
                f"the lookup `{path}` is not of the form `Relationship.Field`, or"
                " `Object:Relationship.Field` where a relationship has several objects"
            )
        reference = self._by_relationship.get(parts["relationship"].casefold())
        if reference is None:
            raise FieldProblemError(
                f"the lookup `{path}` names a relationship that `{self.sobject.name}` does not"
                f" have{did_you_mean(parts['relationship'], self._relationships())}"
            )
        self._require_writable(reference)
        prefix, parent = self._parent(path, parts["type"], reference)
        field = self._parent_key(parent, parts["field"], path)
        # Salesforce would find some of them too, but refuse each row if there is none.
        if not finds_records(field) or (is_constant and reference.name in _NAMED_ONCE):
            to_id = id_encoder(self._org, self.sobject, parent, field)
            return replace(self._column(reference, source), to_id=to_id)
        header = f"{prefix}{reference.relationship_name}.{field.name}"
        return CsvColumn(
            source,
            header,
            reference.name,
            field,
            null=self._settings.null_of(source),
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
        if not finds_records(field) and not can_be_read(parent):
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


def _require_updateable(field: FieldDescribe) -> None:
    if field.createable and not field.updateable:
        raise CreateOnlyFieldError(field.name)


def _unknown_field(sobject: SObjectDescribe, name: str) -> str:
    hint = did_you_mean(name, (field.name for field in sobject.fields))
    return f"`{sobject.name}` has no field `{name}`{hint}"

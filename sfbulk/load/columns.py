"""The columns of a load according to the object's describe: spelling, field, null."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.describe.model import FieldDescribe
from sfbulk.describe.reader import ORG_ERRORS
from sfbulk.errors import SalesforceError
from sfbulk.normalize import key_normalizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.describe.model import SObjectDescribe
    from sfbulk.normalize import Normalize

    Describe = Callable[[str], SObjectDescribe]

# `Account.Ext__c`, or `Contact:Who.Ext__c` for a lookup to several objects.
_RELATIONSHIP = re.compile(r"(?:(?P<type>\w+):)?(?P<relationship>\w+)\.(?P<field>\w+)")


class Column(NamedTuple):
    """A column of a load."""

    header: str
    """The column's name as describe spells it; as it was given if describe does not have it. With
    other upper and lower case, results may not have its values (known issue a028c00000gAyI4)."""
    fills: str
    """The field of the object that it sets, in lower case: `accountid` for `Account.Ext__c`."""
    nillable: bool = True
    """Whether the field can be null."""
    empty_is_unclear: bool = False
    """Whether public sources differ about an empty cell in a new record: it may set null, or the
    field's default. Without the column, the field certainly gets its default."""
    known: bool = True
    """Whether describe has the field; a job with a column that Salesforce does not know fails."""


class ObjectColumns:
    """The columns of one object. An object is described once, also if that fails.

    Args:
        sobject: object API name.
        describe: describes an object; the first `column` calls it first.
    """

    def __init__(self, sobject: str, describe: Describe) -> None:
        self.sobject = sobject
        self._describe = describe
        self._described: dict[str, SObjectDescribe | None] = {}

    def column(self, name: str) -> Column:
        """API call, the first time: the column for a name in upper or lower case.

        Raises:
            SignInError, SessionExpired, LimitExceeded, QuotaReached: no object can be described.
                After any other error the name stays as it was given.
        """
        relationship = _RELATIONSHIP.fullmatch(name)
        sobject = self._object(self.sobject)
        if relationship:
            return self._of_parent(name, relationship, sobject)
        field = sobject.field(name) if sobject else None
        if field is None:
            return Column(name, name.lower(), known=False)
        return Column(field.name, field.name.lower(), can_be_null(field), empty_is_unclear(field))

    def key_form(self, name: str) -> Normalize:
        """API call, the first time: brings all texts that find one record by a field to one form.

        Raises:
            SignInError, SessionExpired, LimitExceeded, QuotaReached: as `column`.
        """
        sobject = self._object(self.sobject)
        field = sobject.field(name) if sobject else None
        # For a field that is not known, two records may be taken for one: then the second one only
        # waits for the next file.
        return key_normalizer(field or FieldDescribe(name))

    def names_record(self, header: str) -> bool:
        """API call, the first time: whether lookups find records by a column.

        Args:
            header: the column as describe spells it.

        Raises:
            SignInError, SessionExpired, LimitExceeded, QuotaReached: as `column`.
        """
        sobject = self._object(self.sobject)
        field = sobject.field(header) if sobject else None
        return field is not None and (field.external_id or field.id_lookup)

    def parent(self, header: str) -> tuple[str, str] | None:
        """API call, the first time: for a relationship column, the parent's object and key field.

        Args:
            header: the column as describe spells it.

        Returns:
            Both casefolded; None for another column.
        """
        parts = _RELATIONSHIP.fullmatch(header)
        sobject = self._object(self.sobject)
        if not parts or not sobject:
            return None
        wanted = parts["relationship"].lower()
        found = (f for f in sobject.fields if (f.relationship_name or "").lower() == wanted)
        targets = next((lookup.reference_to for lookup in found), ())
        # Without a type, Salesforce knows the object only if there is one.
        owner = parts["type"] or (targets[0] if len(targets) == 1 else None)
        return (owner.casefold(), parts["field"].casefold()) if owner else None

    def _of_parent(
        self, name: str, parts: re.Match[str], sobject: SObjectDescribe | None
    ) -> Column:
        wanted = parts["relationship"].lower()
        fields = sobject.fields if sobject else ()
        lookup = next((f for f in fields if (f.relationship_name or "").lower() == wanted), None)
        if lookup is None:
            return Column(name, _lookup_of(wanted), known=False)
        header = self._spelled(lookup, parts)
        return Column(header, lookup.name.lower(), can_be_null(lookup), empty_is_unclear(lookup))

    def _spelled(self, lookup: FieldDescribe, parts: re.Match[str]) -> str:
        # Salesforce refuses a type for a relationship with only one object (recorded: "type is not
        # needed for non polymorphic foreign key references").
        targets = lookup.reference_to
        wanted = (parts["type"] or "").lower()
        named = next((each for each in targets if each.lower() == wanted), parts["type"])
        only = targets[0] if len(targets) == 1 else None
        owner = named or only
        parent = self._object(owner) if owner else None
        field = parent.field(parts["field"]) if parent else None
        prefix = f"{named}:" if named and named != only else ""
        return f"{prefix}{lookup.relationship_name}.{field.name if field else parts['field']}"

    def _object(self, name: str) -> SObjectDescribe | None:
        if name not in self._described:
            try:
                self._described[name] = self._describe(name)
            except ORG_ERRORS:
                raise
            except SalesforceError:
                self._described[name] = None
        return self._described[name]


def can_be_null(field: FieldDescribe) -> bool:
    """Whether a field can be null; a checkbox never can, even if its describe says so."""
    return field.nillable and field.type != "boolean"


def empty_is_unclear(field: FieldDescribe) -> bool:
    """Whether an empty cell in a new record may mean null or the field's default."""
    return can_be_null(field) and has_default(field)


def has_default(field: FieldDescribe) -> bool:
    """Whether Salesforce fills the field of a new record that does not give it."""
    return (
        field.defaulted_on_create
        or field.default_value is not None
        or field.default_value_formula is not None
        or any(choice.default_value for choice in field.picklist_values)
    )


def _lookup_of(relationship: str) -> str:
    """The lookup field of a relationship, by Salesforce's naming rule, if describe has neither."""
    custom = relationship.removesuffix("__r")
    return f"{relationship}id" if custom == relationship else f"{custom}__c"

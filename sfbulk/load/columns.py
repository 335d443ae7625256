"""The columns of a load as the object's describe knows them: spelling, field, null or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.describe.reader import ORG_ERRORS
from sfbulk.errors import SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.describe.model import FieldDescribe, SObjectDescribe

    Describe = Callable[[str], SObjectDescribe]

_RELATIONSHIP = re.compile(r"(?:(?P<type>\w+):)?(?P<relationship>\w+)\.(?P<field>\w+)")


class Column(NamedTuple):
    """A column of a load."""

    header: str
    """Its name as describe spells it; as it was given where describe does not know it. In another
    letter case, results may lack its values (known issue a028c00000gAyI4)."""
    fills: str
    """The field of the object that it sets, in small letters: of `Account.Ext__c`, `accountid`."""
    nillable: bool = True
    """Whether the field can be null."""
    empty_is_unclear: bool = False
    """Whether an empty cell makes a new record's field null or gives it its default: public sources
    differ. Without the column it surely has its default."""


class ObjectColumns:
    """The columns of one object; each object is described once, and one that cannot be, never."""

    def __init__(self, sobject: str, describe: Describe) -> None:
        """Take the object.

        Args:
            sobject: object API name.
            describe: describes an object; first called by the first `column`.
        """
        self._sobject = sobject
        self._describe = describe
        self._described: dict[str, SObjectDescribe | None] = {}

    def column(self, name: str) -> Column:
        """API call, at first: the column of a name in any letter case.

        Raises:
            SignInError, SessionExpired, LimitExceeded, QuotaReached: nothing can be asked of the
                org. Any other trouble leaves the name as it is.
        """
        relationship = _RELATIONSHIP.fullmatch(name)
        sobject = self._object(self._sobject)
        if relationship:
            return self._of_parent(name, relationship, sobject)
        field = sobject.field(name) if sobject else None
        if field is None:
            return Column(name, name.lower())
        return Column(field.name, field.name.lower(), can_be_null(field), empty_is_unclear(field))

    def _of_parent(
        self, name: str, parts: re.Match[str], sobject: SObjectDescribe | None
    ) -> Column:
        wanted = parts["relationship"].lower()
        fields = sobject.fields if sobject else ()
        lookup = next((f for f in fields if (f.relationship_name or "").lower() == wanted), None)
        if lookup is None:
            return Column(name, _lookup_of(wanted))
        header = self._spelled(lookup, parts)
        return Column(header, lookup.name.lower(), can_be_null(lookup), empty_is_unclear(lookup))

    def _spelled(self, lookup: FieldDescribe, parts: re.Match[str]) -> str:
        # A relationship with one object takes no type (recorded: "type is not needed for non
        # polymorphic foreign key references").
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
    """Whether a field can be cleared; a checkbox cannot, whatever its describe says."""
    return field.nillable and field.type != "boolean"


def empty_is_unclear(field: FieldDescribe) -> bool:
    """Whether an empty cell may give the field of a new record its default, or null."""
    has_default = (
        field.defaulted_on_create
        or field.default_value is not None
        or field.default_value_formula is not None
        or any(choice.default_value for choice in field.picklist_values)
    )
    return can_be_null(field) and has_default


def _lookup_of(relationship: str) -> str:
    """The field of a relationship that is not described, by Salesforce's rule for its name."""
    custom = relationship.removesuffix("__r")
    return f"{relationship}id" if custom == relationship else f"{custom}__c"

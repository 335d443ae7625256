"""Finds the fields that paths such as `Account.Owner.Name` lead to, through the describes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk import FieldDescribe, SalesforceError, SObjectDescribe
from sfbulk_singer.names import did_you_mean
from tap_sfbulk.schema import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    DescribeMany = Callable[[Sequence[str]], Mapping[str, SObjectDescribe | SalesforceError]]

MOST_RELATIONSHIPS = 5
"""Relationships in one path (SOQL reference: Understanding Query Limits with Relationships)."""

# Of a lookup to several objects, SOQL selects only the fields of Name (Object reference: Name).
_NAME_FIELDS = {
    **dict.fromkeys(("Alias", "Email", "FirstName", "LastName", "Name", "NameOrAlias"), "string"),
    **dict.fromkeys(("Phone", "Title", "Type", "Username"), "string"),
    **dict.fromkeys(("ProfileId", "RecordTypeId", "UserRoleId"), "reference"),
    **dict.fromkeys(("LastReferencedDate", "LastViewedDate"), "datetime"),
    "Id": "id",
    "IsActive": "boolean",
}
_NAME = SObjectDescribe(
    name="Name",
    fields=tuple(FieldDescribe(name, name, kind) for name, kind in _NAME_FIELDS.items()),
)


@dataclass(frozen=True)
class FoundField:
    """A field at the end of a path."""

    path: str
    """As the describes spell it; without the name of the object it starts at."""
    field: FieldDescribe
    owner: SObjectDescribe
    """The object that has the field."""

    @property
    def name(self) -> str:
        """The property of a record: the path, with underscores for its dots."""
        return self.path.replace(".", "_")


class _NotDescribedYet(Exception):  # noqa: N818 - says what is missing, and is not an error
    def __init__(self, sobject: str) -> None:
        super().__init__(sobject)
        self.sobject = sobject


class FieldPaths:
    """The fields that paths lead to.

    Args:
        describe_many: API call: describes of objects by name, or the error of each.
        known: Objects that are described already.
    """

    def __init__(self, describe_many: DescribeMany, known: Iterable[SObjectDescribe] = ()) -> None:
        self._describe_many = describe_many
        self._known: dict[str, SObjectDescribe | SalesforceError] = {d.name: d for d in known}

    def describe(self, wanted: Iterable[tuple[str, str]]) -> None:
        """API calls: describe all objects that these paths lead through, level by level.

        Args:
            wanted: Each path with the name of the object it starts at.
        """
        waiting = list(wanted)
        while missing := sorted({name for each in waiting if (name := self._missing(*each))}):
            found = self._describe_many(missing)
            for name in missing:
                self._known[name] = found[name]

    def root(self, sobject: str) -> SObjectDescribe:
        """The object that paths start at.

        Raises:
            ValueError: It cannot be described.
        """
        described = self._known.get(sobject)
        if described is None:
            raise _NotDescribedYet(sobject)
        if isinstance(described, SalesforceError):
            raise ValueError(f"{sobject} cannot be described: {described}")  # noqa: TRY004 - the type says who answered
        return described

    def find(self, sobject: str, path: str) -> FoundField:
        """The field of a path.

        Raises:
            ValueError: A name in it does not exist, or an object cannot be described. The text
                is a sentence without a full stop.
        """
        owner = self.root(sobject)
        *parents, last = self._steps(owner, path)
        if len(parents) > MOST_RELATIONSHIPS:
            raise ValueError(f"a path has at most {MOST_RELATIONSHIPS} relationships")
        spelled = []
        for name in parents:
            lookup = _lookup(owner, name)
            spelled.append(lookup.relationship_name or name)
            targets = lookup.reference_to
            owner = self.root(targets[0]) if len(targets) == 1 else _NAME
        field = owner.field(last)
        if field is None:
            names = [each.name for each in fields_of(owner)]
            raise ValueError(f"{owner.name} has no field `{last}`{did_you_mean(last, names)}")
        # A lookup may be empty, so that even the Id of a parent may be null.
        of_parent = replace(field, type="reference") if field.type == "id" and spelled else field
        return FoundField(".".join([*spelled, field.name]), of_parent, owner)

    @staticmethod
    def _steps(owner: SObjectDescribe, path: str) -> list[str]:
        steps = path.split(".")
        is_own_name = len(steps) > 1 and steps[0].casefold() == owner.name.casefold()
        # SOQL lets a path start with the name of its object, unless that is a relationship too.
        return (
            steps[1:] if is_own_name and steps[0].casefold() not in _relationships(owner) else steps
        )

    def _missing(self, sobject: str, path: str) -> str | None:
        try:
            self.find(sobject, path)
        except _NotDescribedYet as missing:
            return missing.sobject
        except ValueError:
            pass
        return None


def _relationships(owner: SObjectDescribe) -> dict[str, FieldDescribe]:
    named = ((field.relationship_name, field) for field in fields_of(owner))
    return {name.casefold(): field for name, field in named if name and field.reference_to}


def _lookup(owner: SObjectDescribe, name: str) -> FieldDescribe:
    known = _relationships(owner)
    if found := known.get(name.casefold()):
        return found
    names = [field.relationship_name or "" for field in known.values()]
    raise ValueError(f"{owner.name} has no relationship `{name}`{did_you_mean(name, names)}")

"""Finds which rights a user has, and what an admin does about missing ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.errors import NotFound, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk.describe.model import SObjectDescribe

_OBJECT_RIGHTS = {
    "read": "queryable",
    "create": "createable",
    "update": "updateable",
    "delete": "deletable",
}
_FIELD_RIGHTS = {"create": "createable", "update": "updateable"}
NEEDED = {
    "query": {"read"},
    "insert": {"create"},
    "update": {"update"},
    "upsert": {"create", "update"},
    "delete": {"delete"},
    "hardDelete": {"delete"},
}
"""The rights on an object that each operation needs."""

PERMISSIONS = {"ApiEnabled": "API Enabled", "BulkApiHardDelete": "Bulk API Hard Delete"}
"""The permissions of a user that matter, by Salesforce's names, with their labels in Setup."""

_SETS = "lightning/setup/PermSets/home"
_FIELDS = "lightning/setup/ObjectManager/{}/FieldsAndRelationships/view"


@dataclass(frozen=True)
class Right:
    """One right of the user."""

    on: str
    """The object, or the field as `Account.Rating`; `user` for a permission of the user."""
    right: str
    """`read`, `create`, `update`, `delete`, or the label of a permission."""
    has: bool | None
    """None if it cannot be read."""
    needed: bool
    """Whether an operation that was asked for needs it."""
    fix: str | None = None
    """What an admin does about it, if it is missing or not known."""
    page: str | None = None
    """The page of Setup for that, as a path of the org's host."""

    @property
    def status(self) -> str:
        """`granted`, `missing` or `unknown`."""
        return {True: "granted", False: "missing", None: "unknown"}[self.has]


def permission_rights(
    permissions: Mapping[str, bool | None], operations: Sequence[str]
) -> Iterator[Right]:
    """The permissions of the user."""
    for name, label in PERMISSIONS.items():
        has = permissions[name]
        needed = name == "ApiEnabled" or "hardDelete" in operations
        fix = (
            f"Assign the user a permission set that has {label} (Setup, Permission Sets, System "
            "Permissions), or give it to the profile."
        )
        yield Right("user", label, has, needed, *(() if has else (fix, _SETS)))


def object_rights(
    names: Iterable[str],
    described: Mapping[str, SObjectDescribe | SalesforceError],
    operations: Sequence[str],
) -> Iterator[Right]:
    """The rights on objects and fields.

    Args:
        names: such as `Account` and `Account.Rating`, in any case.
        described: what Salesforce answered for each object that they name.
        operations: what the user must be able to do.
    """
    needed = set().union(*(NEEDED[operation] for operation in operations))
    for name in names:
        sobject, _, field = name.partition(".")
        found = described[sobject]
        if isinstance(found, SalesforceError):
            yield from _of_no_object(sobject, found, needed)
        elif field:
            yield from _of_field(found, field, needed)
        else:
            yield from _of_object(found, needed)


def _of_no_object(sobject: str, error: SalesforceError, needed: set[str]) -> Iterator[Right]:
    # Salesforce answers in the same way for an object that does not exist.
    has = False if isinstance(error, NotFound) else None
    fix = (
        f"There is no object {sobject}, or the user may not see it. Check its name; then give the "
        "user the right in Setup, Permission Sets, Object Settings."
    )
    text = fix if has is False else error.message
    for right in _OBJECT_RIGHTS:
        yield Right(sobject, right, has, right in needed, text, _SETS)


def _of_object(found: SObjectDescribe, needed: set[str]) -> Iterator[Right]:
    for right, attribute in _OBJECT_RIGHTS.items():
        has = bool(getattr(found, attribute))
        fix = (
            f"Give the user {right.capitalize()} on {found.name} in Setup, Permission Sets, Object "
            "Settings. Some objects do not allow it to anyone."
        )
        yield Right(found.name, right, has, right in needed, *(() if has else (fix, _SETS)))


def _of_field(found: SObjectDescribe, name: str, needed: set[str]) -> Iterator[Right]:
    page, field = _FIELDS.format(found.name), found.field(name)
    if field is None:
        where = f"{found.name}.{name}"
        fix = (
            f"{found.name} has no field {name}, or field-level security hides it from the user. "
            "Check its name; then make it visible: Setup, Object Manager, Fields & Relationships, "
            "Set Field-Level Security."
        )
        # A describe leaves out what field-level security hides, as if it did not exist.
        for right in ("read", *_FIELD_RIGHTS):
            yield Right(where, right, False, right in needed, fix, page)
        return
    where = f"{found.name}.{field.name}"
    yield Right(where, "read", True, "read" in needed)
    for right, attribute in _FIELD_RIGHTS.items():
        has = bool(getattr(field, attribute))
        fix = (
            "The field is read-only for the user: clear Read-Only in Set Field-Level Security. "
            "Salesforce itself sets formulas, auto numbers and system fields."
        )
        yield Right(where, right, has, right in needed, *(() if has else (fix, page)))

"""Finds the field that a path such as `Account.Owner.Name` leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.describe.model import FieldDescribe, SObjectDescribe

    Describe = Callable[[str], SObjectDescribe | None]


def field_at(path: str, sobject: SObjectDescribe, describe: Describe) -> FieldDescribe | None:
    """The field at the end of a path; None if it is not known.

    Args:
        path: a field of the object, or of a parent.
        sobject: the object.
        describe: describes a parent; None if that is not possible.
    """
    holder: SObjectDescribe | None = sobject
    *parents, name = path.split(".")
    for parent in parents:
        holder = holder and _parent(holder, parent, describe)
    return holder.field(name) if holder else None


def _parent(
    holder: SObjectDescribe, relationship: str, describe: Describe
) -> SObjectDescribe | None:
    for field in holder.fields:
        if (field.relationship_name or "").lower() == relationship.lower():
            # A lookup to several objects has no single type for a field of its parent.
            return describe(field.reference_to[0]) if len(field.reference_to) == 1 else None
    return None

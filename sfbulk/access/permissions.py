"""Reads which permissions the user has.

The object `UserPermissionAccess` has the permissions of the current user, from the profile and all
permission sets (Object Reference). Where it cannot be read, the profile has its own part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.errors import ApiError
from sfbulk.read.rest_answers import RestAnswers
from sfbulk.soql import select, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sfbulk.access.identity import User
    from sfbulk.transport import Transport


def read_permissions(
    transport: Transport, user: User | None, names: Iterable[str]
) -> dict[str, bool | None]:
    """API calls: whether the user has each permission; None if that cannot be read.

    Args:
        transport: the org.
        user: the user.
        names: Salesforce's names, such as `BulkApiHardDelete`.
    """
    return {name: _permission(transport, user, name) for name in names}


def _permission(transport: Transport, user: User | None, name: str) -> bool | None:
    # One query for each: an org without a permission has no field for it, and refuses the query.
    field = f"Permissions{name}"
    own = _value(transport, "UserPermissionAccess", field, [])
    if own is not None or user is None or user.profile_id is None:
        return own
    where = [f"Id = {text_literal(user.profile_id)}"]
    # A permission set may give what the profile does not.
    return _value(transport, "Profile", field, where) or None


def _value(transport: Transport, sobject: str, field: str, where: Sequence[str]) -> bool | None:
    """API call: a field of the only record."""
    try:
        page = RestAnswers(transport, sobject, include_deleted=False).first(
            select([field], sobject, where)
        )
    except ApiError:
        return None
    value: Any = page.records[0].get(field) if page.records else None
    return value if isinstance(value, bool) else None

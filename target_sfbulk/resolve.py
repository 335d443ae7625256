"""Ids of record types, users and other setup records by a value that Salesforce does not look up.

A relationship column needs an external id or an indexed lookup field of the parent (Bulk API guide:
Relationship Fields). `RecordType.DeveloperName` is neither, so the target looks the Id up itself:
all records are read once, before the first job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.normalize import key_normalizer
from sfbulk.soql import text_literal
from target_sfbulk.encode import encoder_for
from target_sfbulk.losses import UnconvertibleError

if TYPE_CHECKING:
    from sfbulk import FieldDescribe, SObjectDescribe
    from target_sfbulk.losses import Encode
    from target_sfbulk.org_schema import OrgSchema

_SMALL = {
    # Only queues can own records.
    "Group": ("Type = 'Queue'",),
    "Profile": (),
    "RecordType": ("IsActive = true",),
    "User": ("IsActive = true",),
    "UserRole": (),
}
"""Objects with few records, with the condition for those that can be named."""


def can_be_read(parent: SObjectDescribe) -> bool:
    """Whether the ids of all records of a parent can be read."""
    return parent.name in _SMALL


def id_encoder(
    org: OrgSchema, sobject: SObjectDescribe, parent: SObjectDescribe, field: FieldDescribe
) -> Encode:
    """API call: an encoder that replaces a value of the parent's field by the parent's Id.

    Args:
        org: The org.
        sobject: The object that is loaded.
        parent: The object that its lookup refers to.
        field: The parent's field.
    """
    where: tuple[str, ...] = _SMALL[parent.name]
    if parent.name == "RecordType":
        where = (*where, f"SobjectType = {text_literal(sobject.name)}")
    ids = org.ids_by(parent.name, field.name, where)
    text, form = encoder_for(field), key_normalizer(field)
    of = f" of `{sobject.name}`" if parent.name == "RecordType" else ""
    kind = "active " if "IsActive = true" in where else ""

    def encode(value: Any) -> str:
        wanted = form(text(value))
        if wanted not in ids:
            raise UnconvertibleError(f"no {kind}{parent.name}{of} has this {field.name}")
        if (record_id := ids[wanted]) is None:
            raise UnconvertibleError(
                f"several {kind}{parent.name} records{of} have this {field.name}"
            )
        return record_id

    return encode

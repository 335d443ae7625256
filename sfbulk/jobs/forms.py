"""For each column of a load, what brings its cells to one form, by the type of its field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.errors import SalesforceError
from sfbulk.values import key_form, one_newline, typed_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.describe import FieldDescribe, SObjectDescribe
    from sfbulk.jobs.columns import Describe
    from sfbulk.values import Form


def column_forms(sobject: str, columns: Sequence[str], describe: Describe) -> dict[str, Form]:
    """API call, if the object has not been described yet: the form of each column's values.

    Args:
        sobject: the object that is loaded.
        columns: field names, `Account.Ext__c`, or `Contact:Who.Ext__c`.
        describe: describes an object.
    """
    fields = {column: _field(sobject, column, describe) for column in columns}
    return {name: typed_form(field) if field else one_newline for name, field in fields.items()}


def key_column_form(sobject: str, column: str, describe: Describe) -> Form:
    """API call, if the object has not been described yet: the form of keys in this column."""
    field = _field(sobject, column, describe)
    return key_form(field) if field else one_newline


def _field(sobject: str, column: str, describe: Describe) -> FieldDescribe | None:
    path, _, name = column.rpartition(".")
    try:
        owner = _parent(describe(sobject), path) if path else sobject
        return describe(owner).field(name) if owner else None
    except SalesforceError:
        # Who may load an object may mostly describe it. Otherwise text stays as it is, and
        # what then matches no row is an error of its own.
        return None


def _parent(child: SObjectDescribe, path: str) -> str | None:
    """The object that a relationship column leads to."""
    named, _, relationship = path.rpartition(":")
    wanted = relationship.lower()
    lookups = (f for f in child.fields if (f.relationship_name or "").lower() == wanted)
    return named or next((name for lookup in lookups for name in lookup.reference_to), None)

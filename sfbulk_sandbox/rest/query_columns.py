"""The answer of `/query?columns=true`, which the Salesforce CLI uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.schema.schema import Kind

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Query
    from sfbulk_sandbox.schema.schema import Field

_NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})


def columns_document(query: Query) -> dict[str, Any]:
    """Return the columns of a query. Fields of a parent are nested in the parent."""
    columns: list[dict[str, Any]] = []
    for column in query.columns:
        *parents, name = column.path.split(".")
        holder = columns
        for parent in parents:
            holder = _parent(holder, parent)["joinColumns"]
        holder.append(_column(name, column.field))
    for name, below in query.children.items():
        listed = [_column(column.path, column.field) for column in below]
        columns.append(_entry(name) | {"aggregate": True, "joinColumns": listed})
    return {
        "columnMetadata": columns,
        "entityName": query.sobject.name,
        "groupBy": False,
        "idSelected": any(column.path == "Id" for column in query.columns),
        "keyPrefix": query.sobject.key_prefix,
    }


def _parent(columns: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for column in columns:
        if column["columnName"] == name and column["joinColumns"]:
            return column
    parent = _entry(name)
    columns.append(parent)
    return parent


def _column(name: str, field: Field) -> dict[str, Any]:
    return _entry(name) | {
        "apexType": field.type.capitalize(),
        "booleanType": field.type == "boolean",
        "custom": field.name.endswith("__c"),
        "insertable": field.describe["createable"],
        "numberType": field.kind in _NUMBERS,
        "textType": field.kind is Kind.TEXT,
        "updatable": field.describe["updateable"],
    }


def _entry(name: str) -> dict[str, Any]:
    return {
        "aggregate": False,
        "apexType": None,
        "booleanType": False,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": False,
        "joinColumns": [],
        "numberType": False,
        "textType": False,
        "updatable": False,
    }

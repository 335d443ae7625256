"""The SOQL that Bulk APIs refuse and REST supports (Bulk API 2.0 guide: SOQL Considerations)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.schema import Field, Kind, SObject
from sfbulk_sandbox.soql import datefunctions, syntax

if TYPE_CHECKING:
    from collections.abc import Iterable

# Collected from the code of clients; Salesforce does not publish a list.
_UNSUPPORTED_OBJECTS = {
    "AcceptedEventRelation",
    "AssetTokenEvent",
    "AttachedContentNote",
    "Attachment",
    "CaseStatus",
    "ContractStatus",
    "DeclinedEventRelation",
    "EventWhoRelation",
    "FieldSecurityClassification",
    "OrderStatus",
    "PartnerRole",
    "QuoteTemplateRichTextData",
    "RecentlyViewed",
    "ServiceAppointmentStatus",
    "ShiftStatus",
    "SolutionStatus",
    "TaskPriority",
    "TaskStatus",
    "TaskWhoRelation",
    "UndecidedEventRelation",
    "WorkOrderLineItemStatus",
    "WorkOrderStatus",
    "WorkStepStatus",
}

_NOT_ENABLED = "FUNCTIONALITY_NOT_ENABLED"
_FIELDS = {
    Kind.COMPOUND: "Selecting compound data not supported in Bulk Query",
    Kind.BINARY: "Blob field not supported in Bulk V2 Query with CSV content type",
}
# These texts are assumed. That the clauses are refused is documented, but not the words.
_CLAUSES = {
    "GROUP BY": "GROUP BY not supported in Bulk V2 Query",
    "OFFSET": "OFFSET not supported in Bulk V2 Query",
}
_TYPEOF = "TYPEOF not supported in Bulk V2 Query"
_SUBQUERY = "Aggregate Relationships not supported in Bulk V2 Query with CSV content type"
_UNBOUNDED = "The SOQL FIELDS function is not supported with an unbounded set of fields in this API"
_JUNCTIONS = "JunctionIdList fields not supported in Bulk V2 Query"
_AGGREGATE = "Aggregate functions not supported in Bulk V2 Query"


def check_statement(statement: syntax.Statement, sobject: SObject) -> None:
    """Refuse objects and clauses that bulk queries do not support.

    Raises:
        Fault: With the Bulk API's code and text.
    """
    if sobject.name in _UNSUPPORTED_OBJECTS:
        text = f"Entity '{sobject.name}' is not supported by the Bulk API."
        raise Fault("INVALIDENTITY", text)
    for item in statement.items:
        _check_selected(item.value)
    for clause in statement.clauses:
        raise Fault(_NOT_ENABLED, _CLAUSES[clause.name])


def _check_selected(selected: syntax.Selected) -> None:
    if isinstance(selected, syntax.Subquery):
        raise Fault("API_ERROR", _SUBQUERY)
    if isinstance(selected, syntax.TypeOf):
        raise Fault(_NOT_ENABLED, _TYPEOF)
    if isinstance(selected, syntax.Function):
        _check_function(selected)


def _check_function(function: syntax.Function) -> None:
    if function.aggregates or datefunctions.is_date_function(function):
        raise Fault(_NOT_ENABLED, _AGGREGATE)
    if function.word == "FIELDS":
        group = function.arguments[0] if function.arguments else None
        # FIELDS(ALL) and FIELDS(CUSTOM) are refused in bulk (assumed).
        if isinstance(group, syntax.Path) and group.names[0].upper() != "STANDARD":
            raise Fault("MALFORMED_QUERY", _UNBOUNDED)


def check_fields(fields: Iterable[Field]) -> None:
    """Refuse fields whose values cannot be in a CSV cell.

    Raises:
        Fault: With the Bulk API's code and text.
    """
    for field in fields:
        if field.kind in _FIELDS:
            raise Fault(_NOT_ENABLED, _FIELDS[field.kind])
        if field.type == "JunctionIdList":
            raise Fault(_NOT_ENABLED, _JUNCTIONS)

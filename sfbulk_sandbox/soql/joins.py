"""The limits of semi-joins and anti-joins (SOQL reference: Comparison Operators)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.position import fault_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.faults.errors import Fault
    from sfbulk_sandbox.soql.scope import Resolved

# SOQL reference, Comparison Operators: at most two semi-joins in a query.
_MOST = 2


def check_where(soql: str, where: syntax.Condition | None) -> None:
    """Refuse more than two joins in a WHERE clause, joins under OR or NOT, and joins in joins.

    Raises:
        Fault: MALFORMED_QUERY at the field before IN.
    """
    joins = list(_joins(where))
    top = syntax.required_conditions(where)
    for number, join in enumerate(joins):
        if join not in top:
            raise _refused(
                soql,
                join,
                "Semi join sub-selects are only allowed at the top level WHERE expressions and "
                "not in nested WHERE expressions.",
            )
        if number >= _MOST:
            raise _refused(soql, join, f"Maximum {_MOST} semi join sub-selects are allowed")
        if list(_joins(join.statement.where)):
            raise _refused(soql, join, "Nesting of semi join sub-selects is not supported")


def _joins(condition: syntax.Condition | None) -> Iterator[syntax.SemiJoin]:
    if isinstance(condition, syntax.SemiJoin):
        yield condition
    elif isinstance(condition, syntax.Not):
        yield from _joins(condition.condition)
    elif isinstance(condition, syntax.Junction):
        for part in condition.conditions:
            yield from _joins(part)


def selected_path(soql: str, join: syntax.SemiJoin) -> syntax.Path:
    """The one field that a sub-select reads.

    Raises:
        Fault: MALFORMED_QUERY: it selects something else, or has ORDER BY, LIMIT or other clauses.
    """
    inner = join.statement
    first = inner.items[0].value
    if len(inner.items) > 1 or not isinstance(first, syntax.Path) or inner.items[0].alias:
        raise _refused(soql, join, "Semi join sub-selects can only select one id field")
    if inner.order or inner.limit is not None or inner.clauses:
        raise _refused(
            soql, join, "Semi join sub-selects cannot have ORDER BY, GROUP BY, LIMIT or OFFSET"
        )
    return first


def check_fields(soql: str, join: syntax.SemiJoin, outer: Resolved, inner: Resolved) -> None:
    """Refuse joins of fields that are not ids, or of a parent's field.

    Raises:
        Fault: MALFORMED_QUERY or INVALID_FIELD.
    """
    for side, resolved in (("left operand", outer), ("selected field", inner)):
        if resolved.field.kind is not Kind.ID:
            raise fault_at(
                soql,
                join.operand.at,
                "INVALID_FIELD",
                f"The {side} of a semi join sub-select should be an id field, cannot use: "
                f"'{resolved.field.name}'",
            )
    if len(inner.path) > 1:
        raise _refused(soql, join, "The selected field of a semi join sub-select cannot be a path")


def check_objects(soql: str, join: syntax.SemiJoin, outer: str, inner: str) -> None:
    """Refuse a sub-select on the object of the query.

    Raises:
        Fault: MALFORMED_QUERY.
    """
    if outer == inner:
        text = "The inner and outer selects should not be on the same object type"
        raise _refused(soql, join, text)


def _refused(soql: str, join: syntax.SemiJoin, text: str) -> Fault:
    return fault_at(soql, join.operand.at, "MALFORMED_QUERY", text)

"""Compiles a checked statement to SQL: records with their children, groups, or a count."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sfbulk_sandbox.soql import joins, syntax
from sfbulk_sandbox.soql.aggregates import Aggregates, is_aggregate
from sfbulk_sandbox.soql.conditions import Conditions, QueryContext
from sfbulk_sandbox.soql.items import Children, Compiled, Item, ResultType
from sfbulk_sandbox.soql.position import fault_at, unsupported
from sfbulk_sandbox.soql.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.soql.scope import Scope

# SOQL and SOSL Reference: OFFSET; Understanding Relationship Query Limitations.
_MOST_OFFSET = 2000
_MOST_LEVELS = 5
_ROOT_LEVEL = 1
_SUPPORTED_CLAUSES = ("GROUP BY", "OFFSET")


def check_clauses(context: QueryContext, statement: syntax.Statement) -> None:
    """Refuse clauses that only Apex has or that the sandbox does not support.

    Raises:
        Fault: MALFORMED_QUERY at the clause.
    """
    for clause in statement.clauses:
        if clause.name == "ALL ROWS":
            text = "ALL ROWS not allowed in this context"
            raise fault_at(context.soql, clause.at, "MALFORMED_QUERY", text)
        if clause.name not in _SUPPORTED_CLAUSES:
            raise unsupported(context.soql, clause.at, clause.name)


def compile_count(context: QueryContext, statement: syntax.Statement, scope: Scope) -> Compiled:
    """Compile `SELECT COUNT()`."""
    return _Plain(context, statement, scope).compiled([])


def compile_groups(context: QueryContext, statement: syntax.Statement, scope: Scope) -> Compiled:
    """Compile a query with aggregates or GROUP BY."""
    return _Grouped(context, statement, scope).compiled()


def compile_records(
    context: QueryContext, statement: syntax.Statement, scope: Scope, items: list[Item]
) -> Compiled:
    """Compile a query for records with these columns."""
    return _Plain(context, statement, scope).compiled(items)


def select_items(
    context: QueryContext, statement: syntax.Statement, scope: Scope, level: int = _ROOT_LEVEL
) -> list[Item]:
    """The SELECT list of a query for records. Level 1 is the root, 2 its children...

    Raises:
        Fault: An item is not valid; the text has its position.
    """
    children = partial(_compile_children, context, scope, level + 1)
    return Selection(context, statement, scope, children).items()


def _compile_children(
    context: QueryContext, scope: Scope, level: int, subquery: syntax.Subquery
) -> Children:
    statement = subquery.statement
    if level > _MOST_LEVELS:
        text = f"SOQL statements cannot query beyond {_MOST_LEVELS} levels of child relationships"
        raise fault_at(context.soql, subquery.at, "MALFORMED_QUERY", text)
    if is_aggregate(statement):
        text = "Aggregate functions and GROUP BY are not allowed in a subquery"
        raise fault_at(context.soql, subquery.at, "MALFORMED_QUERY", text)
    check_clauses(context, statement)
    joins.check_where(context.soql, statement.where)
    inner, relationship = scope.children(statement)
    lookup = inner.resolve(syntax.Path((relationship.field,), subquery.at))
    items = select_items(context, statement, inner, level)
    offset = statement.clause("OFFSET")
    return Children(
        path=(relationship.name or "",),
        lookup=lookup.sql,
        compiled=_Plain(context, statement, inner).compiled_children(items, lookup.sql),
        skip=offset.number if offset else 0,
        limit=statement.limit,
    )


class _Compiler:
    """WHERE, ORDER BY, LIMIT and OFFSET, which every compiler needs."""

    def __init__(self, context: QueryContext, statement: syntax.Statement, scope: Scope) -> None:
        self._context = context
        self._soql = context.soql
        self._statement = statement
        self._scope = scope
        self._conditions = Conditions(context, scope)

    def _order_sql(self, key_sql: Callable[[syntax.OrderItem], str], last: str) -> str:
        keys = [key_sql(item) for item in self._statement.order]
        # Rows with equal keys are in the order of the table, so that the result is deterministic.
        return f" ORDER BY {', '.join([*keys, last])}" if keys else ""

    def _window(self) -> str:
        offset = self._statement.clause("OFFSET")
        if offset and offset.number > _MOST_OFFSET:
            raise fault_at(
                self._soql,
                offset.at,
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"Maximum SOQL offset allowed is {_MOST_OFFSET}",
            )
        limit = self._statement.limit
        if limit is None and offset is None:
            return ""
        skip = f" OFFSET {offset.number}" if offset else ""
        return f" LIMIT {-1 if limit is None else limit}{skip}"


class _Plain(_Compiler):
    """Compiles a query for records, or for their count."""

    def compiled(self, items: list[Item]) -> Compiled:
        """The statement as SQL; without items, `COUNT()`."""
        rest = self._conditions.tests(self._statement.where)
        rest += self._order_sql(self._conditions.order, "t0.rowid") + self._window()
        return self._compiled(items, rest)

    def compiled_children(self, items: list[Item], lookup: str) -> Compiled:
        """The children of many parents. The reader applies LIMIT and OFFSET for each parent."""
        parents = f"{lookup} IN (SELECT value FROM json_each(?))"
        # Only for the check of OFFSET.
        self._window()
        rest = self._conditions.tests(self._statement.where, before=parents)
        return self._compiled(items, rest + self._order_sql(self._conditions.order, "t0.rowid"))

    def _compiled(self, items: list[Item], rest: str) -> Compiled:
        # `rest` is compiled before `from_sql` is read: conditions add joins to FROM.
        return Compiled(
            sobject=self._scope.sobject,
            items=tuple(items),
            parents=(self._scope.root, *self._scope.parents),
            result_type=ResultType.RECORDS if items else ResultType.COUNT,
            source=f"{self._scope.from_sql}{rest}",
            parameters=tuple(self._conditions.parameters),
        )


class _Grouped(_Compiler):
    """Compiles an aggregate query."""

    def compiled(self) -> Compiled:
        """The statement as SQL."""
        aggregates = Aggregates(self._soql, self._statement, self._scope)
        items = aggregates.items()
        rest = self._conditions.tests(self._statement.where) + aggregates.group_sql()
        having = Conditions(self._context, self._scope, aggregates.resolve)
        if self._statement.having is not None:
            rest += f" HAVING {having.where(self._statement.having)}"
        rest += self._order_sql(aggregates.order, "min(t0.rowid)")
        return Compiled(
            sobject=self._scope.sobject,
            items=tuple(items),
            parents=(),
            result_type=ResultType.AGGREGATES,
            source=f"{self._scope.from_sql}{rest}{self._window()}",
            parameters=(*self._conditions.parameters, *having.parameters),
        )

"""Aggregate functions and GROUP BY (SOQL reference: Aggregate Functions, GROUP BY)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Field, Kind, plain_field
from sfbulk_sandbox.soql import datefunctions, syntax
from sfbulk_sandbox.soql.conditions import comparable, ordered
from sfbulk_sandbox.soql.position import fault_at, unsupported
from sfbulk_sandbox.soql.scope import Resolved

if TYPE_CHECKING:
    from sfbulk_sandbox.faults.errors import Fault
    from sfbulk_sandbox.soql.scope import Scope

# These functions need numbers; MIN, MAX and COUNT accept other types.
_ADDS_UP = ("SUM", "AVG")
_NUMBERS = (Kind.INTEGER, Kind.NUMBER)


def counts_all(statement: syntax.Statement) -> bool:
    """Whether this is `SELECT COUNT() FROM ...`, which has a number as its result, not records."""
    first = statement.items[0]
    alone = len(statement.items) == 1 and first.alias is None and not statement.group
    value = first.value
    counts = isinstance(value, syntax.Function) and value.word == "COUNT" and not value.arguments
    return alone and counts


def is_aggregate(statement: syntax.Statement) -> bool:
    """Whether the result has groups, not records."""
    called = [one.value for one in statement.items if isinstance(one.value, syntax.Function)]
    return bool(statement.group) or any(one.aggregates for one in called)


class Aggregates:
    """Resolves the SELECT list and the keys of one aggregate query."""

    def __init__(self, soql: str, statement: syntax.Statement, scope: Scope) -> None:
        self._soql = soql
        self._statement = statement
        self._scope = scope
        self._keys: dict[tuple[str, ...], Resolved] = {}

    def items(self) -> list[Resolved]:
        """The columns. An aggregate without alias is named expr0, expr1...

        Raises:
            Fault: A field is neither grouped nor aggregated, a function does not fit its field, an
                alias is repeated, or the SOQL is not supported.
        """
        self._check_clauses()
        for key in self._statement.group:
            self._add_key(key)
        items: list[Resolved] = []
        unnamed = 0
        for item in self._statement.items:
            resolved = self._item(item, f"expr{unnamed}")
            if isinstance(item.value, syntax.Function) and item.alias is None:
                unnamed += 1
            if any(resolved.path == other.path for other in items):
                raise self._malformed(item.value.at, f"duplicate alias: {resolved.path[0]}")
            items.append(resolved)
        return items

    def _check_clauses(self) -> None:
        if self._statement.limit is not None and not self._statement.group:
            raise self._malformed(
                self._statement.items[0].value.at,
                "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
            )

    def _add_key(self, key: syntax.Operand) -> None:
        if isinstance(key, syntax.Function):
            if not datefunctions.is_date_function(key):
                raise unsupported(self._soql, key.at, f"GROUP BY {key.name}()")
            resolved = datefunctions.resolve(self._soql, key, self._scope)
            self._keys[resolved.path] = resolved
            return
        resolved = self._scope.resolve(key)
        if not resolved.field.describe["groupable"]:
            text = f"field '{resolved.field.name}' can not be grouped in a query call"
            raise fault_at(self._soql, key.at, "INVALID_FIELD", text)
        self._keys[resolved.path] = resolved

    def _item(self, item: syntax.SelectItem, unnamed: str) -> Resolved:
        value, alias = item.value, item.alias.name if item.alias else None
        if isinstance(value, (syntax.Subquery, syntax.TypeOf)):
            what = "TYPEOF" if isinstance(value, syntax.TypeOf) else "A subquery"
            raise unsupported(self._soql, value.at, f"{what} with aggregates")
        resolved = self.resolve(value)
        if isinstance(value, syntax.Function):
            return replace(resolved, path=(alias or unnamed,))
        # A group has all texts that differ only in case; its value is the least of them.
        sql = f"min({resolved.sql})" if resolved.field.kind is Kind.TEXT else resolved.sql
        return Resolved((alias or resolved.path[-1],), resolved.field, sql)

    def resolve(self, operand: syntax.Operand, what: str = "Field") -> Resolved:
        """The column of an aggregate, or of a grouped field or date function.

        Raises:
            Fault: The operand is neither grouped nor aggregated. The message begins with `what`.
        """
        if isinstance(operand, syntax.Function):
            if not datefunctions.is_date_function(operand):
                return Resolved((operand.word,), *self._call(operand))
            resolved = datefunctions.resolve(self._soql, operand, self._scope)
        else:
            resolved = self._scope.resolve(operand)
        if resolved.path not in self._keys:
            text = f"{what} must be grouped or aggregated: {'.'.join(resolved.path)}"
            raise self._malformed(operand.at, text)
        return resolved

    def _call(self, function: syntax.Function) -> tuple[Field, str]:
        """The field of a function's values, and the SQL that computes them."""
        if not function.aggregates:
            raise unsupported(self._soql, function.at, f"{function.name}()")
        if not function.arguments:
            raise self._malformed(
                function.at, f"{function.word}() must be the only element of the SELECT list"
            )
        argument, *more = function.arguments
        if more or not isinstance(argument, syntax.Path):
            raise self._malformed(function.at, f"{function.word}() takes the name of a field")
        resolved = self._scope.resolve(argument)
        field = resolved.field
        unfit = function.word in _ADDS_UP and field.kind not in _NUMBERS
        if unfit or not field.describe["aggregatable"]:
            text = f"field {field.name} does not support aggregate operator {function.word}"
            raise self._malformed(argument.at, text)
        return _aggregate(function.word, resolved)

    def group_sql(self) -> str:
        """The GROUP BY clause; empty if all rows are one group."""
        keys = [comparable(resolved) for resolved in self._keys.values()]
        return f" GROUP BY {', '.join(keys)}" if keys else ""

    def order(self, item: syntax.OrderItem) -> str:
        """SQL for one key of ORDER BY: a grouped field or date function, or an aggregate."""
        resolved = self.resolve(item.value, "Ordered field")
        return ordered(comparable(resolved), resolved, item)

    def _malformed(self, at: int, text: str) -> Fault:
        return fault_at(self._soql, at, "MALFORMED_QUERY", text)


def _aggregate(name: str, resolved: Resolved) -> tuple[Field, str]:
    field, sql = resolved.field, resolved.sql
    if name == "COUNT":
        return plain_field("expr", "int"), f"count({sql})"
    if name == "COUNT_DISTINCT":
        return plain_field("expr", "int"), f"count(DISTINCT {comparable(resolved)})"
    if name in _ADDS_UP:
        return plain_field("expr", "double"), f"decimal_{name.lower()}({sql})"
    collation = " COLLATE FOLD" if field.kind is Kind.TEXT and not field.case_sensitive else ""
    return field, f"{name.lower()}({sql}{collation})"

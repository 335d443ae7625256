"""The SELECT list of a query for records: fields, parents' fields, FIELDS(), TYPEOF, subqueries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.soql import datefunctions, syntax
from sfbulk_sandbox.soql.items import TypeOfItem
from sfbulk_sandbox.soql.position import fault_at, unsupported
from sfbulk_sandbox.soql.scope import Resolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfbulk_sandbox.faults.errors import Fault
    from sfbulk_sandbox.soql.conditions import QueryContext
    from sfbulk_sandbox.soql.items import Children, Item
    from sfbulk_sandbox.soql.scope import Parent, Scope, Table

# SOQL reference, FIELDS(): ALL and CUSTOM need a LIMIT or a list of ids of at most this many.
_MOST_WITH_ALL = 200
# SOQL reference, Understanding Relationship Query Limitations.
_MOST_SUBQUERIES = 20
# Bulk refuses these fields, so FIELDS() must not select them.
_NOT_IN_BULK = (Kind.COMPOUND, Kind.BINARY)


class Selection:
    """Resolves the SELECT list of one statement.

    Args:
        context: The query. In bulk queries, FIELDS() leaves out compound and base64 fields.
        statement: The statement.
        scope: The tables of the statement.
        children: Compiles a subquery.
    """

    def __init__(
        self,
        context: QueryContext,
        statement: syntax.Statement,
        scope: Scope,
        children: Callable[[syntax.Subquery], Children],
    ) -> None:
        self._soql = context.soql
        self._bulk = context.bulk
        self._statement = statement
        self._scope = scope
        self._children = children

    def items(self) -> list[Item]:
        """The columns, in order.

        Raises:
            Fault: A field is unknown or repeated, an item has an alias, or the SOQL is not
                supported.
        """
        items: list[Item] = []
        taken: set[tuple[str, ...]] = set()
        self._check_subqueries()
        for item in self._statement.items:
            if item.alias is not None:
                text = "only aggregate expressions use field aliasing"
                raise self._malformed(item.alias.at, text)
            for found in self._found(item.value):
                if found.path in taken:
                    text = f"duplicate field selected: {'.'.join(found.path)}"
                    raise fault_at(self._soql, item.value.at, "INVALID_FIELD", text)
                taken.add(found.path)
                items.append(found)
        self._check_typed(items)
        return items

    def _check_subqueries(self) -> None:
        found = [
            item.value for item in self._statement.items if isinstance(item.value, syntax.Subquery)
        ]
        if len(found) > _MOST_SUBQUERIES:
            text = f"SOQL statements cannot have more than {_MOST_SUBQUERIES} subqueries"
            raise self._malformed(found[_MOST_SUBQUERIES].at, text)

    def _check_typed(self, items: list[Item]) -> None:
        """Refuse a lookup that is in TYPEOF and also in the path of a selected field."""
        for typed in [item for item in items if isinstance(item, TypeOfItem)]:
            depth = len(typed.path)
            if any(isinstance(one, Resolved) and one.path[:depth] == typed.path for one in items):
                name = ".".join(typed.path)
                at = next(
                    item.value.at
                    for item in self._statement.items
                    if isinstance(item.value, syntax.TypeOf)
                )
                text = f"TYPEOF cannot name a relationship that is selected beside it: {name}"
                raise self._malformed(at, text)

    def _found(self, selected: syntax.Selected) -> Iterator[Item]:
        if isinstance(selected, syntax.Path):
            yield self._scope.resolve(selected)
        elif isinstance(selected, syntax.Subquery):
            yield self._children(selected)
        elif isinstance(selected, syntax.TypeOf):
            yield self._typed(selected)
        elif selected.word == "FIELDS":
            yield from self._fields(selected)
        elif datefunctions.is_date_function(selected):
            name = ".".join(datefunctions.resolve(self._soql, selected, self._scope).path)
            raise self._malformed(selected.at, f"Field must be grouped or aggregated: {name}")
        else:
            raise unsupported(self._soql, selected.at, f"{selected.name}()")

    def _typed(self, typeof: syntax.TypeOf) -> TypeOfItem:
        parent = self._scope.lookup(typeof.path)
        tables = {table.sobject.name.lower(): table for table in parent.tables}
        branches = {}
        for name, paths in typeof.branches:
            table = tables.get(name.names[0].lower())
            if table is None:
                text = f"{'.'.join(parent.path)} does not relate to an object {name.names[0]}"
                raise fault_at(self._soql, name.at, "INVALID_TYPE", text)
            branches[table.sobject.name] = self._typed_fields(parent, table, paths)
        otherwise = typeof.otherwise
        rest = None if otherwise is None else self._typed_fields(parent, None, otherwise)
        return TypeOfItem(parent.path, branches, rest)

    def _typed_fields(
        self, parent: Parent, table: Table | None, paths: tuple[syntax.Path, ...]
    ) -> tuple[Resolved, ...]:
        for path in paths:
            if len(path.names) > 1:
                raise unsupported(self._soql, path.at, "A parent's field in TYPEOF")
        return tuple(self._scope.field_of(parent, table, path) for path in paths)

    def _fields(self, function: syntax.Function) -> Iterator[Resolved]:
        argument = function.arguments[0] if len(function.arguments) == 1 else None
        group = argument.names[0].upper() if isinstance(argument, syntax.Path) else ""
        if group not in ("STANDARD", "CUSTOM", "ALL"):
            raise self._malformed(function.at, "unexpected token: 'FIELDS'")
        if group != "STANDARD" and not self._is_bounded():
            text = f"The SOQL FIELDS function must have a LIMIT of at most {_MOST_WITH_ALL}"
            raise self._malformed(function.at, text)
        names = list(self._names(group))
        if not names:
            raise self._malformed(
                function.at,
                "'FIELDS(...)' expansion function must result in at least one field being "
                "selected.",
            )
        for name in names:
            yield self._scope.resolve(syntax.Path((name,), function.at))

    def _names(self, group: str) -> Iterator[str]:
        for field in self._scope.sobject.fields:
            wanted = group == "ALL" or bool(field.describe["custom"]) == (group == "CUSTOM")
            if wanted and not (self._bulk and field.kind in _NOT_IN_BULK):
                yield field.name

    def _is_bounded(self) -> bool:
        limit = self._statement.limit
        if limit is not None and limit <= _MOST_WITH_ALL:
            return True
        return any(_names_ids(part) for part in syntax.required_conditions(self._statement.where))

    def _malformed(self, at: int, text: str) -> Fault:
        return fault_at(self._soql, at, "MALFORMED_QUERY", text)


def _names_ids(condition: syntax.Condition) -> bool:
    if not isinstance(condition, syntax.Member) or condition.negated:
        return False
    if not isinstance(condition.operand, syntax.Path):
        return False
    is_id = tuple(name.lower() for name in condition.operand.names) == ("id",)
    return is_id and len(condition.values) <= _MOST_WITH_ALL

"""The SELECT list of a query for records: fields, parents' fields and FIELDS()."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.schema import Kind
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.position import fault_at, unspoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.faults import Fault
    from sfbulk_sandbox.soql.scope import Resolved, Scope

# SOQL reference, FIELDS(): the unbounded ones need a bound of this many records.
_MOST_WITH_ALL = 200
_NOT_IN_BULK = (Kind.COMPOUND, Kind.BINARY)


class Selection:
    """Resolves the SELECT list of one statement.

    Args:
        surface: `bulk` leaves out of FIELDS() what no CSV can hold.
    """

    def __init__(self, soql: str, statement: syntax.Statement, scope: Scope, surface: str) -> None:
        self._soql = soql
        self._statement = statement
        self._scope = scope
        self._surface = surface

    def items(self) -> list[Resolved]:
        """The columns, in order.

        Raises:
            Fault: An unknown or repeated field, an alias, or SOQL that is not spoken here.
        """
        items: list[Resolved] = []
        taken: set[tuple[str, ...]] = set()
        for item in self._statement.items:
            if item.alias is not None:
                text = "only aggregate expressions use field aliasing"
                raise self._malformed(item.alias.at, text)
            for resolved in self._resolved(item.value):
                if resolved.path in taken:
                    text = f"duplicate field selected: {'.'.join(resolved.path)}"
                    raise fault_at(self._soql, item.value.at, "INVALID_FIELD", text)
                taken.add(resolved.path)
                items.append(resolved)
        return items

    def _resolved(self, selected: syntax.Selected) -> Iterator[Resolved]:
        if isinstance(selected, syntax.Path):
            yield self._scope.resolve(selected)
        elif isinstance(selected, syntax.Function) and selected.name == "FIELDS":
            yield from self._fields(selected)
        else:
            raise unspoken(self._soql, selected.at, _what(selected))

    def _fields(self, function: syntax.Function) -> Iterator[Resolved]:
        argument = function.argument
        group = argument.names[0].upper() if argument and len(argument.names) == 1 else ""
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
            if wanted and not (self._surface == "bulk" and field.kind in _NOT_IN_BULK):
                yield field.name

    def _is_bounded(self) -> bool:
        limit = self._statement.limit
        if limit is not None and limit <= _MOST_WITH_ALL:
            return True
        return any(_names_ids(part) for part in syntax.demands(self._statement.where))

    def _malformed(self, at: int, text: str) -> Fault:
        return fault_at(self._soql, at, "MALFORMED_QUERY", text)


def _names_ids(condition: syntax.Condition) -> bool:
    if not isinstance(condition, syntax.Member) or condition.negated:
        return False
    is_id = tuple(name.lower() for name in condition.path.names) == ("id",)
    return is_id and len(condition.values) <= _MOST_WITH_ALL


def _what(selected: syntax.Selected) -> str:
    if isinstance(selected, syntax.Function):
        return f"{selected.name}()"
    return "TYPEOF" if isinstance(selected, syntax.TypeOf) else "A subquery"

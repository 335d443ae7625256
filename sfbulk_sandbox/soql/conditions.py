"""WHERE and ORDER BY as SQL with bound parameters.

A comparison with null is true or false in SOQL, never unknown: `!=` and NOT IN hold for a record
whose field is empty. So each operator is compiled to SQL that is not true where SOQL is false,
and NOT makes unknown false before it negates.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sfbulk_sandbox import ids, values
from sfbulk_sandbox.faults import RowError
from sfbulk_sandbox.schema import Field, Kind
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.position import fault_at
from sfbulk_sandbox.store import fold, marks

if TYPE_CHECKING:
    from sfbulk_sandbox.faults import Fault
    from sfbulk_sandbox.soql.scope import Resolved, Scope
    from sfbulk_sandbox.values import Stored

_LITERALS = {
    Kind.TEXT: "string",
    Kind.ID: "string",
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "number",
    Kind.NUMBER: "number",
    Kind.DATE: "date",
    Kind.DATETIME: "datetime",
    Kind.TIME: "time",
}
_TYPE_NAMES = {
    Kind.TEXT: "string",
    Kind.BOOLEAN: "boolean",
    Kind.NUMBER: "double",
    Kind.DATE: "date",
    Kind.DATETIME: "dateTime",
    Kind.TIME: "time",
}
_MOST_STRING = 4000


class Conditions:
    """Compiles the conditions of one statement and gathers their parameters, in order."""

    def __init__(self, soql: str, scope: Scope) -> None:
        self._soql = soql
        self._scope = scope
        self.parameters: list[Stored | float] = []

    def where(self, condition: syntax.Condition) -> str:
        """SQL for a condition.

        Raises:
            Fault: An unknown field, a field that cannot be filtered, an operator or a value that
                does not fit the field; each at its place.
        """
        if isinstance(condition, syntax.Junction):
            parts = [self.where(part) for part in condition.conditions]
            return _balanced(parts, condition.operator)
        if isinstance(condition, syntax.Not):
            return f"NOT coalesce({self.where(condition.condition)}, 0)"
        if isinstance(condition, syntax.Like):
            return self._like(condition)
        if isinstance(condition, syntax.Member):
            return self._member(condition)
        return self._comparison(condition)

    def order(self, item: syntax.OrderItem) -> str:
        """SQL for one key of ORDER BY."""
        resolved = self._scope.resolve(item.path)
        field = resolved.field
        if not field.sortable:
            raise self._invalid(
                item.path, f"field '{field.name}' can not be sorted in a query call"
            )
        direction = "DESC" if item.descending else "ASC"
        nulls = "LAST" if item.nulls_last else "FIRST"
        return f"{self._sort_key(resolved)} {direction} NULLS {nulls}"

    def _sort_key(self, resolved: Resolved) -> str:
        field = resolved.field
        if field.type == "picklist" and field.describe["picklistValues"]:
            return self._picklist_key(resolved)
        return _comparable(resolved)

    def _picklist_key(self, resolved: Resolved) -> str:
        """Picklists sort in their set-up order; a value that was removed from it comes after."""
        entries = resolved.field.describe["picklistValues"]
        cases = " ".join(f"WHEN ? THEN {number}" for number in range(len(entries)))
        self.parameters.extend(entry["value"] for entry in entries)
        return f"CASE {resolved.sql} {cases} ELSE {_comparable(resolved)} END"

    def _comparison(self, condition: syntax.Comparison) -> str:
        resolved = self._filterable(condition.path)
        value = self._value(resolved.field, condition)
        column = _comparable(resolved)
        if value is None:
            null_tests = {"=": f"{column} IS NULL", "!=": f"{column} IS NOT NULL"}
            return null_tests.get(condition.operator, "0")
        self.parameters.append(value)
        operator = "IS NOT" if condition.operator == "!=" else condition.operator
        return f"{column} {operator} ?"

    def _member(self, condition: syntax.Member) -> str:
        resolved = self._filterable(condition.path)
        column = _comparable(resolved)
        found = [
            self._value(resolved.field, syntax.Comparison(condition.path, "=", literal))
            for literal in condition.values
        ]
        given = [value for value in found if value is not None]
        self.parameters.extend(given)
        inside = f"{column} IN ({marks(len(given))})"
        if len(given) < len(found):
            inside = f"({inside} OR {column} IS NULL)"
        return f"NOT coalesce({inside}, 0)" if condition.negated else inside

    def _like(self, condition: syntax.Like) -> str:
        resolved = self._filterable(condition.path)
        field = resolved.field
        if field.kind is not Kind.TEXT:
            what = "id" if field.kind is Kind.ID else _type_name(field)
            raise fault_at(
                self._soql,
                condition.path.at,
                "INVALID_QUERY_FILTER_OPERATOR",
                f"invalid operator on {what} field",
            )
        pattern = condition.pattern
        self.parameters.append(pattern if field.case_sensitive else fold(pattern))
        return f"{_comparable(resolved)} LIKE ? ESCAPE '\\'"

    def _filterable(self, path: syntax.Path) -> Resolved:
        resolved = self._scope.resolve(path)
        # Compounds are marked filterable for DISTANCE(), which is not spoken here.
        if not resolved.field.filterable or resolved.field.kind is Kind.COMPOUND:
            name = resolved.field.name
            raise self._invalid(path, f"field '{name}' can not be filtered in a query call")
        return resolved

    def _value(self, field: Field, condition: syntax.Comparison) -> Stored | float:
        literal = condition.value
        if literal.kind == "null":
            return "false" if field.kind is Kind.BOOLEAN else None
        if literal.kind != _LITERALS[field.kind]:
            raise self._invalid(condition.path, _wrong_literal(field))
        if literal.kind == "string":
            return self._string(field, condition)
        if literal.kind == "number":
            return _number(field, literal.text)
        return self._moment(field, literal)

    def _string(self, field: Field, condition: syntax.Comparison) -> str | None:
        text = condition.value.text
        if len(text) > _MOST_STRING:
            raise self._invalid(condition.path, "string literals cannot exceed 4000 characters")
        if not text:
            return None
        if field.kind is not Kind.ID:
            return text if field.case_sensitive else fold(text)
        if not ids.is_valid(text):
            raise fault_at(
                self._soql,
                condition.path.at,
                "INVALID_QUERY_FILTER_OPERATOR",
                f"invalid ID field: {text}",
            )
        return ids.to18(text)

    def _moment(self, field: Field, literal: syntax.Literal) -> Stored:
        """Dates, times and booleans; a datetime keeps its milliseconds, which rows do not have."""
        parse = values.instant if field.kind is Kind.DATETIME else values.parser(field)
        try:
            return parse(literal.text)
        except (ValueError, RowError):
            raise fault_at(
                self._soql, literal.at, "MALFORMED_QUERY", f"unexpected token: '{literal.text}'"
            ) from None

    def _invalid(self, path: syntax.Path, message: str) -> Fault:
        return fault_at(self._soql, path.at, "INVALID_FIELD", message)


def _balanced(parts: list[str], operator: str) -> str:
    """Join conditions as a tree of halves: SQLite refuses a chain of a thousand."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _balanced(parts[:middle], operator), _balanced(parts[middle:], operator)
    return f"({left} {operator} {right})"


def _comparable(resolved: Resolved) -> str:
    """The column in the form values are compared in; `coalesce` would lose the collation."""
    field = resolved.field
    if field.kind is Kind.NUMBER:
        return f"{resolved.sql} COLLATE DECIMAL"
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return f"fold({resolved.sql})"
    return resolved.sql


def _number(field: Field, text: str) -> Stored | float:
    number = Decimal(text)
    if field.kind is Kind.NUMBER:
        return values.number_text(number)
    return int(number) if number == int(number) else float(number)


def _type_name(field: Field) -> str:
    return _TYPE_NAMES.get(field.kind, field.type)


def _wrong_literal(field: Field) -> str:
    quotes = "should be" if _LITERALS[field.kind] == "string" else "should not be"
    return (
        f"value of filter criterion for field '{field.name}' must be of type {_type_name(field)} "
        f"and {quotes} enclosed in quotes"
    )

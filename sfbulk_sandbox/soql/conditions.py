"""WHERE and ORDER BY as SQL with bound parameters.

In SOQL a comparison with null is true or false, never unknown: `!=` and NOT IN are true for an
empty field. So the SQL of each operator is true where SOQL is true, and false or null where SOQL is
false. NOT replaces null by false before it negates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.store import fold, marks
from sfbulk_sandbox.soql import datefunctions, joins, literals, spans, syntax
from sfbulk_sandbox.soql.position import fault_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sfbulk_sandbox.faults.errors import Fault
    from sfbulk_sandbox.schema.values import Stored
    from sfbulk_sandbox.soql.scope import Resolved, Scope


@dataclass(frozen=True)
class QueryContext:
    """The text and the options of a query.

    Attributes:
        soql: The text of the statement.
        now: The org's time, for date literals.
        all_rows: Whether deleted and archived records are included.
        bulk: Whether it is a bulk query; bulk refuses more than REST.
    """

    soql: str
    now: datetime
    all_rows: bool
    bulk: bool


class Conditions:
    """Compiles the conditions of one statement and collects their parameters in order.

    Args:
        context: The query.
        scope: The tables of the statement.
        resolve: Resolves the left side of a test. The default resolves fields of a row and date
            functions of them.
    """

    def __init__(
        self,
        context: QueryContext,
        scope: Scope,
        resolve: Callable[[syntax.Operand], Resolved] | None = None,
    ) -> None:
        self._context = context
        self._soql = context.soql
        self._scope = scope
        self._resolve = resolve or self._of_a_row
        self.parameters: list[Stored | float] = []

    def tests(self, where: syntax.Condition | None, *, before: str = "") -> str:
        """The WHERE clause: the test `before`, the condition, and what only queryAll finds."""
        tests = [before] if before else []
        tests += [self.where(where)] if where else []
        if self._scope.sobject.has_recycle_bin and not self._context.all_rows:
            tests.append("t0.\"IsDeleted\" = 'false'")
        if self._scope.sobject.archives and not self._context.all_rows:
            tests.append("t0.\"IsArchived\" IS NOT 'true'")
        return f" WHERE {' AND '.join(tests)}" if tests else ""

    def where(self, condition: syntax.Condition) -> str:
        """SQL for a condition.

        Raises:
            Fault: A field is unknown or cannot be filtered, or an operator or a value does not fit
                its field; the text has the position.
        """
        if isinstance(condition, syntax.Junction):
            parts = [self.where(part) for part in condition.conditions]
            return _balanced(parts, condition.operator)
        if isinstance(condition, syntax.Not):
            return f"NOT coalesce({self.where(condition.condition)}, 0)"
        return self._leaf(condition)

    def _leaf(self, condition: syntax.Test) -> str:
        if isinstance(condition, syntax.Like):
            return self._like(condition)
        if isinstance(condition, syntax.Member):
            return self._member(condition)
        if isinstance(condition, syntax.Inclusion):
            return self._inclusion(condition)
        if isinstance(condition, syntax.SemiJoin):
            return self._semi_join(condition)
        return self._comparison(condition)

    def _of_a_row(self, operand: syntax.Operand) -> Resolved:
        if isinstance(operand, syntax.Path):
            return self._scope.resolve(operand)
        return datefunctions.resolve(self._soql, operand, self._scope)

    def order(self, item: syntax.OrderItem) -> str:
        """SQL for one key of ORDER BY."""
        resolved = self._resolve(item.value)
        field = resolved.field
        if not field.sortable:
            text = f"field '{field.name}' can not be sorted in a query call"
            raise self._invalid(item.value, text)
        return ordered(self._sort_key(resolved), resolved, item)

    def _sort_key(self, resolved: Resolved) -> str:
        field = resolved.field
        if field.type == "picklist" and field.describe["picklistValues"]:
            return self._picklist_key(resolved)
        return comparable(resolved)

    def _picklist_key(self, resolved: Resolved) -> str:
        """Picklists sort in the order of their values in the describe; other values come last."""
        entries = resolved.field.describe["picklistValues"]
        cases = " ".join(f"WHEN ? THEN {number}" for number in range(len(entries)))
        self.parameters.extend(entry["value"] for entry in entries)
        return f"CASE {resolved.sql} {cases} ELSE {comparable(resolved)} END"

    def _comparison(self, condition: syntax.Comparison) -> str:
        resolved = self._filterable(condition.operand)
        column = comparable(resolved)
        if literals.is_span(self._soql, resolved.field, condition):
            return self._span(resolved, condition)
        value = literals.value(self._soql, resolved.field, condition)
        if value is None:
            return _with_nothing(column, condition)
        self.parameters.append(value)
        # IS NOT is also true for an empty field, as != is in SOQL.
        operator = "IS NOT" if condition.operator == "!=" else condition.operator
        return f"{column} {operator} ?"

    def _span(self, resolved: Resolved, condition: syntax.Comparison) -> str:
        """SQL for a comparison with a date literal, which is a span of time."""
        begin, end = spans.bounds(resolved.field, condition.value.text, self._context.now)
        one_sided = {"<": ("<", begin), ">=": (">=", begin), ">": (">=", end), "<=": ("<", end)}
        if condition.operator in one_sided:
            sign, bound = one_sided[condition.operator]
            self.parameters.append(bound)
            return f"{resolved.sql} {sign} ?"
        self.parameters += [begin, end]
        inside = f"({resolved.sql} >= ? AND {resolved.sql} < ?)"
        return f"NOT coalesce({inside}, 0)" if condition.operator == "!=" else inside

    def _member(self, condition: syntax.Member) -> str:
        tests = [
            self._comparison(syntax.Comparison(condition.operand, "=", literal))
            for literal in condition.values
            if literal.kind == "span"
        ]
        plain = [literal for literal in condition.values if literal.kind != "span"]
        if plain:
            tests.append(self._plain_member(condition.operand, plain))
        inside = _balanced(tests, "OR")
        return f"NOT coalesce({inside}, 0)" if condition.negated else inside

    def _plain_member(self, operand: syntax.Operand, wanted: list[syntax.Literal]) -> str:
        resolved = self._filterable(operand)
        column = comparable(resolved)
        found = [
            literals.value(self._soql, resolved.field, syntax.Comparison(operand, "=", literal))
            for literal in wanted
        ]
        given = [value for value in found if value is not None]
        self.parameters.extend(given)
        inside = f"{column} IN ({marks(len(given))})"
        return f"({inside} OR {column} IS NULL)" if len(given) < len(found) else inside

    def _inclusion(self, condition: syntax.Inclusion) -> str:
        resolved = self._filterable(condition.operand)
        if resolved.field.type != "multipicklist":
            raise self._wrong_operator(condition.operand, resolved)
        tests = []
        for choice in condition.choices:
            self.parameters.extend(f";{fold(value)};" for value in choice)
            # With ";" on both sides, a value does not match a part of a longer value.
            each = [f"instr(';' || fold({resolved.sql}) || ';', ?) > 0"] * len(choice)
            tests.append(_balanced(each, "AND"))
        inside = _balanced(tests, "OR")
        return f"NOT coalesce({inside}, 0)" if condition.negated else inside

    def _semi_join(self, join: syntax.SemiJoin) -> str:
        outer = self._filterable(join.operand)
        path = joins.selected_path(self._soql, join)
        scope = self._scope.inner(join.statement)
        joins.check_objects(self._soql, join, self._scope.sobject.name, scope.sobject.name)
        inner = scope.resolve(path)
        joins.check_fields(self._soql, join, outer, inner)
        conditions = Conditions(self._context, scope)
        tests = conditions.tests(join.statement.where)
        self.parameters += conditions.parameters
        # In SQL one null in the sub-select would make NOT IN unknown for every record.
        where = f"{tests} AND" if tests else " WHERE"
        selected = f"SELECT {inner.sql} {scope.from_sql}{where} {inner.sql} IS NOT NULL"
        inside = f"{outer.sql} IN ({selected})"
        return f"NOT coalesce({inside}, 0)" if join.negated else inside

    def _like(self, condition: syntax.Like) -> str:
        resolved = self._filterable(condition.operand)
        field = resolved.field
        if field.kind is not Kind.TEXT:
            raise self._wrong_operator(condition.operand, resolved)
        pattern = condition.pattern
        self.parameters.append(pattern if field.case_sensitive else fold(pattern))
        return f"{comparable(resolved)} LIKE ? ESCAPE '\\'"

    def _filterable(self, operand: syntax.Operand) -> Resolved:
        resolved = self._resolve(operand)
        # Compound fields are filterable only by DISTANCE(), which is not supported.
        if not resolved.field.filterable or resolved.field.kind is Kind.COMPOUND:
            name = resolved.field.name
            raise self._invalid(operand, f"field '{name}' can not be filtered in a query call")
        return resolved

    def _wrong_operator(self, operand: syntax.Operand, resolved: Resolved) -> Fault:
        field = resolved.field
        what = "id" if field.kind is Kind.ID else literals.type_name(field)
        text = f"invalid operator on {what} field"
        return fault_at(self._soql, operand.at, "INVALID_QUERY_FILTER_OPERATOR", text)

    def _invalid(self, operand: syntax.Operand, message: str) -> Fault:
        return fault_at(self._soql, operand.at, "INVALID_FIELD", message)


def _with_nothing(column: str, condition: syntax.Comparison) -> str:
    """SQL for a comparison with null or an empty text.

    Every text is greater than an empty text. An empty field is neither greater nor less.
    """
    if condition.operator == "=":
        return f"{column} IS NULL"
    greater = condition.operator in (">", ">=") and condition.value.kind == "string"
    return f"{column} IS NOT NULL" if greater or condition.operator == "!=" else "0"


def _balanced(parts: list[str], operator: str) -> str:
    """Join conditions as a balanced tree: SQLite limits the depth of an expression to 1,000."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _balanced(parts[:middle], operator), _balanced(parts[middle:], operator)
    return f"({left} {operator} {right})"


def ordered(key: str, resolved: Resolved, item: syntax.OrderItem) -> str:
    """SQL for a key of ORDER BY with direction and NULLS.

    NULLS LAST does nothing for lookups and parents' fields (SOQL reference: ORDER BY).
    """
    lookup = len(resolved.path) > 1 or resolved.field.kind is Kind.ID
    nulls = "LAST" if item.nulls_last and not lookup else "FIRST"
    return f"{key} {'DESC' if item.descending else 'ASC'} NULLS {nulls}"


def comparable(resolved: Resolved) -> str:
    """SQL for a column in its compared form, which keeps the collation (`coalesce` would not)."""
    field = resolved.field
    if field.kind is Kind.NUMBER:
        return f"{resolved.sql} COLLATE DECIMAL"
    if field.kind is Kind.TEXT and not field.case_sensitive:
        return f"fold({resolved.sql})"
    return resolved.sql

"""A checked query on an org's tables: its columns, its count and its rows."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.schema import values
from sfbulk_sandbox.soql import bulk, compilers, joins
from sfbulk_sandbox.soql.aggregates import counts_all, is_aggregate
from sfbulk_sandbox.soql.items import Children, Compiled, ResultType
from sfbulk_sandbox.soql.parser import parse
from sfbulk_sandbox.soql.records import RecordReader
from sfbulk_sandbox.soql.scope import Resolved, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.schema.schema import Field, Schema
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored
    from sfbulk_sandbox.soql.conditions import QueryContext

# Bulk API 2.0 guide, Get Results for a Query Job: up to v49 the columns are in name order.
_SELECT_ORDER_FROM = 50.0


@dataclass(frozen=True)
class Column:
    """One column of a result.

    Attributes:
        path: Its name in results, `Account.Name`.
        field: The field of its values.
    """

    path: str
    field: Field


class Query:
    """A query that can be run any number of times.

    Attributes:
        sobject: The object of the FROM clause.
        columns: The columns in the order of the cells; empty for `COUNT()`.
        children: The columns of the subqueries by relationship name.
    """

    def __init__(self, store: Store, compiled: Compiled) -> None:
        self._store = store
        self._compiled = compiled
        self.sobject = compiled.sobject
        self.columns = _columns(compiled)
        self.children = {
            item.path[0]: _columns(item.compiled)
            for item in compiled.items
            if isinstance(item, Children)
        }

    def count(self) -> int | None:
        """The result of `SELECT COUNT()`; None for any other query."""
        return self.total() if self._compiled.result_type is ResultType.COUNT else None

    def total(self) -> int:
        """The current number of rows."""
        first = next((item.sql for item in self._compiled.fields), "1")
        sql = f"SELECT count(*) FROM (SELECT {first} {self._compiled.source})"
        return int(self._store.execute(sql, self._compiled.parameters)[0][0] or 0)

    def rows(self) -> Iterator[tuple[Stored, ...]]:
        """Yield the rows as stored values, from a snapshot that is taken at the first row."""
        columns = ", ".join(item.sql for item in self._compiled.fields)
        sql = f"SELECT {columns} {self._compiled.source}"
        return self._store.snapshot(sql, self._compiled.parameters)

    def records(self, version: float) -> Iterator[dict[str, Any]]:
        """Yield the rows as REST JSON, with `attributes` and nested parents (null if missing).

        Args:
            version: The API version in the record URLs.
        """
        if self._compiled.result_type is ResultType.AGGREGATES:
            return self._aggregates()
        base = f"/services/data/v{version:.1f}/sobjects"
        return RecordReader(self._store, self._compiled, base).records()

    def _aggregates(self) -> Iterator[dict[str, Any]]:
        for row in self.rows():
            cells = zip(self.columns, row, strict=True)
            shown = {column.path: values.json_value(column.field, cell) for column, cell in cells}
            yield {"attributes": {"type": "AggregateResult"}, **shown}


def _columns(compiled: Compiled) -> list[Column]:
    return [Column(".".join(item.path), item.field) for item in compiled.fields]


def compile_query(store: Store, schema: Schema, context: QueryContext, version: float) -> Query:
    """Parse, check and compile a statement for an API version.

    Raises:
        Fault: Salesforce's code and text, with the position if there is one.
    """
    statement = parse(context.soql)
    scope = Scope(schema, context.soql, statement)
    compilers.check_clauses(context, statement)
    if context.bulk:
        bulk.check_statement(statement, scope.sobject)
    joins.check_where(context.soql, statement.where)
    if counts_all(statement):
        return Query(store, compilers.compile_count(context, statement, scope))
    if is_aggregate(statement):
        return Query(store, compilers.compile_groups(context, statement, scope))
    items = compilers.select_items(context, statement, scope)
    if context.bulk:
        bulk.check_fields(item.field for item in items if isinstance(item, Resolved))
        if version < _SELECT_ORDER_FROM:
            items = sorted(items, key=lambda item: item.path)
    return Query(store, compilers.compile_records(context, statement, scope, items))

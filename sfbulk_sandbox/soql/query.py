"""A checked statement bound to an org's tables: its columns, its count and its rows."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import values
from sfbulk_sandbox.schema import Kind
from sfbulk_sandbox.soql import bulk, joins, syntax
from sfbulk_sandbox.soql.aggregates import Aggregates, counts_all, is_aggregate
from sfbulk_sandbox.soql.conditions import Asked, Conditions
from sfbulk_sandbox.soql.parser import parse
from sfbulk_sandbox.soql.position import fault_at, unspoken
from sfbulk_sandbox.soql.scope import Parent, Resolved, Scope
from sfbulk_sandbox.soql.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sfbulk_sandbox.schema import Field, Schema, SObject
    from sfbulk_sandbox.store import Store
    from sfbulk_sandbox.values import Stored

# SOQL and SOSL Reference: OFFSET.
_MOST_OFFSET = 2000
# Bulk API 2.0 guide, Get Results for a Query Job: until v49 the columns came in name order.
_SELECT_ORDER_FROM = 50.0


@dataclass(frozen=True)
class Column:
    """One column of a result.

    Attributes:
        path: Its name as results show it, `Account.Name`.
        field: The field its values belong to.
    """

    path: str
    field: Field


class _Kind(Enum):
    """What a query answers with."""

    RECORDS = "records"
    AGGREGATES = "aggregates"
    COUNT = "count"


@dataclass(frozen=True)
class _Compiled:
    """A statement as SQL: what to select, and `source`, everything from FROM on."""

    sobject: SObject
    items: tuple[Resolved, ...]
    parents: tuple[Parent, ...]
    kind: _Kind
    source: str
    parameters: tuple[Stored | float, ...]


class Query:
    """A query that may be run, any number of times.

    Attributes:
        sobject: The object of its FROM clause.
        columns: Its columns in the order of their cells; none for `COUNT()`.
    """

    def __init__(self, store: Store, compiled: _Compiled) -> None:
        self._store = store
        self._compiled = compiled
        self.sobject = compiled.sobject
        self.columns = [Column(".".join(item.path), item.field) for item in compiled.items]

    def count(self) -> int | None:
        """The number a `SELECT COUNT()` asks for; None for any other query."""
        return self.total() if self._compiled.kind is _Kind.COUNT else None

    def total(self) -> int:
        """How many rows there are now."""
        first = self._compiled.items[0].sql if self._compiled.items else "1"
        sql = f"SELECT count(*) FROM (SELECT {first} {self._compiled.source})"
        return int(self._store.execute(sql, self._compiled.parameters)[0][0] or 0)

    def rows(self) -> Iterator[tuple[Stored, ...]]:
        """The rows as stored values, streamed; a snapshot as of the first one."""
        return self._select([item.sql for item in self._compiled.items])

    def records(self, version: float) -> Iterator[dict[str, Any]]:
        """The rows as REST's JSON: with `attributes`, parents nested, an absent parent null.

        Args:
            version: The API version of the record URLs.
        """
        if self._compiled.kind is _Kind.AGGREGATES:
            yield from self._aggregates()
            return
        shape = _RecordShape(self._compiled, f"/services/data/v{version:.1f}/sobjects")
        for row in self._select(shape.sql):
            yield shape.record(row)

    def _aggregates(self) -> Iterator[dict[str, Any]]:
        for row in self.rows():
            cells = zip(self.columns, row, strict=True)
            shown = {column.path: values.json_value(column.field, cell) for column, cell in cells}
            yield {"attributes": {"type": "AggregateResult"}, **shown}

    def _select(self, columns: list[str]) -> Iterator[tuple[Stored, ...]]:
        sql = f"SELECT {', '.join(columns)} {self._compiled.source}"
        return self._store.snapshot(sql, self._compiled.parameters)


class _RecordShape:
    """How a row becomes a nested record: the ids of its parents are read beside its cells."""

    def __init__(self, compiled: _Compiled, base: str) -> None:
        self._base = base
        self._items = compiled.items
        self._tables = [
            (parent.path, table) for parent in compiled.parents for table in parent.tables
        ]
        self.sql = [item.sql for item in compiled.items]
        self.sql += [f'{table.alias}."Id"' for _, table in self._tables]

    def record(self, row: tuple[Stored, ...]) -> dict[str, Any]:
        """The JSON of one row."""
        found = self._parents(row[len(self._items) :])
        for item, stored in zip(self._items, row, strict=False):
            self._link(found, item.path[:-1])
            holder = found[item.path[:-1]]
            if holder is not None:
                holder[item.path[-1]] = _shown(item.field, stored, holder)
        return found[()] or {}

    def _parents(self, record_ids: tuple[Stored, ...]) -> dict[tuple[str, ...], Any]:
        found: dict[tuple[str, ...], Any] = {}
        for (path, table), record_id in zip(self._tables, record_ids, strict=True):
            if record_id is not None:
                name = table.sobject.name
                url = f"{self._base}/{name}/{record_id}"
                found[path] = {"attributes": {"type": name, "url": url}}
            else:
                found.setdefault(path, None)
        return found

    def _link(self, found: dict[tuple[str, ...], Any], path: tuple[str, ...]) -> None:
        """Hang the parents of a path below each other, in the order the SELECT list names them."""
        for depth, name in enumerate(path):
            child = found[path[: depth + 1]]
            holder = found[path[:depth]]
            if holder is not None:
                holder.setdefault(name, child)


def _shown(field: Field, stored: Stored, holder: dict[str, Any]) -> Any:
    """A cell as REST shows it; in place of a file's content, the path it can be read at."""
    if field.kind is Kind.BINARY and stored is not None:
        return f"{holder['attributes']['url']}/{field.name}"
    return values.json_value(field, stored)


def compile_query(  # noqa: PLR0913 - all of it decides what the statement means
    store: Store,
    schema: Schema,
    soql: str,
    *,
    now: datetime,
    all_rows: bool,
    surface: str,
    version: float,
) -> Query:
    """Parse, check and compile a statement.

    Deleted records are read too with `all_rows`; the surface `bulk` refuses more than `rest`;
    date literals are counted from `now`.

    Raises:
        Fault: Salesforce's code and text, with the place where there is one.
    """
    statement = parse(soql)
    scope = Scope(schema, soql, statement)
    if surface == "bulk":
        bulk.check_statement(statement, scope.sobject)
    joins.check_where(soql, statement.where)
    asked = Asked(soql, now, all_rows)
    if counts_all(statement):
        return Query(store, _Plain(asked, statement, scope).compiled([]))
    if is_aggregate(statement):
        return Query(store, _Grouped(asked, statement, scope).compiled())
    items = Selection(soql, statement, scope, surface).items()
    if surface == "bulk":
        bulk.check_fields(item.field for item in items)
        if version < _SELECT_ORDER_FROM:
            items = sorted(items, key=lambda item: item.path)
    return Query(store, _Plain(asked, statement, scope).compiled(items))


class _Compiler:
    """What the compilers of both kinds of query share: WHERE, ORDER BY, LIMIT and OFFSET."""

    def __init__(self, asked: Asked, statement: syntax.Statement, scope: Scope) -> None:
        self._soql = asked.soql
        self._statement = statement
        self._scope = scope
        self._conditions = Conditions(asked, scope)

    def _order_sql(self, key_sql: Callable[[syntax.OrderItem], str], last: str) -> str:
        keys = [f"{key_sql(item)} {_direction(item)}" for item in self._statement.order]
        # Equal keys come in the order of the table, so that the same data answers the same.
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
    """Compiles a query for records, or for their number."""

    def compiled(self, items: list[Resolved]) -> _Compiled:
        """The statement as SQL; without items it is `COUNT()`."""
        having = self._statement.clause("HAVING")
        if having:
            raise unspoken(self._soql, having.at, "HAVING")
        # The conditions come first: they add the joins that FROM must have.
        rest = self._conditions.tests(self._statement.where)
        rest += self._order_sql(self._key, "t0.rowid") + self._window()
        return _Compiled(
            sobject=self._scope.sobject,
            items=tuple(items),
            parents=(self._scope.root, *self._scope.parents),
            kind=_Kind.RECORDS if items else _Kind.COUNT,
            source=f"{self._scope.from_sql}{rest}",
            parameters=tuple(self._conditions.parameters),
        )

    def _key(self, item: syntax.OrderItem) -> str:
        if isinstance(item.value, syntax.Function):
            raise unspoken(self._soql, item.value.at, f"ORDER BY {item.value.name}()")
        return self._conditions.order(item.value)


class _Grouped(_Compiler):
    """Compiles an aggregate query."""

    def compiled(self) -> _Compiled:
        """The statement as SQL."""
        aggregates = Aggregates(self._soql, self._statement, self._scope)
        items = aggregates.items()
        rest = self._conditions.tests(self._statement.where) + aggregates.group_sql()
        rest += self._order_sql(lambda item: aggregates.order(item.value), "min(t0.rowid)")
        return _Compiled(
            sobject=self._scope.sobject,
            items=tuple(items),
            parents=(),
            kind=_Kind.AGGREGATES,
            source=f"{self._scope.from_sql}{rest}{self._window()}",
            parameters=tuple(self._conditions.parameters),
        )


def _direction(item: syntax.OrderItem) -> str:
    direction = "DESC" if item.descending else "ASC"
    return f"{direction} NULLS {'LAST' if item.nulls_last else 'FIRST'}"

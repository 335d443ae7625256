"""A checked statement bound to an org's tables: its columns, its count and its rows."""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox import values
from sfbulk_sandbox.faults import Fault
from sfbulk_sandbox.soql import bulk, syntax
from sfbulk_sandbox.soql.conditions import Conditions
from sfbulk_sandbox.soql.parser import parse
from sfbulk_sandbox.soql.position import fault_at
from sfbulk_sandbox.soql.scope import Parent, Resolved, Scope, unknown_object

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@dataclass(frozen=True)
class _Compiled:
    """A statement as SQL: what to select, and `source`, everything from FROM on."""

    sobject: SObject
    items: tuple[Resolved, ...]
    parents: tuple[Parent, ...]
    counts: bool
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
        return self.total() if self._compiled.counts else None

    def total(self) -> int:
        """How many rows there are now."""
        sql = f"SELECT count(*) FROM (SELECT 1 {self._compiled.source})"
        return int(self._store.execute(sql, self._compiled.parameters)[0][0] or 0)

    def rows(self) -> Iterator[tuple[Stored, ...]]:
        """The rows as stored values, streamed; a snapshot as of the first one."""
        return self._select([item.sql for item in self._compiled.items])

    def records(self, version: float) -> Iterator[dict[str, Any]]:
        """The rows as REST's JSON: with `attributes`, parents nested, an absent parent null.

        Args:
            version: The API version of the record URLs.
        """
        shape = _RecordShape(self._compiled, f"/services/data/v{version:.1f}/sobjects")
        for row in self._select(shape.sql):
            yield shape.record(row)

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
                holder[item.path[-1]] = values.json_value(item.field, stored)
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


def compile_query(  # noqa: PLR0913 - all of it decides what the statement means
    store: Store, schema: Schema, soql: str, *, all_rows: bool, surface: str, version: float
) -> Query:
    """Parse, check and compile a statement.

    Deleted records are read too with `all_rows`; the surface `bulk` refuses more than `rest`.

    Raises:
        Fault: Salesforce's code and text, with the place where there is one.
    """
    statement = parse(soql)
    sobject = _source(schema, soql, statement)
    if surface == "bulk":
        bulk.check_statement(statement, sobject)
    checker = _Checker(schema, soql, statement, sobject)
    items = checker.items()
    if surface == "bulk":
        bulk.check_fields(item.field for item in items)
        if version < _SELECT_ORDER_FROM:
            items = sorted(items, key=lambda item: item.path)
    source, parameters = checker.source(all_rows=all_rows)
    parents = (checker.scope.root, *checker.scope.parents)
    return Query(
        store, _Compiled(sobject, tuple(items), parents, checker.counts, source, parameters)
    )


def _source(schema: Schema, soql: str, statement: syntax.Statement) -> SObject:
    sobject = schema.sobject(statement.source)
    if sobject is None:
        text = unknown_object(statement.source)
        raise fault_at(soql, statement.source_at, "INVALID_TYPE", text)
    if not sobject.allows("queryable"):
        text = f"entity type {sobject.name} does not support query"
        raise Fault("INVALID_TYPE_FOR_OPERATION", text)
    return sobject


class _Checker:
    """Resolves a statement part by part; the scope gathers the joins on the way."""

    def __init__(
        self, schema: Schema, soql: str, statement: syntax.Statement, sobject: SObject
    ) -> None:
        self._soql = soql
        self._statement = statement
        self._sobject = sobject
        self.scope = Scope(schema, soql, sobject, statement.alias)
        first = statement.items[0]
        alone = len(statement.items) == 1 and isinstance(first, syntax.Function)
        self.counts = alone and first == syntax.Function("COUNT", None, first.at)

    def items(self) -> list[Resolved]:
        """The SELECT list, resolved; empty for `COUNT()`."""
        self._refuse_unspoken()
        if self.counts:
            return []
        items: list[Resolved] = []
        for item in self._statement.items:
            resolved = self._item(item)
            if any(resolved.path == other.path for other in items):
                name = ".".join(resolved.path)
                raise fault_at(
                    self._soql, item.at, "INVALID_FIELD", f"duplicate field selected: {name}"
                )
            items.append(resolved)
        return items

    def _item(self, item: syntax.SelectItem) -> Resolved:
        if isinstance(item, syntax.Path):
            return self.scope.resolve(item)
        what = "TYPEOF" if isinstance(item, syntax.TypeOf) else "A subquery"
        if isinstance(item, syntax.Function):
            what = f"{item.name}()"
        raise self._unspoken(item.at, what)

    def _refuse_unspoken(self) -> None:
        for name in ("GROUP BY", "HAVING"):
            clause = self._statement.clause(name)
            if clause:
                raise self._unspoken(clause.at, name)

    def _unspoken(self, at: int, what: str) -> Fault:
        # Refusing loudly what the sandbox cannot do is better than rows that are wrong.
        return fault_at(
            self._soql, at, "MALFORMED_QUERY", f"{what} is SOQL that sfbulk-sandbox does not speak"
        )

    def source(self, *, all_rows: bool) -> tuple[str, tuple[Stored | float, ...]]:
        """The SQL from FROM on, and its parameters."""
        statement = self._statement
        conditions = Conditions(self._soql, self.scope)
        tests = [conditions.where(statement.where)] if statement.where else []
        if self._sobject.has_recycle_bin and not all_rows:
            tests.append("t0.\"IsDeleted\" = 'false'")
        keys = [conditions.order(item) for item in statement.order]
        sql = self.scope.from_sql
        if tests:
            sql += f" WHERE {' AND '.join(tests)}"
        if keys:
            # Equal keys come in the order of the table, so that the same data answers the same.
            sql += f" ORDER BY {', '.join(keys)}, t0.rowid"
        return sql + self._window(), tuple(conditions.parameters)

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

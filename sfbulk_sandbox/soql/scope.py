"""Resolves paths of field names to columns, and adds the joins to parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.schema import (
    ChildRelationship,
    Field,
    Kind,
    Schema,
    SObject,
    plain_field,
)
from sfbulk_sandbox.schema.store import quoted
from sfbulk_sandbox.soql import activities
from sfbulk_sandbox.soql.position import fault_at, unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sfbulk_sandbox.soql.syntax import Path, Statement

# SOQL and SOSL Reference: Understanding Relationship Query Limitations.
_MOST_PARENTS, _MOST_RELATIONSHIPS = 5, 55
# SQLite joins at most 64 tables. A lookup that points at many objects can need more.
_MOST_JOINS = 60
_APPEND = (
    "If you are attempting to use a custom {what}, be sure to append the '__{suffix}' after the "
    "{where}. Please reference your WSDL or the describe call for the appropriate names."
)
# A lookup that points at several objects is read through the Name object, which has only these
# fields (Object Reference: Name).
_NAME_FIELDS = {
    "alias",
    "email",
    "firstname",
    "id",
    "isactive",
    "lastname",
    "name",
    "phone",
    "profileid",
    "title",
    "type",
    "username",
    "userroleid",
}
_TYPE_FIELD = plain_field("Type", "string")


@dataclass(frozen=True)
class Table:
    """One object joined into the query under an alias."""

    sobject: SObject
    alias: str

    def column(self, field: Field) -> str:
        """SQL for one of its fields."""
        if field.kind is Kind.COMPOUND:
            return self._compound(field)
        return f"{self.alias}.{quoted(field.name)}"

    def _compound(self, field: Field) -> str:
        parts = ", ".join(self.column(part) for part in field.parts)
        some = " OR ".join(f"{self.column(part)} IS NOT NULL" for part in field.parts)
        return f"CASE WHEN {some} THEN json_array({parts}) END"


@dataclass(frozen=True)
class Parent:
    """The parent of a lookup path. A polymorphic lookup has several tables.

    Attributes:
        path: The names of the relationships, as the describes spell them.
        tables: One table per object.
    """

    path: tuple[str, ...]
    tables: tuple[Table, ...]

    @property
    def polymorphic(self) -> bool:
        """Whether the parent is read through the Name object."""
        return len(self.tables) > 1

    @property
    def entity(self) -> str:
        """The name of the object in messages."""
        return "Name" if self.polymorphic else self.tables[0].sobject.name


@dataclass(frozen=True)
class Resolved:
    """A resolved path.

    Attributes:
        path: The path as the describes spell it, without alias.
        field: The field.
        sql: The SQL expression of its value.
    """

    path: tuple[str, ...]
    field: Field
    sql: str


class Scope:
    """The tables of one statement: its object, and every parent that a resolved path uses.

    Args:
        schema: The objects.
        soql: The text of the whole statement, for messages.
        statement: The statement, or a sub-select or subquery of it.
        sobject: The object, if FROM has the name of a relationship.

    Raises:
        Fault: The object does not exist or cannot be queried.
    """

    def __init__(
        self, schema: Schema, soql: str, statement: Statement, sobject: SObject | None = None
    ) -> None:
        self._schema = schema
        self._soql = soql
        self.root = Parent((), (Table(sobject or _source(schema, soql, statement), "t0"),))
        self._parents: dict[tuple[str, ...], Parent] = {}
        self._joins: list[str] = []
        # By alias: the path of lookups from the statement's object.
        self._aliases: dict[str, tuple[str, ...]] = {self.sobject.name.lower(): ()}
        if statement.source.alias:
            self._aliases[statement.source.alias.lower()] = ()
        for source in statement.also:
            lookups = self._without_alias(source.path.names)
            self._aliases[(source.alias or source.name).lower()] = lookups

    @property
    def sobject(self) -> SObject:
        """The statement's object."""
        return self.root.tables[0].sobject

    def inner(self, statement: Statement) -> Scope:
        """The scope of a sub-select."""
        return Scope(self._schema, self._soql, statement)

    def children(self, statement: Statement) -> tuple[Scope, ChildRelationship]:
        """The scope of a subquery over children, and the relationship in its FROM.

        Raises:
            Fault: INVALID_TYPE: the object does not have the relationship.
        """
        *before, name = self._without_alias(statement.source.path.names)
        relationship = self.sobject.child_relationship(name)
        child = self._schema.sobject(relationship.sobject) if relationship else None
        if before or relationship is None or child is None:
            text = _unknown_children(".".join(statement.source.path.names))
            raise fault_at(self._soql, statement.source.path.at, "INVALID_TYPE", text)
        return Scope(self._schema, self._soql, statement, child), relationship

    @property
    def parents(self) -> Iterable[Parent]:
        """The parents that are joined so far."""
        return self._parents.values()

    @property
    def from_sql(self) -> str:
        """The FROM clause with its joins (LEFT JOIN: a record without a parent stays)."""
        table = self.root.tables[0]
        rows = activities.rows_of(self._schema, table.sobject)
        return f"FROM {rows} AS {table.alias} {' '.join(self._joins)}"

    def resolve(self, path: Path) -> Resolved:
        """The field of a path.

        Raises:
            Fault: INVALID_FIELD: a field or relationship is unknown.
        """
        *steps, last = self._without_alias(path.names)
        return self._field(self._walk(steps, path), last, path)

    def lookup(self, path: Path) -> Parent:
        """The parent of a path of lookups.

        Raises:
            Fault: INVALID_FIELD: a relationship is unknown.
        """
        return self._walk(self._without_alias(path.names), path)

    def field_of(self, parent: Parent, table: Table | None, path: Path) -> Resolved:
        """A field of one object that a lookup points at, or of the Name object if `table` is None.

        Raises:
            Fault: INVALID_FIELD: the field is unknown.
        """
        tables = (table,) if table else parent.tables
        return self._field(Parent(parent.path, tables), path.names[-1], path)

    def _walk(self, steps: Sequence[str], path: Path) -> Parent:
        if len(steps) > _MOST_PARENTS:
            raise self._invalid(path, "SOQL statements cannot query beyond 5 parent relationships")
        parent = self.root
        for step in steps:
            parent = self._step(parent, step, path)
        return parent

    def _without_alias(self, names: tuple[str, ...]) -> tuple[str, ...]:
        lookups = self._aliases.get(names[0].lower())
        # A relationship of the object takes precedence over an alias with its name.
        if lookups is None or len(names) == 1 or self.sobject.relationship(names[0]):
            return names
        return (*lookups, *names[1:])

    def _step(self, parent: Parent, name: str, path: Path) -> Parent:
        lookups = [
            (table, lookup)
            for table in parent.tables
            if (lookup := table.sobject.relationship(name)) is not None
        ]
        targets = [
            (table, lookup, target)
            for table, lookup in lookups
            for target_name in lookup.reference_to
            if (target := self._schema.sobject(target_name)) is not None
        ]
        if not targets or parent.polymorphic:
            raise self._invalid(path, _unknown_relationship(name))
        spelled = (*parent.path, lookups[0][1].relationship_name or name)
        if spelled not in self._parents:
            self._check_room(path, len(targets))
            tables = tuple(self._join(table, lookup, target) for table, lookup, target in targets)
            self._parents[spelled] = Parent(spelled, tables)
        return self._parents[spelled]

    def _check_room(self, path: Path, more: int) -> None:
        if len(self._parents) >= _MOST_RELATIONSHIPS:
            text = f"SOQL statements cannot reference more than {_MOST_RELATIONSHIPS} relationships"
            raise self._invalid(path, text)
        if len(self._joins) + more > _MOST_JOINS:
            raise unsupported(self._soql, path.at, f"More than {_MOST_JOINS} parent objects")

    def _join(self, child: Table, lookup: Field, target: SObject) -> Table:
        joined = Table(target, f"t{len(self._joins) + 1}")
        self._joins.append(
            f'LEFT JOIN {quoted(target.name)} AS {joined.alias} ON {joined.alias}."Id" = '
            f"{child.column(lookup)}"
        )
        return joined

    def _field(self, parent: Parent, name: str, path: Path) -> Resolved:
        if parent.polymorphic:
            return self._name_field(parent, name, path)
        table = parent.tables[0]
        field = table.sobject.field(name)
        if field is None:
            raise self._invalid(path, _unknown_field(name, parent.entity))
        return Resolved((*parent.path, field.name), field, table.column(field))

    def _name_field(self, parent: Parent, name: str, path: Path) -> Resolved:
        if name.lower() == "type":
            return Resolved((*parent.path, "Type"), _TYPE_FIELD, _type_of(parent))
        found = [
            (table, field)
            for table in parent.tables
            if (field := _on_name_object(table.sobject, name)) is not None
        ]
        if name.lower() not in _NAME_FIELDS or not found:
            raise self._invalid(path, _unknown_field(name, parent.entity))
        columns = [table.column(field) for table, field in found]
        # At most one of the joined tables has a row.
        sql = columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"
        spelled = "Name" if name.lower() == "name" else found[0][1].name
        return Resolved((*parent.path, spelled), found[0][1], sql)

    def _invalid(self, path: Path, message: str) -> Fault:
        return fault_at(self._soql, path.at, "INVALID_FIELD", message)


def _source(schema: Schema, soql: str, statement: Statement) -> SObject:
    path = statement.source.path
    sobject = schema.sobject(".".join(path.names))
    if sobject is None:
        raise fault_at(soql, path.at, "INVALID_TYPE", unknown_object(".".join(path.names)))
    if not sobject.allows("queryable"):
        text = f"entity type {sobject.name} does not support query"
        raise Fault("INVALID_TYPE_FOR_OPERATION", text)
    return sobject


def _type_of(parent: Parent) -> str:
    cases = " ".join(
        f"WHEN {table.alias}.\"Id\" IS NOT NULL THEN '{table.sobject.name}'"
        for table in parent.tables
    )
    return f"CASE {cases} END"


def _on_name_object(sobject: SObject, name: str) -> Field | None:
    if name.lower() == "name":
        return next((field for field in sobject.fields if field.describe["nameField"]), None)
    return sobject.field(name)


def _unknown_field(name: str, entity: str) -> str:
    advice = _APPEND.format(what="field", suffix="c", where="custom field name")
    return f"No such column '{name}' on entity '{entity}'. {advice}"


def _unknown_relationship(name: str) -> str:
    advice = _APPEND.format(what="relationship", suffix="r", where="custom relationship name")
    return f"Didn't understand relationship '{name}' in field path. {advice}"


def _unknown_children(name: str) -> str:
    advice = _APPEND.format(what="relationship", suffix="r", where="custom relationship name")
    return f"Didn't understand relationship '{name}' in FROM part of query call. {advice}"


def unknown_object(name: str) -> str:
    """Salesforce's text for an object that the org does not have."""
    advice = _APPEND.format(what="object", suffix="c", where="entity name")
    return f"sObject type '{name}' is not supported. {advice}"

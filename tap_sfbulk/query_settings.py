"""Reads the setting `queries`, and finds what bulk cannot run before any request is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk import soql
from sfbulk.errors import ConfigError, DataError
from sfbulk.problems import collecting
from sfbulk_singer.stream_settings import names_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_STREAM_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)

_AGGREGATES = {"AVG", "COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "GROUPING"}

# Bulk API guide, SOQL considerations; SOQL reference: SELECT.
_REFUSED_CLAUSES = {
    "GROUP BY": "bulk queries do not support GROUP BY",
    "HAVING": "bulk queries do not support HAVING",
    "OFFSET": "bulk queries do not support OFFSET",
    "FOR": "FOR VIEW, FOR REFERENCE and FOR UPDATE change or lock rows. Leave it out",
    "UPDATE": "UPDATE TRACKING and UPDATE VIEWSTAT change statistics. Leave it out",
    "ALL ROWS": "a job does not take ALL ROWS. The setting include_deleted says the same",
}
_REFUSED_ITEMS = {
    soql.ItemKind.SUBQUERY: "bulk queries do not support a subquery in the select list",
    soql.ItemKind.TYPEOF: "bulk queries do not support TYPEOF",
}

OPTIONS_OF_OBJECTS = ("parent_fields", "replication_key", "exclude_formulas")
"""Options of `stream_options` that a query has in its SOQL and its own settings."""


@dataclass(frozen=True)
class QuerySettings:
    """What the setting `queries` says of one custom query."""

    name: str
    statement: soql.SelectStatement
    key_properties: tuple[str, ...] | None = None
    """None: Id, if it is selected."""
    replication_key: str | None = None


def parse_queries(queries: Sequence[Mapping[str, Any]]) -> list[QuerySettings]:
    """The custom queries of the setting.

    Raises:
        ConfigError: If the name or the SOQL of one is not valid, or bulk cannot run it. All
            problems at once, with the names of their queries.
    """
    problems = list(_name_problems([query["name"] for query in queries]))
    parsed: list[QuerySettings] = []
    for query in queries:
        with collecting(problems):
            parsed.append(_parsed(query))
    if problems:
        raise ConfigError(problems)
    return parsed


def check_query_names(queries: Sequence[QuerySettings], objects: Sequence[str]) -> None:
    """Check that no query has the name of an object that is read too.

    Raises:
        ConfigError: With the name of each that has.
    """
    folded = {name.casefold() for name in objects}
    problems = [
        f"queries, {query.name}: an object that is read has this name. Give the query another "
        "one, or leave the object out with exclude_streams."
        for query in queries
        if query.name.casefold() in folded
    ]
    if problems:
        raise ConfigError(problems)


def check_query_options(
    queries: Sequence[QuerySettings], settings: Mapping[str, Mapping[str, Any]]
) -> None:
    """Check that `stream_options` name no query with an option that only objects have.

    Those of a glob do not apply to queries, since it may be a rule for the objects.

    Raises:
        ConfigError: With each such option.
    """
    problems = [
        f"stream_options, {key}: {option} is an option of objects. Write it into the query."
        for query in queries
        for key in names_for(query.name, settings)
        for option in OPTIONS_OF_OBJECTS
        if settings[key].get(option) is not None
    ]
    if problems:
        raise ConfigError(problems)


def window_problem(statement: soql.SelectStatement) -> str | None:
    """Why the rows of a statement cannot be read by windows of a replication key; a sentence."""
    for clause in ("ORDER BY", "LIMIT"):
        if statement.clause(clause) is not None:
            return (
                f"a query that is read by a replication key must not have {clause}, since each run "
                "reads all rows of its window. Leave one of them out."
            )
    return None


def _name_problems(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not _STREAM_NAME.fullmatch(name):
            yield (
                f"queries, {name}: a name starts with a letter and has letters, digits, `_` and "
                "`-` only."
            )
    folded = [name.casefold() for name in names]
    for name in {name for name in folded if folded.count(name) > 1}:
        yield f"queries, {name}: two queries have this name. Give each its own."


def _parsed(query: Mapping[str, Any]) -> QuerySettings:
    name = query["name"]
    try:
        statement = soql.parse_select(query["soql"])
    except DataError as error:
        raise ConfigError([f"queries, {name}: {error}"]) from None
    key = query.get("replication_key")
    problems = [f"{problem}." for problem in _statement_problems(statement)]
    if key and (problem := window_problem(statement)):
        problems.append(problem)
    if problems:
        raise ConfigError([f"queries, {name}: {problem}" for problem in problems])
    keys = query.get("key_properties")
    return QuerySettings(name, statement, None if keys is None else tuple(keys), key)


def _statement_problems(statement: soql.SelectStatement) -> Iterator[str]:
    if "," in statement.source:
        yield "a query reads one object, but several stand after FROM. Select paths instead"
    elif len(statement.source.split()) > 1:
        yield "bulk queries have no aliases, but one stands after FROM. Write the fields without it"
    seen: set[str] = set()
    for item in statement.items:
        yield from _item_problems(item)
        if item.kind is soql.ItemKind.FIELD and item.name.casefold() in seen:
            yield f"`{item.name}` is selected twice"
        seen.add(item.name.casefold())
    for clause, _ in statement.clauses:
        if clause in _REFUSED_CLAUSES:
            yield _REFUSED_CLAUSES[clause]


def _item_problems(item: soql.SelectItem) -> Iterator[str]:
    if item.kind in _REFUSED_ITEMS:
        yield _REFUSED_ITEMS[item.kind]
    elif item.kind is soql.ItemKind.FUNCTION:
        function = item.name.upper()
        if function == "FIELDS":
            yield "FIELDS() does not say which columns the stream has. Name the fields"
        elif function in _AGGREGATES:
            yield f"bulk queries do not support aggregate functions such as {function}()"
        else:
            yield f"a column is a field, but {item.name}() is a function. Select the field"
    elif item.alias:
        yield f"bulk queries have no aliases, but `{item.name}` has one"

"""The select list of a SOQL query: its paths, and its division into parts that fit a URL. No I/O.

A REST query is the parameter of a GET request. Salesforce refuses a URI of more than 16,384 bytes
with 414, and a URI with headers of more than 16,384 bytes with 431 (REST API guide: Status Codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sfbulk.errors import DataError
from sfbulk.soql import ItemKind, parse_select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sfbulk.soql import SelectStatement

LONGEST_URI = 12_000
"""Bytes; the rest of Salesforce's limit is for the headers: some tokens have 2,000 characters."""

# The path of the resource, such as /services/data/v68.0/queryAll/?
_RESOURCE_BYTES = 64


@dataclass(frozen=True)
class Query:
    """A query that selects fields of one object and of its parents."""

    sobject: str
    paths: tuple[str, ...]
    """The selected fields, such as `Name` or `Account.Owner.Name`."""
    statement: SelectStatement

    @property
    def is_limited(self) -> bool:
        """Whether it has a LIMIT."""
        return self.statement.clause("LIMIT") is not None

    def soql(self, paths: Sequence[str]) -> str:
        """The same query with other selected fields."""
        return self.statement.written(paths)


def parse_query(soql: str) -> Query:
    """The parts of a query.

    Raises:
        DataError: the query selects something else than fields, such as a function or a subquery.
    """
    statement = parse_select(soql)
    others = [
        item.text for item in statement.items if item.kind is not ItemKind.FIELD or item.alias
    ]
    if others:
        raise DataError(
            f"A query of {statement.sobject} by REST selects fields only, such as Name or "
            f"Account.Name, but this one has {', '.join(others)}. Select fields."
        )
    return Query(statement.sobject, tuple(item.name for item in statement.items), statement)


def selects_only_fields(soql: str) -> bool:
    """Whether a query can be read by REST: it selects fields, but no functions or subqueries."""
    try:
        parse_query(soql)
    except DataError:
        return False
    return True


def uri_bytes(soql: str) -> int:
    """The length of the URI of a REST query."""
    return _RESOURCE_BYTES + len(urlencode({"q": soql}))


def divided(query: Query, keys: Sequence[str], longest: int) -> list[tuple[str, ...]]:
    """The selected fields in as few parts as fit into URIs of `longest` bytes.

    Args:
        query: the query.
        keys: fields that each part has to select too.
        longest: most bytes of a URI.

    Raises:
        DataError: the query is too long even with a single field.
    """
    if uri_bytes(query.soql(query.paths)) <= longest:
        return [query.paths]
    return list(_parts(query, keys, longest))


def _parts(query: Query, keys: Sequence[str], longest: int) -> Iterator[tuple[str, ...]]:
    part: list[str] = []
    for path in query.paths:
        if part and uri_bytes(query.soql(with_keys([*part, path], keys))) > longest:
            yield tuple(part)
            part = []
        part.append(path)
        if uri_bytes(query.soql(with_keys(part, keys))) > longest:
            raise DataError(
                f"The condition of a query of {query.sobject} is too long for a URL of the REST "
                "API. Make it shorter, or read the object by Bulk API."
            )
    yield tuple(part)


def with_keys(paths: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The fields, and after them the keys that are not among them, in any case."""
    known = {path.lower() for path in paths}
    return [*paths, *(key for key in keys if key.lower() not in known)]

"""The items of a SELECT list, and a compiled statement."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk_sandbox.soql.scope import Resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk_sandbox.schema.schema import SObject
    from sfbulk_sandbox.schema.values import Stored
    from sfbulk_sandbox.soql.scope import Parent


@dataclass(frozen=True)
class TypeOfItem:
    """TYPEOF: a lookup whose fields depend on the object it points at.

    Attributes:
        path: The lookup, as the describes spell it.
        branches: The fields by object name.
        otherwise: The fields for any other object; None for no field.
    """

    path: tuple[str, ...]
    branches: Mapping[str, tuple[Resolved, ...]]
    otherwise: tuple[Resolved, ...] | None


@dataclass(frozen=True)
class Children:
    """The children of each record (a subquery).

    Attributes:
        path: The name of the relationship.
        lookup: SQL for the field with the parent's id.
        compiled: The query for the children. Its first parameter is the JSON list of the parents'
            ids; it is not in `parameters`.
        skip: How many children of each parent are skipped.
        limit: The maximum number of children of each parent; None for all.
    """

    path: tuple[str, ...]
    lookup: str
    compiled: Compiled
    skip: int
    limit: int | None


Item = Resolved | TypeOfItem | Children


class ResultType(Enum):
    """The type of a query's result."""

    RECORDS = "records"
    AGGREGATES = "aggregates"
    COUNT = "count"


@dataclass(frozen=True)
class Compiled:
    """A statement as SQL: the items to select, and `source`, the SQL from FROM to the end."""

    sobject: SObject
    items: tuple[Item, ...]
    parents: tuple[Parent, ...]
    result_type: ResultType
    source: str
    parameters: tuple[Stored | float, ...]

    @property
    def fields(self) -> list[Resolved]:
        """The plain columns."""
        return [item for item in self.items if isinstance(item, Resolved)]

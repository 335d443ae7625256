"""What the SELECT list of a checked statement holds, and the statement as SQL."""

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
    """A lookup whose fields depend on the object it leads to (TYPEOF).

    Attributes:
        path: The lookup, as the describes spell it.
        branches: The fields to read by the object's name.
        otherwise: Those to read of any other object; None to read none.
    """

    path: tuple[str, ...]
    branches: Mapping[str, tuple[Resolved, ...]]
    otherwise: tuple[Resolved, ...] | None


@dataclass(frozen=True)
class Children:
    """The children of each record (a subquery).

    Attributes:
        path: The relationship's name alone.
        lookup: SQL of the field that holds the parent's id.
        compiled: The children; its first parameter, not among `parameters`, is the JSON list of
            the parents' ids.
        skip: How many children of each parent to pass over.
        limit: The most children of each parent; None for all.
    """

    path: tuple[str, ...]
    lookup: str
    compiled: Compiled
    skip: int
    limit: int | None


Item = Resolved | TypeOfItem | Children


class ResultType(Enum):
    """What a query answers with."""

    RECORDS = "records"
    AGGREGATES = "aggregates"
    COUNT = "count"


@dataclass(frozen=True)
class Compiled:
    """A statement as SQL: what to select, and `source`, everything from FROM on."""

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

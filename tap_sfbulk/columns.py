"""The columns of a stream's rows: those a query selects, and those made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CellKind(str, Enum):
    """How a cell becomes JSON."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    DATETIME = "date-time"
    OBJECT = "object"
    """Of columns that are made of others: their cells are JSON objects already."""


@dataclass(frozen=True)
class PageColumn:
    """A column of a stream's rows."""

    name: str
    """The property of the record."""
    kind: CellKind
    path: str | None = None
    """How the query selects it, such as `Account.Name`; None if it is the name."""

    @property
    def selected(self) -> tuple[PageColumn, ...]:
        """The columns that the query has to select."""
        return (self,)

    @property
    def source(self) -> str:
        """How the query selects it, and the page names it."""
        return self.path or self.name

    def as_property(self, name: str, schema: Mapping[str, Any]) -> PageColumn:
        """The column for a property of the JSON Schema that the target receives.

        The catalog's schema decides, not the describe: a user who declares a number as a
        string there gets its digits as a string.
        """
        kind = kind_of(schema)
        # The cell of a plain field is never JSON, whatever a catalog says.
        kind = CellKind.TEXT if kind is CellKind.OBJECT else kind
        return replace(self, name=name, kind=kind, path=self.source)


@dataclass(frozen=True)
class CompoundColumn(PageColumn):
    """An address or geolocation, made of its components in the same row."""

    parts: tuple[tuple[str, PageColumn], ...] = ()
    """The keys of the object in REST, in their order, and the component of each."""

    @property
    def selected(self) -> tuple[PageColumn, ...]:
        """The components."""
        return tuple(part for _, part in self.parts)

    def as_property(self, name: str, schema: Mapping[str, Any]) -> PageColumn:
        """The same object; as its text if the schema says that the property is a string."""
        is_text = _named_types(schema) == ["string"]
        return replace(self, name=name, kind=CellKind.TEXT if is_text else CellKind.OBJECT)


@dataclass(frozen=True)
class DeletedAtColumn(PageColumn):
    """When the row was deleted: its stamp if it is marked as deleted, else null."""

    stamp: str = "SystemModstamp"
    flag: str = "IsDeleted"

    @property
    def selected(self) -> tuple[PageColumn, ...]:
        """The stamp and the mark."""
        return (
            PageColumn(self.stamp, CellKind.DATETIME),
            PageColumn(self.flag, CellKind.BOOLEAN),
        )

    def as_property(self, name: str, schema: Mapping[str, Any]) -> PageColumn:
        """The same column; the schema does not change it."""
        return replace(self, name=name, kind=kind_of(schema))


def to_select(columns: Sequence[PageColumn]) -> tuple[PageColumn, ...]:
    """What a query has to select for these columns, each path once.

    A property of the stream decides how its cells are read, also as a part of another one.
    """
    own = [column for column in columns if column.selected == (column,)]
    kinds: dict[str, CellKind] = {}
    for column in (*own, *columns):
        for each in column.selected:
            kinds.setdefault(each.source, each.kind)
    paths = dict.fromkeys(each.source for column in columns for each in column.selected)
    return tuple(PageColumn(path, kinds[path]) for path in paths)


def kind_of(schema: Mapping[str, Any]) -> CellKind:
    """How cells become JSON, from the JSON Schema of their property."""
    named = _named_types(schema)
    for kind in (CellKind.INTEGER, CellKind.NUMBER, CellKind.BOOLEAN, CellKind.OBJECT):
        if named == [kind.value]:
            return kind
    formats = (CellKind.DATE, CellKind.TIME, CellKind.DATETIME)
    return next((each for each in formats if schema.get("format") == each.value), CellKind.TEXT)


def _named_types(schema: Mapping[str, Any]) -> Sequence[str]:
    types = schema.get("type", "string")
    return [name for name in ([types] if isinstance(types, str) else types) if name != "null"]

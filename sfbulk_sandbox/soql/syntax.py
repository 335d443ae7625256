"""What a parsed SOQL statement is made of; every part knows its offset in the text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """A field, through its parents: `Account.Owner.Name` has three names."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Literal:
    """A value as written.

    Attributes:
        kind: `string`, `number`, `date`, `datetime`, `time`, `boolean`, `null`, or `span` for a
            date literal such as `LAST_WEEK`.
        text: Its text; a string without quotes and with its escapes resolved.
    """

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Comparison:
    """`path = value` and the other comparison operators (`<>` is kept as `!=`)."""

    path: Path
    operator: str
    value: Literal


@dataclass(frozen=True)
class Like:
    r"""`path LIKE 'pattern'`.

    Attributes:
        pattern: The string, its escapes resolved but for those of the wildcards: `\%`, `\_`, and
            `\\` for a backslash.
    """

    path: Path
    pattern: str


@dataclass(frozen=True)
class Member:
    """`path IN (...)` or `path NOT IN (...)`."""

    path: Path
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True)
class Inclusion:
    """`path INCLUDES ('A;B', 'C')` or `path EXCLUDES (...)`.

    Attributes:
        choices: Each a set of values that a field must hold together.
    """

    path: Path
    choices: tuple[tuple[str, ...], ...]
    negated: bool


@dataclass(frozen=True)
class SemiJoin:
    """`path IN (SELECT ...)`, or the anti-join `path NOT IN (SELECT ...)`."""

    path: Path
    statement: Statement
    negated: bool


@dataclass(frozen=True)
class Not:
    """`NOT condition`."""

    condition: Condition


@dataclass(frozen=True)
class Junction:
    """Conditions joined by one operator, `AND` or `OR`."""

    operator: str
    conditions: tuple[Condition, ...]


Test = Comparison | Like | Member | Inclusion | SemiJoin
Condition = Test | Not | Junction


@dataclass(frozen=True)
class Function:
    """`COUNT()`, `MAX(Amount)`, `FIELDS(STANDARD)`..., its name in capitals."""

    name: str
    argument: Path | None
    at: int


@dataclass(frozen=True)
class Subquery:
    """A query over children in the SELECT list."""

    at: int


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF ... END` in the SELECT list."""

    at: int


Selected = Path | Function | Subquery | TypeOf


@dataclass(frozen=True)
class Alias:
    """The name a SELECT list gives one of its columns."""

    name: str
    at: int


@dataclass(frozen=True)
class SelectItem:
    """One entry of the SELECT list."""

    value: Selected
    alias: Alias | None = None


@dataclass(frozen=True)
class OrderItem:
    """One key of ORDER BY."""

    value: Path | Function
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Clause:
    """A clause of which only its place and number matter: LIMIT, OFFSET, GROUP BY, HAVING."""

    name: str
    at: int
    number: int = 0


@dataclass(frozen=True)
class Statement:
    """One SELECT."""

    items: tuple[SelectItem, ...]
    source: str
    source_at: int
    alias: str | None
    where: Condition | None
    group: tuple[Path | Function, ...]
    order: tuple[OrderItem, ...]
    limit: int | None
    clauses: tuple[Clause, ...]

    def clause(self, name: str) -> Clause | None:
        """The clause of this name (`OFFSET`, `GROUP BY`, `HAVING`), or None."""
        return next((clause for clause in self.clauses if clause.name == name), None)


def demands(where: Condition | None) -> tuple[Condition, ...]:
    """The conditions of a WHERE clause that every record must meet each."""
    if isinstance(where, Junction) and where.operator == "AND":
        return where.conditions
    return () if where is None else (where,)

"""What a parsed SOQL statement is made of; every part knows its offset in the text."""

from __future__ import annotations

from dataclasses import dataclass

_AGGREGATES = ("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX")


@dataclass(frozen=True)
class Path:
    """A field, through its parents: `Account.Owner.Name` has three names."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Literal:
    """A value as written.

    Attributes:
        kind: `string`, `number`, `currency`, `date`, `datetime`, `time`, `boolean`, `null`, or
            `span` for a date literal such as `LAST_WEEK`.
        text: Its text; a string without quotes and with its escapes resolved.
    """

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Function:
    """`COUNT()`, `MAX(Amount)`, `CALENDAR_YEAR(CreatedDate)`, `FIELDS(STANDARD)`...

    Attributes:
        name: As written.
    """

    name: str
    arguments: tuple[Argument, ...]
    at: int

    @property
    def word(self) -> str:
        """Its name in capitals."""
        return self.name.upper()

    @property
    def aggregates(self) -> bool:
        """Whether it makes one value of many records."""
        return self.word in _AGGREGATES


Operand = Path | Function
Argument = Operand | Literal


@dataclass(frozen=True)
class Comparison:
    """`operand = value` and the other comparison operators (`<>` is kept as `!=`)."""

    operand: Operand
    operator: str
    value: Literal


@dataclass(frozen=True)
class Like:
    r"""`operand LIKE 'pattern'`.

    Attributes:
        pattern: The string, its escapes resolved but for those of the wildcards: `\%`, `\_`, and
            `\\` for a backslash.
    """

    operand: Operand
    pattern: str


@dataclass(frozen=True)
class Member:
    """`operand IN (...)` or `operand NOT IN (...)`."""

    operand: Operand
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True)
class Inclusion:
    """`operand INCLUDES ('A;B', 'C')` or `operand EXCLUDES (...)`.

    Attributes:
        choices: Each a set of values that a field must hold together.
    """

    operand: Operand
    choices: tuple[tuple[str, ...], ...]
    negated: bool


@dataclass(frozen=True)
class SemiJoin:
    """`operand IN (SELECT ...)`, or the anti-join `operand NOT IN (SELECT ...)`."""

    operand: Operand
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
class Subquery:
    """A query over children in the SELECT list; its source is the relationship's name."""

    statement: Statement
    at: int


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF lookup WHEN object THEN fields ... ELSE fields END` in the SELECT list.

    Attributes:
        branches: The fields to read by the object's name.
        otherwise: Those to read of a record of any other object; None without ELSE.
    """

    path: Path
    branches: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] | None
    at: int


Selected = Operand | Subquery | TypeOf


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

    value: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Clause:
    """A clause of which only its place and number matter: GROUP BY, OFFSET, FOR VIEW..."""

    name: str
    at: int
    number: int = 0


@dataclass(frozen=True)
class Source:
    """What FROM names: the statement's object, its children by relationship, or a parent.

    Attributes:
        path: `Account`; of a further source the alias and lookups, `a.Owner`.
        alias: Its other name in the statement.
    """

    path: Path
    alias: str | None

    @property
    def name(self) -> str:
        """What is named, without an alias before it."""
        return self.path.names[-1]


@dataclass(frozen=True)
class Statement:
    """One SELECT.

    Attributes:
        source: Its object.
        also: Aliases for parents, `FROM Contact c, c.Account a`.
        where_ends: Offset of what follows the word WHERE; None without one.
    """

    items: tuple[SelectItem, ...]
    source: Source
    also: tuple[Source, ...]
    where: Condition | None
    where_end: int | None
    group: tuple[Operand, ...]
    having: Condition | None
    order: tuple[OrderItem, ...]
    limit: int | None
    clauses: tuple[Clause, ...]

    def clause(self, name: str) -> Clause | None:
        """The clause of this name (`OFFSET`, `GROUP BY`, `FOR VIEW`), or None."""
        return next((clause for clause in self.clauses if clause.name == name), None)


def required_conditions(where: Condition | None) -> tuple[Condition, ...]:
    """The conditions of a WHERE clause that every record must meet each."""
    if isinstance(where, Junction) and where.operator == "AND":
        return where.conditions
    return () if where is None else (where,)

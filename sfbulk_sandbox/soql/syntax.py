"""The parts of a parsed SOQL statement. `at` is the offset of a part in the text."""

from __future__ import annotations

from dataclasses import dataclass

_AGGREGATES = ("COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX")


@dataclass(frozen=True)
class Path:
    """A path to a field: `Account.Owner.Name` has three names."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class Literal:
    """A literal value as written.

    Attributes:
        kind: `string`, `number`, `currency`, `date`, `datetime`, `time`, `boolean`, `null`, or
            `span` for a date literal such as `LAST_WEEK`.
        text: Its text. Of a string: without quotes, with escape sequences replaced.
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
        """Whether it is an aggregate function."""
        return self.word in _AGGREGATES


Operand = Path | Function
Argument = Operand | Literal


@dataclass(frozen=True)
class Comparison:
    """`operand = value`, and the other comparison operators (`<>` is stored as `!=`)."""

    operand: Operand
    operator: str
    value: Literal


@dataclass(frozen=True)
class Like:
    r"""`operand LIKE 'pattern'`.

    Attributes:
        pattern: The string with escape sequences replaced, except `\%`, `\_` and `\\`.
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
        choices: Sets of values. A field matches if it has all values of one set.
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
    """A query for children in the SELECT list. Its source is the name of the relationship."""

    statement: Statement
    at: int


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF lookup WHEN object THEN fields ... ELSE fields END` in the SELECT list.

    Attributes:
        branches: The fields by object name.
        otherwise: The fields for any other object; None without ELSE.
    """

    path: Path
    branches: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] | None
    at: int


Selected = Operand | Subquery | TypeOf


@dataclass(frozen=True)
class Alias:
    """The alias of a column in the SELECT list."""

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
    """A clause with its position and number: GROUP BY, OFFSET, FOR VIEW..."""

    name: str
    at: int
    number: int = 0


@dataclass(frozen=True)
class Source:
    """A source in FROM: the statement's object, its children by relationship, or a parent.

    Attributes:
        path: `Account`; for a further source, alias and lookups, `a.Owner`.
        alias: The alias, if any.
    """

    path: Path
    alias: str | None

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.names[-1]


@dataclass(frozen=True)
class Statement:
    """One SELECT.

    Attributes:
        source: The object.
        also: Further sources, which are aliases of parents: `FROM Contact c, c.Account a`.
        where_end: The offset after the word WHERE; None without one.
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
        """The clause with this name (`OFFSET`, `GROUP BY`, `FOR VIEW`), or None."""
        return next((clause for clause in self.clauses if clause.name == name), None)


def required_conditions(where: Condition | None) -> tuple[Condition, ...]:
    """The conditions that every record must meet: the parts of a top-level AND, or the only one."""
    if isinstance(where, Junction) and where.operator == "AND":
        return where.conditions
    return () if where is None else (where,)

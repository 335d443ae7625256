"""Writes SOQL statements with checked names and literals, and finds their parts; no I/O."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

from sfbulk.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

__all__ = [
    "MAX_STATEMENT_CHARACTERS",
    "Token",
    "date_literal",
    "datetime_literal",
    "in_brackets",
    "require_time_zone",
    "root_object",
    "select",
    "text_literal",
    "tokens",
    "utc_text",
]

MAX_STATEMENT_CHARACTERS = 100_000
"""Longest statement (SOQL reference: limits)."""

_ESCAPES = str.maketrans(
    {"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
# A quoted string (with backslash escapes), a name, number or id, or an operator. SOQL has no
# comments.
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[\w.]+|[<>!]=|<>|\S", re.DOTALL)

_CLAUSES = ("FOR", "GROUP", "HAVING", "LIMIT", "OFFSET", "ORDER", "UPDATE", "USING", "WITH")
_NOT_BARE = frozenset({"OR", "ALL", *_CLAUSES})


def text_literal(text: str) -> str:
    """A quoted string literal (SOQL reference: Quoted String Escape Sequences)."""
    return f"'{text.translate(_ESCAPES)}'"


def datetime_literal(instant: datetime) -> str:
    """A datetime literal in UTC with milliseconds; SOQL does not quote it.

    Raises:
        DataError: the datetime has no time zone.
    """
    require_time_zone(instant)
    return utc_text(instant)


def date_literal(day: date) -> str:
    """A date literal; SOQL does not quote it."""
    return day.isoformat()


def select(fields: Sequence[str], sobject: str, where: Sequence[str] = ()) -> str:
    """A SELECT statement.

    Args:
        fields: names, or paths such as `Account.Name`.
        sobject: the object.
        where: conditions that must all be true (`in_brackets`).

    Raises:
        DataError: no field, a name that is not valid, or a statement too long for Salesforce.
    """
    for name in (*fields, sobject):
        if not _NAME.fullmatch(name):
            raise DataError(f"'{name}' is not a valid name of a field or object.")
    if not fields:
        raise DataError(f"A query of {sobject} needs at least one field.")
    statement = f"SELECT {', '.join(fields)} FROM {sobject}"  # noqa: S608 - names are checked
    if where:
        statement += " WHERE " + " AND ".join(in_brackets(condition) for condition in where)
    if len(statement) > MAX_STATEMENT_CHARACTERS:
        raise DataError(
            f"The query of {sobject} has {len(statement):,} characters; Salesforce accepts "
            f"{MAX_STATEMENT_CHARACTERS:,}. Select fewer fields."
        )
    return statement


def in_brackets(condition: str) -> str:
    """A condition as one of several that are joined by AND.

    SOQL refuses AND and OR on one level, so a condition is put in brackets. A semi-join is refused
    in brackets, though: "only allowed at the top level WHERE expressions". It needs none, since it
    must not be joined by OR anyway. A clause after it, such as LIMIT, would be one of the whole
    statement: in brackets it is refused.

    Raises:
        DataError: a quoted string or a bracket is not closed, or a bracket not opened.
    """
    words = [token.text.upper() for token in tokens(condition)]
    depths = list(accumulate((word == "(") - (word == ")") for word in words))
    if min(depths, default=0) < 0 or (depths and depths[-1]):
        raise DataError("The brackets of the condition do not match. Close each one that it opens.")
    top = [word for word, depth in zip(words, depths, strict=True) if depth == 0]
    negates = any(a == "NOT" and b != "IN" for a, b in pairwise([*top, ""]))
    needs_none = "SELECT" in words and not _NOT_BARE.intersection(top) and not negates
    return condition if needs_none else f"({condition})"


def require_time_zone(instant: datetime) -> None:
    """Refuse a datetime without a time zone, which could mean any of 24 hours.

    Raises:
        DataError: it has no time zone.
    """
    if instant.tzinfo is None:
        raise DataError("A datetime must have a time zone, such as timezone.utc.")


def utc_text(instant: datetime) -> str:
    """An aware datetime as `2026-11-23T09:15:00.000Z`.

    Raises:
        DataError: in UTC it is not in the years 1 to 9999.
    """
    try:
        utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    except OverflowError:
        raise DataError("A datetime is not in the years 1 to 9999 of UTC.") from None
    return utc.isoformat(timespec="milliseconds") + "Z"


class Token(NamedTuple):
    """A part of a statement: a quoted string, a name, a number or an operator."""

    text: str
    start: int
    """Position of its first character, from 0."""


def tokens(soql: str) -> Iterator[Token]:
    """The parts of a statement in their order; a quoted string is one part.

    Raises:
        DataError: a quoted string is not closed.
    """
    for match in _TOKEN.finditer(soql):
        if match.group() == "'":
            raise DataError(
                f"The quote at character {match.start() + 1} of the query is not closed."
            )
        yield Token(match.group(), match.start())


def root_object(soql: str) -> str:
    """The object that a statement reads: from its own FROM, not from the FROM of a subquery.

    Raises:
        DataError: the statement has no FROM.
    """
    depth, after_from = 0, False
    for token in tokens(soql):
        if after_from and depth == 0 and _NAME.fullmatch(token.text):
            return token.text
        depth += (token.text == "(") - (token.text == ")")
        after_from = depth == 0 and token.text.lower() == "from"
    raise DataError("The query has no FROM that names an object.")

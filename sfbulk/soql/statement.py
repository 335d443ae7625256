"""Parses a SELECT statement into its select list, its object and its clauses.

Conditions are kept as their text: Salesforce understands them. What is found is where each clause
begins and ends, so that a statement can be written again with other fields or more conditions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.errors import DataError
from sfbulk.soql.writing import MAX_STATEMENT_CHARACTERS, in_brackets, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.soql.writing import Token

_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)

_CLAUSES = (
    ("USING", "SCOPE"),
    ("WHERE",),
    ("WITH",),
    ("GROUP", "BY"),
    ("HAVING",),
    ("ORDER", "BY"),
    ("LIMIT",),
    ("OFFSET",),
    ("FOR",),
    ("UPDATE",),
    ("ALL", "ROWS"),
)
"""The clauses after FROM in the order in which they must stand (SOQL reference: SELECT syntax)."""

_REPEATABLE = {"WITH", "FOR"}


class ItemKind(Enum):
    """What an item of a select list is."""

    FIELD = "field"
    FUNCTION = "function"
    SUBQUERY = "subquery"
    TYPEOF = "TYPEOF"


@dataclass(frozen=True)
class SelectItem:
    """One item of a select list."""

    kind: ItemKind
    text: str
    """As it is written, with its alias."""
    name: str
    """The path of a field (`Account.Name`), or the name of a function; empty for the others."""
    alias: str | None = None


@dataclass(frozen=True)
class SelectStatement:
    """A statement with its parts in the order in which they were written."""

    items: tuple[SelectItem, ...]
    source: str
    """What stands after FROM: an object, perhaps an alias, perhaps further objects."""
    clauses: tuple[tuple[str, str], ...] = ()
    """Name in upper case (`ORDER BY`) and text of each clause after FROM."""

    @property
    def sobject(self) -> str:
        """The object that is read."""
        return re.split(r"[\s,]", self.source, maxsplit=1)[0]

    def clause(self, name: str) -> str | None:
        """The text of a clause; None if the statement does not have it."""
        return next((text for each, text in self.clauses if each == name), None)

    def written(
        self, fields: Sequence[str], where: Sequence[str] = (), limit: int | None = None
    ) -> str:
        """The statement with these fields, and with conditions and a limit besides its own.

        Args:
            fields: The select list.
            where: Conditions that must be true too (`in_brackets`).
            limit: Most rows; the statement's own LIMIT counts if it is lower.

        Raises:
            DataError: The statement is too long for Salesforce, or its own LIMIT is no number.
        """
        clauses = dict(self.clauses)
        own = clauses.get("WHERE")
        conditions = [condition for condition in (own, *where) if condition]
        if conditions and (where or own is None):
            clauses["WHERE"] = " AND ".join(in_brackets(each) for each in conditions)
        if limit is not None:
            clauses["LIMIT"] = str(min(limit, _number(clauses.get("LIMIT", str(limit)))))
        statement = f"SELECT {', '.join(fields)} FROM {self.source}"  # noqa: S608 - SOQL of the user, with checked names
        for words in _CLAUSES:
            name = " ".join(words)
            statement += "".join(f" {each} {text}" for each, text in self._all(name, clauses))
        if len(statement) > MAX_STATEMENT_CHARACTERS:
            raise DataError(
                f"The query has {len(statement):,} characters; Salesforce accepts "
                f"{MAX_STATEMENT_CHARACTERS:,}."
            )
        return statement

    def _all(self, name: str, clauses: dict[str, str]) -> list[tuple[str, str]]:
        if name in _REPEATABLE:
            return [each for each in self.clauses if each[0] == name]
        return [(name, clauses[name])] if name in clauses else []


def parse_select(soql: str) -> SelectStatement:
    """The parts of a SELECT statement.

    Raises:
        DataError: It is not one. The text says at which character.
    """
    return _Parser(soql).statement()


class _Parser:
    """Reads the tokens of one statement from left to right."""

    def __init__(self, soql: str) -> None:
        self._soql = soql
        self._tokens = list(tokens(soql))
        self._at = 0

    def statement(self) -> SelectStatement:
        self._expect("SELECT")
        items = [self._item()]
        while self._is(","):
            self._at += 1
            items.append(self._item())
        self._expect("FROM")
        source = self._source()
        clauses: list[tuple[str, str]] = []
        while self._at < len(self._tokens):
            clauses.append(self._clause([name for name, _ in clauses]))
        return SelectStatement(tuple(items), source, tuple(clauses))

    def _item(self) -> SelectItem:
        start = self._at
        if self._is("("):
            self._brackets()
            return self._made(ItemKind.SUBQUERY, start, "")
        if self._is("TYPEOF"):
            while not self._is("END"):
                self._take()
            self._at += 1
            return self._made(ItemKind.TYPEOF, start, "")
        name, kind = self._name(), ItemKind.FIELD
        if self._is("("):
            self._brackets()
            kind = ItemKind.FUNCTION
        return self._made(kind, start, name, self._alias())

    def _made(self, kind: ItemKind, start: int, name: str, alias: str | None = None) -> SelectItem:
        return SelectItem(kind, self._text(start), name, alias)

    def _alias(self) -> str | None:
        if self._at == len(self._tokens) or self._is(",") or self._is("FROM"):
            return None
        return self._name()

    def _source(self) -> str:
        start = self._at
        self._name()
        while self._at < len(self._tokens) and self._clause_words() is None:
            if self._is(","):
                self._at += 1
            self._name()
        return self._text(start)

    def _clause(self, earlier: Sequence[str]) -> tuple[str, str]:
        words = self._clause_words()
        if words is None:
            raise self._unexpected()
        name = " ".join(words)
        order = [" ".join(each) for each in _CLAUSES]
        is_late = any(order.index(each) > order.index(name) for each in earlier)
        if is_late or (name in earlier and name not in _REPEATABLE):
            raise self._unexpected()
        self._at += len(words)
        start = self._at
        if name == "FOR":
            # UPDATE is a clause of its own, but not here.
            self._name()
        while self._at < len(self._tokens) and self._clause_words() is None:
            self._part()
        if start == self._at and name != "ALL ROWS":
            raise self._unexpected()
        return name, self._text(start)

    def _clause_words(self) -> tuple[str, ...] | None:
        """The words of the clause that begins here; None if none does."""
        return next(
            (words for words in _CLAUSES if all(self._is(w, n) for n, w in enumerate(words))), None
        )

    def _part(self) -> None:
        if self._is("("):
            self._brackets()
        elif self._is(")") or self._is(";"):
            raise self._unexpected()
        else:
            self._at += 1

    def _brackets(self) -> None:
        """Pass over what stands in brackets."""
        depth = 0
        while True:
            text = self._take().text
            depth += (text == "(") - (text == ")")
            if depth == 0:
                return

    def _name(self) -> str:
        if self._at == len(self._tokens) or not _NAME.fullmatch(self._tokens[self._at].text):
            raise self._unexpected()
        return self._take().text

    def _expect(self, word: str) -> None:
        if not self._is(word):
            raise self._unexpected(f"; {word} must stand here")
        self._at += 1

    def _is(self, word: str, ahead: int = 0) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at].text.upper() == word

    def _take(self) -> Token:
        if self._at == len(self._tokens):
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def _text(self, start: int) -> str:
        """The statement's text from one token to the one before the next."""
        if start == self._at:
            return ""
        first, last = self._tokens[start], self._tokens[self._at - 1]
        return self._soql[first.start : last.start + len(last.text)]

    def _unexpected(self, hint: str = "") -> DataError:
        if self._at == len(self._tokens):
            return DataError(f"The query ends too early{hint}.")
        token = self._tokens[self._at]
        # A quoted string is a value, which no error shows.
        text = "a quoted string" if token.text.startswith("'") else f"`{token.text}`"
        return DataError(f"The query has {text} at character {token.start + 1}{hint}.")


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,100}", text):
        raise DataError("The LIMIT of the query is not a number.")
    return int(text)

"""Parses SOQL into a `Statement`, or raises MALFORMED_QUERY."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lark import Lark, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.position import fault_at

if TYPE_CHECKING:
    from lark import Token

# SOQL and SOSL Reference: Quoted String Escape Sequences.
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
# LIKE in SQL needs these escape sequences.
_KEPT_IN_LIKE = "_%\\"
# SOQL reference: the maximum length of a statement.
_LIMIT_CHARACTERS = 100_000
# Limits of SQLite and of Python, which run the query.
_MOST_NESTED = 20
_LONG_NUMBER = re.compile(r"[0-9]{400}|[0-9][eE][-+]?[0-9]{4}")
# One that does not end is one too: otherwise the search would begin again at each quote in it.
_STRING = re.compile(r"'(?:[^'\\]|\\.)*\\?(?:'|\Z)", re.DOTALL)


def parse(soql: str) -> syntax.Statement:
    """Parse one SELECT.

    Raises:
        Fault: MALFORMED_QUERY with the position; QUERY_TOO_COMPLICATED over 100,000 characters,
            and beyond what the sandbox can run.
    """
    if len(soql) > _LIMIT_CHARACTERS:
        raise Fault("QUERY_TOO_COMPLICATED", "SOQL statements cannot exceed 100000 characters")
    _check_what_can_run(soql)
    try:
        tree = _grammar().parse(soql)
        statement: syntax.Statement = _Builder(soql).transform(tree)
    except UnexpectedToken as error:
        raise _unexpected_token(soql, error.token) from None
    except UnexpectedCharacters as error:
        raise _unexpected_character(soql, error) from None
    except VisitError as error:
        raise error.orig_exc from None
    return statement


def _check_what_can_run(soql: str) -> None:
    bare = _STRING.sub("''", soql)
    depths = accumulate((each == "(") - (each == ")") for each in bare if each in "()")
    if max(depths, default=0) > _MOST_NESTED:
        raise _cannot_run(f"more than {_MOST_NESTED} brackets in each other")
    if _LONG_NUMBER.search(bare):
        raise _cannot_run("a number of more than 400 characters")


def _cannot_run(what: str) -> Fault:
    message = f"sfbulk-sandbox does not support SOQL with {what}"
    return Fault("QUERY_TOO_COMPLICATED", message)


# Building the parser takes much longer than parsing a statement.
@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = (resources.files("sfbulk_sandbox.soql") / "grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="contextual", maybe_placeholders=True)


def _unexpected_token(soql: str, token: Token) -> Fault:
    ended = token.type == "$END"
    at = len(soql) if ended else token.start_pos or 0
    shown = "<EOF>" if ended else str(token)
    return fault_at(soql, at, "MALFORMED_QUERY", f"unexpected token: '{shown}'")


def _unexpected_character(soql: str, error: UnexpectedCharacters) -> Fault:
    place = f"line {error.line}:{error.column - 1}"
    character = soql[error.pos_in_stream or 0]
    if character == "'":
        text = f"{place} mismatched character '<EOF>' expecting '''"
    else:
        text = f"{place} no viable alternative at character '{character}'"
    return Fault("MALFORMED_QUERY", text)


class _Builder(Transformer[Any, Any]):
    """Converts lark's tree to a `Statement`. Each method is named after a rule of the grammar."""

    def __init__(self, soql: str) -> None:
        super().__init__()
        self._soql = soql

    def start(self, parts: list[Any]) -> syntax.Statement:
        statement: syntax.Statement = parts[0]
        return statement

    def query(self, parts: list[Any]) -> syntax.Statement:
        items, source, *rest = parts
        clauses: dict[str, Any] = dict(rest)
        where, where_end = clauses.pop("WHERE", (None, None))
        keys = ()
        if "GROUP BY" in clauses:
            clauses["GROUP BY"], keys = clauses["GROUP BY"]
        limit = clauses.pop("LIMIT", None)
        return syntax.Statement(
            items=tuple(items),
            source=source,
            also=clauses.pop("also", ()),
            where=where,
            where_end=where_end,
            group=keys,
            having=clauses.pop("HAVING", None),
            order=clauses.pop("order", ()),
            limit=limit.number if limit else None,
            clauses=tuple(clauses.values()),
        )

    def select_list(self, parts: list[Any]) -> list[Any]:
        return parts

    def select_item(self, parts: list[Any]) -> syntax.SelectItem:
        value, name = parts
        alias = None if name is None else syntax.Alias(str(name), name.start_pos)
        return syntax.SelectItem(value, alias)

    def function(self, parts: list[Any]) -> syntax.Function:
        name, *arguments = parts
        given = tuple(one for one in arguments if one is not None)
        return syntax.Function(str(name), given, name.start_pos)

    def literal(self, parts: list[Token]) -> syntax.Literal:
        return self.value(parts)

    def subquery(self, parts: list[Any]) -> syntax.SelectItem:
        bracket, statement = parts
        return syntax.SelectItem(syntax.Subquery(statement, bracket.start_pos))

    def typeof(self, parts: list[Any]) -> syntax.SelectItem:
        word, path, *branches, otherwise = parts
        return syntax.SelectItem(syntax.TypeOf(path, tuple(branches), otherwise, word.start_pos))

    def branch(self, parts: list[Any]) -> tuple[syntax.Path, tuple[syntax.Path, ...]]:
        name, paths = parts
        return self.path([name]), paths

    def path(self, names: list[Token]) -> syntax.Path:
        return syntax.Path(tuple(map(str, names)), names[0].start_pos or 0)

    def paths(self, parts: list[syntax.Path]) -> tuple[syntax.Path, ...]:
        return tuple(parts)

    def source(self, parts: list[Any]) -> syntax.Source:
        path, alias = parts
        return syntax.Source(path, None if alias is None else str(alias))

    def also(self, parts: list[syntax.Source]) -> tuple[str, Any]:
        return "also", tuple(parts)

    def where(self, parts: list[Any]) -> tuple[str, Any]:
        word, condition = parts
        return "WHERE", (condition, word.end_pos)

    def order(self, parts: list[Any]) -> tuple[str, Any]:
        return "order", tuple(parts)

    def group(self, parts: list[Any]) -> tuple[str, Any]:
        word, *keys = parts
        return "GROUP BY", (syntax.Clause("GROUP BY", word.start_pos), tuple(keys))

    def having(self, parts: list[Any]) -> tuple[str, Any]:
        return "HAVING", parts[0]

    def limit(self, parts: list[Token]) -> tuple[str, syntax.Clause]:
        return "LIMIT", syntax.Clause("LIMIT", parts[0].start_pos or 0, int(parts[0]))

    def offset(self, parts: list[Token]) -> tuple[str, syntax.Clause]:
        return "OFFSET", syntax.Clause("OFFSET", parts[0].start_pos or 0, int(parts[1]))

    def scope(self, parts: list[Token]) -> tuple[str, syntax.Clause]:
        return self._named_by_its_words(parts[:2])

    def guard(self, parts: list[Token]) -> tuple[str, syntax.Clause]:
        return self._named_by_its_words(parts)

    def purpose(self, parts: list[Token]) -> tuple[str, syntax.Clause]:
        return self._named_by_its_words(parts)

    @staticmethod
    def _named_by_its_words(words: list[Token]) -> tuple[str, syntax.Clause]:
        name = " ".join(words).upper()
        return name, syntax.Clause(name, words[0].start_pos or 0)

    def order_item(self, parts: list[Any]) -> syntax.OrderItem:
        value, direction, nulls = parts
        return syntax.OrderItem(
            value, (direction or "").upper() == "DESC", (nulls or "").upper() == "LAST"
        )

    def all_of(self, parts: list[Any]) -> syntax.Junction:
        return syntax.Junction("AND", tuple(parts))

    def any_of(self, parts: list[Any]) -> syntax.Junction:
        return syntax.Junction("OR", tuple(parts))

    def negation(self, parts: list[Any]) -> syntax.Not:
        return syntax.Not(parts[0])

    def comparison(self, parts: list[Any]) -> syntax.Comparison:
        operand, operator, value = parts
        return syntax.Comparison(operand, "!=" if operator == "<>" else str(operator), value)

    def like(self, parts: list[Any]) -> syntax.Like:
        token = parts[1]
        return syntax.Like(parts[0], self._unescape(str(token)[1:-1], token.start_pos, like=True))

    def member(self, parts: list[Any]) -> syntax.Member:
        return syntax.Member(parts[0], tuple(parts[1:]), negated=False)

    def no_member(self, parts: list[Any]) -> syntax.Member:
        return syntax.Member(parts[0], tuple(parts[1:]), negated=True)

    def semi_join(self, parts: list[Any]) -> syntax.SemiJoin:
        return syntax.SemiJoin(parts[0], parts[1], negated=False)

    def anti_join(self, parts: list[Any]) -> syntax.SemiJoin:
        return syntax.SemiJoin(parts[0], parts[1], negated=True)

    def includes(self, parts: list[Any]) -> syntax.Inclusion:
        return self._inclusion(parts, negated=False)

    def excludes(self, parts: list[Any]) -> syntax.Inclusion:
        return self._inclusion(parts, negated=True)

    def _inclusion(self, parts: list[Any], *, negated: bool) -> syntax.Inclusion:
        operand, *tokens = parts
        texts = [self._unescape(str(one)[1:-1], one.start_pos, like=False) for one in tokens]
        return syntax.Inclusion(operand, tuple(tuple(text.split(";")) for text in texts), negated)

    def value(self, parts: list[Token]) -> syntax.Literal:
        token = parts[0]
        at = token.start_pos or 0
        if token.type == "STRING":
            return syntax.Literal("string", self._unescape(str(token)[1:-1], at, like=False), at)
        kind = "boolean" if token.type in ("TRUE", "FALSE") else token.type.lower()
        return syntax.Literal(kind, str(token), at)

    def _unescape(self, raw: str, at: int, *, like: bool) -> str:
        text, pieces = raw, []
        while text:
            plain, slash, text = text.partition("\\")
            pieces.append(plain)
            if slash and like and text[0] in _KEPT_IN_LIKE:
                pieces.append("\\" + text[0])
                text = text[1:]
            elif slash:
                character, text = self._escape(raw, text, at)
                pieces.append(character)
        # Two escapes may be the halves of one character; a lone half is none.
        return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _escape(self, raw: str, text: str, at: int) -> tuple[str, str]:
        """The character of an escape sequence, and the text after it."""
        code = text[0]
        if code.lower() in _ESCAPES:
            return _ESCAPES[code.lower()], text[1:]
        digits = text[1:5]
        if code in "uU" and len(digits) == len("0000") and _is_hex(digits):
            return chr(int(digits, 16)), text[5:]
        raise fault_at(
            self._soql,
            at,
            "MALFORMED_QUERY",
            f"Invalid string literal '{raw}'. Illegal character sequence '\\{code}' "
            "in string literal.",
        )


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)

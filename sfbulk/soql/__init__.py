"""SOQL: statements with checked names and literals, and their parts; no I/O."""

from __future__ import annotations

from sfbulk.soql.condition import condition_problem
from sfbulk.soql.statement import ItemKind, SelectItem, SelectStatement, parse_select
from sfbulk.soql.writing import (
    MAX_STATEMENT_CHARACTERS,
    Token,
    date_literal,
    datetime_literal,
    in_brackets,
    require_time_zone,
    root_object,
    select,
    text_literal,
    tokens,
    utc_text,
)

__all__ = [
    "MAX_STATEMENT_CHARACTERS",
    "ItemKind",
    "SelectItem",
    "SelectStatement",
    "Token",
    "condition_problem",
    "date_literal",
    "datetime_literal",
    "in_brackets",
    "parse_select",
    "require_time_zone",
    "root_object",
    "select",
    "text_literal",
    "tokens",
    "utc_text",
]

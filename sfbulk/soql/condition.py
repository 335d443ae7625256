"""Checks a condition that a user writes and a query gets, so that it stays a condition; no I/O."""

from __future__ import annotations

import re

from sfbulk.errors import DataError
from sfbulk.soql.writing import in_brackets, tokens

# SOQL has no other signs outside of quotes, and no comments: a minus is the sign of a number.
_WORD_OR_SIGN = re.compile(r"'.*'|[A-Za-z0-9_.]+|[=<>!(),:+-]|[<>!]=|<>", re.DOTALL)
_CLAUSES = frozenset(
    "FROM WHERE GROUP HAVING ORDER LIMIT OFFSET FOR UPDATE USING WITH ALL".split(),  # noqa: SIM905 - one line
)
_OPEN = frozenset(["AND", "OR", "NOT", "IN", "LIKE", "=", "!=", "<", ">", "<=", ">=", "<>", ","])
"""A condition does not end with one of these."""


def condition_problem(text: str) -> str | None:
    """Why a text is not one condition, as a WHERE clause has it; None if it may be one.

    Whether its fields exist is for Salesforce to say. A text without a problem cannot end the
    brackets in which it is put, nor the clause: no quote or bracket is open, and no other clause,
    second statement or comment follows.
    """
    try:
        # The brackets, too.
        in_brackets(text)
        found = list(tokens(text))
    except DataError as error:
        return str(error)
    if not found:
        return "The condition is empty. Write one, or leave the setting out."
    depth = 0
    selects: list[int] = []
    for before, token in zip([None, *found], found, strict=False):
        word = token.text.upper()
        is_comment = before and before.text == word == "-"
        if is_comment or not _WORD_OR_SIGN.fullmatch(token.text):
            return f"The condition has {token.text!r} at character {token.start + 1}. Leave it out."
        depth += (word == "(") - (word == ")")
        selects = [at for at in selects if at <= depth]
        if word == "SELECT":
            selects.append(depth)
        elif word in _CLAUSES and (not selects or depth == 0):
            return (
                f"The condition has the clause {word} at character {token.start + 1}. Only what "
                "stands in a WHERE clause can be given."
            )
    if found[-1].text.upper() in _OPEN:
        return "The condition ends too early."
    return None

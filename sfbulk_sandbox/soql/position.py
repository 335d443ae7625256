"""Errors with a position in the statement, in Salesforce's form."""

from __future__ import annotations

from sfbulk_sandbox.faults.errors import Fault

# Recorded messages show about thirty characters on each side and do not cut words.
_SHOWN_EACH_SIDE = 30
_BREAKS = " \t,"


def fault_at(soql: str, at: int, code: str, message: str) -> Fault:
    """A fault at an offset of the statement: text, caret, row and column.

    The form is that of a recorded INVALID_TYPE answer.
    """
    row = soql.count("\n", 0, at) + 1
    start = soql.rfind("\n", 0, at) + 1
    end = soql.find("\n", at)
    line = soql[start : len(soql) if end < 0 else end]
    column = at - start
    first, last = _window(line, column)
    pointer = " " * (column - first) + "^"
    place = f"ERROR at Row:{row}:Column:{column + 1}"
    return Fault(code, f"\n{line[first:last]}\n{pointer}\n{place}\n{message}")


def unsupported(soql: str, at: int, what: str) -> Fault:
    """The fault of SOQL that Salesforce supports and the sandbox does not.

    An error is better than wrong rows.
    """
    text = f"{what}: sfbulk-sandbox does not support this SOQL"
    return fault_at(soql, at, "MALFORMED_QUERY", text)


def _window(line: str, column: int) -> tuple[int, int]:
    first = max(column - _SHOWN_EACH_SIDE, 0)
    while first > 0 and line[first - 1] not in _BREAKS:
        first -= 1
    last = min(column + _SHOWN_EACH_SIDE, len(line))
    while last < len(line) and line[last] not in _BREAKS:
        last += 1
    return first, last

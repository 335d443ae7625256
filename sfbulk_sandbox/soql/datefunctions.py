"""Date functions, `CALENDAR_YEAR(CreatedDate)` and the like (SOQL reference: Date Functions).

Stored dates and datetimes are text in UTC. The user's time zone is UTC too, so convertTimezone()
changes nothing. Fiscal years are calendar years. Weeks of a month and of a year are counted from
its first day, days of a week from Sunday.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.schema import Field, Kind, plain_field
from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.position import fault_at, unsupported
from sfbulk_sandbox.soql.scope import Resolved

if TYPE_CHECKING:
    from sfbulk_sandbox.soql.scope import Scope

_YEAR = "CAST(substr({0}, 1, 4) AS INTEGER)"
_MONTH = "CAST(substr({0}, 6, 2) AS INTEGER)"
_QUARTER = f"(({_MONTH} + 2) / 3)"
_DAY = "CAST(substr({0}, 9, 2) AS INTEGER)"
_DAY_OF_YEAR = "CAST(strftime('%j', {0}) AS INTEGER)"
_OF_DATES = {
    "CALENDAR_YEAR": _YEAR,
    "CALENDAR_QUARTER": _QUARTER,
    "CALENDAR_MONTH": _MONTH,
    "FISCAL_YEAR": _YEAR,
    "FISCAL_QUARTER": _QUARTER,
    "FISCAL_MONTH": _MONTH,
    "DAY_IN_YEAR": _DAY_OF_YEAR,
    "DAY_IN_MONTH": _DAY,
    "DAY_IN_WEEK": "(CAST(strftime('%w', {0}) AS INTEGER) + 1)",
    "WEEK_IN_YEAR": f"(({_DAY_OF_YEAR} + 6) / 7)",
    "WEEK_IN_MONTH": f"(({_DAY} + 6) / 7)",
}
_OF_DATETIMES = {
    "DAY_ONLY": "substr({0}, 1, 10)",
    "HOUR_IN_DAY": "CAST(substr({0}, 12, 2) AS INTEGER)",
}
_FUNCTIONS = {**_OF_DATES, **_OF_DATETIMES}


def is_date_function(function: syntax.Function) -> bool:
    """Whether a function is a date function."""
    return function.word in _FUNCTIONS


def resolve(soql: str, function: syntax.Function, scope: Scope) -> Resolved:
    """The column of a date function: a whole number; for DAY_ONLY() a date.

    Raises:
        Fault: The function is not a date function, or its field is not a date or datetime.
    """
    if function.aggregates:
        text = f"{function.word}() is an aggregate; use it in SELECT or HAVING"
        raise fault_at(soql, function.at, "MALFORMED_QUERY", text)
    if not is_date_function(function):
        raise unsupported(soql, function.at, f"{function.name}()")
    resolved = _argument(soql, function, scope)
    fitting = (Kind.DATETIME,) if function.word in _OF_DATETIMES else (Kind.DATE, Kind.DATETIME)
    if resolved.field.kind not in fitting:
        text = f"field {resolved.field.name} does not support date function {function.word}"
        raise fault_at(soql, function.at, "MALFORMED_QUERY", text)
    name = f"{function.word}({'.'.join(resolved.path)})"
    sql = _FUNCTIONS[function.word].format(resolved.sql)
    return Resolved((name,), _field(function, name), sql)


def _field(function: syntax.Function, name: str) -> Field:
    return plain_field(name, "date" if function.word == "DAY_ONLY" else "int")


def _argument(soql: str, function: syntax.Function, scope: Scope) -> Resolved:
    given = function.arguments
    if len(given) == 1 and isinstance(given[0], syntax.Function):
        inner = given[0]
        if inner.word == "CONVERTTIMEZONE":
            return _argument(soql, inner, scope)
    if len(given) != 1 or not isinstance(given[0], syntax.Path):
        text = f"{function.word}() takes the name of a date or datetime field"
        raise fault_at(soql, function.at, "MALFORMED_QUERY", text)
    return scope.resolve(given[0])

"""Date literals: the span of time of `THIS_WEEK`, `LAST_N_DAYS:7` and the like.

Days begin at midnight UTC, the time zone of the org's user. Weeks begin on Sunday, as in the locale
en_US. Fiscal years are calendar years (SOQL reference: Date Formats and Date Literals).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Field, Kind

_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_DAYS = {"DAY": 1, "WEEK": 7}
_SHORT_FORMS = {
    "YESTERDAY": "N_DAYS_AGO:1",
    "TODAY": "N_DAYS_AGO:0",
    "TOMORROW": "NEXT_N_DAYS:1",
    "LAST_90_DAYS": "LAST_N_DAYS:90",
    "NEXT_90_DAYS": "NEXT_N_DAYS:90",
}
# SOQL reference: the first and the last valid date.
_FIRST, _LAST = date(1700, 1, 1), date(4000, 12, 31)


def bounds(field: Field, literal: str, now: datetime) -> tuple[str, str]:
    """The first stored value in the span of a literal, and the first one after it.

    Args:
        field: A date or datetime field. The bounds have its stored form.
        literal: The literal, in any letter case.
        now: The org's time, an aware datetime.
    """
    begin, end = _span(literal.upper(), now.astimezone(timezone.utc))
    if field.kind is Kind.DATETIME:
        return values.datetime_text(begin), values.datetime_text(end)
    last_day = (end - timedelta(seconds=1)).date()
    return begin.date().isoformat(), (last_day + timedelta(days=1)).isoformat()


def _span(literal: str, now: datetime) -> tuple[datetime, datetime]:
    name, _, number = _SHORT_FORMS.get(literal, literal).partition(":")
    words = [word for word in name.split("_") if word != "FISCAL"]
    first, end, unit = _units(words, int(number or 1))
    begin = _midnight(_start(unit, first, now.date()))
    if words[0] == "LAST" and unit == "DAY":
        # LAST_N_DAYS includes today up to now, unlike the longer units.
        return begin, now.replace(microsecond=0) + timedelta(seconds=1)
    return begin, _midnight(_start(unit, end, now.date()))


def _units(words: list[str], number: int) -> tuple[int, int, str]:
    """The first unit, the one after the last (relative to the current one), and the unit's name."""
    if words[-1] == "AGO":
        return -number, 1 - number, words[1].removesuffix("S")
    unit = words[-1].removesuffix("S")
    return {"LAST": (-number, 0, unit), "THIS": (0, 1, unit), "NEXT": (1, 1 + number, unit)}[
        words[0]
    ]


def _start(unit: str, number: int, today: date) -> date:
    """The first day of the unit that is `number` units after the current one."""
    if unit in _DAYS:
        into_week = today.isoweekday() % 7 if unit == "WEEK" else 0
        return _day(today.toordinal() - into_week + number * _DAYS[unit])
    length = _MONTHS[unit]
    month = ((today.year * 12 + today.month - 1) // length + number) * length
    # A span outside the valid dates ends at the first or last of them.
    if not _FIRST.year * 12 <= month < _LAST.year * 12:
        return _FIRST if number < 0 else _LAST
    return date(month // 12, month % 12 + 1, 1)


def _day(ordinal: int) -> date:
    return date.fromordinal(min(max(ordinal, _FIRST.toordinal()), _LAST.toordinal()))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc)

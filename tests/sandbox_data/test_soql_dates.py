"""Date literals, against spans written out by hand and against counting units in plain Python."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import operator
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.org.org import Org
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIRST_DAY = date(2023, 1, 1)
_DAYS = [_FIRST_DAY + timedelta(days=number) for number in range(0, 2200, 3)]
_TO_UNIT: dict[str, Callable[[date], int]] = {
    "DAY": lambda day: day.toordinal(),
    # 7 January 2024 was a Sunday.
    "WEEK": lambda day: (day - date(2024, 1, 7)).days // 7,
    "MONTH": lambda day: day.year * 12 + day.month,
    "QUARTER": lambda day: day.year * 4 + (day.month - 1) // 3,
    "FISCAL_QUARTER": lambda day: day.year * 4 + (day.month - 1) // 3,
    "YEAR": lambda day: day.year,
    "FISCAL_YEAR": lambda day: day.year,
}
_SIGNS: dict[str, Callable[[int, int, int], bool]] = {
    "=": lambda unit, first, last: first <= unit <= last,
    "!=": lambda unit, first, last: not first <= unit <= last,
    "<": lambda unit, first, _: operator.lt(unit, first),
    ">": lambda unit, _, last: operator.gt(unit, last),
    "<=": lambda unit, _, last: operator.le(unit, last),
    ">=": lambda unit, first, _: operator.ge(unit, first),
}


@pytest.fixture(scope="module")
def moving() -> Iterator[tuple[Org, HandClock]]:
    """An org with one opportunity for every third day, and its clock."""
    clock = HandClock()
    with closing(Org(clock=clock)) as org:
        loader = org.loader("insert", "Opportunity", ["Name", "StageName", "CloseDate"])
        rows = [["x", "Prospecting", day.isoformat()] for day in _DAYS]
        for start in range(0, len(rows), 200):
            assert all(one.success for one in loader.save(rows[start : start + 200]))
        yield org, clock


def _found(org: Org, where: str) -> list[date]:
    soql = f"SELECT CloseDate FROM Opportunity WHERE {where} ORDER BY CloseDate"
    return [date.fromisoformat(str(row[0])) for row in org.query(soql).rows()]


# A literal, the unit it counts in, and the first and last unit from the current one.
_Span = tuple[str, str, int, int]


def _spans() -> st.SearchStrategy[_Span]:
    units = st.sampled_from(sorted(_TO_UNIT))
    numbers = st.integers(min_value=1, max_value=30)
    single = st.sampled_from(sorted(set(_TO_UNIT) - {"DAY"}))
    return st.one_of(
        st.sampled_from(
            [
                ("YESTERDAY", "DAY", -1, -1),
                ("today", "DAY", 0, 0),
                ("TOMORROW", "DAY", 1, 1),
                ("LAST_90_DAYS", "DAY", -90, 0),
                ("NEXT_90_DAYS", "DAY", 1, 90),
            ]
        ),
        st.builds(lambda unit: (f"LAST_{unit}", unit, -1, -1), single),
        st.builds(lambda unit: (f"THIS_{unit}", unit, 0, 0), single),
        st.builds(lambda unit: (f"NEXT_{unit}", unit, 1, 1), single),
        st.builds(lambda n: (f"LAST_N_DAYS:{n}", "DAY", -n, 0), numbers),
        st.builds(lambda u, n: (f"LAST_N_{u}S:{n}", u, -n, -1), single, numbers),
        st.builds(lambda u, n: (f"NEXT_N_{u}S:{n}", u, 1, n), units, numbers),
        st.builds(lambda u, n: (f"n_{u}s_ago:{n}".lower(), u, -n, -n), units, numbers),
    )


@given(
    span=_spans(),
    sign=st.sampled_from(sorted(_SIGNS)),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001 - made aware below
)
def test_a_date_literal_counts_whole_units_from_the_orgs_today(
    moving: tuple[Org, HandClock], span: _Span, sign: str, now: datetime
) -> None:
    org, clock = moving
    clock.time = now.replace(tzinfo=timezone.utc)
    literal, unit, first, last = span
    to_unit = _TO_UNIT[unit]
    current = to_unit(now.date())
    expected = [day for day in _DAYS if _SIGNS[sign](to_unit(day) - current, first, last)]
    assert _found(org, f"CloseDate {sign} {literal}") == expected


@pytest.mark.parametrize(
    ("literal", "first", "end"),
    [
        ("YESTERDAY", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
        ("TODAY", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
        ("THIS_WEEK", "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"),
        ("LAST_N_DAYS:2", "2026-10-31T00:00:00Z", "2026-11-02T08:30:16Z"),
        ("LAST_N_WEEKS:2", "2026-10-18T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("NEXT_MONTH", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("N_QUARTERS_AGO:1", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("THIS_FISCAL_YEAR", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ],
)
def test_a_datetime_is_inside_from_midnight_to_the_last_second(
    org: Org, literal: str, first: str, end: str
) -> None:
    """The org's clock stands at 8:30:15 on Monday, 2 November 2026."""
    for bound in (first, end):
        moment = datetime.fromisoformat(bound.replace("Z", "+00:00"))
        for step in (-1, 0):
            text = (moment + timedelta(seconds=step)).strftime("%Y-%m-%dT%H:%M:%SZ")
            record = {"Subject": text, "ReminderDateTime": text}
            assert org.save_record("insert", "Task", record).success

    def found(sign: str) -> int | None:
        return org.query(
            f"SELECT COUNT() FROM Task WHERE ReminderDateTime {sign} {literal}"
        ).count()

    assert [found(sign) for sign in ("<", "=", ">", "<=", ">=", "!=")] == [1, 2, 1, 3, 3, 2]


def test_literals_may_stand_in_a_list_and_reach_beyond_all_dates(
    moving: tuple[Org, HandClock],
) -> None:
    org, clock = moving
    clock.time = datetime(2026, 1, 3, tzinfo=timezone.utc)
    assert date(2026, 1, 3) in _DAYS
    assert date(2026, 1, 6) in _DAYS
    assert _found(org, "CloseDate IN (TODAY, N_DAYS_AGO:3, 2026-01-06)") == [
        date(2025, 12, 31),
        date(2026, 1, 3),
        date(2026, 1, 6),
    ]
    assert len(_found(org, "CloseDate NOT IN (TODAY)")) == len(_DAYS) - 1
    for unit in ("DAYS", "WEEKS", "MONTHS", "YEARS"):
        before = _found(org, f"CloseDate >= LAST_N_{unit}:99999999")
        assert before == _DAYS
        assert _found(org, f"CloseDate > NEXT_N_{unit}:99999999") == []


@pytest.mark.parametrize("literal", ["LAST_N_DAYS", "LAST_N_DAYS:", "LAST_WEEK:3", "THIS_DAY"])
def test_what_is_no_date_literal_is_refused(org: Org, literal: str) -> None:
    with pytest.raises(Fault) as refused:
        org.query(f"SELECT Id FROM Account WHERE CreatedDate = {literal}")
    assert refused.value.code == "MALFORMED_QUERY"


def test_a_date_literal_does_not_fit_a_text(org: Org) -> None:
    with pytest.raises(Fault, match="must be of type string and should be enclosed in quotes"):
        org.query("SELECT Id FROM Account WHERE Name = TODAY")

"""Date functions, HAVING and amounts with a currency, against plain Python."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.org.org import Org

if TYPE_CHECKING:
    from collections.abc import Callable

_OF_DATES: dict[str, Callable[[datetime], Any]] = {
    "CALENDAR_YEAR": lambda at: at.year,
    "CALENDAR_QUARTER": lambda at: (at.month + 2) // 3,
    "CALENDAR_MONTH": lambda at: at.month,
    "FISCAL_YEAR": lambda at: at.year,
    "FISCAL_QUARTER": lambda at: (at.month + 2) // 3,
    "FISCAL_MONTH": lambda at: at.month,
    "DAY_IN_YEAR": lambda at: at.timetuple().tm_yday,
    "DAY_IN_MONTH": lambda at: at.day,
    "DAY_IN_WEEK": lambda at: at.isoweekday() % 7 + 1,
    "WEEK_IN_YEAR": lambda at: (at.timetuple().tm_yday + 6) // 7,
    "WEEK_IN_MONTH": lambda at: (at.day + 6) // 7,
}
_OF_DATETIMES: dict[str, Callable[[datetime], Any]] = {
    "DAY_ONLY": lambda at: at.date().isoformat(),
    "HOUR_IN_DAY": lambda at: at.hour,
}
_MOMENTS = st.datetimes(datetime(1700, 1, 2), datetime(4000, 12, 30)).map(  # noqa: DTZ001 - made UTC here
    lambda at: at.replace(microsecond=0, tzinfo=timezone.utc)
)


def _event(org: Org, at: datetime | None) -> None:
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20) if at else None
    record = {"Subject": "x", "DurationInMinutes": "60", "ActivityDateTime": moment}
    day = at.date().isoformat() if at else None
    saved = org.save_record("insert", "Event", record)
    opportunity = {"Name": "x", "StageName": "Prospecting", "CloseDate": day or "2026-01-01"}
    assert saved.success, saved.errors
    assert org.save_record("insert", "Opportunity", opportunity).success


@settings(max_examples=20)
@given(moments=st.lists(_MOMENTS, min_size=1, max_size=6))
def test_a_date_function_is_that_of_plain_python(moments: list[datetime]) -> None:
    with closing(Org()) as org:
        for at in moments:
            _event(org, at)
        cases = [(name, f"{name}(CloseDate)", "Opportunity") for name in _OF_DATES]
        functions = {**_OF_DATES, **_OF_DATETIMES}
        cases += [(name, f"{name}(ActivityDateTime)", "Event") for name in functions]
        cases += [
            (name, f"{name.lower()}(convertTimezone(ActivityDateTime))", "Event")
            for name in functions
        ]
        for name, call, sobject in cases:
            expected = Counter(functions[name](at) for at in moments)
            soql = f"SELECT {call} part, COUNT(Id) FROM {sobject} GROUP BY {call} ORDER BY {call}"
            found = list(org.query(soql).records(68.0))
            pairs = [(record["part"], record["expr0"]) for record in found]
            assert pairs == sorted(expected.items()), call
            wanted = functions[name](moments[0])
            where = f"SELECT COUNT() FROM {sobject} WHERE {call} = {wanted}"
            assert org.query(where).count() == expected[wanted], call
            assert org.query(f"{where} AND {call} != {wanted}").count() == 0


def test_an_unnamed_date_function_is_an_expression_and_days_meet_date_literals(org: Org) -> None:
    assert org.save_record("insert", "Account", {"Name": "x"}).success
    soql = "SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id), DAY_ONLY(CreatedDate) day FROM Account "
    soql += "GROUP BY CALENDAR_YEAR(CreatedDate), DAY_ONLY(CreatedDate)"
    assert list(org.query(soql).records(68.0)) == [
        {
            "attributes": {"type": "AggregateResult"},
            "expr0": 2026,
            "expr1": 1,
            "day": "2026-11-02",
        }
    ]
    for test, count in [
        ("DAY_ONLY(CreatedDate) = TODAY", 1),
        ("DAY_ONLY(CreatedDate) IN (2026-11-02, 2020-01-01)", 1),
        ("DAY_ONLY(CreatedDate) < 2026-11-02", 0),
        ("CALENDAR_YEAR(Parent.CreatedDate) = 2026", 0),
        ("CALENDAR_YEAR(Parent.CreatedDate) = null", 1),
    ]:
        assert org.query(f"SELECT COUNT() FROM Account WHERE {test}").count() == count, test
    with pytest.raises(Fault, match="must be of type int"):
        org.query("SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = '2026'")


_ACCOUNTS = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "A", "b", "C"]),
        st.none() | st.integers(-50, 50).map(Decimal),
    ),
    max_size=15,
)


@settings(max_examples=25)
@given(accounts=_ACCOUNTS, most=st.integers(0, 3), least=st.integers(-60, 60))
def test_having_keeps_the_groups_that_plain_python_keeps(
    accounts: list[tuple[str | None, Decimal | None]], most: int, least: int
) -> None:
    groups: dict[str | None, list[Decimal]] = defaultdict(list)
    counts: Counter[str | None] = Counter()
    for site, number in accounts:
        key = site and site.lower()
        counts[key] += 1
        groups[key] += [] if number is None else [number]
    expected = {
        key
        for key, count in counts.items()
        if (count > most and not (groups[key] and sum(groups[key]) < least)) or key == "b"
    }
    with closing(Org()) as org:
        for site, number in accounts:
            record = {"Name": "x", "Site": site, "Ledger_Number__c": number}
            assert org.save_record("insert", "Account", record).success
        soql = (
            "SELECT Site FROM Account WHERE Name LIKE 'x%' GROUP BY Site HAVING "
            f"(COUNT(Id) > {most} AND (NOT (SUM(Ledger_Number__c) < {least}))) OR Site = 'B'"
        )
        query = org.query(soql)
        assert {row[0] and str(row[0]).lower() for row in query.rows()} == expected
        assert query.total() == len(expected)


def test_an_amount_may_name_the_orgs_currency(org: Org) -> None:
    for name, amount in (("small", "4999.99"), ("even", "5000"), ("big", "5000.01")):
        record = {"Name": name, "StageName": "Prospecting", "CloseDate": "2026-01-01"}
        assert org.save_record("insert", "Opportunity", record | {"Amount": amount}).success
    ask = "SELECT Name FROM Opportunity WHERE Amount {} ORDER BY Name"
    found = {
        test: [row[0] for row in org.query(ask.format(test)).rows()]
        for test in ("> USD5000", "= usd5000", "IN (USD4999.99, 5000.01)")
    }
    assert found == {
        "> USD5000": ["big"],
        "= usd5000": ["even"],
        "IN (USD4999.99, 5000.01)": ["big", "small"],
    }
    with pytest.raises(Fault, match="An amount in another currency than USD"):
        org.query(ask.format("> EUR5000"))
    with pytest.raises(Fault, match="should not be enclosed in quotes"):
        org.query("SELECT Id FROM Account WHERE NumberOfEmployees > USD5000")

"""Aggregates and GROUP BY, against plain Python, and their shape against a recorded answer."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.org.org import Org

if TYPE_CHECKING:
    from collections.abc import Callable

_RECORDED = (
    Path(__file__).parents[3]
    / "shared/recordings/rest/restforce_query_aggregate_success_response.json"
)
_ACCOUNT = st.fixed_dictionaries(
    {
        "Site": st.sampled_from([None, "a", "A", "b", "ß"]),
        "Ledger_Number__c": st.none() | st.integers(-(10**18) + 1, 10**18 - 1).map(Decimal),
        "NumberOfEmployees": st.none() | st.integers(0, 99_999_999),
    }
)
_LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "SUM": lambda values: sum(values) if values else None,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
}


@settings(max_examples=25)
@given(accounts=st.lists(_ACCOUNT, max_size=12))
def test_aggregates_are_those_of_plain_python(accounts: list[dict[str, Any]]) -> None:
    fields = ("Ledger_Number__c", "NumberOfEmployees")
    calls = [(name, field) for name in _LISTS for field in fields]
    listed = ", ".join(f"{name}({field})" for name, field in calls)
    groups: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
    for account in accounts:
        groups[account["Site"] and account["Site"].casefold()].append(account)
    with closing(Org()) as org:
        for account in accounts:
            assert org.save_record("insert", "Account", {"Name": "x", **account}).success
        soql = f"SELECT Site, {listed} FROM Account GROUP BY Site"
        found = {
            record["Site"] and record["Site"].casefold(): record
            for record in org.query(soql).records(68.0)
        }
        total = next(org.query(f"SELECT {listed} FROM Account").records(68.0))
    assert set(found) == set(groups)
    for record, rows in [(total, accounts), *((found[site], groups[site]) for site in groups)]:
        for place, (name, field) in enumerate(calls):
            values = [row[field] for row in rows if row[field] is not None]
            assert record[f"expr{place}"] == _LISTS[name](values), (name, field)


def test_texts_are_grouped_counted_and_compared_without_case(org: Org) -> None:
    for site in ("b", "B", "a", None):
        assert org.save_record("insert", "Account", {"Name": "x", "Site": site}).success
    soql = "SELECT COUNT_DISTINCT(Site), COUNT(Site), MIN(Site) least, MAX(Site) most FROM Account"
    record = next(org.query(soql).records(68.0))
    assert record == {
        "attributes": {"type": "AggregateResult"},
        "expr0": 2,
        "expr1": 3,
        "least": "a",
        "most": "b",
    }


def test_an_average_is_a_double_and_dates_have_a_least_and_a_greatest(sample: Org) -> None:
    soql = "SELECT AVG(NumberOfEmployees), MIN(CreatedDate), MAX(CreatedDate) FROM Account"
    record = next(sample.query(soql).records(68.0))
    rows = list(sample.query("SELECT NumberOfEmployees, CreatedDate FROM Account").rows())
    numbers = [Decimal(str(row[0])) for row in rows if row[0] is not None]
    assert float(record["expr0"]) == pytest.approx(float(sum(numbers) / len(numbers)), rel=1e-15)
    stamps = sorted(str(row[1]).replace("Z", "+0000") for row in rows)
    assert (record["expr1"], record["expr2"]) == (stamps[0], stamps[-1])


def test_groups_have_aliases_order_limit_and_parents(sample: Org) -> None:
    soql = (
        "SELECT Account.Name company, COUNT(Id) many FROM Contact WHERE AccountId != null "
        "GROUP BY Account.Name ORDER BY COUNT(Id) DESC, Account.Name LIMIT 3 OFFSET 1"
    )
    query = sample.query(soql)
    assert [column.path for column in query.columns] == ["company", "many"]
    counts: dict[str, int] = defaultdict(int)
    for row in sample.query("SELECT Account.Name FROM Contact WHERE AccountId != null").rows():
        counts[str(row[0])] += 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].casefold()))
    assert list(query.rows()) == ranked[1:4]
    assert query.total() == 3
    first = next(
        sample.query("SELECT Account.Name FROM Contact GROUP BY Account.Name").records(68.0)
    )
    assert list(first) == ["attributes", "Name"]


@pytest.mark.skipif(not _RECORDED.exists(), reason="../shared is not beside this checkout")
def test_the_shape_of_an_aggregate_answer_is_the_recorded_one(sample: Org) -> None:
    recorded = json.loads(_RECORDED.read_text(encoding="utf-8"))
    soql = "SELECT CampaignId, SUM(Amount) FROM Opportunity GROUP BY CampaignId"
    records = list(sample.query(soql).records(68.0))
    assert records
    for record in records:
        assert list(record) == list(recorded["records"][0])
        assert record["attributes"] == recorded["records"][0]["attributes"]


@pytest.mark.parametrize(
    ("soql", "column", "text"),
    [
        ("SELECT Name, COUNT(Id) FROM Account", 8, "Field must be grouped or aggregated: Name"),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY Site ORDER BY Name",
            54,
            "Ordered field must be grouped or aggregated: Name",
        ),
        ("SELECT Site, COUNT() FROM Account GROUP BY Site", 14, "COUNT() must be the only"),
        ("SELECT SUM(Name) FROM Account", 12, "field Name does not support aggregate operator SUM"),
        (
            "SELECT MAX(Description) FROM Account",
            12,
            "field Description does not support aggregate operator MAX",
        ),
        ("SELECT COUNT(Id) FROM Account LIMIT 5", 8, "Non-grouped query that uses overall"),
        ("SELECT Site x, COUNT(Id) x FROM Account GROUP BY Site", 16, "duplicate alias: x"),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY CreatedDate",
            40,
            "field 'CreatedDate' can not be grouped in a query call",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(Site, Name)",
            40,
            "GROUP BY ROLLUP(): sfbulk-sandbox does not support this SOQL",
        ),
        (
            "SELECT COUNT(Id), GROUPING(Site) FROM Account GROUP BY Site",
            19,
            "GROUPING(): sfbulk-sandbox does not support this SOQL",
        ),
        (
            "SELECT Site FROM Account GROUP BY Site HAVING Name = 'a'",
            47,
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT CALENDAR_YEAR(CreatedDate) FROM Account",
            8,
            "Field must be grouped or aggregated: CALENDAR_YEAR(CreatedDate)",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY CALENDAR_YEAR(Site)",
            40,
            "field Site does not support date function CALENDAR_YEAR",
        ),
        (
            "SELECT COUNT(Id) FROM Opportunity GROUP BY HOUR_IN_DAY(CloseDate)",
            44,
            "field CloseDate does not support date function HOUR_IN_DAY",
        ),
        (
            "SELECT COUNT(Id) FROM Account WHERE CALENDAR_YEAR(Name, Id) = 1",
            37,
            "CALENDAR_YEAR() takes the name of a date or datetime field",
        ),
        (
            "SELECT COUNT(Id, Name) FROM Account",
            8,
            "COUNT() takes the name of a field",
        ),
        (
            "SELECT COUNT(Id), (SELECT Id FROM Contacts) FROM Account",
            19,
            "A subquery with aggregates: sfbulk-sandbox does not support this SOQL",
        ),
    ],
)
def test_what_cannot_be_aggregated_is_refused_at_its_place(
    org: Org, soql: str, column: int, text: str
) -> None:
    with pytest.raises(Fault) as refused:
        org.query(soql)
    *_, place, message = refused.value.message.split("\n")
    assert place == f"ERROR at Row:1:Column:{column}"
    assert message.startswith(text)

"""Fields the org works out from others, against an export of a real org and by hand."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org
    from tests.hand_clock import HandClock

_EXPORT = Path(__file__).parents[3] / "shared/sample-org/dataloader-export/Opportunity.csv"
_FOLLOW = (
    *("Probability", "ExpectedRevenue", "IsClosed", "IsWon", "ForecastCategory"),
    *("FiscalQuarter", "FiscalYear", "Fiscal"),
)
_needs_export = pytest.mark.skipif(
    not _EXPORT.exists(), reason="../shared/sample-org is not beside this checkout"
)


def _exported() -> list[dict[str, str]]:
    with _EXPORT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _make(org: Org, sobject: str, **record: Any) -> str:
    saved = org.save_record("insert", sobject, record)
    assert saved.success, saved.errors
    return saved.id or ""


def _comparable(value: Any) -> Any:
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return Decimal(text) if text.replace(".", "", 1).isdecimal() else text


@_needs_export
def test_an_opportunity_follows_its_stage_as_those_of_a_real_org_do(org: Org) -> None:
    rows = _exported()
    names = {"Name": "NAME", "StageName": "STAGENAME", "CloseDate": "CLOSEDATE", "Amount": "AMOUNT"}
    assert len({row["STAGENAME"] for row in rows}) >= 7
    for row in rows:
        given = {name: row[column] or None for name, column in names.items()}
        record = org.record("Opportunity", _make(org, "Opportunity", **given), _FOLLOW)
        expected = {name: row[name.upper()] for name in _FOLLOW}
        assert {name: _comparable(value) for name, value in record.items()} == {
            name: _comparable(value) for name, value in expected.items()
        }


@_needs_export
def test_a_loaded_opportunity_follows_its_stage_where_the_file_is_silent(
    org: Org, tmp_path: Path
) -> None:
    rows = _exported()
    lines = [["Name", "StageName", "CloseDate", "Amount", "IsWon"]]
    lines += [[r["NAME"], r["STAGENAME"], r["CLOSEDATE"], r["AMOUNT"], "true"] for r in rows]
    with (tmp_path / "Opportunity.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    org.load(tmp_path)
    silent = [name for name in _FOLLOW if name != "IsWon"]
    soql = f"SELECT {', '.join(silent)}, IsWon FROM Opportunity ORDER BY Id"
    records = list(org.query(soql).records(68.0))
    found = [[_comparable(record[name]) for name in silent] for record in records]
    assert found == [[_comparable(row[name.upper()]) for name in silent] for row in rows]
    assert {record["IsWon"] for record in records} == {True}


def test_a_new_stage_brings_its_probability_unless_the_row_says_one(org: Org) -> None:
    deal = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-08-01", "Amount": "0.35"}
    given = _make(org, "Opportunity", **deal, Probability="33", ForecastCategoryName="Best Case")
    names = ["Probability", "ForecastCategory", "ExpectedRevenue", "IsClosed", "IsWon"]

    def now(**change: Any) -> list[Any]:
        if change:
            assert org.save_record("update", "Opportunity", {"Id": given, **change}).success
        return list(org.record("Opportunity", given, names).values())

    assert now() == [Decimal(33), "BestCase", Decimal("0.12"), False, False]
    assert now(StageName="Prospecting")[:2] == [Decimal(33), "BestCase"]
    assert now(StageName="Closed Won") == [Decimal(100), "Closed", Decimal("0.35"), True, True]
    assert now(StageName="Closed Lost") == [Decimal(0), "Omitted", Decimal(0), True, False]
    assert now(StageName="Qualification", Probability="15")[0] == Decimal(15)
    assert now(StageName="Our Own Stage") == [
        *(Decimal(15), "Pipeline", Decimal("0.05"), False, False)
    ]
    assert now(Amount=None)[2] is None


def test_read_only_derived_fields_are_still_refused(org: Org) -> None:
    record = {"Name": "x", "StageName": "Closed Won", "CloseDate": "2026-01-01", "IsWon": True}
    (error,) = org.save_record("insert", "Opportunity", record).errors
    assert (error.code, error.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ("IsWon",))


def test_a_case_keeps_the_moment_it_was_closed_and_forgets_it_when_reopened(
    org: Org, clock: HandClock
) -> None:
    case = _make(org, "Case", Subject="x", Status="Closed")

    def now(**change: Any) -> tuple[Any, ...]:
        clock.pass_seconds(10)
        if change:
            assert org.save_record("update", "Case", {"Id": case, **change}).success
        return tuple(org.record("Case", case, ["IsClosed", "ClosedDate"]).values())

    closed = (True, "2026-11-02T08:30:15.000+0000")
    assert now() == closed
    assert now(Subject="y") == closed
    assert now(Status="Working") == (False, None)
    assert now(Status="Closed") == (True, "2026-11-02T08:30:55.000+0000")


def test_tasks_contracts_and_orders_follow_their_status(org: Org) -> None:
    task = _make(org, "Task", Subject="x", Status="Completed", Priority="High")
    assert org.record("Task", task, ["IsClosed", "IsHighPriority"]) == {
        "IsClosed": True,
        "IsHighPriority": True,
    }
    account = _make(org, "Account", Name="x")
    contract = _make(org, "Contract", AccountId=account, Status="In Approval Process")
    assert org.record("Contract", contract, ["StatusCode"]) == {"StatusCode": "InApproval"}
    order = {"AccountId": account, "EffectiveDate": "2026-01-01", "Status": "Draft"}
    assert org.record("Order", _make(org, "Order", **order), ["StatusCode"]) == {
        "StatusCode": "Draft"
    }


def test_a_lead_stays_unconverted(org: Org) -> None:
    lead = _make(org, "Lead", LastName="x", Company="y", Status="Closed - Converted")
    assert org.record("Lead", lead, ["IsConverted", "Name"]) == {"IsConverted": False, "Name": "x"}

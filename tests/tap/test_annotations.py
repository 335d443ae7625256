"""What Salesforce says of a field stays in the schema; values that break its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.tap.conftest import TapCommand

REVENUE = {"type": "currency", "precision": 18, "scale": 0}


def revenue_in(schema: dict[str, Any]) -> Any:
    return schema["properties"]["AnnualRevenue"]["x-salesforce"]


def test_discovery_and_schema_messages_say_what_salesforce_says_of_a_field(
    tap: TapCommand,
) -> None:
    assert revenue_in(tap.discover()["Account"]["schema"]) == REVENUE
    run = tap()
    assert revenue_in(run.schemas["Account"]) == REVENUE
    industry = run.schemas["Account"]["properties"]["Industry"]["x-salesforce"]
    assert industry["type"] == "picklist"
    assert {"value": "Banking", "label": "Banking", "active": True} in industry["picklistValues"]


@pytest.mark.parametrize("settings", [{}, {"flattening_enabled": True, "flattening_max_depth": 1}])
def test_a_catalog_keeps_what_salesforce_says_of_a_field(
    tap: TapCommand, settings: dict[str, Any]
) -> None:
    entry = tap.discover()["Account"]
    for name in list(entry["schema"]["properties"]):
        entry["schema"]["properties"][name].pop("x-salesforce", None)
        if name not in {"Id", "AnnualRevenue", "SystemModstamp"}:
            del entry["schema"]["properties"][name]
    run = tap(catalog={"streams": [entry]}, **settings)
    assert run.code == 0, run.log
    assert set(run.schemas["Account"]["properties"]) == {"Id", "AnnualRevenue", "SystemModstamp"}
    assert revenue_in(run.schemas["Account"]) == REVENUE


def test_a_type_declared_in_the_catalog_is_told_from_that_of_salesforce(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    entry["schema"]["properties"]["AnnualRevenue"]["type"] = ["string", "null"]
    told = tap(catalog={"streams": [entry]}).schemas["Account"]
    assert told["properties"]["AnnualRevenue"]["type"] == ["string", "null"]
    assert revenue_in(told) == REVENUE


@pytest.mark.parametrize("choice", [None, "error", "null"])
def test_a_value_that_breaks_its_type_costs_the_stream_only_if_it_may(
    tap: TapCommand, choice: str | None
) -> None:
    entry = tap.discover()["Account"]
    entry["schema"]["properties"]["Name"]["type"] = ["integer", "null"]
    run = tap(catalog={"streams": [entry]}, on_bad_value=choice)
    if choice == "null":
        assert run.code == 0, run.log
        assert [r["Name"] for r in run.records("Account")] == [None] * 3
        [warning] = [line for line in run.log.splitlines() if "on_bad_value" in line]
        assert "WARNING" in warning
        assert "Account.Name: 3 values are not a valid integer" in warning
    else:
        assert run.code == 1
        assert "not a valid integer" in run.reason
    assert "Acme" not in run.log

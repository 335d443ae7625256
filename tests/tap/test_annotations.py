"""What Salesforce says of a field stays in the schema, whatever a catalog was written by."""

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
        entry["schema"]["properties"][name].pop("x-salesforce")
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

"""Required fields that nothing fills: a problem of an insert, a warning for an upsert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema

if TYPE_CHECKING:
    from tests.target.support import Org

BY_KEY = {"external_id": "Ext_Id__c"}


@pytest.mark.parametrize(
    "settings", [{"operation": "insert"}, {**BY_KEY, "streams": {"Lead": {"new_only": True}}}]
)
def test_an_insert_that_cannot_create_any_record_is_refused_before_the_first_job(
    org: Org, settings: dict[str, Any]
) -> None:
    run = org.load(
        schema("Lead", "Ext_Id__c", "FirstName"),
        record("Lead", Ext_Id__c="L-1", FirstName="Lin"),
        **settings,
    )
    assert run.code == 1
    assert "nothing fills `LastName` and `Company`, which a new record of `Lead`" in run.reason
    assert run.reason.count("Map record fields to required fields with `fields`, or give") == 1
    # Salesforce gives a new lead its owner and its status.
    assert "OwnerId" not in run.reason
    assert "Status" not in run.reason
    assert org.jobs_created() == 0


def test_constants_lookups_and_fields_of_a_later_schema_fill_required_fields(org: Org) -> None:
    org.create("Account", Name="Acme", Ext_Id__c="A-1")
    run = org.load(
        schema("Lead", "first"),
        record("Lead", first="Lin", last="Sol"),
        schema("bills", "account"),
        record("bills", account="A-1"),
        operation="insert",
        streams={
            "Lead": {
                "fields": {"first": "FirstName", "last": "LastName"},
                "constants": {"Company": "Acme"},
            },
            "bills": {
                "sobject": "Invoice__c",
                "lookups": {"account": "Account__r.Ext_Id__c"},
            },
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Company FROM Lead") == [
        {"LastName": "Sol", "Company": "Acme"}
    ]
    assert len(org.query("SELECT Id FROM Invoice__c")) == 1


def test_a_constant_without_a_value_fills_nothing(org: Org) -> None:
    run = org.load(
        schema("Contact", "FirstName"),
        record("Contact", FirstName="Lin"),
        operation="insert",
        streams={"Contact": {"constants": {"LastName": None}}},
    )
    assert run.code == 1
    assert "nothing fills `LastName`" in run.reason


def test_an_upsert_that_may_only_update_warns_in_the_log_and_in_the_report(org: Org) -> None:
    org.create("Contact", LastName="Lin", Ext_Id__c="C-1")
    run = org.load(
        schema("Contact", "Ext_Id__c", "Phone"),
        record("Contact", Ext_Id__c="C-1", Phone="1"),
        schema("Contact", "Ext_Id__c", "Phone"),
        record("Contact", Ext_Id__c="C-1", Phone="1"),
        **BY_KEY,
    )
    assert run.code == 0, run.log
    assert run.log.count("Contact: nothing fills `LastName`, which a new record of Contact") == 1
    assert run.report("Contact")["required_not_filled"] == ["LastName"]
    assert org.query("SELECT Phone FROM Contact") == [{"Phone": "1"}]


def test_a_record_that_a_mirror_deletes_needs_no_required_field(org: Org) -> None:
    run = org.load(
        schema("Contact", "Ext_Id__c", "_sdc_deleted_at"),
        record("Contact", Ext_Id__c="C-1", _sdc_deleted_at="2026-03-04T05:06:07Z"),
        record("Contact", Ext_Id__c="C-2", LastName="Lin"),
        operation="mirror",
        **BY_KEY,
    )
    assert run.code == 0, run.log
    assert "nothing fills" not in run.log
    assert run.report("Contact")["required_not_filled"] == []


def test_an_update_needs_no_required_field(org: Org) -> None:
    there = org.create("Contact", LastName="Lin")
    run = org.load(
        schema("Contact", "Id", "Phone"),
        record("Contact", Id=there, Phone="1"),
        operation="update",
    )
    assert run.code == 0, run.log
    assert run.report("Contact")["required_not_filled"] == []


def test_a_schema_without_properties_says_nothing_about_its_records(org: Org) -> None:
    run = org.load(
        schema("Contact"),
        record("Contact", FirstName="Lin"),
        record("Contact", LastName="Sol"),
        operation="insert",
        max_rejects=1,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Sol"}]
    (reject,) = run.rejects("Contact")
    assert reject["code"] == "REQUIRED_FIELD_MISSING"


def test_a_record_may_fill_a_required_field_that_its_schema_does_not_name(org: Org) -> None:
    run = org.load(
        schema("Contact", "FirstName"),
        record("Contact", FirstName="Lin", LastName="Sol"),
        operation="insert",
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Sol"}]

"""Fields and child relationships that every org has and other clients' models and files name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org

# Types, lengths and flags are compared with recorded ones in test_objects.
_FIELDS = {
    "Account": (
        *("Jigsaw", "JigsawCompanyId", "SicDesc", "CleanStatus", "DunsNumber", "NaicsCode"),
        *("NaicsDesc", "Tradestyle", "YearStarted"),
    ),
    "Contact": (
        *("EmailBouncedDate", "EmailBouncedReason", "Jigsaw", "JigsawContactId", "CleanStatus"),
        *("LastCURequestDate", "LastCUUpdateDate", "PhotoUrl"),
    ),
    "Lead": (
        *("EmailBouncedDate", "EmailBouncedReason", "Jigsaw", "JigsawContactId", "CleanStatus"),
        *("CompanyDunsNumber", "PhotoUrl"),
    ),
    "Opportunity": ("ContactId",),
}


@pytest.mark.parametrize("name", _FIELDS)
def test_an_object_has_the_fields_that_every_org_has(name: str) -> None:
    sobject = Schema.standard().sobject(name)
    assert sobject is not None
    assert [field for field in _FIELDS[name] if sobject.field(field) is None] == []


def test_a_picklist_value_may_have_another_label() -> None:
    account = Schema.standard().sobject("Account")
    assert account is not None
    (field,) = (one for one in account.fields if one.name == "CleanStatus")
    labels = {entry["value"]: entry["label"] for entry in field.describe["picklistValues"]}
    assert (labels["Matched"], labels["Skipped"]) == ("In Sync", "Skipped")


def _records(org: Org, soql: str) -> list[dict[str, Any]]:
    return list(org.query(soql).records(68.0))


def test_a_contact_of_an_opportunity_is_set_at_its_creation_alone(org: Org) -> None:
    contact = org.save_record("insert", "Contact", {"LastName": "C"}).id
    values = {"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-11-02"}
    made = org.save_record("insert", "Opportunity", values | {"ContactId": contact})
    assert made.success, made.errors
    (record,) = _records(org, "SELECT LastName, (SELECT Name FROM Opportunities) FROM Contact")
    assert record["Opportunities"]["records"][0]["Name"] == "O"
    moved = org.save_record("update", "Opportunity", {"Id": made.id, "ContactId": None})
    assert moved.errors[0].code == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_a_lead_bounces_in_an_update_alone_as_recorded(org: Org) -> None:
    lead = {"LastName": "L", "Company": "C"}
    bounced = {"EmailBouncedReason": "gone"}
    refused = org.save_record("insert", "Lead", lead | bounced)
    assert refused.errors[0].code == "INVALID_FIELD_FOR_INSERT_UPDATE"
    made = org.save_record("insert", "Lead", lead)
    assert org.save_record("update", "Lead", {"Id": made.id, **bounced}).success


def test_activities_of_a_record_are_its_tasks(org: Org) -> None:
    account = org.save_record("insert", "Account", {"Name": "A"}).id
    contact = org.save_record("insert", "Contact", {"LastName": "C"}).id
    for subject, status in (("done", "Completed"), ("open", "Not Started")):
        task = {"Subject": subject, "Status": status, "WhatId": account, "WhoId": contact}
        assert org.save_record("insert", "Task", task).success
    for sobject in ("Account", "Contact"):
        for children, subject in (("ActivityHistories", "done"), ("OpenActivities", "open")):
            selected = "Id, Subject, ActivityDate, IsTask, IsClosed, Owner.Username, What.Name"
            where = "WHERE Subject != 'x' ORDER BY ActivityDate DESC NULLS LAST LIMIT 9"
            soql = f"SELECT Id, (SELECT {selected} FROM {children} {where}) FROM {sobject}"  # noqa: S608 - SOQL
            (record,) = _records(org, soql)
            (activity,) = record[children]["records"]
            assert (activity["Subject"], activity["IsTask"]) == (subject, True)
            assert activity["IsClosed"] is (subject == "done")
            assert activity["What"]["Name"] == "A"
            assert activity["Owner"]["Username"].startswith("admin@")


def test_an_account_has_one_child_relationship_of_a_name() -> None:
    account = Schema.standard().sobject("Account")
    assert account is not None
    children = [one for one in account.child_relationships if one.name == "ActivityHistories"]
    assert [(one.sobject, one.field, one.cascades) for one in children] == [
        ("ActivityHistory", "AccountId", True)
    ]


@pytest.mark.parametrize("name", ["ActivityHistory", "OpenActivity"])
def test_activities_are_asked_for_in_subqueries_alone(org: Org, name: str) -> None:
    with pytest.raises(Fault) as refused:
        org.query(f"SELECT Id FROM {name}")  # noqa: S608 - SOQL
    assert refused.value.code == "INVALID_TYPE_FOR_OPERATION"
    assert refused.value.message == f"entity type {name} does not support query"
    assert name in [one.name for one in org.schema.described()]
    assert name not in org.counts()


def test_an_account_with_activities_is_deleted_with_them(org: Org) -> None:
    account = org.save_record("insert", "Account", {"Name": "A"}).id
    org.save_record("insert", "Task", {"Subject": "S", "WhatId": account})
    assert org.save_record("delete", "Account", {"Id": account}).success
    assert _records(org, "SELECT Id FROM Task") == []

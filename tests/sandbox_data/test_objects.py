"""The objects we bring: types, facts beside recorded ones, and the rows of the org itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.schema import Field, SObject

_SHARED = Path(__file__).parents[3] / "shared" / "recordings"
_RECORDED = {
    "Account": "cumulusci_Account",
    "Campaign": "grouparoo_Campaign_v42",
    "Case": "cumulusci_Case",
    "Contact": "cumulusci_Contact",
    "Document": "elasticio_Document_v46",
    "Event": "cumulusci_Event",
    "Lead": "cumulusci_Lead",
    "Opportunity": "cumulusci_Opportunity",
    "OpportunityContactRole": "cumulusci_OpportunityContactRole",
    "Topic": "grouparoo_Topic_v42",
}
# The org that Contact was recorded in hid these from its user.
_HIDDEN = {"DoNotCall", "HasOptedOutOfEmail"}
_NOT_IN_THEIR_ORG = {"Invoice__c", "Quote"}
_needs_recordings = pytest.mark.skipif(
    not _SHARED.is_dir(), reason="../shared/recordings is not beside this checkout"
)
# The reference's table of field types, less those of tooling and metadata.
_TYPES = {
    *("address", "anyType", "base64", "boolean", "combobox", "currency", "date", "datetime"),
    *("double", "email", "encryptedstring", "id", "int", "location", "long", "multipicklist"),
    *("percent", "phone", "picklist", "reference", "string", "textarea", "time", "url"),
}


def _object(name: str) -> SObject:
    sobject = Schema.standard().sobject(name)
    assert sobject is not None
    return sobject


def test_there_are_thirty_objects_with_fields_of_every_type() -> None:
    schema = Schema.standard()
    assert len([one for one in schema if not one.name.endswith("__c")]) >= 30
    assert {field.type for one in schema for field in one.fields} == _TYPES
    fields = [field for one in schema for field in one.fields]
    assert any(field.polymorphic and field.describe["namePointing"] for field in fields)
    assert any(field.type == "textarea" and field.length > 30_000 for field in fields)
    assert any(field.describe["extraTypeInfo"] == "richtextarea" for field in fields)
    prefixes = [one.key_prefix for one in schema if one.key_prefix]
    assert len(set(prefixes)) == len(prefixes)


def test_every_lookup_of_ours_points_at_an_object_or_at_one_left_out_on_purpose() -> None:
    schema = Schema.standard()
    targets = {name for one in schema for field in one.fields for name in field.reference_to}
    assert {name for name in targets if schema.sobject(name) is None} == {"Calendar"}


@_needs_recordings
@pytest.mark.parametrize("name", sorted(_RECORDED))
def test_our_facts_are_those_recorded_from_real_orgs(name: str) -> None:
    path = _SHARED / "describe" / f"{_RECORDED[name]}.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    ours = _object(name)
    flags = ("createable", "updateable", "deletable", "queryable", "undeletable", "triggerable")
    keys = (*flags, "keyPrefix", "label", "searchable", "layoutable", "replicateable")
    described = ours.describe(68.0)
    assert {key: described[key] for key in keys} == {key: recorded[key] for key in keys}
    real = {field["name"]: field for field in recorded["fields"]}
    standard = [field for field in ours.fields if not field.name.endswith("__c")]
    assert {field.name for field in standard} <= set(real) | _HIDDEN
    shared = [field for field in standard if field.name in real]
    assert {field.name: _facts(field.describe) for field in shared} == {
        field.name: _facts(real[field.name]) for field in shared
    }
    for field in shared:
        targets = set(field.reference_to) - _NOT_IN_THEIR_ORG
        assert targets <= set(real[field.name]["referenceTo"])


def _facts(field: Any) -> dict[str, Any]:
    keys = (
        *("aggregatable", "byteLength", "compoundFieldName", "createable", "defaultedOnCreate"),
        *("autoNumber", "digits", "filterable", "groupable", "label", "length", "nameField"),
        *("nillable", "precision", "relationshipName", "restrictedPicklist", "scale"),
        *("soapType", "sortable", "type", "updateable"),
    )
    return {key: field[key] for key in keys}


@_needs_recordings
@pytest.mark.parametrize("name", ["Account", "Case", "Contact", "Lead", "Opportunity"])
def test_children_go_with_their_parent_where_they_do_in_real_orgs(name: str) -> None:
    path = _SHARED / "describe" / f"{_RECORDED[name]}.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))["childRelationships"]
    keys = ("relationshipName", "cascadeDelete", "restrictedDelete")
    real = {(one["childSObject"], one["field"]): [one[key] for key in keys] for one in recorded}
    ours = {
        (one["childSObject"], one["field"]): [one[key] for key in keys]
        for one in _object(name).describe(68.0)["childRelationships"]
    }
    shared = real.keys() & ours.keys()
    assert len(shared) >= 4
    assert {key: ours[key] for key in shared} == {key: real[key] for key in shared}


def test_the_org_knows_itself_its_profile_and_its_user(org: Org) -> None:
    soql = (
        "SELECT Id, Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, "
        "OrganizationType, LanguageLocaleKey, CreatedBy.Profile.Name FROM Organization"
    )
    assert list(org.query(soql).rows()) == [
        (
            *(org.id, "Sandbox Org", "SBX1", "true", None, None),
            *("Developer Edition", "en_US", "System Administrator"),
        )
    ]
    record = org.record("Organization", org.id)
    assert record["Address"]["country"] == "US"
    assert record["FiscalYearStartMonth"] == 1
    assert record["IsReadOnly"] is False


@_needs_recordings
def test_the_orgs_own_record_has_the_value_forms_of_a_recorded_one(org: Org) -> None:
    path = _SHARED / "rest" / "cumulusci_organization.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    ours = org.record("Organization", org.id)
    assert set(ours) <= set(recorded)
    both = {name for name in ours if None not in (ours[name], recorded[name])}
    assert {"Id", "Name", "FiscalYearStartMonth", "IsReadOnly"} <= both
    for name in both:
        assert type(ours[name]) is type(recorded[name]), name


def test_statuses_of_tasks_are_rows_that_bulk_does_not_read(org: Org) -> None:
    soql = "SELECT MasterLabel, IsClosed FROM TaskStatus ORDER BY SortOrder"
    rows = list(org.query(soql).rows())
    assert rows[0] == ("Not Started", "false")
    assert [label for label, closed in rows if closed == "true"] == ["Completed"]
    with pytest.raises(Fault) as refused:
        org.query(soql, surface="bulk")
    assert (refused.value.code, refused.value.status) == ("INVALIDENTITY", 400)
    assert refused.value.message == "Entity 'TaskStatus' is not supported by the Bulk API."


@pytest.mark.parametrize("name", ["TaskStatus", "AccountHistory", "Organization", "Profile"])
def test_what_the_org_writes_itself_cannot_be_inserted(org: Org, name: str) -> None:
    with pytest.raises(Fault) as refused:
        org.loader("insert", name, ["Id"])
    assert refused.value.code == "INVALID_TYPE_FOR_OPERATION"


def test_a_record_of_every_writable_object_can_be_made_and_read(org: Org) -> None:
    """Parents first: a required lookup takes the id of a record made before."""
    made: dict[str, str] = {"User": org.user_id}
    waiting = [one for one in org.schema if one.allows("createable") and one.name != "User"]
    profile = org.query("SELECT Id FROM Profile").rows()
    made["Profile"] = str(next(profile)[0])
    while waiting:
        ready = [one for one in waiting if all(_parent(f, made) for f in _required_lookups(one))]
        assert ready, [one.name for one in waiting]
        for sobject in ready:
            record = {
                field.name: _parent(field, made) if field.reference_to else _some(field)
                for field in sobject.fields
                if _required(field) or field.type == "base64"
            }
            saved = org.save_record("insert", sobject.name, record)
            assert saved.success, (sobject.name, saved.errors)
            made[sobject.name] = saved.id or ""
            read = org.record(sobject.name, made[sobject.name])
            assert set(read) == {field.name for field in sobject.fields}
            assert (saved.id or "").startswith(sobject.key_prefix or "000")
        waiting = [one for one in waiting if one not in ready]


def test_a_query_shows_the_path_of_a_file_and_bulk_does_without(org: Org) -> None:
    folder = org.save_record(
        "insert", "Folder", {"Name": "Files", "AccessType": "Public", "Type": "Document"}
    )
    made = org.save_record(
        "insert", "Document", {"Name": "a.txt", "Body": "Ym9keQ==", "FolderId": folder.id}
    )
    record = next(org.query("SELECT Body, Folder.Name FROM Document").records(60.0))
    assert record["Body"] == f"/services/data/v60.0/sobjects/Document/{made.id}/Body"
    with pytest.raises(Fault, match="Blob field not supported"):
        org.query("SELECT Id, Body FROM Document", surface="bulk")
    listed = org.query("SELECT FIELDS(STANDARD) FROM Document", surface="bulk").columns
    assert "Body" not in [column.path for column in listed]


def _required(field: Field) -> bool:
    defaulted = field.describe["defaultedOnCreate"]
    return field.createable and not field.nillable and not defaulted


def _required_lookups(sobject: SObject) -> list[Field]:
    return [field for field in sobject.fields if field.reference_to and _required(field)]


def _parent(field: Field, made: dict[str, str]) -> str | None:
    return next((made[name] for name in field.reference_to if name in made), None)


def _some(field: Field) -> str:
    if field.describe["picklistValues"]:
        return str(field.describe["picklistValues"][0]["value"])
    some = {
        "date": "2026-11-02",
        "email": "a@example.com",
        "double": "1",
        "currency": "1",
        "base64": base64.b64encode(b"\x00body").decode(),
    }
    return some.get(field.type, "x")

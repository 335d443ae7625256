"""The schema: our own objects' describes, and those of real orgs."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import SchemaError
from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from sfbulk_sandbox.schema.schema import Field

_RECORDED = Path(__file__).parents[3] / "shared" / "recordings" / "describe"
_needs_recordings = pytest.mark.skipif(
    not _RECORDED.is_dir(), reason="../shared/recordings is not beside this checkout"
)


def _object_describes() -> list[Path]:
    files = sorted(_RECORDED.glob("*.json")) if _RECORDED.is_dir() else []
    return [file for file in files if "fields" in json.loads(file.read_text(encoding="utf-8"))]


def test_every_standard_object_can_be_described_and_filled() -> None:
    schema = Schema.standard()
    assert {"Account", "Contact", "Lead", "Opportunity", "Case", "User"} <= {
        one.name for one in schema
    }
    for sobject in schema:
        described = sobject.describe(59.0)
        assert described["urls"]["sobject"] == f"/services/data/v59.0/sobjects/{sobject.name}"
        assert described["name"] == sobject.name
        names = [field["name"] for field in described["fields"]]
        assert len(set(names)) == len(names)


@_needs_recordings
def test_our_describes_have_the_keys_of_a_recorded_one_in_its_order() -> None:
    recorded = json.loads((_RECORDED / "cumulusci_Contact.json").read_text(encoding="utf-8"))
    contact = Schema.standard().sobject("contact")
    assert contact is not None
    ours = contact.describe(68.0)
    assert list(ours) == list(recorded)
    assert [list(field) for field in ours["fields"]] == [list(recorded["fields"][0])] * len(
        ours["fields"]
    )


@_needs_recordings
def test_our_fields_say_what_the_recorded_fields_of_their_type_say() -> None:
    """A field we share with a recorded describe has the same facts, whichever way we got them."""
    recorded = json.loads((_RECORDED / "cumulusci_Contact.json").read_text(encoding="utf-8"))
    real = {field["name"]: field for field in recorded["fields"]}
    contact = Schema.standard().sobject("Contact")
    assert contact is not None
    shared = [field for field in contact.fields if field.name in real]
    assert len(shared) > 40
    keys = (
        *("aggregatable", "byteLength", "compoundFieldName", "createable", "defaultedOnCreate"),
        *("digits", "extraTypeInfo", "filterable", "groupable", "length", "nillable"),
        *("permissionable", "precision", "queryByDistance", "referenceTo", "relationshipName"),
        *("scale", "soapType", "sortable", "type", "updateable"),
    )
    for field in shared:
        ours = {key: field.describe[key] for key in keys}
        assert ours == {key: real[field.name][key] for key in keys}, field.name


def test_children_are_told_to_their_parents() -> None:
    account = Schema.standard().sobject("Account")
    assert account is not None
    children = {
        (child["childSObject"], child["field"]): child["relationshipName"]
        for child in account.describe(68.0)["childRelationships"]
    }
    assert children["Contact", "AccountId"] == "Contacts"
    assert children["Account", "ParentId"] == "ChildAccounts"
    assert children["Invoice__c", "Account__c"] == "Invoices__r"


@_needs_recordings
@pytest.mark.parametrize("path", _object_describes(), ids=lambda path: path.stem)
def test_a_recorded_describe_is_taken_as_it_is(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    schema = Schema.standard()
    assert schema.load_describes(path) == [recorded["name"]]
    sobject = schema.sobject(recorded["name"])
    assert sobject is not None
    described = sobject.describe(68.0)
    for ours, theirs in zip(described["fields"], recorded["fields"], strict=True):
        assert {key: ours[key] for key in theirs} == theirs
        assert len(ours) >= 57
    assert _without_urls(described, recorded) == _without_urls(recorded, recorded)
    with closing(Org(schema=schema)) as org:
        every = ", ".join(field.name for field in sobject.fields)
        soql = f"SELECT {every} FROM {sobject.name}"  # noqa: S608 - SOQL
        rows = list(org.query(soql).records(68.0))
        assert [set(row) - {"attributes"} for row in rows] == (
            [{field.name for field in sobject.fields}] if sobject.name == "User" else []
        )


@_needs_recordings
@pytest.mark.parametrize("path", _object_describes(), ids=lambda path: path.stem)
def test_rows_of_a_recorded_object_are_saved_changed_found_and_deleted(path: Path) -> None:
    """What its own org takes, ours takes: the required fields are those of the describe."""
    schema = Schema.standard()
    (name,) = schema.load_describes(path)
    sobject = schema.sobject(name)
    assert sobject is not None
    required = [
        field
        for field in sobject.stored
        if field.createable and not field.nillable and not field.describe["defaultedOnCreate"]
    ]
    with closing(Org(schema=schema)) as org:
        parents = {"Profile": str(next(org.query("SELECT Id FROM Profile").rows())[0])}
        opportunity = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
        for parent, record in [
            ("Opportunity", opportunity),
            ("Contact", {"LastName": "x"}),
            ("Folder", {"Name": "x", "AccessType": "Public", "Type": "Document"}),
        ]:
            if parent != name and any(parent in field.reference_to for field in required):
                parents[parent] = org.save_record("insert", parent, record).id or ""
        record = {field.name: _some(field, parents) for field in required}
        made = org.save_record("insert", name, record)
        assert made.success, made.errors
        texts = ("string", "picklist")
        change = next(one for one in sobject.stored if one.updateable and one.type in texts)
        value = _some(change, parents)
        changed = org.save_record("update", name, {"Id": made.id, change.name: value})
        assert changed.success, changed.errors
        soql = f"SELECT Id FROM {name} WHERE Id = '{made.id}'"  # noqa: S608 - SOQL
        assert list(org.query(soql, surface="bulk").rows()) == [(made.id,)]
        if sobject.allows("deletable"):
            gone = org.save_record("delete", name, {"Id": made.id})
            assert gone.success, gone.errors
            assert list(org.query(soql).rows()) == []


def _some(field: Field, parents: dict[str, str]) -> str:
    known = next((parents[one] for one in field.reference_to if one in parents), None)
    if known is not None:
        return known
    if field.describe["picklistValues"]:
        return str(field.describe["picklistValues"][0]["value"])
    some = {"date": "2026-11-02", "email": "a@example.com", "boolean": "true", "double": "1"}
    return some.get(field.type, "x")


def _without_urls(describe: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    paths = ("urls", "recordTypeInfos", "fields")
    return {key: describe[key] for key in like if key not in paths}


@_needs_recordings
def test_a_folder_of_describes_is_taken_as_a_whole() -> None:
    schema = Schema.standard()
    taken = schema.load_describes(_RECORDED)
    assert len(_object_describes()) == 18
    assert taken == [
        "Account",
        "Campaign",
        "Case",
        "Contact",
        "Custom__c",
        "Document",
        "Event",
        "Lead",
        "Opportunity",
        "OpportunityContactRole",
        "Topic",
        "User",
    ]
    account = schema.sobject("ACCOUNT")
    assert account is not None
    assert len(account.fields) == 250


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "no describe of an object"),
        ('{"name": "X__c", "fields": [{"type": "string"}]}', "no name or no type"),
    ],
)
def test_a_file_that_is_no_describe_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "X__c.json").write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=reason) as refused:
        Schema.standard().load_describes(tmp_path)
    assert str(tmp_path) in str(refused.value)


def test_an_unknown_field_type_is_text(tmp_path: Path) -> None:
    fields = [
        {"name": "Id", "type": "id", "label": "Id"},
        {"name": "Odd__c", "type": "masterrecord", "label": "Odd", "length": 9},
    ]
    describe = {"name": "Odd__c", "keyPrefix": "a09", "label": "Odd", "fields": fields}
    (tmp_path / "odd.json").write_text(json.dumps(describe), encoding="utf-8")
    schema = Schema.standard()
    schema.load_describes(tmp_path)
    with closing(Org(schema=schema)) as org:
        saved = org.save_record("insert", "Odd__c", {"Odd__c": "0012"})
        assert org.record("Odd__c", saved.id or "") == {"Id": saved.id, "Odd__c": "0012"}

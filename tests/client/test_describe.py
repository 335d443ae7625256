"""Describe replies as typed values."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sfbulk.describe.model import FieldDescribe, PicklistValue, parse_describe, parse_summary

REPLY = {
    "name": "Contact",
    "label": "Contact",
    "keyPrefix": "003",
    "queryable": True,
    "deprecatedAndHidden": False,
    "urls": {"sobject": "/x"},
    "fields": [
        {
            "name": "AccountId",
            "type": "reference",
            "referenceTo": ["Account"],
            "relationshipName": "Account",
            "idLookup": False,
            "nillable": True,
            "inlineHelpText": None,
            "aKeyOfTheNextRelease": 1,
        },
        {"name": "Ext__c", "type": "string", "length": 20, "externalId": True, "unique": True},
    ],
}


def test_attributes_are_the_keys_in_snake_case() -> None:
    described = parse_describe(REPLY)
    assert (described.name, described.key_prefix, described.queryable) == ("Contact", "003", True)
    lookup, key = described.fields
    assert lookup.reference_to == ("Account",)
    assert lookup.relationship_name == "Account"
    assert (key.external_id, key.unique, key.length) == (True, True, 20)


def test_a_missing_key_has_its_default() -> None:
    key = parse_describe(REPLY).fields[1]
    assert (key.reference_to, key.compound_field_name, key.createable) == ((), None, False)


def test_fields_are_found_in_any_case() -> None:
    described = parse_describe(REPLY)
    assert described.field("EXT__C") is described.fields[1]
    assert described.field("Nope") is None


def test_a_summary_is_one_entry_of_the_global_list() -> None:
    summary = parse_summary({"name": "Acme__c", "custom": True, "keyPrefix": None})
    assert (summary.name, summary.custom, summary.key_prefix) == ("Acme__c", True, None)


def test_picklists_children_and_record_types_are_typed_too() -> None:
    described = parse_describe(
        {
            "name": "Case",
            "fields": [
                {
                    "name": "Status",
                    "type": "picklist",
                    "picklistValues": [
                        {"value": "New", "label": "Neu", "active": True, "defaultValue": True},
                        {"value": "Old", "active": False, "validFor": "gAAA"},
                    ],
                }
            ],
            "childRelationships": [
                {"childSObject": "CaseComment", "field": "ParentId", "cascadeDelete": True}
            ],
            "recordTypeInfos": [{"recordTypeId": "012000000000000AAA", "master": True}],
        }
    )
    status = described.field("Status")
    assert status is not None
    assert status.picklist_values == (
        PicklistValue("New", "Neu", active=True, default_value=True),
        PicklistValue("Old", active=False, valid_for="gAAA"),
    )
    (child,) = described.child_relationships
    assert (child.child_s_object, child.field, child.cascade_delete) == (
        "CaseComment",
        "ParentId",
        True,
    )
    assert described.record_type_infos[0].master


RECORDED = Path(__file__).parents[3] / "shared" / "recordings" / "describe"


def snake(key: str) -> str:
    return re.sub("([A-Z])", lambda found: "_" + found[1].lower(), key)


def plain(value: Any) -> Any:
    """A value without the shapes that describes are given."""
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.skipif(not RECORDED.is_dir(), reason="recordings of real orgs are not here")
def test_every_recorded_key_of_a_field_has_an_attribute_with_its_value() -> None:
    attributes = {each.name for each in fields(FieldDescribe)}
    compared = 0
    for path in sorted(RECORDED.glob("*.json")):
        reply = json.loads(path.read_text("utf-8"))
        for recorded in reply.get("fields", ()):
            described = parse_describe(reply).field(recorded["name"])
            assert {snake(key) for key in recorded} <= attributes, path.name
            for key, value in recorded.items():
                if key != "picklistValues":
                    assert plain(getattr(described, snake(key))) == value, (path.name, key)
                    compared += 1
    assert compared > 10_000

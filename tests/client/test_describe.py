"""Describe replies as typed values."""

from __future__ import annotations

from sfbulk.describe import parse_describe, parse_summary

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


def test_a_key_that_is_left_out_takes_its_default() -> None:
    key = parse_describe(REPLY).fields[1]
    assert (key.reference_to, key.compound_field_name, key.createable) == ((), None, False)


def test_fields_are_found_whatever_their_case() -> None:
    described = parse_describe(REPLY)
    assert described.field("EXT__C") is described.fields[1]
    assert described.field("Nope") is None


def test_a_summary_is_one_entry_of_the_global_list() -> None:
    summary = parse_summary({"name": "Acme__c", "custom": True, "keyPrefix": None})
    assert (summary.name, summary.custom, summary.key_prefix) == ("Acme__c", True, None)

"""What a describe becomes: types, keys, and what bulk cannot select."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.describe.model import FieldDescribe, PicklistValue, SObjectDescribe, parse_describe
from tap_sfbulk.columns import CellKind, kind_of
from tap_sfbulk.fields import object_fields, schema_of
from tap_sfbulk.schema import (
    is_selectable,
    key_properties_of,
    property_of,
    replication_key_of,
)

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "describe"

TEXTS = [
    "string",
    "textarea",
    "picklist",
    "multipicklist",
    "combobox",
    "reference",
    "phone",
    "url",
    "email",
    "encryptedstring",
    "anyType",
    "masterrecord",
    "datacategorygroupreference",
    "json",
    "base64",
    "a_type_of_a_later_release",
]


def a_field(field_type: str = "string", **more: Any) -> FieldDescribe:
    return FieldDescribe(**({"name": "Field__c", "label": "Field", "type": field_type} | more))


def an_object(*fields: FieldDescribe) -> SObjectDescribe:
    return SObjectDescribe(name="Thing__c", label="Thing", fields=fields)


def properties_of(sobject: SObjectDescribe) -> dict[str, Any]:
    fields = object_fields(sobject, with_deleted_at=False)
    properties: dict[str, Any] = schema_of(fields, sobject.label)["properties"]
    return properties


def stamps(*names: str) -> list[FieldDescribe]:
    return [a_field("datetime", name=name, filterable=True) for name in names]


@pytest.mark.parametrize(
    ("field_type", "json_type", "json_format"),
    [
        *[(text, "string", None) for text in TEXTS],
        ("boolean", "boolean", None),
        ("int", "integer", None),
        ("long", "integer", None),
        ("double", "number", None),
        ("currency", "number", None),
        ("percent", "number", None),
        ("date", "string", "date"),
        ("datetime", "string", "date-time"),
        ("time", "string", "time"),
        ("address", "object", None),
        ("location", "object", None),
    ],
)
def test_a_field_type_becomes_a_nullable_json_type(
    field_type: str, json_type: str, json_format: str | None
) -> None:
    schema = property_of(a_field(field_type, nillable=False))
    assert schema["type"] == [json_type, "null"]
    assert schema.get("format") == json_format


def test_only_the_id_is_never_null() -> None:
    assert property_of(a_field("id", name="Id"))["type"] == ["string"]


def test_label_shape_and_help_of_a_field_are_in_the_schema() -> None:
    amount = a_field("currency", precision=18, scale=2, calculated=True, inline_help_text="Net")
    owner = a_field("reference", length=18, reference_to=("A", "B", "C", "D"))
    assert property_of(amount)["title"] == "Field"
    assert property_of(amount)["description"] == "currency(18, 2). formula. Net"
    assert property_of(owner)["description"] == "reference(18) to A, B, C and others"


def test_what_salesforce_says_of_a_field_is_kept_in_the_schema() -> None:
    amount = a_field("currency", precision=18, scale=0, calculated=True)
    status = a_field(
        "picklist",
        length=40,
        picklist_values=(PicklistValue("N", "New"), PicklistValue("O", "Old", active=False)),
    )
    owner = a_field(
        "reference", length=18, reference_to=("User", "Group"), relationship_name="Owner"
    )
    assert property_of(amount)["x-salesforce"] == {
        "type": "currency",
        "precision": 18,
        "scale": 0,
        "calculated": True,
    }
    assert property_of(status)["x-salesforce"] == {
        "type": "picklist",
        "length": 40,
        "picklistValues": [
            {"value": "N", "label": "New", "active": True},
            {"value": "O", "label": "Old", "active": False},
        ],
    }
    assert property_of(owner)["x-salesforce"] == {
        "type": "reference",
        "length": 18,
        "referenceTo": ["User", "Group"],
        "relationshipName": "Owner",
    }


@pytest.mark.parametrize(
    ("sobject", "name", "json_type"),
    [
        ("Site", "DailyBandwidthUsed", "number"),
        ("Site", "DailyRequestTimeUsed", "number"),
        ("Knowledge__kav", "Attachment__Length__s", "number"),
        ("Faq__kav", "Manual__Length__s", "number"),
        ("Site", "DailyBandwidthLimit", "integer"),
        ("Thing__c", "Manual__Length__s", "integer"),
    ],
)
def test_an_integer_that_salesforce_fills_with_decimals_is_a_number(
    sobject: str, name: str, json_type: str
) -> None:
    described = SObjectDescribe(name=sobject, fields=(a_field("int", name=name),))
    found = properties_of(described)[name]
    assert found["type"] == [json_type, "null"]
    assert found["x-salesforce"]["type"] == "int"


@pytest.mark.parametrize("field_type", ["address", "location", "base64", "complexvalue"])
def test_what_bulk_refuses_is_not_selectable(field_type: str) -> None:
    assert not is_selectable(a_field(field_type))


def test_part_of_a_compound_is_selectable() -> None:
    assert is_selectable(a_field("string", compound_field_name="Name"))


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (("LoginTime", "CreatedDate", "LastModifiedDate", "SystemModstamp"), "SystemModstamp"),
        (("LoginTime", "CreatedDate", "LastModifiedDate"), "LastModifiedDate"),
        (("LoginTime", "CreatedDate"), "CreatedDate"),
        (("LoginTime",), "LoginTime"),
        (("ClosedDate",), None),
    ],
)
def test_the_replication_key_is_the_most_complete_stamp(
    names: tuple[str, ...], key: str | None
) -> None:
    assert replication_key_of(an_object(*stamps(*names))) == key


def test_a_date_time_that_a_query_cannot_filter_by_is_not_a_replication_key() -> None:
    unfit = a_field("datetime", name="SystemModstamp", filterable=False)
    assert replication_key_of(an_object(unfit, *stamps("CreatedDate"))) == "CreatedDate"


def test_an_object_without_id_has_no_key() -> None:
    assert key_properties_of(an_object(a_field("id", name="Id"))) == ["Id"]
    assert key_properties_of(an_object(a_field())) == []


def test_hidden_fields_are_left_out() -> None:
    hidden = a_field(name="Old__c", deprecated_and_hidden=True)
    assert list(properties_of(an_object(hidden, a_field()))) == ["Field__c"]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": ["number", "null"]}, CellKind.NUMBER),
        ({"type": "integer"}, CellKind.INTEGER),
        ({"type": ["null", "boolean"]}, CellKind.BOOLEAN),
        ({"type": ["string", "null"], "format": "date-time"}, CellKind.DATETIME),
        ({"type": ["string", "null"], "format": "date"}, CellKind.DATE),
        ({"type": ["string", "null"], "format": "time"}, CellKind.TIME),
        ({"type": ["string", "null"], "format": "email"}, CellKind.TEXT),
        ({"type": ["string", "number", "null"]}, CellKind.TEXT),
        ({}, CellKind.TEXT),
    ],
)
def test_cells_become_what_the_catalog_promises(schema: dict[str, Any], kind: CellKind) -> None:
    assert kind_of(schema) is kind


@given(field_type=st.text(), length=st.integers(0, 10**6))
def test_no_field_type_stops_discovery(field_type: str, length: int) -> None:
    schema = property_of(a_field(field_type, length=length))
    assert schema["type"][0] in {"string", "boolean", "integer", "number", "object"}


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="recordings of real orgs are not here")
def test_real_describes_become_schemas_with_keys() -> None:
    seen = 0
    for path in sorted(RECORDINGS.glob("*_v*.json")) + sorted(RECORDINGS.glob("cumulusci_*.json")):
        reply = json.loads(path.read_text("utf-8"))
        if "fields" not in reply:
            continue
        seen += 1
        sobject = parse_describe(reply)
        properties = properties_of(sobject)
        assert key_properties_of(sobject) == ["Id"], path.name
        stamped = any(field["name"] == "SystemModstamp" for field in reply["fields"])
        assert replication_key_of(sobject) == ("SystemModstamp" if stamped else None)
        assert len(properties) == len([f for f in reply["fields"] if not f["deprecatedAndHidden"]])
    assert seen >= 10

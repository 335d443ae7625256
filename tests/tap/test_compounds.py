"""Addresses, geolocations and the time of deletion: made of other columns of the same row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import FieldDescribe, SObjectDescribe
from tap_sfbulk.columns import CellKind, CompoundColumn, DeletedAtColumn, PageColumn, to_select
from tap_sfbulk.emit.lines import line_bytes, record_lines
from tap_sfbulk.emit.records import records
from tap_sfbulk.emit.tokens import TokenReader
from tap_sfbulk.fields import object_fields
from tests.frames.pages import page_of, texts, unhurried

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import Run, TapCommand

STREET = '1 "Main" St\r\nFloor 2'
ADDRESSES = "\n".join(
    [
        "Name,BillingStreet,BillingCity,BillingLatitude,BillingLongitude",
        '"Full","' + STREET.replace('"', '""') + '",Köln,50.94,-6.9600001',
        "City only,,Bern,,",
        "None,,,,",
    ]
)
KEYS = [
    "city",
    "country",
    "geocodeAccuracy",
    "latitude",
    "longitude",
    "postalCode",
    "state",
    "street",
]


def address(**known: Any) -> dict[str, Any]:
    return dict.fromkeys(KEYS) | known


EXPECTED = {
    "Full": address(
        street=STREET, city="Köln", latitude=Decimal("50.94"), longitude=Decimal("-6.9600001")
    ),
    "City only": address(city="Bern"),
    "None": None,
}


def billing(run: Run) -> dict[str, Any]:
    assert run.code == 0, run.log
    found = {r["Name"]: r["BillingAddress"] for r in run.records("Account")}
    return {name: found[name] for name in EXPECTED}


@pytest.fixture
def addresses(sandbox: Sandbox) -> None:
    sandbox.control.seed_csv("Account", ADDRESSES)


@pytest.mark.usefixtures("addresses")
@pytest.mark.parametrize("settings", [{}, {"emit_activate_version_messages": True}])
def test_an_address_is_an_object_of_its_components_in_the_keys_of_rest(
    tap: TapCommand, settings: dict[str, Any]
) -> None:
    run = tap(streams_to_discover=["Account"], **settings)
    assert billing(run) == EXPECTED
    schema = run.schemas["Account"]["properties"]["BillingAddress"]
    assert schema["type"] == ["object", "null"]
    assert list(schema["properties"]) == KEYS
    assert schema["properties"]["latitude"]["type"] == ["number", "null"]


@pytest.mark.usefixtures("addresses")
def test_a_selected_address_reads_components_that_are_deselected(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    for each in entry["metadata"]:
        if each["breadcrumb"]:
            each["metadata"]["selected"] = each["breadcrumb"][1] in {"Name", "BillingAddress"}
    run = tap(catalog={"streams": [entry]})
    assert billing(run) == EXPECTED
    assert set(run.schemas["Account"]["properties"]) == {
        "Id",
        "Name",
        "SystemModstamp",
        "BillingAddress",
    }


@pytest.mark.usefixtures("addresses")
def test_an_address_declared_as_text_is_the_text_of_its_object(tap: TapCommand) -> None:
    entry = tap.discover()["Account"]
    entry["schema"]["properties"]["BillingAddress"] = {"type": ["string", "null"]}
    found = billing(tap(catalog={"streams": [entry]}))
    assert found["None"] is None
    assert json.loads(found["City only"]) == address(city="Bern")


def test_a_row_in_the_recycle_bin_says_when_it_was_deleted(tap: TapCommand) -> None:
    run = tap(streams_to_discover=["Account"])
    told = {r["Id"][:15]: r["_sdc_deleted_at"] for r in run.records("Account")}
    assert told == {
        "001000000000001": None,
        "001000000000002": "2026-01-02T00:00:00.000Z",
        "001000000000003": None,
    }
    assert run.schemas["Account"]["properties"]["_sdc_deleted_at"]["format"] == "date-time"


def test_without_deleted_rows_no_field_says_when_a_row_was_deleted(tap: TapCommand) -> None:
    run = tap(include_deleted=False)
    assert "_sdc_deleted_at" not in run.schemas["Account"]["properties"]


def test_the_time_of_deletion_is_known_where_only_it_is_selected(tap: TapCommand) -> None:
    entry = tap.discover()["Account"] | {"replication_method": "FULL_TABLE"}
    entry.pop("replication_key")
    for each in entry["metadata"]:
        if each["breadcrumb"]:
            name = each["breadcrumb"][1]
            each["metadata"] = {
                "inclusion": "available",
                "selected": name in {"Id", "_sdc_deleted_at"},
            }
    run = tap(catalog={"streams": [entry]})
    assert run.code == 0, run.log
    deleted = [r["Id"] for r in run.records("Account") if r["_sdc_deleted_at"]]
    assert deleted == ["001000000000002AAA"]


@pytest.mark.parametrize(
    ("compound", "field_type", "parts", "keys"),
    [
        (
            "Geo__c",
            "location",
            ["Geo__Latitude__s", "Geo__Longitude__s"],
            ["latitude", "longitude"],
        ),
        (
            "Home__c",
            "address",
            ["Home__Street__s", "Home__StateCode__s", "Home__CountryCode__s"],
            ["countryCode", "stateCode", "street"],
        ),
        (
            "BillingAddress",
            "address",
            ["BillingState", "BillingStateCode", "BillingCountry", "BillingCountryCode"],
            ["country", "countryCode", "state", "stateCode"],
        ),
        ("Address", "address", ["Street", "PostalCode"], ["postalCode", "street"]),
        ("Empty__c", "location", [], None),
    ],
)
def test_components_are_found_by_the_describe(
    compound: str, field_type: str, parts: list[str], keys: list[str] | None
) -> None:
    described = SObjectDescribe(
        name="Thing__c",
        fields=(
            FieldDescribe(name=compound, type=field_type),
            FieldDescribe(name="Name", type="string", compound_field_name="Name"),
            *(FieldDescribe(name=p, type="string", compound_field_name=compound) for p in parts),
        ),
    )
    column = object_fields(described, with_deleted_at=False)[0].column
    if keys is None:
        assert column is None
    else:
        assert isinstance(column, CompoundColumn)
        assert [key for key, _ in column.parts] == keys


PLACE = CompoundColumn(
    "Place",
    CellKind.OBJECT,
    parts=(
        ("city", PageColumn("City", CellKind.TEXT)),
        ("latitude", PageColumn("Latitude", CellKind.NUMBER)),
        ("street", PageColumn("Street", CellKind.TEXT)),
    ),
)
COLUMNS = (
    PLACE,
    PageColumn("Id", CellKind.TEXT),
    PageColumn("Account_City", CellKind.TEXT, "Account.City"),
)
cells = st.tuples(texts, st.sampled_from(["", "0", "-1.50", "1.0E7"]), texts, texts, texts)


def test_a_query_selects_each_component_once() -> None:
    city = PageColumn("Town", CellKind.TEXT, "City")
    assert [c.source for c in to_select([PLACE, city])] == ["City", "Latitude", "Street"]
    deleted = DeletedAtColumn("_sdc_deleted_at", CellKind.DATETIME)
    assert [c.source for c in to_select([deleted])] == ["SystemModstamp", "IsDeleted"]


def test_a_component_that_is_declared_a_string_is_one_in_the_object_too() -> None:
    latitude = PageColumn("Latitude", CellKind.TEXT)
    kinds = {c.source: c.kind for c in to_select([PLACE, latitude])}
    assert kinds["Latitude"] is CellKind.TEXT


@unhurried
@given(table=st.lists(cells, max_size=8))
def test_lines_and_records_make_the_same_objects(
    tmp_path: Path, table: list[tuple[str, ...]]
) -> None:
    page = page_of(tmp_path, table, ["City", "Latitude", "Street", "Id", "Account.City"])
    expected = []
    for city, latitude, street, key, parent in table:
        whole = {
            "city": city or None,
            "latitude": Decimal(latitude) if latitude else None,
            "street": street or None,
        }
        place = whole if city or latitude or street else None
        expected.append({"Place": place, "Id": key or None, "Account_City": parent or None})
    blocks = list(TokenReader("Thing__c", COLUMNS).blocks(page))
    written = b"".join(line_bytes(record_lines(block, COLUMNS)) for block in blocks)
    lines = written.split(b"\n")[:-1]
    by_line = [json.loads(line, parse_float=Decimal) for line in lines]
    assert by_line == expected
    assert [r for block in blocks for r in records(block, COLUMNS)] == expected


@pytest.mark.usefixtures("addresses")
@pytest.mark.parametrize(
    "settings",
    [
        {"api_type": "BULK2"},
        {"api_type": "REST"},
        # Records go one by one here.
        {"stream_maps": {"Account": {"Twice": "Name"}}},
    ],
)
def test_with_use_singer_decimal_every_number_leaves_as_text_with_its_digits(
    tap: TapCommand, settings: dict[str, Any]
) -> None:
    query = {
        "name": "Sums",
        "soql": "SELECT Id, Name, AnnualRevenue, NumberOfEmployees FROM Account",
    }
    options = {"streams_to_discover": ["Account"], "queries": [query], **settings}
    with_numbers, run = tap(**options), tap(**options, use_singer_decimal=True)
    assert run.code == 0, run.log
    changed = {
        name
        for name, schema in run.schemas["Account"]["properties"].items()
        if schema != with_numbers.schemas["Account"]["properties"][name]
    }
    assert {"AnnualRevenue", "BillingLatitude", "BillingAddress"} <= changed
    for stream in ("Account", "Sums"):
        property_ = run.schemas[stream]["properties"]["AnnualRevenue"]
        assert (property_["type"], property_["format"]) == (["string", "null"], "singer.decimal")
        rows = {
            r["Name"]: (r["AnnualRevenue"], r["NumberOfEmployees"]) for r in run.records(stream)
        }
        assert rows["NA"] == ("1.23456789012345678E17", None)
        assert rows['Acme, "Quoted" Ltd'] == ("1.2345678E7", 47)
        assert rows["Zürich 東京"] == (None, 0)
    inner = run.schemas["Account"]["properties"]["BillingAddress"]["properties"]
    assert inner["latitude"]["type"] == ["string", "null"]
    full = next(r for r in run.records("Account") if r["Name"] == "Full")
    assert full["BillingAddress"]["latitude"] == full["BillingLatitude"] == "50.94"
    assert full["BillingLongitude"] == "-6.9600001"


def test_a_catalog_that_declares_a_number_wins_over_use_singer_decimal(tap: TapCommand) -> None:
    catalog = {"streams": [*tap.discover().values()]}
    run = tap(catalog=catalog, use_singer_decimal=True)
    assert run.code == 0, run.log
    assert run.schemas["Account"]["properties"]["AnnualRevenue"]["type"] == ["number", "null"]
    assert 12345678 in [row["AnnualRevenue"] for row in run.records("Account")]

"""Values as warehouses hold them, by the command: what lands, and what the report counts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

BY_KEY: dict[str, Any] = {"external_id": "Ext_Id__c"}

# Lines as taps of PostgreSQL, Snowflake, BigQuery, DuckDB and MySQL write them.
HELD = (
    (
        b'{"type":"RECORD","stream":"Invoice__c","record":{"Ext_Id__c":"I-1","acc":"A-1",'
        b'"Amount__c":0.30000000000000004,"Tax_Rate__c":" 5 ","Quantity__c":"05000",'
        b'"Issued_On__c":"2001-02-03T00:00:00","Due_At__c":"2026-03-04T05:06:07.123456+00:00",'
        b'"Cut_Off__c":"05:06:07.123456","Is_Disputed__c":1}}'
    ),
    (
        b'{"type":"RECORD","stream":"Invoice__c","record":{"Ext_Id__c":"I-2","acc":"A-1",'
        b'"Amount__c":".5","Tax_Rate__c":"+5","Quantity__c":1E3,'
        b'"Issued_On__c":"2026-03-04T23:30:00-05:00","Due_At__c":"2026-03-04 05:06:07.999+02",'
        b'"Cut_Off__c":"5:06:07","Is_Disputed__c":"no"}}'
    ),
)
STORED = [
    {
        "Amount__c": Decimal("0.30"),
        "Tax_Rate__c": Decimal(5),
        "Quantity__c": Decimal(5000),
        "Issued_On__c": "2001-02-03",
        "Due_At__c": "2026-03-04T05:06:07.000+0000",
        "Cut_Off__c": "05:06:07.123Z",
        "Is_Disputed__c": True,
    },
    {
        "Amount__c": Decimal("0.5"),
        "Tax_Rate__c": Decimal(5),
        "Quantity__c": Decimal(1000),
        "Issued_On__c": "2026-03-04",
        "Due_At__c": "2026-03-04T03:06:07.000+0000",
        "Cut_Off__c": "05:06:07.000Z",
        "Is_Disputed__c": False,
    },
]
INVOICES = schema("Invoice__c", "Ext_Id__c", "acc", *STORED[0])
LOOKUP = {"Invoice__c": {"lookups": {"acc": "Account__r.Ext_Id__c"}}}


def test_what_warehouses_hold_loads_as_it_is_and_what_was_fitted_is_counted(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Acme")
    run = org.load(INVOICES, *HELD, state(done=2), **BY_KEY, streams=LOOKUP)
    assert (run.code, run.states) == (0, [{"done": 2}]), run.log
    fields = ", ".join(STORED[0])
    assert org.query(f"SELECT {fields} FROM Invoice__c ORDER BY Ext_Id__c") == STORED  # noqa: S608 - our own names
    fitted = {"Amount__c": 1, "Issued_On__c": 1, "Due_At__c": 2, "Cut_Off__c": 1}
    assert run.report("Invoice__c")["fitted"] == fitted
    assert "values fitted to what Salesforce stores: Amount__c 1, " in run.log


def test_by_choice_values_that_would_change_are_rejected_and_the_others_load(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Acme")
    exact = record("Invoice__c", Ext_Id__c="I-3", acc="A-1", Amount__c="05.50", Is_Disputed__c=1)
    run = org.load(
        INVOICES, *HELD, exact, **BY_KEY, streams=LOOKUP, precision_loss="reject", max_rejects="2"
    )
    assert run.code == 0, run.log
    assert [reject["fields"] for reject in run.rejects("Invoice__c")] == [
        ["Amount__c", "Due_At__c", "Cut_Off__c"],
        ["Issued_On__c", "Due_At__c"],
    ]
    assert {reject["kind"] for reject in run.rejects("Invoice__c")} == {"unconvertible"}
    assert run.report("Invoice__c")["fitted"] == {}
    assert org.query("SELECT Ext_Id__c FROM Invoice__c") == [{"Ext_Id__c": "I-3"}]


def test_what_salesforce_refuses_is_its_row_error_and_never_cut(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "NumberOfEmployees"),
        record("Account", Ext_Id__c="A-1", Name="x" * 300),
        record("Account", Ext_Id__c="A-2", Name="x", NumberOfEmployees=10**12),
        record("Account", Ext_Id__c="A-3", Name="x", NumberOfEmployees=47.5),
        **BY_KEY,
        max_rejects="3",
    )
    assert run.code == 0, run.log
    codes = {reject["record"]["Ext_Id__c"]: reject["code"] for reject in run.rejects("Account")}
    assert codes == {
        "A-1": "STRING_TOO_LONG",
        "A-2": "NUMBER_OUTSIDE_VALID_RANGE",
        "A-3": "UNCONVERTIBLE_VALUE",
    }


@pytest.mark.parametrize("kind", ["integer", "number"])
def test_two_spellings_of_a_number_are_one_record(org: Org, kind: str) -> None:
    accounts = schema("Account", "Ext_Id__c", "Name")
    accounts["schema"]["properties"]["Ext_Id__c"] = {"type": ["null", kind]}
    spelled = [f'"Ext_Id__c":{key},"Name":"{name}"' for key, name in [("5.0", "a"), ("5", "b")]]
    lines = [
        f'{{"type":"RECORD","stream":"Account","record":{{{one}}}}}'.encode() for one in spelled
    ]
    run = org.load(accounts, *lines, **BY_KEY)
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, Name FROM Account") == [{"Ext_Id__c": "5", "Name": "b"}]


def test_a_multi_select_takes_arrays_and_an_empty_one_clears_it(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-2", Name="x", Segments__c="Retail")
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "Segments__c", "Description"),
        record(
            "Account", Ext_Id__c="A-1", Name="x", Segments__c=["Retail"], Description={"a": [1]}
        ),
        record("Account", Ext_Id__c="A-2", Name="x", Segments__c=[]),
        record("Account", Ext_Id__c="A-3", Name="x", Segments__c='["Retail"]'),
        **BY_KEY,
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Segments__c, Description FROM Account ORDER BY Ext_Id__c")
    assert [row["Segments__c"] for row in found] == ["Retail", None, "Retail"]
    assert found[0]["Description"] == '{"a":[1]}'


OPTIONAL = (
    *("Phone", "Fax", "Website", "Site", "Description", "AccountNumber", "BillingCity"),
    *("BillingStreet", "BillingCountry", "ShippingCity", "ShippingStreet", "AnnualRevenue"),
)


@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_records_that_lack_different_fields_share_one_job(org: Org, operation: str) -> None:
    for number in range(20):
        org.create("Account", Ext_Id__c=f"A-{number}", Name="old", **dict.fromkeys(OPTIONAL, "1"))
    # Bit by bit, each number is another set of fields.
    sets = {n: [name for at, name in enumerate(OPTIONAL) if n >> at & 1] for n in range(2_000)}
    keys = {n: f"A-{n}" if operation == "upsert" else f"N-{n}" for n in sets}
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", *OPTIONAL),
        *(
            record("Account", Ext_Id__c=keys[n], Name="new", **dict.fromkeys(names, "2"))
            for n, names in sets.items()
        ),
        operation=operation,
        **(BY_KEY if operation == "upsert" else {}),
    )
    assert run.code == 0, run.log
    assert org.jobs_created() == 1
    fields = ", ".join(("Ext_Id__c", *OPTIONAL))
    loaded = org.query(f"SELECT {fields} FROM Account WHERE Name = 'new' LIMIT 2000")  # noqa: S608 - our own names
    found = {row["Ext_Id__c"]: row for row in loaded}
    assert len(found) == 2_000
    for n, names in sets.items():
        absent = "1" if operation == "upsert" and n < 20 else None
        expected = {name: "2" if name in names else absent for name in OPTIONAL}
        row = found[keys[n]]
        assert {
            name: row[name] and str(row[name]).removesuffix(".0") for name in OPTIONAL
        } == expected


@pytest.mark.parametrize("empty_on_insert", ["default", "null"])
@pytest.mark.parametrize("operation", ["insert", "upsert"])
def test_an_absent_field_of_a_new_record_has_its_default_in_any_org(
    org: Org, operation: str, empty_on_insert: str
) -> None:
    org.sandbox.control.set_behaviour(empty_on_insert=empty_on_insert)
    run = org.load(
        schema("Case", "Ext_Id__c", "Subject", "Priority", "Status", "Reason"),
        record("Case", Ext_Id__c="1", Subject="x", Priority="High", Reason="Other"),
        record("Case", Ext_Id__c="2", Subject="x", Status="Working"),
        record("Case", Ext_Id__c="3", Subject="x", Priority="High"),
        operation=operation,
        **(BY_KEY if operation == "upsert" else {}),
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Priority, Status FROM Case ORDER BY Ext_Id__c") == [
        {"Priority": "High", "Status": "New"},
        {"Priority": "Medium", "Status": "Working"},
        {"Priority": "High", "Status": "New"},
    ]
    assert org.jobs_created() == 2


@pytest.mark.parametrize("value", [None, ""])
def test_a_null_of_an_insert_keeps_every_default(org: Org, value: Any) -> None:
    run = org.load(
        schema("Task", "Subject", "Status", "Priority", "OwnerId"),
        record("Task", Subject="x", Status=value, Priority=value, OwnerId=value),
        operation="insert",
    )
    assert run.code == 0, run.log
    (task,) = org.query("SELECT Status, Priority, OwnerId FROM Task")
    assert task["OwnerId"]
    assert (task["Status"], task["Priority"]) == ("Not Started", "Normal")


def test_columns_of_data_loaders_sample_load_with_a_lookup_by_external_id(org: Org) -> None:
    org.create("Account", Ext_Id__c="4-203974", Name="Gravity Investments")
    fields = ("ACCOUNT_KEY", "NAME", "STAGENAME", "AMOUNT", "PROBABILITY", "CLOSEDATE")
    run = org.load(
        schema("Opportunity", *fields, "ISPRIVATE", "TOTALOPPORTUNITYQUANTITY"),
        record(
            "Opportunity",
            ACCOUNT_KEY="4-203974",
            NAME="5000 Widgets",
            STAGENAME="Closed Won",
            AMOUNT="500000.0",
            PROBABILITY="100.0",
            CLOSEDATE="2005-11-09",
            ISPRIVATE="0",
            TOTALOPPORTUNITYQUANTITY="",
        ),
        operation="insert",
        streams={"Opportunity": {"lookups": {"ACCOUNT_KEY": "Account.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    (found,) = org.query("SELECT Amount, CloseDate, Account.Name FROM Opportunity")
    assert (found["Amount"], found["CloseDate"]) == (Decimal(500000), "2005-11-09")
    assert found["Account"]["Name"] == "Gravity Investments"


CHANGED = {"Issued_On__c": "2026-03-04T05:06:07", "Is_Disputed__c": None}


def test_values_of_rejected_rows_are_not_counted_as_fitted(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Acme")
    rows = [
        ("I-1", "A-1", 0.125),
        ("I-2", "none", 0.125),
        ("I-3", "A-1", 1e17),
        ("I-4", "A-1", "x"),
    ]
    records = [
        record("Invoice__c", Ext_Id__c=key, acc=account, Amount__c=amount, **CHANGED)
        for key, account, amount in rows
    ]
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "acc", "Amount__c", *CHANGED),
        *records,
        **BY_KEY,
        streams=LOOKUP,
        max_rejects="3",
    )
    assert run.code == 0, run.log
    assert len(run.rejects("Invoice__c")) == 3
    report = run.report("Invoice__c")
    assert report["fitted"] == {"Amount__c": 1, "Issued_On__c": 1}
    assert report["nulls_kept"] == {"Is_Disputed__c": 1}


BLANK = "      "


def test_blanks_of_a_char_column_are_an_empty_value_where_they_are_no_text(org: Org) -> None:
    parent = org.create("Account", Ext_Id__c="A-1", Name="Acme")
    held = {
        "Phone": "1",
        "Website": "http://x.co",
        "Industry": "Energy",
        "Segments__c": "Retail",
        "AnnualRevenue": 5,
        "NumberOfEmployees": 5,
        "ParentId": parent,
    }
    org.create("Account", Ext_Id__c="A-2", Name="Acme", **held)
    blanks = dict.fromkeys((*held, "AccountSource", "Rating"), BLANK)
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", *blanks),
        record("Account", Ext_Id__c="A-2    ", Name=" Acme ", **blanks),
        record("Account", Ext_Id__c=BLANK, Name="Acme", **blanks),
        **BY_KEY,
        streams={"Account": {"lookups": {"ParentId": "Parent.Ext_Id__c"}}},
        max_rejects="1",
    )
    assert run.code == 0, run.log
    assert [reject["code"] for reject in run.rejects("Account")] == ["MISSING_KEY"]
    fields = ", ".join(held)
    (found,) = org.query(f"SELECT Name, {fields} FROM Account WHERE Ext_Id__c = 'A-2'")  # noqa: S608 - our own names
    assert found == {"Name": " Acme ", **dict.fromkeys(held)}
    assert run.report("Account")["fitted"] == {}


@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_blanks_keep_what_cannot_be_null_and_the_defaults_of_new_records(
    org: Org, operation: str
) -> None:
    account = org.create("Account", Ext_Id__c="A-1", Name="Acme")
    names = ("Is_Disputed__c", "Issued_On__c", "Due_At__c", "Cut_Off__c", "Quantity__c")
    lines = [
        record("Invoice__c", Ext_Id__c=f"I-{n}", Account__c=account, **dict.fromkeys(names, BLANK))
        for n in range(2)
    ]
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "Account__c", *names),
        *lines,
        operation=operation,
        **(BY_KEY if operation == "upsert" else {}),
    )
    assert run.code == 0, run.log
    found = org.query(f"SELECT {', '.join(names)} FROM Invoice__c")  # noqa: S608 - our own names
    assert found == [{**dict.fromkeys(names), "Is_Disputed__c": False}] * 2
    kept = {"Is_Disputed__c": 2} if operation == "upsert" else {}
    assert run.report("Invoice__c")["nulls_kept"] == kept


@pytest.mark.parametrize("types", [True, {"type": 5, "anyOf": [True, {"type": [[]]}]}])
def test_a_schema_without_types_loads_by_the_types_of_the_org(org: Org, types: Any) -> None:
    accounts = schema("Account", "Ext_Id__c", "Name", "AnnualRevenue")
    accounts["schema"]["properties"] = dict.fromkeys(accounts["schema"]["properties"], types)
    one = record("Account", Ext_Id__c="A-1", Name="Acme", AnnualRevenue="5.0 ")
    run = org.load(accounts, one, **BY_KEY)
    assert run.code == 0, run.log
    assert org.query("SELECT Name, AnnualRevenue FROM Account") == [
        {"Name": "Acme", "AnnualRevenue": Decimal(5)}
    ]

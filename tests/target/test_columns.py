"""Columns of a stream: with the key, one for each field, null or not, as describe spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

BY_KEY = {"external_id": "Ext_Id__c"}


def test_an_upsert_by_id_without_its_id_creates_nothing(org: Org) -> None:
    run = org.load(schema("Account", "Name"), record("Account", Name="x"), external_id="Id")
    assert run.code == 1
    assert "no record field fills the key `Id`" in run.reason
    run = org.load(schema("Account", "Id", "Name"), record("Account", Name="x"), external_id="Id")
    assert run.code == 1
    assert [reject["code"] for reject in run.rejects("Account")] == ["MISSING_KEY"]
    assert org.jobs_created() == 0
    assert org.query("SELECT Id FROM Account") == []


def test_an_upsert_by_id_with_a_blank_id_creates_the_record(org: Org) -> None:
    old, refused = org.create("Account", Name="old"), org.create("Account", Name="kept")
    run = org.load(
        schema("Account", "Id", "Name", "Phone"),
        record("Account", Id=None, Name="new", Phone="1"),
        record("Account", Id=old, Name="changed", Phone="1"),
        record("Account", Id="", Name=None, Phone="1"),
        record("Account", Id="", Name="new", Phone="1"),
        record("Account", Id=refused, Name="x" * 300, Phone="1"),
        external_id="Id",
        max_rejects="2",
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Name FROM Account ORDER BY Name")
    assert [row["Name"] for row in found] == ["changed", "kept", "new", "new"]
    rejects = {reject["record"]["Id"]: reject["code"] for reject in run.rejects("Account")}
    assert rejects == {"": "REQUIRED_FIELD_MISSING", refused: "STRING_TOO_LONG"}
    report = run.report("Account")
    assert (report["created"], report["loaded"]) == (2, 3)


@pytest.mark.parametrize(
    ("stream", "by_id", "by_key", "fills"),
    [
        ("Contact", "AccountId", "Account.Ext_Id__c", "AccountId"),
        ("Task", "whoid", "Contact:Who.Ext_Id__c", "WhoId"),
        ("Invoice__c", "Account__c", "Account__r.Ext_Id__c", "Account__c"),
    ],
)
def test_a_lookup_is_not_filled_by_two_record_fields(
    org: Org, stream: str, by_id: str, by_key: str, fills: str
) -> None:
    run = org.load(
        schema(stream, by_id, "parent"),
        record(stream, **{by_id: None, "parent": "A-1"}),
        operation="insert",
        streams={stream: {"lookups": {"parent": by_key}}},
    )
    assert run.code == 1
    assert f"the record fields `{by_id}` and `parent` would all fill `{fills}`" in run.reason
    assert org.jobs_created() == 0


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("operation", ["upsert", "update"])
def test_a_null_for_what_cannot_be_null_leaves_it_as_it_is_and_is_counted(
    org: Org, operation: str, value: Any
) -> None:
    account = org.create("Account", Ext_Id__c="A-1", Name="Acme", Is_Key_Account__c=True, Phone="1")
    key = {"Ext_Id__c": "A-1"} if operation == "upsert" else {"Id": account}
    run = org.load(
        schema("Account", *key, "Name", "Is_Key_Account__c", "Phone"),
        record("Account", **key, Name=value, Is_Key_Account__c=value, Phone=value),
        state(done=1),
        operation=operation,
        **(BY_KEY if operation == "upsert" else {}),
    )
    assert (run.code, run.states) == (0, [{"done": 1}]), run.log
    assert org.query("SELECT Name, Is_Key_Account__c, Phone FROM Account") == [
        {"Name": "Acme", "Is_Key_Account__c": True, "Phone": None}
    ]
    assert run.report("Account")["nulls_kept"] == {"Name": 1, "Is_Key_Account__c": 1}
    (line,) = [line for line in run.log.splitlines() if "cannot be null" in line]
    assert "| INFO " in line
    assert line.endswith("nulls not sent, as the field cannot be null: Name 1, Is_Key_Account__c 1")


def test_a_null_for_a_required_lookup_is_not_sent(org: Org) -> None:
    account = org.create("Account", Ext_Id__c="A-1", Name="Acme")
    org.create("Invoice__c", Ext_Id__c="I-1", Account__c=account)
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "account_key", "Amount__c"),
        record("Invoice__c", Ext_Id__c="I-1", account_key=None, Amount__c=1),
        **BY_KEY,
        streams={"Invoice__c": {"lookups": {"account_key": "Account__r.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    assert run.report("Invoice__c")["nulls_kept"] == {"Account__r.Ext_Id__c": 1}
    assert org.query("SELECT Account__c, Amount__c FROM Invoice__c") == [
        {"Account__c": account, "Amount__c": 1}
    ]


def test_nulls_of_a_new_record_are_its_fields_defaults(org: Org) -> None:
    run = org.load(
        schema("Account", "Name", "Is_Key_Account__c"),
        record("Account", Name="x", Is_Key_Account__c=None),
        operation="insert",
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Is_Key_Account__c FROM Account") == [{"Is_Key_Account__c": False}]


@pytest.mark.parametrize("case", ["kept", "lost"])
def test_columns_in_any_case_find_their_refused_rows(org: Org, case: str) -> None:
    org.sandbox.control.set_behaviour(column_case=case)
    run = org.load(
        schema("Account", "NAME", "phone"),
        record("Account", NAME=None, phone="1"),
        record("Account", NAME="b", phone="2"),
        operation="insert",
        max_rejects="1",
    )
    assert run.code == 0, run.log
    assert [reject["record"]["phone"] for reject in run.rejects("Account")] == ["1"]

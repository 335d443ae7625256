"""What `streams` says of one stream: constants, nulls, unknown fields, the assignment rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema

if TYPE_CHECKING:
    from tests.target.support import Org

RULE = "01Q5e000001AbCdEAK"
SOME_ID = "001000000000001AAA"


def test_a_constant_fills_its_field_in_every_record_by_the_field_s_type(org: Org) -> None:
    parent = org.create("Account", Name="Acme", Ext_Id__c="A-1")
    run = org.load(
        schema("people", "key", "name"),
        record("people", key="C-1", name="Lin"),
        record("people", key="C-2"),
        record("people", key="C-3", name="Sol"),
        streams={
            "people": {
                "sobject": "Contact",
                "external_id": "Ext_Id__c",
                "fields": {"key": "Ext_Id__c", "name": "LastName"},
                "constants": {
                    "account.ext_id__c": "A-1",
                    "donotcall": True,
                    "Birthdate": "2001-02-03",
                    "Phone": 4711,
                },
            }
        },
        max_rejects=1,
    )
    assert run.code == 0, run.log
    fields = "Ext_Id__c, AccountId, DoNotCall, Birthdate, Phone"
    assert org.query(f"SELECT {fields} FROM Contact ORDER BY Ext_Id__c") == [  # noqa: S608 - our own names
        {
            "Ext_Id__c": key,
            "AccountId": parent,
            "DoNotCall": True,
            "Birthdate": "2001-02-03",
            "Phone": "4711",
        }
        for key in ("C-1", "C-3")
    ]


@pytest.mark.parametrize(
    ("constants", "problem"),
    [
        (
            {"Phon": "1"},
            "the constant `Phon`: `Contact` has no field `Phon` (did you mean `Phone`?)",
        ),
        ({"Birthdate": "soon"}, "the constant `Birthdate`: "),
        ({"IsDeleted": True}, "`IsDeleted` cannot be written by insert"),
        ({"Account.Nope__c": "A"}, "`Account` has no field `Nope__c`"),
        ({"AccountId": SOME_ID, "Account.Ext_Id__c": "A-1"}, "would all fill `AccountId`"),
        (
            {"LASTNAME": "x"},
            "the record field `LastName` and the constant `LastName` would all fill",
        ),
    ],
)
def test_a_constant_that_cannot_be_set_is_a_problem_before_any_job(
    org: Org, constants: dict[str, Any], problem: str
) -> None:
    run = org.load(
        schema("Contact", "LastName"),
        record("Contact", LastName="Lin"),
        operation="insert",
        streams={"Contact": {"constants": constants}},
    )
    assert run.code == 1
    assert problem in run.reason
    assert org.jobs_created() == 0


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            {"fields": {"a": "Phone"}, "constants": {"phone": "1"}},
            "streams, Lead: the column phone is filled by a record field and a constant",
        ),
        ({"constants": {"Phone": "1", "PHONE": "2"}}, "phone is there in two spellings"),
        ({"assignment_rule": "standard"}, "assignment_rule: standard is not the id of an"),
        ({"nulls": "keep"}, "'keep' does not match"),
        ({"nulls": {"a": "keep"}}, "'keep' is not one of ['clear', 'ignore']"),
        ({"operation": "delete", "nulls": "clear"}, "nulls are not used by delete"),
        ({"operation": "delete", "assignment_rule": RULE}, "assignment_rule is not used by delete"),
    ],
)
def test_wrong_settings_of_a_stream_are_named_before_any_request(
    org: Org, entry: dict[str, Any], problem: str
) -> None:
    run = org.load(schema("Lead", "a"), operation="insert", streams={"Lead": entry})
    assert run.code == 1
    assert problem in run.reason
    assert org.sandbox.requests == []


def test_numbers_of_constants_may_be_numbers_or_text(org: Org) -> None:
    constants: dict[str, Any] = {"Amount__c": 0.1, "Tax_Rate__c": "19.50"}
    constants["Account__c"] = org.create("Account", Name="Acme")
    run = org.load(
        schema("Invoice__c", "Notes__c"),
        record("Invoice__c", Notes__c="x"),
        operation="insert",
        streams={"Invoice__c": {"constants": constants}},
    )
    assert run.code == 0, run.log
    (row,) = org.query("SELECT Amount__c, Tax_Rate__c FROM Invoice__c")
    assert {name: float(value) for name, value in row.items()} == {
        "Amount__c": 0.1,
        "Tax_Rate__c": 19.5,
    }


def test_nulls_of_a_stream_and_of_a_field_stand_before_those_of_the_run(org: Org) -> None:
    key = {"Ext_Id__c": "C-1"}
    org.create("Contact", LastName="Lin", Phone="1", Title="Dr", Fax="2", **key)
    org.create("Account", Name="Acme", Phone="1", Ext_Id__c="A-1")
    nulls = {"Phone": None, "title": None}
    run = org.load(
        schema("Contact", "Ext_Id__c", "Phone", "title", "Fax"),
        record("Contact", **key, **nulls, Fax=None),
        schema("Account", "Ext_Id__c", "Phone"),
        record("Account", Ext_Id__c="A-1", Phone=None),
        external_id="Ext_Id__c",
        nulls="ignore",
        streams={
            "con*": {"nulls": {"Phone": "clear", "title": "clear"}},
            "Contact": {"nulls": {"title": "ignore"}},
            "Account": {"nulls": "clear"},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Phone, Title, Fax FROM Contact") == [
        {"Phone": None, "Title": "Dr", "Fax": "2"}
    ]
    assert org.query("SELECT Phone FROM Account") == [{"Phone": None}]


def test_unknown_fields_of_a_stream_stand_before_those_of_the_run(org: Org) -> None:
    messages = (schema("Contact", "LastName", "x"), record("Contact", LastName="Lin", x=1))
    drop = {"Contact": {"unknown_fields": "drop"}}
    assert org.load(*messages, operation="insert", streams=drop).code == 0
    error = {"Contact": {"unknown_fields": "error"}}
    run = org.load(*messages, operation="insert", streams=error, unknown_fields="drop")
    assert "`Contact` has no field `x`" in run.reason


def test_the_assignment_rule_of_a_stream_is_its_jobs_(org: Org) -> None:
    org.keep_jobs()
    run = org.load(
        schema("Lead", "LastName", "Company"),
        record("Lead", LastName="Lin", Company="Acme"),
        operation="insert",
        streams={"Lead": {"assignment_rule": RULE}},
    )
    assert run.code == 0, run.log
    (job,) = org.jobs()
    assert org.job(job["id"])["assignmentRuleId"] == RULE


def test_only_cases_and_leads_have_assignment_rules(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="Acme"),
        operation="insert",
        streams={"*": {"assignment_rule": RULE}},
    )
    assert "only Case and Lead have assignment rules, not `Account`" in run.reason
    assert org.jobs_created() == 0

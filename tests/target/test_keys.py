"""Update and delete by external id, upserts of new records only, fields of new records only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

BY_KEY = {"external_id": "Ext_Id__c"}


def test_an_update_by_external_id_creates_nothing(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Old", Phone="1")
    org.create("Contact", LastName="One", Email="two@example.com")
    org.create("Contact", LastName="Two", Email="two@example.com")
    run = org.load(
        schema("accounts", "key", "Name"),
        record("accounts", key="a-1", Name="New"),
        record("accounts", key="A-2", Name="Nobody"),
        schema("contacts", "Email", "Phone"),
        record("contacts", Email="two@example.com", Phone="1"),
        state(n=3),
        operation="update",
        streams={
            "accounts": {"sobject": "Account", "fields": {"key": "Ext_Id__c"}},
            "contacts": {"sobject": "Contact", "external_id": "Email"},
        },
        max_rejects=2,
        **BY_KEY,
    )
    assert (run.code, run.states) == (0, [{"n": 3}]), run.log
    assert org.query("SELECT Ext_Id__c, Name, Phone FROM Account") == [
        {"Ext_Id__c": "A-1", "Name": "New", "Phone": "1"}
    ]
    assert org.query("SELECT Phone FROM Contact") == [{"Phone": None}, {"Phone": None}]
    (missing,) = run.rejects("accounts")
    assert missing["record"] == {"key": "A-2", "Name": "Nobody"}
    assert (missing["code"], missing["fields"]) == ("NO_SUCH_RECORD", ["Ext_Id__c"])
    (several,) = run.rejects("contacts")
    assert (several["code"], several["job_id"]) == ("SEVERAL_RECORDS", None)
    assert "A-2" not in run.log
    report = run.report("accounts")
    assert [report[name] for name in ("read", "loaded", "created", "rejected")] == [2, 1, 0, 1]


@pytest.mark.parametrize("operation", ["delete", "hardDelete"])
def test_a_delete_by_external_id_sends_no_other_field(org: Org, operation: str) -> None:
    for key in ("A-1", "A-2"):
        org.create("Account", Ext_Id__c=key, Name=key)
    run = org.load(
        schema("Account", "Ext_Id__c", "Id", "Name"),
        record("Account", Ext_Id__c="A-1", Id="001000000000001AAA", Name="as it was"),
        operation=operation,
        **BY_KEY,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Name FROM Account") == [{"Name": "A-2"}]


@pytest.mark.parametrize(
    ("stream", "deleted_last"), [("gone", True), ("Account", False)], ids=["delete", "upsert"]
)
def test_an_upsert_and_a_delete_of_one_key_are_done_in_the_order_of_the_input(
    org: Org, stream: str, *, deleted_last: bool
) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Old")
    other = "Account" if stream == "gone" else "gone"
    fields = {"Account": {"Name": "New"}, "gone": {}}
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        schema("gone", "Ext_Id__c"),
        record(other, Ext_Id__c="A-1", **fields[other]),
        record(stream, Ext_Id__c="A-1", **fields[stream]),
        streams={"gone": {"sobject": "Account", "operation": "delete", **BY_KEY}},
        **BY_KEY,
    )
    assert run.code == 0, run.log
    left = [] if deleted_last else [{"Name": "New"}]
    assert org.query("SELECT Name FROM Account") == left


def test_a_stream_with_its_own_delete_goes_by_id_unless_it_names_a_key(org: Org) -> None:
    gone = org.create("Account", Ext_Id__c="A-1", Name="Gone")
    run = org.load(
        schema("gone", "Id", "Ext_Id__c"),
        record("gone", Id=gone, Ext_Id__c="other"),
        streams={"gone": {"sobject": "Account", "operation": "delete"}},
        **BY_KEY,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Id FROM Account") == []


def test_an_upsert_of_new_records_only_counts_what_it_skips(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Old")
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c="A-1", Name="Changed"),
        record("Account", Ext_Id__c="A-2", Name="New"),
        state(n=2),
        streams={"Account": {"new_only": True}},
        **BY_KEY,
    )
    assert (run.code, run.states) == (0, [{"n": 2}]), run.log
    assert org.query("SELECT Ext_Id__c, Name FROM Account ORDER BY Ext_Id__c") == [
        {"Ext_Id__c": "A-1", "Name": "Old"},
        {"Ext_Id__c": "A-2", "Name": "New"},
    ]
    report = run.report("Account")
    assert [report[n] for n in ("read", "loaded", "skipped", "rejected")] == [2, 1, 1, 0]
    assert "1 skipped" in run.log


def deals(org: Org, name: str, contact: str, *keys: str, **settings: str) -> tuple[int, str]:
    fields = ("Ext_Id__c", "Name", "StageName", "CloseDate", "contact")
    run = org.load(
        schema("Opportunity", *fields),
        *(
            record(
                "Opportunity",
                Ext_Id__c=key,
                Name=f"{key} of {name}",
                StageName="Open",
                CloseDate="2026-12-31",
                contact=contact,
            )
            for key in keys
        ),
        streams={"Opportunity": {"fields": {"contact": "ContactId"}, **settings}},
        **BY_KEY,
    )
    return run.code, run.log


def test_fields_that_cannot_be_updated_are_a_problem_or_stay_as_they_are(org: Org) -> None:
    one, two = (org.create("Contact", LastName=name) for name in ("One", "Two"))
    code, log = deals(org, "one", one, "D-1")
    assert code == 1
    assert "`ContactId` can be set in a new record only" in log
    assert "`create_only_fields`: `leave`" in log
    assert org.jobs_created() == 0
    assert deals(org, "one", one, "D-1", create_only_fields="leave")[0] == 0
    code, log = deals(org, "two", two, "D-1", "D-2", create_only_fields="leave")
    assert code == 0, log
    assert org.query("SELECT Name, ContactId FROM Opportunity ORDER BY Ext_Id__c") == [
        {"Name": "D-1 of two", "ContactId": one},
        {"Name": "D-2 of two", "ContactId": two},
    ]


def test_the_keys_of_a_key_that_is_no_key_are_not_asked_for(org: Org) -> None:
    run = org.load(
        schema("Account", "Name", "Phone"),
        record("Account", Name="A", Phone="1"),
        operation="update",
        external_id="Phone",
    )
    assert run.code == 1
    assert "`Phone` is neither an external id nor an indexed lookup field" in run.reason


@pytest.mark.parametrize("api_type", ["BULK2", "BULK"])
def test_rows_that_are_sent_again_are_looked_up_again(org: Org, api_type: str) -> None:
    for key in ("A-1", "A-2"):
        org.create("Account", Ext_Id__c=key, Name=key)
    org.sandbox.control.add_fault(kind="row_error", object="Account", times=3)
    org.sandbox.control.forget_requests()
    run = org.load(
        schema("Account", "Ext_Id__c", "Phone"),
        *(record("Account", Ext_Id__c=key, Phone=key) for key in ("A-1", "none", "A-2")),
        operation="update",
        max_rejects=1,
        api_type=api_type,
        **BY_KEY,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Phone FROM Account ORDER BY Name") == [
        {"Phone": "A-1"},
        {"Phone": "A-2"},
    ]
    assert [reject["code"] for reject in run.rejects("Account")] == ["NO_SUCH_RECORD"]
    lookups = [call for call in org.sandbox.requests if call.path.endswith("/query")]
    # For the file, for two smaller ones, and the question of this test.
    assert len(lookups) == 4

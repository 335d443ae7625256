"""Streams of custom SOQL, and fields of parents as columns of an object's stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk.errors import ConfigError
from tap_sfbulk.query_settings import parse_queries
from tests.tap.conftest import CONTACTS, TapCommand

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import HandSetClock, Run

PEOPLE = "SELECT Id, LastName, Account.Name, Account.Owner.Username, SystemModstamp FROM Contact"


def read(tap: TapCommand, *queries: dict[str, Any], **settings: Any) -> Run:
    return tap(**{"streams_to_discover": [], "queries": list(queries)} | settings)


def jobs(sandbox: Sandbox) -> int:
    return sum(r.method == "POST" and r.path.endswith("/jobs/query") for r in sandbox.requests)


def test_a_query_is_a_stream_of_its_columns_parents_included(tap: TapCommand) -> None:
    run = read(tap, {"name": "people", "soql": PEOPLE})
    assert run.code == 0, run.log
    assert list(run.schemas) == ["people"]
    properties = run.schemas["people"]["properties"]
    assert list(properties) == [
        "Id",
        "LastName",
        "Account_Name",
        "Account_Owner_Username",
        "SystemModstamp",
    ]
    assert properties["Account_Name"]["x-salesforce"]["type"] == "string"
    found = {r["LastName"]: r for r in run.records("people")}
    assert sorted(found) == [c["LastName"] for c in CONTACTS]
    assert {r["Account_Name"] for r in found.values()} == {'Acme, "Quoted" Ltd'}
    assert all(r["Account_Owner_Username"] for r in found.values())
    [schema] = [m for m in run.messages if m["type"] == "SCHEMA"]
    assert schema["key_properties"] == ["Id"]
    assert "bookmark_properties" not in schema or not schema["bookmark_properties"]


def test_a_query_with_a_replication_key_is_read_by_windows(
    sandbox: Sandbox, tap: TapCommand, clock: HandSetClock
) -> None:
    query = {
        "name": "people",
        "soql": f"{PEOPLE} WHERE LastName LIKE 'Person%' OR LastName = 'x'",
        "replication_key": "systemmodstamp",
    }
    first = read(tap, query)
    assert first.code == 0, first.log
    assert len(first.records("people")) == len(CONTACTS)
    assert [r.status for r in sandbox.requests if r.path.endswith("/Contact/updated")] == [200]
    bookmark = first.state["bookmarks"]["people"]
    assert bookmark["replication_key"] == "SystemModstamp"
    clock.sleep(3600)
    sandbox.control.seed_csv("Contact", "LastName\nPerson new\nOther")
    clock.sleep(3600)
    second = read(tap, query, state=first.state)
    assert second.code == 0, second.log
    assert [r["LastName"] for r in second.records("people")] == ["Person new"]


def test_order_and_limit_of_a_full_table_query_are_kept(tap: TapCommand) -> None:
    soql = "SELECT LastName FROM Contact ORDER BY LastName DESC LIMIT 2"
    run = read(tap, {"name": "last", "soql": soql, "key_properties": ["LastName"]})
    assert run.code == 0, run.log
    assert [r["LastName"] for r in run.records("last")] == ["Person 5", "Person 4"]
    [schema] = [m for m in run.messages if m["type"] == "SCHEMA"]
    assert schema["key_properties"] == ["LastName"]


def test_the_catalog_selects_columns_of_a_query(tap: TapCommand) -> None:
    queries = [{"name": "people", "soql": PEOPLE}, {"name": "other", "soql": PEOPLE}]
    entries = tap.discover(streams_to_discover=["Account"], queries=queries)
    assert sorted(entries) == ["Account", "other", "people"]
    for each in entries["people"]["metadata"]:
        if each["breadcrumb"]:
            each["metadata"]["selected"] = each["breadcrumb"][1] == "Account_Name"
    run = tap(
        catalog={"streams": [entries["people"]]}, queries=queries, streams_to_discover=["Account"]
    )
    assert run.code == 0, run.log
    assert list(run.schemas) == ["people"]
    assert {tuple(r) for r in run.records("people")} == {("Id", "Account_Name")}


def test_a_connection_test_reads_one_row_of_a_query(tap: TapCommand) -> None:
    run = read(tap, {"name": "people", "soql": f"{PEOPLE} ORDER BY LastName LIMIT 3"})
    assert run.code == 0, run.log
    assert len(run.records("people")) == 3
    tested = TapCommand.__call__(
        tap, "--test", streams_to_discover=[], queries=[{"name": "people", "soql": PEOPLE}]
    )
    assert tested.code == 0, tested.log


@pytest.mark.parametrize(
    ("soql", "problem"),
    [
        ("SELECT COUNT(Id) FROM Contact", "aggregate functions such as COUNT()"),
        ("SELECT COUNT() FROM Contact", "aggregate functions such as COUNT()"),
        ("SELECT Name FROM Account GROUP BY Name", "GROUP BY"),
        ("SELECT Id FROM Contact OFFSET 5", "OFFSET"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "subquery"),
        ("SELECT TYPEOF What WHEN Account THEN Id END FROM Task", "TYPEOF"),
        ("SELECT FIELDS(STANDARD) FROM Contact", "FIELDS()"),
        ("SELECT toLabel(Type) FROM Account", "toLabel()"),
        ("SELECT Id ContactId FROM Contact", "aliases"),
        ("SELECT c.Id FROM Contact c", "aliases"),
        ("SELECT Id FROM Contact, Contact.Account", "one object"),
        ("SELECT Id, id FROM Contact", "selected twice"),
        ("SELECT Id FROM Contact FOR UPDATE", "FOR UPDATE"),
        ("SELECT Id FROM Contact ALL ROWS", "include_deleted"),
        ("SELECT Id FROM", "ends too early"),
        ("DELETE FROM Contact", "SELECT must stand here"),
    ],
)
def test_what_bulk_cannot_run_is_refused_with_its_reason(soql: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_queries([{"name": "mine", "soql": soql}])
    assert [text for text in refused.value.problems if problem in text]
    assert all(text.startswith("queries, mine: ") for text in refused.value.problems)


@pytest.mark.parametrize("clause", ["ORDER BY Id", "LIMIT 5"])
def test_rows_in_an_order_or_a_limit_cannot_be_read_by_windows(clause: str) -> None:
    query = {"name": "mine", "soql": f"{PEOPLE} {clause}", "replication_key": "SystemModstamp"}
    with pytest.raises(ConfigError, match="must not have"):
        parse_queries([query])


def test_the_problems_of_all_queries_are_told_before_any_request(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = read(
        tap,
        {"name": "a", "soql": "SELECT COUNT() FROM Account"},
        {"name": "b", "soql": "SELECT Id FROM Account OFFSET 1"},
        {"name": "B", "soql": "SELECT Id FROM Account"},
        {"name": "not a name", "soql": "SELECT Id FROM Account"},
    )
    assert run.code == 1
    for told in ("queries, a: ", "queries, b: bulk", "two queries", "queries, not a name"):
        assert told in run.log
    assert not sandbox.requests


def test_settings_of_another_type_do_not_hide_the_problems_of_the_others(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    queries = [
        {"name": "a"},
        {"soql": "SELECT Id FROM Account"},
        {"name": "b", "soql": 5},
        {"name": None, "soql": "SELECT Id FROM Account"},
        {"name": "c", "soql": "SELECT Id FROM Account", "key_properties": 5},
        {"name": "d", "soql": "SELECT COUNT() FROM Account"},
        5,
    ]
    batches = {"encoding": 5, "storage": {"root": "file:///"}}
    options = {"Account": {"refresh_formulas": 10**12, "wher": "x"}}
    run = tap(queries=queries, batch_config=batches, stream_options=options, start_date=5)
    assert run.code == 1
    assert "Traceback" not in run.log
    for told in ("'name' is a required", "'soql' is a required", "queries, d: bulk queries do not"):
        assert told in run.reason
    for told in ("['batch_config']['encoding']", "refresh_formulas", "wher", "start_date"):
        assert told in run.reason
    assert not sandbox.requests


def test_a_key_that_is_named_twice_is_one(tap: TapCommand) -> None:
    run = read(tap, {"name": "a", "soql": "SELECT id FROM Account", "key_properties": ["Id", "ID"]})
    assert run.code == 0, run.log
    assert len(run.records("a")) == 3


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"soql": "SELECT Id FROM Acount"}, "Acount cannot be described"),
        ({"soql": "SELECT Nme FROM Account"}, "no field `Nme` (did you mean `Name`?)"),
        ({"soql": "SELECT Ownr.Name FROM Account"}, "no relationship `Ownr` (did you mean `Owner`"),
        ({"soql": "SELECT Owner.Nme FROM Account"}, "User has no field `Nme`"),
        ({"soql": "SELECT BillingAddress FROM Account"}, "select its components"),
        ({"soql": "SELECT Body FROM Attachment"}, "`Body`, which is base64"),
        ({"soql": "SELECT Id FROM Account", "key_properties": ["Name"]}, "`Name` is not selected"),
        ({"soql": "SELECT Id FROM Account", "replication_key": "Idd"}, "did you mean `Id`?"),
        ({"soql": "SELECT Id FROM Account", "replication_key": "Id"}, "not a date/time field"),
    ],
)
def test_what_the_org_does_not_have_is_told_before_any_job(
    sandbox: Sandbox, tap: TapCommand, query: dict[str, Any], problem: str
) -> None:
    run = read(tap, {"name": "mine", **query}, {"name": "two", "soql": "SELECT X FROM Account"})
    assert run.code == 1
    assert f"queries, mine: {problem}" in run.log or problem in run.log
    assert "queries, two: Account has no field `X`" in run.log
    assert jobs(sandbox) == 0


def test_a_query_with_the_name_of_an_object_that_is_read_is_refused(tap: TapCommand) -> None:
    run = tap(queries=[{"name": "contact", "soql": "SELECT Id FROM Contact"}])
    assert run.code == 1
    assert "queries, contact: an object that is read has this name" in run.reason


def test_of_a_lookup_to_several_objects_the_fields_of_name_are_read(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.seed_csv("Task", "Subject,WhoId\nCall,003000000000001AAA\nAlone,")
    soql = (
        "SELECT Task.Subject, Who.Name, Who.Type FROM Task "
        "WHERE Subject != ' LIMIT 1' OR Subject = null"
    )
    run = read(tap, {"name": "calls", "soql": soql})
    assert run.code == 0, run.log
    rows = sorted(tuple(r.values()) for r in run.records("calls") if r["Who_Name"])
    assert rows == [("Call", "Person 1", "Contact")]
    assert list(run.schemas["calls"]["properties"]) == ["Subject", "Who_Name", "Who_Type"]
    refused = read(tap, {"name": "calls", "soql": "SELECT Who.Birthdate FROM Task"})
    assert "Name has no field `Birthdate`" in refused.reason


def test_a_semi_join_stays_at_the_top_of_the_condition(tap: TapCommand) -> None:
    joined = "WHERE AccountId IN (SELECT Id FROM Account WHERE Name != 'NA') AND LastName != 'x'"
    query = {"name": "people", "soql": f"{PEOPLE} {joined}", "replication_key": "SystemModstamp"}
    run = read(tap, query)
    assert run.code == 0, run.log
    assert len(run.records("people")) == len(CONTACTS)
    options = {"Contact": {"where": joined.removeprefix("WHERE ")}}
    run = tap(streams_to_discover=["Contact"], stream_options=options)
    assert run.code == 0, run.log
    assert len(run.records("Contact")) == len(CONTACTS)


def test_options_of_objects_are_refused_for_a_query(tap: TapCommand) -> None:
    query = {"name": "people", "soql": PEOPLE}
    refused = read(tap, query, stream_options={"People": {"parent_fields": ["Account.Name"]}})
    assert refused.code == 1
    assert "stream_options, People: parent_fields is an option of objects" in refused.reason
    options = {"*": {"parent_fields": ["Owner.Name"]}, "people": {"where": "LastName = 'Person 2'"}}
    run = read(tap, query, stream_options=options)
    assert run.code == 0, run.log
    assert [r["LastName"] for r in run.records("people")] == ["Person 2"]


def test_fields_of_parents_are_columns_of_an_objects_stream(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.seed_csv("Account", "Name,BillingCity\nParent,Bern")
    sandbox.control.seed_csv("Contact", "LastName\nAlone")
    options = {"parent_fields": ["account.name", "Account.Id", "Account.BillingAddress"]}
    run = tap(streams_to_discover=["Contact"], stream_options={"Contact": options})
    assert run.code == 0, run.log
    found = {r["LastName"]: r for r in run.records("Contact")}
    assert found["Person 1"]["Account_Name"] == 'Acme, "Quoted" Ltd'
    assert found["Person 1"]["Account_Id"] == "001000000000001AAA"
    assert found["Person 1"]["Account_BillingAddress"] is None
    assert (found["Alone"]["Account_Name"], found["Alone"]["Account_Id"]) == (None, None)
    properties = run.schemas["Contact"]["properties"]
    assert properties["Account_Id"]["type"] == ["string", "null"]
    assert properties["Account_BillingAddress"]["type"] == ["object", "null"]
    described = [r.path.split("/")[-2] for r in sandbox.requests if r.path.endswith("/describe")]
    assert described == ["Contact", "Account"]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("Acount.Name", "no relationship `Acount` (did you mean `Account`?)"),
        ("Account.Nme", "no field `Nme`"),
        ("LastName", "needs no path"),
        ("A.B.C.D.E.F.G", "at most 5 relationships"),
    ],
)
def test_a_field_of_a_parent_that_does_not_exist_is_named(
    sandbox: Sandbox, tap: TapCommand, path: str, problem: str
) -> None:
    run = tap(stream_options={"Contact": {"parent_fields": [path]}})
    assert run.code == 1
    assert f"stream_options, Contact: parent_fields, {path}: " in run.reason
    assert problem in run.reason
    assert jobs(sandbox) == 0


@pytest.mark.parametrize(
    "settings",
    [{"exclude_formulas": True}, {"stream_options": {"*": {"exclude_formulas": True}}}],
)
def test_formulas_are_left_out_when_asked(tap: TapCommand, settings: dict[str, Any]) -> None:
    invoices = {"streams_to_discover": ["Invoice__c"]}
    every = tap.discover(**invoices)["Invoice__c"]["schema"]["properties"]
    formulas = {n for n, p in every.items() if p.get("x-salesforce", {}).get("calculated")}
    assert formulas
    run = tap(**invoices, **settings)
    assert run.code == 0, run.log
    assert set(run.schemas["Invoice__c"]["properties"]) == set(every) - formulas

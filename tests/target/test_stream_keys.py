"""The keys of `streams`: names and globs in any case, merged in order; unused ones are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

PEOPLE = (
    schema("Contact", "LastName", "note"),
    record("Contact", LastName="Lin", note="met in May"),
    state(done=1),
)


def warnings(run: Run) -> list[str]:
    """Return the warnings but those of Python, such as the SDK's about an old Python."""
    lines = (line for line in run.log.splitlines() if "| WARNING " in line)
    return [line for line in lines if "| py.warnings " not in line]


@pytest.mark.parametrize("key", ["contact", "CONTACT", "Contact", "con*", "?ONTACT"])
def test_a_key_in_any_case_maps_the_fields_of_its_stream(org: Org, key: str) -> None:
    run = org.load(*PEOPLE, operation="insert", streams={key: {"fields": {"note": "Description"}}})
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Description FROM Contact") == [
        {"LastName": "Lin", "Description": "met in May"}
    ]
    assert warnings(run) == []


def test_all_globs_apply_in_their_order_then_the_name_key_by_key(org: Org) -> None:
    account = org.create("Account", Name="Acme", Ext_Id__c="A-1")
    run = org.load(
        schema("crm_people", "key", "last", "note", "team", "internal", key="key"),
        record("crm_people", key="C-1", last="Lin", note="x", team="A-1", internal="no"),
        streams={
            "CRM_PEOPLE": {
                "fields": {"last": "LastName"},
                "lookups": {"team": "Account.Ext_Id__c"},
            },
            "*": {
                "sobject": "Lead",
                "operation": "delete",
                "fields": {"internal": None, "note": "Title", "team": "Company"},
            },
            "crm_*": {"sobject": "Contact", "operation": "upsert", "external_id": "Ext_Id__c"},
            "*_People": {"fields": {"key": "Ext_Id__c", "note": "Description"}},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, LastName, Description, Title, AccountId FROM Contact") == [
        {
            "Ext_Id__c": "C-1",
            "LastName": "Lin",
            "Description": "x",
            "Title": None,
            "AccountId": account,
        }
    ]


def test_a_null_gives_a_key_back_to_the_settings_of_the_run(org: Org) -> None:
    run = org.load(
        *PEOPLE,
        operation="insert",
        streams={
            "*": {"sobject": "Lead", "fields": {"note": "Title"}},
            "Contact": {"sobject": None, "fields": None},
        },
        unknown_fields="drop",
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Title FROM Contact") == [{"LastName": "Lin", "Title": None}]


@pytest.mark.parametrize("key", ["Contacts", "contcat", "Contact_"])
def test_a_key_that_was_probably_meant_for_a_stream_is_a_problem_before_any_job(
    org: Org, key: str
) -> None:
    meant = {"sobject": "contact", "fields": {"note": "Description"}}
    run = org.load(*PEOPLE, operation="insert", unknown_fields="drop", streams={key: meant})
    assert run.code == 1
    assert run.reason.startswith("Stream `Contact` cannot be loaded: ")
    assert f"the key `{key}` for this object, and no key `Contact`" in run.reason
    assert "add `Contact: {}` if both streams exist" in run.reason
    assert org.jobs_created() == 0
    assert run.states == []


def test_both_streams_load_when_both_have_a_key(org: Org) -> None:
    run = org.load(
        *PEOPLE,
        schema("Contacts", "LastName", "text"),
        record("Contacts", LastName="Sol", text="later"),
        operation="insert",
        unknown_fields="drop",
        streams={
            "Contacts": {"sobject": "Contact", "fields": {"text": "Description"}},
            "Contact": {},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Description FROM Contact ORDER BY LastName") == [
        {"LastName": "Lin", "Description": None},
        {"LastName": "Sol", "Description": "later"},
    ]
    assert warnings(run) == []


def test_keys_without_a_stream_in_the_run_are_a_warning_as_one_file_serves_many_runs(
    org: Org,
) -> None:
    streams: dict[str, Any] = {
        "Account": {"operation": "upsert", "external_id": "Ext_Id__c"},
        "Contract": {},
        "bills_*": {"sobject": "Invoice__c"},
        "con*": {"fields": {"note": "Description"}},
    }
    run = org.load(*PEOPLE, operation="insert", streams=streams)
    assert run.code == 0, run.log
    (warning,) = warnings(run)
    assert warning.endswith(
        "streams: no stream of this run has the key `Account`,"
        " `Contract` (did you mean `Contact`?), `bills_*`"
    )


def test_a_name_is_not_contradicted_by_what_a_glob_gives_to_many_streams(org: Org) -> None:
    org.create("Account", Name="Gone", Ext_Id__c="A-1")
    run = org.load(
        schema("Account", "Ext_Id__c"),
        record("Account", Ext_Id__c="A-1"),
        streams={
            "*": {"external_id": "Ext_Id__c", "lookups": {"owner_key": "Parent.Ext_Id__c"}},
            "account": {"operation": "delete"},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Id FROM Account") == []


@pytest.mark.parametrize(
    ("streams", "problem"),
    [
        (
            {"*": {"operation": "delete"}, "Contact": {"new_only": True}},
            "streams, Contact: new_only is not used by delete",
        ),
        (
            {"c*": {"operation": "insert", "external_id": "Ext_Id__c"}},
            "streams, c*: external_id is not used by insert",
        ),
        (
            {"*": {"operation": "upsert"}, "Contact": {}},
            "streams, Contact: external_id is missing: operation upsert needs it",
        ),
        (
            {"c*": {"sobject": "Contct"}, "contacts": {}},
            "streams, c*: the org shows this user no object `Contct` (did you mean `Contact`?).",
        ),
    ],
)
def test_contradictions_of_what_is_merged_are_named_by_their_key(
    org: Org, streams: dict[str, Any], problem: str
) -> None:
    run = org.load(*PEOPLE, operation="insert", streams=streams)
    assert run.code == 1
    assert problem in run.reason
    assert run.reason.count("streams, ") == 1
    assert org.jobs_created() == 0


@pytest.mark.parametrize("nothing", [None, "", "__NULL__"])
def test_a_null_in_any_form_takes_a_lookup_back_and_is_an_entry_without_settings(
    org: Org, nothing: str | None
) -> None:
    run = org.load(
        *PEOPLE,
        schema("Lead", "LastName", "Company"),
        record("Lead", LastName="Sol", Company="Acme"),
        operation="insert",
        unknown_fields="drop",
        streams={
            "con*": {"lookups": {"LastName": "Account.Ext_Id__c"}, "sobject": "Contact"},
            "Contact": {"lookups": {"LastName": nothing}, "fields": {"note": nothing}},
            "Lead": nothing,
        },
    )
    assert run.code == 0, run.log
    assert [row["LastName"] for row in org.query("SELECT LastName FROM Contact")] == ["Lin"]
    assert len(org.query("SELECT Id FROM Lead")) == 1


def test_a_wrong_operation_is_the_only_problem(org: Org) -> None:
    for settings in ({"operation": 5}, {"external_id": 5}):
        run = org.load(*PEOPLE, **settings)
        assert run.code == 1
        assert "external_id is missing" not in run.reason


@pytest.mark.parametrize(
    ("given", "code"), [(False, 0), ("OFF", 0), ("off", 0), ("false", 0), (True, 1)]
)
def test_no_journal_is_written_as_yaml_reads_off_too(org: Org, given: Any, code: int) -> None:
    run = org.load(*PEOPLE, operation="insert", unknown_fields="drop", journal_path=given)
    assert run.code == code, run.log
    assert list(org.folder.rglob("*.sqlite")) == []
    assert code == 0 or "journal_path: name a file, or `off`" in run.reason


def test_keys_with_dots_are_understood_as_meltano_writes_them(org: Org) -> None:
    # Written by `meltano invoke --dump=config` of Meltano 4.4.1, which also drops nulls in them.
    account = org.create("Account", Name="Acme", Ext_Id__c="A-1")
    streams = {
        "mart": {
            "people": {
                "sobject": "Contact",
                "fields": {"last": {"name": "LastName"}, "note": ""},
                "lookups": {"team": {"key": "Account.Ext_Id__c"}},
            },
            "x": {"y": {"sobject": "Lead", "fields": {"q": ""}}},
        },
    }
    run = org.load(
        schema("mart.people", "last.name", "note", "team.key"),
        record("mart.people", **{"last.name": "Lin", "note": "no", "team.key": "A-1"}),
        schema("mart.x.y", "LastName", "Company", "q"),
        record("mart.x.y", LastName="Sol", Company="Acme", q="no"),
        operation="insert",
        streams=streams,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, AccountId FROM Contact") == [
        {"LastName": "Lin", "AccountId": account}
    ]
    assert org.query("SELECT LastName FROM Lead") == [{"LastName": "Sol"}]


WHOLE = {"type": ["null", "integer"]}


@pytest.mark.parametrize(
    "about",
    [
        {"$ref": "#/definitions/id"},
        {"$ref": "#/definitions/named"},
        {"anyOf": [{"$ref": "#/definitions/id"}, {"type": "null"}]},
        # One that names itself, and those that name nothing.
        {"allOf": [{"$ref": "#/definitions/loop"}, {"$ref": "#/definitions/id"}]},
        {
            "oneOf": [
                {"$ref": "#/none/0"},
                {"$ref": 5},
                {"$ref": "#"},
                {"$ref": "http://a/b"},
                WHOLE,
            ],
        },
    ],
)
def test_a_key_whose_type_is_a_reference_has_one_spelling(org: Org, about: object) -> None:
    loop = {"anyOf": [{"$ref": "#/definitions/loop"}]}
    named = {"$ref": "#/definitions/id", "title": "named"}
    run = org.load(
        {
            "type": "SCHEMA",
            "stream": "Account",
            "schema": {
                "properties": {"Ext_Id__c": about, "Name": {}},
                "definitions": {"id": WHOLE, "loop": loop, "named": named},
            },
            "key_properties": ["Ext_Id__c"],
        },
        b'{"type": "RECORD", "stream": "Account", "record": {"Ext_Id__c": 5, "Name": "1"}}',
        b'{"type": "RECORD", "stream": "Account", "record": {"Ext_Id__c": 5.0, "Name": "2"}}',
        external_id="Ext_Id__c",
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, Name FROM Account") == [{"Ext_Id__c": "5", "Name": "2"}]

"""A stream that cannot be loaded: every problem at once, with what to do, before any job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from target_sfbulk.org_schema import OrgSchema
from target_sfbulk.preflight import PreflightError, StreamPlan, plan_stream
from target_sfbulk.settings import with_defaults
from target_sfbulk.stream_settings import stream_settings
from tests.target.support import record, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox
    from tests.target.support import Org, Run


@pytest.fixture(scope="module")
def org_schema(empty_sandbox: Sandbox) -> Iterator[OrgSchema]:
    settings = {
        "instance_url": empty_sandbox.url,
        "access_token": empty_sandbox.access_token,
    }
    with Salesforce.from_settings(settings) as salesforce:
        yield OrgSchema(salesforce)


def plan(org: OrgSchema, stream: str, *fields: str, **config: Any) -> StreamPlan:
    schema: dict[str, dict[str, Any]] = {name: {} for name in fields}
    return plan_stream(stream, schema, stream_settings(with_defaults(config), stream), org)


def problems(org: OrgSchema, stream: str, *fields: str, **config: Any) -> tuple[str, ...]:
    with pytest.raises(PreflightError) as refused:
        plan(org, stream, *fields, **config)
    return refused.value.problems


def headers(made: StreamPlan) -> dict[str, str | None]:
    return {name: column.header if column else None for name, column in made.columns.items()}


def require_refused(org: Org, run: Run, *problems: str) -> None:
    """The last line of the run has all these problems, and no job was created."""
    assert run.code == 1
    for problem in problems:
        assert problem in run.reason, problem
    assert "Traceback" not in run.log
    assert org.jobs_created() == 0


def test_a_whole_stream_of_mistakes_is_reported_before_any_job(org: Org) -> None:
    run = org.load(
        schema(
            "people", "Ext_Id__c", "Surname", "LastNam", "Name", "boss", "team", "mail", "Email"
        ),
        record("people", Ext_Id__c="C-1"),
        external_id="Ext_Id__c",
        streams={
            "people": {
                "sobject": "contact",
                "fields": {"Surname": "LastNames", "mail": "email", "gone": "Phone"},
                "lookups": {"boss": "ReportTo.Ext_Id__c", "team": "Account.Phone"},
            }
        },
    )
    assert run.reason.startswith("Stream `people` cannot be loaded: ")
    require_refused(
        org,
        run,
        "`gone`, which the SCHEMA does not have",
        "`Surname`: `Contact` has no field `LastNames` (did you mean `LastName`?)",
        "`LastNam`: `Contact` has no field `LastNam` (did you mean `LastName`?)",
        "`Name`: `Name` cannot be written by upsert",
        "relationship that `Contact` does not have (did you mean `ReportsTo`?)",
        "`Phone` is neither an external id nor an indexed lookup field of `Account`",
        "the record fields `mail` and `Email` would all fill `Email`",
    )
    assert not (run.output / "people.rejects.jsonl").exists()


def test_unknown_objects_in_the_settings_are_all_named_before_any_job(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="x"),
        operation="insert",
        streams={
            "people": {"sobject": "Contct"},
            "Leed": {},
            "bills_*": {"sobject": "Invoce__c"},
            "any_*": {},
            "accounts": {"sobject": "account"},
        },
    )
    require_refused(
        org,
        run,
        "streams, people: the org shows this user no object `Contct` (did you mean `Contact`?)",
        "streams, Leed: the org shows this user no object `Leed` (did you mean `Lead`?)",
        "streams, bills_*: the org shows this user no object `Invoce__c`",
    )
    assert "any_*" not in run.reason


def test_an_unknown_object_is_answered_with_a_close_name(org: Org) -> None:
    run = org.load(schema("Acount", "Name"), record("Acount", Name="x"), operation="insert")
    assert run.code == 1
    assert "no object `Acount` (did you mean `Account`?)" in run.reason


def test_names_are_found_in_any_case_and_sent_as_salesforce_spells_them(
    org_schema: OrgSchema,
) -> None:
    made = plan(
        org_schema,
        "ACCOUNT",
        "EXT_ID__C",
        "name",
        "p",
        external_id="ext_id__c",
        streams={"ACCOUNT": {"lookups": {"p": "parent.ext_id__c"}}},
    )
    assert made.sobject == "Account"
    assert made.external_id == "Ext_Id__c"
    assert headers(made) == {"EXT_ID__C": "Ext_Id__c", "name": "Name", "p": "Parent.Ext_Id__c"}


def test_singers_own_fields_and_those_mapped_to_null_are_left_out(org_schema: OrgSchema) -> None:
    made = plan(
        org_schema,
        "Account",
        "Name",
        "_sdc_sequence",
        "note",
        operation="insert",
        streams={"Account": {"fields": {"note": None}}},
    )
    assert headers(made) == {"Name": "Name", "_sdc_sequence": None, "note": None}


def test_drop_leaves_out_what_cannot_be_written_but_not_what_the_settings_name(
    org_schema: OrgSchema,
) -> None:
    config = {"operation": "insert", "unknown_fields": "drop"}
    made = plan(org_schema, "Account", "Name", "Nonsense", "SystemModstamp", **config)
    assert headers(made) == {"Name": "Name", "Nonsense": None, "SystemModstamp": None}
    mapped = {"streams": {"Account": {"fields": {"Name": "Nonsense"}}}}
    problem, unfilled = problems(org_schema, "Account", "Name", **config, **mapped)
    assert "`Account` has no field `Nonsense`" in problem
    assert "nothing fills `Name`" in unfilled


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("Who.Ext_Id__c", "can refer to several objects: write `Contact:Who.Ext_Id__c`"),
        ("Account:Who.Ext_Id__c", "refers to Contact or Lead, not to `Account`"),
        ("Contact:Who.Nope__c", "`Contact` has no field `Nope__c`"),
        ("Who.Owner.Name", "not of the form"),
    ],
)
def test_a_lookup_that_cannot_work_says_how_it_would(
    org_schema: OrgSchema, path: str, told: str
) -> None:
    lookups = {"streams": {"Task": {"lookups": {"who": path}}}}
    (problem,) = problems(org_schema, "Task", "who", operation="insert", **lookups)
    assert told in problem


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("Ext_Ids__c", "`Account` has no field `Ext_Ids__c` (did you mean `Ext_Id__c`?)"),
        ("Phone", "`Phone` is neither an external id nor an indexed lookup field of `Account`"),
        ("Ext_Id__c", "no record field fills the key `Ext_Id__c`; map one to it with `fields`"),
        (None, "upsert needs an `external_id`"),
    ],
)
def test_the_key_of_an_upsert_must_exist_fit_and_be_filled(
    org_schema: OrgSchema, key: str | None, told: str
) -> None:
    streams = {"other": {"operation": "insert"}}
    (problem,) = problems(org_schema, "Account", "Name", external_id=key, streams=streams)
    assert told in problem


def test_an_update_and_a_delete_need_the_id(org_schema: OrgSchema) -> None:
    for operation in ("update", "delete"):
        (problem,) = problems(org_schema, "Account", "_sdc_x", operation=operation)
        assert "no record field fills the key `Id`" in problem


def test_settings_of_a_glob_may_name_fields_that_a_stream_lacks(org_schema: OrgSchema) -> None:
    streams = {"Acc*": {"fields": {"elsewhere": "Phone"}}}
    made = plan(org_schema, "Account", "Name", operation="insert", streams=streams)
    assert headers(made) == {"Name": "Name"}


def test_an_object_the_user_may_not_write_is_refused(org_schema: OrgSchema) -> None:
    found = problems(org_schema, "User", "Id", operation="delete")
    assert found == ("delete needs `User` to be deletable, which it is not for this user",)


def test_what_is_wrong_with_the_settings_of_all_streams_is_named_at_the_first_schema(
    org: Org,
) -> None:
    run = org.load(
        schema("Account", "Name", "Nam"),
        record("Account", Name="x"),
        external_id="Ext_Id__c",
        streams={
            "Account": {"operation": "insert"},
            "people": {
                "sobject": "Contact",
                "fields": {"a": "Phon", "b": "IsDeleted"},
                "lookups": {"c": "Accont.Ext_Id__c", "d": "Account.Ext_Ids__c"},
                "constants": {"Birthdate": "soon", "Fax": "1"},
            },
            "users": {"sobject": "User", "operation": "delete"},
            "leads": {"sobject": "Lead", "external_id": "Company"},
            "gone_*": {"sobject": "Gone__c"},
        },
    )
    require_refused(
        org,
        run,
        "streams, people: record field `a`: `Contact` has no field `Phon` (did you mean `Phone`?).",
        "streams, people: record field `b`: `IsDeleted` cannot be written",
        "streams, people: record field `c`: the lookup `Accont.Ext_Id__c` names a relationship",
        "streams, people: record field `d`: the lookup `Account.Ext_Ids__c`: `Account` has no",
        "streams, people: the constant `Birthdate`: ",
        "streams, users: delete needs `User` to be deletable",
        "streams, leads: `external_id`: `Company` is neither",
        "streams, gone_*: the org shows this user no object `Gone__c`",
        "Stream `Account` cannot be loaded: record field `Nam`: `Account` has no field `Nam`",
    )
    assert "Fax" not in run.reason


def test_what_a_glob_says_of_its_object_is_checked_at_the_first_schema_too(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="x"),
        operation="insert",
        streams={
            "people_*": {
                "sobject": "Contact",
                "fields": {"a": "Phon", "gone": None},
                "lookups": {"b": "Accont.Ext_Id__c", "c": "Account.Ext_Ids__c"},
                "constants": {"Birthdate": "soon", "RecordType.DeveloperName": "Nobody"},
            },
            "users_*": {"sobject": "User", "operation": "delete"},
            "leads_*": {"sobject": "Lead", "operation": "upsert", "external_id": "Company"},
            "rules_*": {"sobject": "Task", "assignment_rule": "01Q5e000001AbCdEAK"},
        },
    )
    require_refused(
        org,
        run,
        "streams, people_*: record field `a`: `Contact` has no field `Phon` (did you mean `Phone`",
        "streams, people_*: record field `b`: the lookup `Accont.Ext_Id__c` names a relationship",
        "streams, people_*: record field `c`: the lookup `Account.Ext_Ids__c`: `Account` has no",
        "streams, people_*: the constant `Birthdate`: ",
        "streams, people_*: the constant `RecordType.DeveloperName`: ",
        "streams, users_*: delete needs `User` to be deletable",
        "streams, leads_*: `external_id`: `Company` is neither",
        "streams, rules_*: `assignment_rule`: only Case and Lead",
    )


def test_a_glob_is_not_blamed_for_what_another_key_gives_its_streams(org: Org) -> None:
    there = org.create("Account", Name="Acme")
    run = org.load(
        schema("Account", "Id"),
        record("Account", Id=there),
        operation="delete",
        streams={
            "*": {"fields": {"note": "Nonsense__c"}},
            "users_*": {"sobject": "User"},
            "users_new": {"operation": "upsert", "external_id": "Username"},
            "tasks_*": {"sobject": "Task", "operation": "upsert"},
            "tasks_old": {"external_id": "Id"},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Id FROM Account") == []


def test_a_problem_of_a_glob_and_of_its_names_is_said_once(org: Org) -> None:
    streams: dict[str, Any] = {
        "users_*": {"sobject": "User", "operation": "delete"},
        "users_old": {},
        "leads_*": {"sobject": "Lead", "external_id": "Company"},
    }
    run = org.load(schema("leads_x", "Company"), streams=streams)
    assert run.code == 1
    assert run.reason.count("to be deletable") == 1
    assert "streams, users_* and users_old: delete needs `User`" in run.reason
    assert run.reason.count("`Company` is neither") == 1


def test_the_same_advice_is_said_once(org: Org) -> None:
    run = org.load(
        schema("Contact", "LastName", *(f"column_{at}" for at in range(30))), operation="insert"
    )
    assert run.code == 1
    assert run.reason.count("`Contact` has no field") == 30
    assert run.reason.count("`unknown_fields`: `drop`") == 1
    # Meltano drops null from nested settings.
    assert 'with `fields`, to "" to leave it out' in run.reason


def test_what_explains_problems_of_one_kind_is_said_once(org: Org) -> None:
    read_only = ("IsDeleted", "CreatedDate", "SystemModstamp")
    addresses = ("MailingAddress", "OtherAddress")
    run = org.load(
        schema("Contact", "LastName", *read_only, *addresses),
        operation="insert",
        streams={"people": {"sobject": "Contact", "constants": {"CreatedById": "x", "Id": "y"}}},
    )
    assert run.code == 1
    assert run.reason.count("read-only for this user") == 1
    assert run.reason.count("send its parts, such as BillingStreet") == 1
    for name in read_only:
        assert f"record field `{name}`: `{name}` cannot be written by insert" in run.reason


def test_fields_that_a_later_schema_may_bring_are_checked_at_the_first(org: Org) -> None:
    run = org.load(
        schema("Contact", "LastName"),
        record("Contact", LastName="Lin"),
        operation="insert",
        streams={
            "Contact": {"fields": {"a": "Phon"}, "lookups": {"b": "Account.Phone", "LastName": ""}}
        },
    )
    assert run.code == 1
    assert "record field `a`: `Contact` has no field `Phon`" in run.reason
    assert "record field `b`: the lookup `Account.Phone` cannot find its parent" in run.reason
    assert org.jobs_created() == 0


def test_a_condition_of_a_mirror_that_comes_later_is_checked_at_the_first_schema(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c="A-1", Name="x"),
        operation="mirror",
        external_id="Ext_Id__c",
        streams={"Contact": {"where": "Nope__c = 'x'"}, "Lead": {"external_id": "Email"}},
    )
    assert run.code == 1
    assert "streams, Contact: `where`: " in run.reason
    assert "INVALID_FIELD" in run.reason
    assert "streams, Lead" not in run.reason
    assert org.jobs_created() == 0


@pytest.mark.parametrize("field", ["Username", "Email", "Alias"])
def test_a_constant_owner_who_does_not_exist_is_a_problem_before_any_job(
    org: Org, field: str
) -> None:
    (user,) = org.query(f"SELECT Id, {field} FROM User WHERE IsActive = true LIMIT 1")  # noqa: S608 - our own names
    for value, code in ((user[field], 0), ("nobody@example.com", 1)):
        run = org.load(
            schema("Contact", "LastName"),
            record("Contact", LastName="Lin"),
            operation="insert",
            streams={"Contact": {"constants": {f"Owner.{field}": value}}},
        )
        assert run.code == code, run.log
    assert f"the constant `Owner.{field}`: no active User has this {field}" in run.reason
    assert org.query("SELECT OwnerId FROM Contact") == [{"OwnerId": user["Id"]}]


def test_many_streams_are_described_in_few_requests(org: Org) -> None:
    objects = [
        found["name"]
        for found in org.objects()
        if all(found[right] for right in ("createable", "updateable", "deletable"))
    ]
    streams = {f"s_{name}": {"sobject": name, "operation": "insert"} for name in objects}
    run = org.load(
        schema(f"s_{objects[0]}"), operation="insert", streams=streams, unknown_fields="drop"
    )
    assert run.code == 0, run.log
    described = [r for r in org.sandbox.requests if "composite" in r.path or "describe" in r.path]
    assert len(objects) > 5
    assert len(described) <= -(-len(objects) // 25)


def test_a_field_that_only_a_later_schema_brings_is_loaded(org: Org) -> None:
    fields = {"key": "Ext_Id__c", "name": "LastName", "phone2": "Phone", "mail": "Email"}
    run = org.load(
        schema("people", "key", "name", "phone1"),
        record("people", key="C-1", name="Lin"),
        schema("people", "key", "name", "phone2", "mail"),
        record("people", key="C-2", name="Sol", phone2="7", mail="s@example.com"),
        external_id="Ext_Id__c",
        unknown_fields="drop",
        streams={"people": {"sobject": "Contact", "fields": fields}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName, Phone, Email FROM Contact ORDER BY Ext_Id__c") == [
        {"LastName": "Lin", "Phone": None, "Email": None},
        {"LastName": "Sol", "Phone": "7", "Email": "s@example.com"},
    ]
    assert "no SCHEMA had" not in run.log


def test_fields_that_no_schema_had_are_named_at_the_end(org: Org) -> None:
    fields = {"Emial": "Title", "gone": "Phone", "off": None}
    run = org.load(
        schema("Contact", "LastName", "Email"),
        record("Contact", LastName="Lin", Email="l@example.com"),
        operation="insert",
        streams={"Contact": {"fields": fields, "nulls": {"nul": "clear"}}},
    )
    assert run.code == 0, run.log
    warning = (
        "Contact: no SCHEMA had the record field `Emial` (did you mean `Email`?), `gone`, `nul`,"
        " which the settings name"
    )
    assert warning in run.log


def test_a_typing_error_is_a_problem_at_once_where_the_field_would_be_left_out(org: Org) -> None:
    run = org.load(
        schema("Contact", "LastName", "phone_number"),
        record("Contact", LastName="Lin", phone_number="1"),
        operation="insert",
        unknown_fields="drop",
        streams={"Contact": {"fields": {"phone_nmber": "Phone", "later": "Fax"}}},
    )
    assert run.code == 1
    assert (
        "`phone_nmber`, which the SCHEMA does not have (did you mean `phone_number`?)" in run.reason
    )
    assert org.jobs_created() == 0

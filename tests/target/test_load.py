"""The command against an org: each operation, what lands, what is refused, in which order."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

BY_KEY = {"external_id": "Ext_Id__c"}
ACCOUNTS = schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c")


def test_upsert_creates_what_is_new_and_changes_what_is_there(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Old", Phone="1")
    run = org.load(
        ACCOUNTS,
        record("Account", Ext_Id__c="A-1", Name="New"),
        record("Account", Ext_Id__c="A-2", Name="Second"),
        state(Account=2),
        **BY_KEY,
    )
    assert (run.code, run.states) == (0, [{"Account": 2}]), run.log
    assert org.query("SELECT Ext_Id__c, Name, Phone FROM Account ORDER BY Ext_Id__c") == [
        {"Ext_Id__c": "A-1", "Name": "New", "Phone": "1"},
        {"Ext_Id__c": "A-2", "Name": "Second", "Phone": None},
    ]
    report = run.report("Account")
    assert {k: report[k] for k in ("read", "loaded", "created", "rejected", "reasons")} == {
        "read": 2,
        "loaded": 2,
        "created": 1,
        "rejected": 0,
        "reasons": {},
    }
    assert len(report["job_ids"]) == 1
    assert not (run.output / "Account.rejects.jsonl").exists()


def test_insert_takes_rows_without_any_key(org: Org) -> None:
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name="Same"),
        record("Account", Name="Same"),
        operation="insert",
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Name FROM Account") == [{"Name": "Same"}, {"Name": "Same"}]


def test_update_goes_by_id_of_15_or_18_characters(org: Org) -> None:
    one, two = org.create("Account", Name="One"), org.create("Account", Name="Two")
    run = org.load(
        schema("accounts", "account_id", "title"),
        record("accounts", account_id=one[:15], title="One!"),
        record("accounts", account_id=two, title="Two!"),
        operation="update",
        streams={
            "accounts": {"sobject": "Account", "fields": {"account_id": "Id", "title": "Name"}}
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Id, Name FROM Account ORDER BY Name") == [
        {"Id": one, "Name": "One!"},
        {"Id": two, "Name": "Two!"},
    ]


@pytest.mark.parametrize("operation", ["delete", "hardDelete"])
def test_deletes_send_the_id_and_nothing_else(org: Org, operation: str) -> None:
    org.keep_jobs()
    gone, kept = org.create("Account", Name="Gone"), org.create("Account", Name="Kept")
    run = org.load(
        schema("Account", "Id", "Name", "SystemModstamp"),
        record("Account", Id=gone, Name="Gone", SystemModstamp="2026-01-01T00:00:00Z"),
        operation=operation,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Id FROM Account") == [{"Id": kept}]
    assert org.loaded(run.report("Account")["job_ids"][0]) == [{"Id": gone}]


def test_null_settings_mean_their_defaults(org: Org) -> None:
    own = ("operation", "nulls", "precision_loss", "unknown_fields", "max_rejects", "spool_dir")
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        record("Account", Ext_Id__c="A-1", Name="Acme"),
        **dict.fromkeys((*own, "max_job_mb", "stream_maps", "flattening_enabled")),
        streams={"Account": {"operation": None, "external_id": "Ext_Id__c", "lookups": None}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Name FROM Account") == [{"Name": "Acme"}]


def test_rows_wait_in_spool_dir_and_nothing_is_left_there(org: Org) -> None:
    spool = org.folder / "spool"
    spool.mkdir()
    org.sandbox.control.hold_jobs()
    with org.start(operation="insert", spool_dir=str(spool)) as process:
        assert process.stdin is not None
        process.stdin.write(as_lines([schema("Account", "Name"), record("Account", Name="x")]))
        process.stdin.close()
        while not org.sandbox.control.release_jobs():
            pass
        assert process.stderr is not None
        held = [path.name for path in spool.iterdir()]
        process.stderr.read()
        assert process.wait(timeout=30) == 0
    assert [name.startswith("journal.sqlite-") for name in held] == [True]
    assert list(spool.iterdir()) == []


def test_streams_have_their_own_object_operation_and_fields_found_by_glob(org: Org) -> None:
    gone = org.create("Account", Name="Gone")
    run = org.load(
        schema("crm_new", "k", "n", "note"),
        record("crm_new", k="A-1", n="Fresh", note="internal"),
        schema("crm_old", "Id"),
        record("crm_old", Id=gone),
        streams={
            "crm_*": {"sobject": "Account", "operation": "delete"},
            "crm_new": {
                "sobject": "account",
                "operation": "upsert",
                "external_id": "ext_id__c",
                "fields": {"k": "Ext_Id__c", "n": "name", "note": None},
            },
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, Name, Description FROM Account") == [
        {"Ext_Id__c": "A-1", "Name": "Fresh", "Description": None}
    ]


def test_lookups_find_parents_by_their_external_id_also_in_the_same_run(org: Org) -> None:
    run = org.load(
        ACCOUNTS,
        schema("Contact", "Ext_Id__c", "LastName", "account_key", key="Ext_Id__c"),
        record("Contact", Ext_Id__c="C-1", LastName="Lin", account_key="A-1"),
        record("Account", Ext_Id__c="A-1", Name="Acme"),
        record("Contact", Ext_Id__c="C-2", LastName="Sol", account_key=None),
        **BY_KEY,
        streams={"Contact": {"lookups": {"account_key": "Account.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    found = org.query("SELECT LastName, Account.Name FROM Contact ORDER BY LastName")
    assert [(c["LastName"], c["Account"] and c["Account"]["Name"]) for c in found] == [
        ("Lin", "Acme"),
        ("Sol", None),
    ]


def test_a_parent_in_the_same_object_is_there_before_its_children(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "parent"),
        record("Account", Ext_Id__c="A-1", Name="Top", parent=None),
        record("Account", Ext_Id__c="A-2", Name="Middle", parent="a-1"),
        record("Account", Ext_Id__c="A-3", Name="Low", parent="A-2"),
        **BY_KEY,
        streams={"Account": {"lookups": {"parent": "Parent.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Name, Parent.Name FROM Account ORDER BY Ext_Id__c")
    assert [a["Parent"] and a["Parent"]["Name"] for a in found] == [None, "Top", "Middle"]


def test_new_records_that_refer_to_each_other_are_loaded_with_their_lookups(org: Org) -> None:
    """The last row is a later version of the first one; one row needs a record that never comes."""

    def account(key: str, parent: str, name: str) -> dict[str, Any]:
        return record("Account", Ext_Id__c=key, Name=name, parent=parent)

    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "parent"),
        account("A-1", "A-2", "Old"),
        account("A-2", "A-3", "Second"),
        account("A-3", "a-1", "Third"),
        account("A-4", "A-5", "Needs the next"),
        account("A-5", "nobody", "Orphan"),
        account("A-1", "A-2", "New"),
        **BY_KEY,
        streams={"Account": {"lookups": {"parent": "Parent.Ext_Id__c"}}},
        max_rejects=10,
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Name, Parent.Name FROM Account ORDER BY Ext_Id__c")
    assert [(one["Name"], one["Parent"]["Name"]) for one in found] == [
        ("New", "Second"),
        ("Second", "Third"),
        ("Third", "New"),
    ]
    assert sorted(one["record"]["Ext_Id__c"] for one in run.rejects("Account")) == ["A-4", "A-5"]


def test_a_delete_that_comes_after_an_upsert_of_another_stream_stays_deleted(org: Org) -> None:
    contact = org.create("Contact", LastName="Old", Ext_Id__c="C-1")
    run = org.load(
        schema("contacts", "Ext_Id__c", "LastName", key="Ext_Id__c"),
        schema("obsolete_contacts", "Id"),
        record("contacts", Ext_Id__c="C-1", LastName="New"),
        record("contacts", Ext_Id__c="C-2", LastName="Other"),
        record("obsolete_contacts", Id=contact),
        **BY_KEY,
        streams={
            "contacts": {"sobject": "Contact"},
            "obsolete_*": {"sobject": "Contact", "operation": "delete"},
        },
    )
    assert run.code == 0, run.log
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Other"}]


def test_twenty_streams_load_parents_first_in_whatever_order_they_come(org: Org) -> None:
    """Stream n refers to stream n + 1, and each comes before the stream of its parents."""
    count = 20
    messages: list[dict[str, Any]] = []
    for n in range(count):
        fields = {"Ext_Id__c": f"A-{n}", "Name": f"Level {n}"}
        if n + 1 < count:
            fields["parent"] = f"A-{n + 1}"
        messages += [schema(f"level_{n}", *fields), record(f"level_{n}", **fields)]
    run = org.load(
        *messages,
        **BY_KEY,
        streams={"level_*": {"sobject": "Account", "lookups": {"parent": "Parent.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Ext_Id__c, Parent.Ext_Id__c FROM Account WHERE ParentId != null")
    assert {row["Ext_Id__c"]: row["Parent"]["Ext_Id__c"] for row in found} == {
        f"A-{n}": f"A-{n + 1}" for n in range(count - 1)
    }


def test_a_lookup_to_several_objects_names_the_one_it_means(org: Org) -> None:
    contact = org.create("Contact", LastName="Lin", Ext_Id__c="C-1")
    run = org.load(
        schema("Task", "Subject", "who"),
        record("Task", Subject="Call", who="C-1"),
        operation="insert",
        streams={"Task": {"lookups": {"who": "Contact:Who.Ext_Id__c"}}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT WhoId FROM Task") == [{"WhoId": contact}]


def test_versions_of_one_record_land_in_the_order_of_the_input(org: Org) -> None:
    org.keep_jobs()
    run = org.load(
        ACCOUNTS,
        record("Account", Ext_Id__c="A-1", Name="1"),
        record("Account", Ext_Id__c="A-2", Name="other"),
        record("Account", Ext_Id__c="a-1", Name="2"),
        record("Account", Name="3", Ext_Id__c="A-1"),
        **BY_KEY,
    )
    assert run.code == 0, run.log
    jobs = run.report("Account")["job_ids"]
    names = [sorted(row["Name"] for row in org.loaded(job)) for job in jobs]
    assert names == [["1", "other"], ["2"], ["3"]]
    assert org.query("SELECT Name FROM Account WHERE Ext_Id__c = 'A-1'") == [{"Name": "3"}]


@pytest.mark.parametrize(
    ("nulls", "phones"),
    [("clear", [None, None, "kept"]), ("ignore", ["kept", None, "kept"])],
)
def test_null_empty_and_absent_are_three_things(
    org: Org, nulls: str, phones: list[str | None]
) -> None:
    for key in ("A-1", "A-2", "A-3"):
        org.create("Account", Ext_Id__c=key, Name=key, Phone="kept", Fax="kept")
    run = org.load(
        schema("Account", "Ext_Id__c", "Phone"),
        record("Account", Ext_Id__c="A-1", Phone=None),
        record("Account", Ext_Id__c="A-2", Phone=""),
        record("Account", Ext_Id__c="A-3"),
        **BY_KEY,
        nulls=nulls,
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Phone, Fax FROM Account ORDER BY Ext_Id__c")
    assert [row["Phone"] for row in found] == phones
    assert {row["Fax"] for row in found} == {"kept"}


TEXTS = [
    "plain",
    'comma, "quote"',
    "line\nfeed",
    "carriage\rreturn",
    "carriage\r\nreturn and line\r\nfeed",
    "of\rall\nthree\r\nkinds\n\r",
    "separator\u2028next\u0085line",
    "00700",
    "NA",
    "emoji 😀 and é, e\u0301",
    "'; DROP TABLE--",
    "tab\there",
]


@pytest.mark.parametrize("stored_by_salesforce", ["lf", "kept"])
def test_text_arrives_character_for_character_with_line_breaks_as_lf(
    org: Org, stored_by_salesforce: str
) -> None:
    org.keep_jobs()
    org.sandbox.control.set_behaviour(line_breaks=stored_by_salesforce)
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "Description"),
        *(
            record("Account", Ext_Id__c=f"A-{at:02}", Name="x", Description=text)
            for at, text in enumerate(TEXTS)
        ),
        **BY_KEY,
    )
    assert run.code == 0, run.log
    found = org.query("SELECT Description FROM Account ORDER BY Ext_Id__c")
    stored = [text.replace("\r\n", "\n").replace("\r", "\n") for text in TEXTS]
    assert [row["Description"] for row in found] == stored
    report = run.report("Account")
    assert [org.job(job)["lineEnding"] for job in report["job_ids"]] == ["LF"]
    assert (report["rejected"], report["fitted"]) == (0, {"Description": 3})
    (line,) = [line for line in run.log.splitlines() if "fitted" in line]
    assert "| INFO " in line
    assert line.endswith("Account: values fitted to what Salesforce stores: Description 3")


def test_values_arrive_as_the_type_of_their_field(org: Org) -> None:
    org.create("Account", Ext_Id__c="A-1", Name="Acme")
    line = (
        b'{"type":"RECORD","stream":"Invoice__c","record":{"Ext_Id__c":"I-1","acc":"A-1",'
        b'"Amount__c":1234567890123456.78,"Tax_Rate__c":"19.5","Quantity__c":1.5E2,'
        b'"Issued_On__c":"2026-10-01","Due_At__c":"2026-10-31T23:59:59+01:00",'
        b'"Cut_Off__c":"18:30","Is_Disputed__c":true,"Status__c":"Sent","Notes__c":{"a":[1.50]},'
        b'"_sdc_batched_at":"2026-01-01T00:00:00Z"}}'
    )
    run = org.load(
        schema("Invoice__c", "Ext_Id__c"),
        line,
        **BY_KEY,
        streams={"Invoice__c": {"lookups": {"acc": "Account__r.Ext_Id__c"}}},
    )
    # The SCHEMA announces one field; what the record has beyond it is loaded all the same.
    assert run.code == 0, run.log
    fields = "Amount__c, Tax_Rate__c, Quantity__c, Issued_On__c, Due_At__c, Cut_Off__c"
    (row,) = org.query(f"SELECT {fields}, Is_Disputed__c, Notes__c FROM Invoice__c")  # noqa: S608 - our own names
    assert row == {
        "Amount__c": Decimal("1234567890123456.78"),
        "Tax_Rate__c": Decimal("19.5"),
        "Quantity__c": Decimal(150),
        "Issued_On__c": "2026-10-01",
        "Due_At__c": "2026-10-31T22:59:59.000+0000",
        "Cut_Off__c": "18:30:00.000Z",
        "Is_Disputed__c": True,
        "Notes__c": '{"a":[1.50]}',
    }


def test_a_small_job_size_makes_more_jobs_and_state_leaves_between_them(org: Org) -> None:
    org.keep_jobs()
    messages: list[dict[str, Any]] = []
    for at in range(60):
        messages += [record("Account", Name=f"{at:03}" + "x" * 200), state(Account=at)]
    run = org.load(
        schema("Account", "Name"),
        *messages,
        operation="insert",
        max_job_mb=0.004,
        max_jobs_in_flight=1,
    )
    assert run.code == 0, run.log
    jobs = run.report("Account")["job_ids"]
    assert len(jobs) > 2
    assert sum(len(org.loaded(job)) for job in jobs) == 60
    assert len(run.states) == len(jobs)
    assert run.states[-1] == {"Account": 59}
    assert run.states == sorted(run.states, key=lambda value: value["Account"])


def test_a_round_trip_with_read_only_fields_needs_one_word(org: Org) -> None:
    row = {"Id": "001000000000001AAA", "Name": "Back", "Ext_Id__c": "A-1", "IsDeleted": False}
    row |= {"SystemModstamp": "2026-01-01T00:00:00.000Z", "BillingAddress": {"city": "Ulm"}}
    messages = (schema("Account", *row), record("Account", **row))
    refused = org.load(*messages, **BY_KEY)
    assert refused.code == 1
    for name in ("Id", "IsDeleted", "SystemModstamp", "BillingAddress"):
        assert f"record field `{name}`" in refused.reason
    assert "`unknown_fields`: `drop`" in refused.reason
    assert org.jobs_created() == 0
    run = org.load(*messages, **BY_KEY, unknown_fields="drop")
    assert run.code == 0, run.log
    assert org.query("SELECT Name FROM Account") == [{"Name": "Back"}]


def test_stream_maps_and_flattening_come_before_the_fields(org: Org) -> None:
    nested = schema("raw", "id", "info")
    nested["schema"]["properties"]["info"] = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
    }
    run = org.load(
        nested,
        record("raw", id="7", info={"name": "Acme"}),
        **BY_KEY,
        flattening_enabled=True,
        flattening_max_depth=1,
        stream_maps={"raw": {"__alias__": "Account", "Ext_Id__c": "'K-' + id", "id": "__NULL__"}},
        streams={"Account": {"fields": {"info__name": "Name"}}},
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Ext_Id__c, Name FROM Account") == [
        {"Ext_Id__c": "K-7", "Name": "Acme"}
    ]


def test_what_stream_maps_compute_is_loaded_like_what_was_read(org: Org) -> None:
    account = org.create("Account", Name="Acme")
    run = org.load(
        schema("Invoice__c", "Ext_Id__c", "raw"),
        record("Invoice__c", Ext_Id__c="I-1", raw=0.1),
        **BY_KEY,
        stream_maps={
            "Invoice__c": {
                "Account__c": f"'{account}'",
                "Amount__c": "f'{raw * 3 + 1:.2f}'",
                "Quantity__c": "float(raw) * 5",
                "Issued_On__c": "datetime.date(2026, 10, 1)",
                "Due_At__c": "datetime.datetime(2026, 10, 31, 12, 30)",
                "raw": "__NULL__",
            }
        },
    )
    assert run.code == 0, run.log
    fields = "Amount__c, Quantity__c, Issued_On__c, Due_At__c"
    assert org.query(f"SELECT {fields} FROM Invoice__c") == [  # noqa: S608 - our own names
        {
            "Amount__c": Decimal("1.30"),
            "Quantity__c": Decimal("0.5"),
            "Issued_On__c": "2026-10-01",
            "Due_At__c": "2026-10-31T12:30:00.000+0000",
        }
    ]


def test_a_job_is_only_deleted_when_all_its_rows_are_loaded(org: Org) -> None:
    org.load(ACCOUNTS, record("Account", Ext_Id__c="A-1", Name="In"), **BY_KEY)
    assert org.jobs() == []
    run = org.load(ACCOUNTS, record("Account", Ext_Id__c="A-2", Name="x" * 300), **BY_KEY)
    assert run.code == 1
    assert [job["id"] for job in org.jobs()] == run.report("Account")["job_ids"]

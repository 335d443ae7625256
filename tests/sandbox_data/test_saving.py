"""Saving rows: each of Salesforce's rules, its code, its words and its fields."""

# ruff: noqa: E501 - a case is one line

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import Fault

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org, RowResult
    from tests.hand_clock import HandClock


def _one(result: RowResult) -> tuple[str, str, tuple[str, ...]]:
    assert not result.success
    assert not result.created
    (error,) = result.errors
    return error.code, error.message, error.fields


def _insert(org: Org, sobject: str, **cells: str) -> RowResult:
    return org.loader("insert", sobject, list(cells)).save([list(cells.values())])[0]


def _id_of(org: Org, sobject: str, key: str) -> str:
    rows = org.query(f"SELECT Id FROM {sobject} WHERE Ext_Id__c = '{key}'").rows()  # noqa: S608 - SOQL
    return str(next(rows)[0])


_READ_ONLY = (
    "Unable to create/update fields: {0}. Please check the security settings of this field and "
    "verify that it is read/write for your profile or permission set."
)


@pytest.mark.parametrize(
    ("sobject", "cells", "error"),
    [
        (
            "Contact",
            {"FirstName": "Ann"},
            (
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [LastName]",
                ("LastName",),
            ),
        ),
        (
            "Opportunity",
            {"Name": "", "StageName": "Prospecting", "CloseDate": "#N/A"},
            (
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [Name, CloseDate]",
                ("Name", "CloseDate"),
            ),
        ),
        (
            "Contact",
            {"LastName": "x" * 81},
            (
                "STRING_TOO_LONG",
                f"Last Name: data value too large: {'x' * 81} (max length=80)",
                ("LastName",),
            ),
        ),
        (
            "Account",
            {"Name": "A", "AnnualRevenue": "12,5"},
            (
                "INVALID_FIELD",
                (
                    "Failed to deserialize field at col 1. "
                    "Due to, '12,5' is not a valid value for the type xsd:double"
                ),
                ("AnnualRevenue",),
            ),
        ),
        (
            "Case",
            {"Severity__c": "4 - Bored"},
            (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "Severity: bad value for restricted picklist field: 4 - Bored",
                ("Severity__c",),
            ),
        ),
        (
            "Account",
            {"Name": "A", "Segments__c": "Retail;Moon"},
            (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "Segments: bad value for restricted picklist field: Moon",
                ("Segments__c",),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "Email": "badone"},
            (
                "INVALID_EMAIL_ADDRESS",
                "Email: invalid email address: badone",
                ("Email",),
            ),
        ),
        (
            "Opportunity",
            {"Name": "O", "StageName": "x", "CloseDate": "2026-01-01", "Amount": "1E16"},
            (
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Amount: value outside of valid range on numeric field: 1E16",
                ("Amount",),
            ),
        ),
        (
            "Account",
            {"Name": "A", "NumberOfEmployees": "100000000"},
            (
                "NUMBER_OUTSIDE_VALID_RANGE",
                "Employees: value outside of valid range on numeric field: 100000000",
                ("NumberOfEmployees",),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "Name": "N", "CreatedDate": "2026-01-01T00:00:00Z"},
            (
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                _READ_ONLY.format("Name, CreatedDate"),
                ("Name", "CreatedDate"),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "Id": "0033z00002fsAupAAE"},
            (
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "cannot specify Id in an insert call",
                ("Id",),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "AccountId": "0013z00002QeTIWAA4"},
            (
                "MALFORMED_ID",
                "Account ID: id value of incorrect type: 0013z00002QeTIWAA4",
                ("AccountId",),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "AccountId": "0033z00002fsAupAAE"},
            (
                "FIELD_INTEGRITY_EXCEPTION",
                "Account ID: id value of incorrect type: 0033z00002fsAupAAE",
                ("AccountId",),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "AccountId": "0013z00002QeTIWAA3"},
            (
                "INVALID_CROSS_REFERENCE_KEY",
                "invalid cross reference id",
                (),
            ),
        ),
        (
            "Contact",
            {"LastName": "L", "Account.Ext_Id__c": "Nobody"},
            (
                "INVALID_FIELD",
                "Foreign key external ID: Nobody not found for field Ext_Id__c in entity Account",
                (),
            ),
        ),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_in_salesforces_words(
    org: Org, sobject: str, cells: dict[str, str], error: tuple[str, str, tuple[str, ...]]
) -> None:
    result = _insert(org, sobject, **cells)
    assert _one(result) == error
    assert result.id is None
    assert org.counts()[sobject] == 0


def test_a_refused_row_does_not_stop_the_others(org: Org) -> None:
    results = org.loader("insert", "Contact", ["LastName", "Birthdate"]).save(
        [["Good", "2000-02-29"], ["Bad", "2001-02-29"], ["Good too", ""]]
    )
    assert [result.success for result in results] == [True, False, True]
    assert [row[0] for row in org.query("SELECT LastName FROM Contact").rows()] == [
        "Good",
        "Good too",
    ]


def test_an_insert_fills_in_what_the_org_knows(org: Org, clock: HandClock) -> None:
    result = _insert(org, "Case", Subject="x", IsEscalated="")
    assert (result.success, result.created) == (True, True)
    assert (result.id or "").startswith("500")
    record = org.record("Case", result.id or "")
    stamped = {
        "CaseNumber": "00000001",
        "Status": "New",
        "Priority": "Medium",
        "IsEscalated": False,
        "IsDeleted": False,
        "OwnerId": org.user_id,
        "CreatedById": org.user_id,
        "LastModifiedById": org.user_id,
        "Origin": None,
        **dict.fromkeys(
            ("CreatedDate", "LastModifiedDate", "SystemModstamp"), "2026-11-02T08:30:15.000+0000"
        ),
    }
    assert {name: record[name] for name in stamped} == stamped
    clock.pass_seconds(60)
    org.save_record("update", "Case", {"Id": result.id, "Subject": "y"})
    later = org.record("Case", result.id or "")
    assert later["SystemModstamp"] == later["LastModifiedDate"] == "2026-11-02T08:31:15.000+0000"
    assert later["CreatedDate"] == "2026-11-02T08:30:15.000+0000"


def test_an_empty_cell_leaves_a_field_and_na_clears_it(sample: Org) -> None:
    record_id = _id_of(sample, "Account", "A-001")
    before = sample.record("Account", record_id)
    loader = sample.loader(
        "update", "Account", ["Id", "Phone", "Website", "NumberOfEmployees", "Is_Key_Account__c"]
    )
    (result,) = loader.save([[record_id[:15], "", "#N/A", "7", "#N/A"]])
    assert (result.id, result.success, result.created) == (record_id, True, False)
    after = sample.record("Account", record_id)
    changed = {name: value for name, value in after.items() if before[name] != value}
    assert changed.pop("SystemModstamp") == changed.pop("LastModifiedDate")
    assert changed == {"Website": None, "NumberOfEmployees": 7, "Is_Key_Account__c": False}


def test_rows_of_one_chunk_may_set_different_fields(sample: Org) -> None:
    loader = sample.loader("upsert", "Account", ["Ext_Id__c", "Phone", "Fax"], "Ext_Id__c")
    results = loader.save(
        [["A-001", "1", ""], ["A-002", "", "2"], ["A-003", "", ""], ["a-004", "#N/A", "4"]]
    )
    assert all(result.success and not result.created for result in results)
    soql = "SELECT Phone, Fax FROM Account WHERE Ext_Id__c <= 'A-004' ORDER BY Ext_Id__c"
    assert list(sample.query(soql).rows()) == [
        ("1", None),
        ("+49 451 5550101", "2"),
        (None, None),
        (None, "4"),
    ]


def test_a_new_record_keeps_defaults_for_empty_cells_and_refuses_null_where_there_is_none(
    sample: Org,
) -> None:
    loader = sample.loader("insert", "Task", ["Subject", "Status", "OwnerId"])
    kept, cleared = loader.save([["a", "", ""], ["b", "#N/A", "#N/A"]])
    assert kept.success
    soql = "SELECT Status, OwnerId FROM Task WHERE Subject = 'a'"
    ((status, owner),) = sample.query(soql).rows()
    assert (status, bool(owner)) == ("Not Started", True)
    code, _, fields = _one(cleared)
    assert (code, set(fields)) == ("REQUIRED_FIELD_MISSING", {"OwnerId"})


def test_a_null_of_a_new_record_takes_the_default_of_a_picklist(sample: Org) -> None:
    (saved,) = sample.loader("insert", "Task", ["Subject", "Status"]).save([["c", "#N/A"]])
    assert saved.success
    assert list(sample.query("SELECT Status FROM Task WHERE Subject = 'c'").rows()) == [
        ("Not Started",)
    ]


def test_an_update_must_not_clear_a_required_field(sample: Org) -> None:
    record_id = _id_of(sample, "Contact", "C-002")
    (result,) = sample.loader("update", "Contact", ["Id", "LastName"]).save([[record_id, "#N/A"]])
    assert _one(result)[:2] == ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]")
    assert result.id == record_id


def test_a_persons_name_follows_its_parts(org: Org) -> None:
    record_id = _insert(org, "Contact", FirstName="Ann", LastName="Lee").id or ""
    assert org.record("Contact", record_id)["Name"] == "Ann Lee"
    org.save_record("update", "Contact", {"Id": record_id, "FirstName": None})
    assert org.record("Contact", record_id)["Name"] == "Lee"


def test_decimals_beyond_the_scale_are_rounded(org: Org) -> None:
    record_id = _insert(
        org, "Account", Name="A", AnnualRevenue="-2.5", BillingLatitude="1.5E-15"
    ).id
    record = org.record("Account", record_id or "")
    assert (str(record["AnnualRevenue"]), str(record["BillingLatitude"])) == ("-3.0", "2.0E-15")


def test_external_ids_are_unique_without_case(org: Org) -> None:
    first = _insert(org, "Account", Name="A", Ext_Id__c="Straße-1").id or ""
    assert _one(_insert(org, "Account", Name="B", Ext_Id__c="STRASSE-1")) == (
        "DUPLICATE_VALUE",
        f"duplicate value found: Ext_Id__c duplicates value on record with id: {first[:15]}",
        (),
    )
    results = org.loader("insert", "Account", ["Name", "Ext_Id__c"]).save(
        [["C", "X"], ["D", "x"], ["E", ""], ["F", ""]]
    )
    assert [result.success for result in results] == [True, False, True, True]
    assert (results[0].id or "-")[:15] in results[1].errors[0].message


def test_the_key_of_a_deleted_record_is_free_again(org: Org) -> None:
    first = _insert(org, "Account", Name="A", Ext_Id__c="X").id
    org.save_record("delete", "Account", {"Id": first})
    upserted = org.loader("upsert", "Account", ["Name", "Ext_Id__c"], "Ext_Id__c").save(
        [["B", "x"]]
    )
    assert [(result.success, result.created) for result in upserted] == [(True, True)]
    assert upserted[0].id != first


def test_an_upsert_updates_what_it_finds_and_inserts_the_rest(sample: Org) -> None:
    header = ["ext_ID__c", "Name", "Parent.Ext_Id__c"]
    results = sample.loader("upsert", "account", header, "EXT_id__c").save(
        [
            ["a-001", "Renamed", ""],
            ["New-1", "Newcomer", "A-007"],
            ["", "Nameless key", ""],
            ["New-2", "", ""],
        ]
    )
    assert [(result.success, result.created) for result in results] == [
        (True, False),
        (True, True),
        (False, False),
        (False, False),
    ]
    assert _one(results[2]) == ("MISSING_ARGUMENT", "Ext_Id__c not specified", ())
    assert _one(results[3])[0] == "REQUIRED_FIELD_MISSING"
    soql = "SELECT Name, Parent.Name FROM Account WHERE Ext_Id__c IN ('A-001', 'New-1')"
    assert sorted(sample.query(soql).rows()) == [
        ("Newcomer", "Nordlicht Holding AG"),
        ("Renamed", "Nordlicht Holding AG"),
    ]


def test_a_key_twice_in_a_chunk_refuses_all_its_rows_and_in_two_chunks_none(org: Org) -> None:
    loader = org.loader("upsert", "Account", ["Ext_Id__c", "Name"], "Ext_Id__c")
    results = loader.save([["K", "1"], ["other", "2"], ["k", "3"]])
    assert [result.success for result in results] == [False, True, False]
    assert _one(results[0]) == (
        "DUPLICATE_VALUE",
        "Duplicate external id specified: K",
        ("Ext_Id__c",),
    )
    assert loader.save([["K", "1"]])[0].created
    assert not loader.save([["k", "3"]])[0].created


def test_an_upsert_by_id_without_id_inserts(sample: Org) -> None:
    record_id = _id_of(sample, "Account", "A-001")
    results = sample.loader("upsert", "Account", ["Id", "Name"], "Id").save(
        [["", "New"], [record_id, "Old"], ["001000000000001AAA", "Nobody"]]
    )
    assert [(result.success, result.created) for result in results] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert _one(results[2])[0] == "INVALID_CROSS_REFERENCE_KEY"


def test_several_records_of_one_key_are_too_many(org: Org) -> None:
    ids = [_insert(org, "Contact", LastName=name, Email="same@example.com").id for name in "ab"]
    (result,) = org.loader("upsert", "Contact", ["Email", "LastName"], "Email").save(
        [["SAME@example.com", "c"]]
    )
    listed = ", ".join(str(one) for one in ids)
    assert _one(result) == (
        "DUPLICATE_EXTERNAL_ID",
        f"Email: more than one record found for external id field: [{listed}]",
        (),
    )


@pytest.mark.parametrize("operation", ["update", "delete", "hardDelete"])
def test_rows_about_no_record_say_why(sample: Org, operation: Any) -> None:
    gone = _id_of(sample, "Case", "K-001")
    sample.save_record("delete", "Case", {"Id": gone})
    ids = ["", "nonsense", gone, "500000000000001AAA", "0013z00002QeTIW"]
    results = sample.loader(operation, "Case", ["Id"]).save([[one] for one in ids])
    call = "an update" if operation == "update" else "a delete"
    assert [_one(result) for result in results] == [
        ("MISSING_ARGUMENT", f"Id not specified in {call} call", ()),
        ("MALFORMED_ID", "malformed id nonsense", ("Id",)),
        ("ENTITY_IS_DELETED", "entity is deleted", ()),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ()),
        ("MALFORMED_ID", "Case ID: id value of incorrect type: 0013z00002QeTIW", ("Id",)),
    ]


def test_delete_fills_the_recycle_bin_and_hard_delete_leaves_nothing(
    sample: Org, clock: HandClock
) -> None:
    clock.pass_seconds(5)
    soft, hard = _id_of(sample, "Case", "K-002"), _id_of(sample, "Case", "K-003")
    assert sample.loader("delete", "Case", ["ID"]).save([[soft]])[0].id == soft
    assert sample.loader("hardDelete", "Case", ["Id"]).save([[hard[:15]]])[0].id == hard
    soql = f"SELECT Id, IsDeleted, SystemModstamp FROM Case WHERE Id IN ('{soft}', '{hard}')"  # noqa: S608 - SOQL
    assert list(sample.query(soql).rows()) == []
    assert list(sample.query(soql, all_rows=True).rows()) == [
        (soft, "true", "2026-11-02T08:30:20.000Z")
    ]


def test_a_lookup_to_a_deleted_record_is_refused(sample: Org) -> None:
    soql = "SELECT Id FROM Account WHERE Ext_Id__c = 'A-022'"
    deleted = str(next(sample.query(soql, all_rows=True).rows())[0])
    assert _one(_insert(sample, "Contact", LastName="L", AccountId=deleted)) == (
        "ENTITY_IS_DELETED",
        "entity is deleted",
        (),
    )
    result = _insert(sample, "Contact", **{"LastName": "L", "Account.Ext_Id__c": "A-022"})
    assert _one(result)[0] == "INVALID_FIELD"


def test_parents_are_found_by_their_keys_polymorphic_ones_too(sample: Org) -> None:
    header = ["Subject", "Contact:Who.Ext_Id__c", "Invoice__c:What.Name", "Owner.Username"]
    (result,) = sample.loader("insert", "Task", header).save(
        [["Call", "c-002", "INV-0003", "AIKO.tanabe@example.com"]]
    )
    assert result.success, result.errors
    soql = (
        f"SELECT Who.Name, What.Type, What.Name, Owner.FirstName FROM Task WHERE Id = '{result.id}'"  # noqa: S608 - SOQL
    )
    assert list(sample.query(soql).rows()) == [("Omar Haddad", "Invoice__c", "INV-0003", "Aiko")]


def test_a_row_cannot_point_at_another_row_of_its_chunk(org: Org) -> None:
    loader = org.loader("upsert", "Account", ["Ext_Id__c", "Name", "Parent.Ext_Id__c"], "Ext_Id__c")
    results = loader.save([["P", "Parent", ""], ["C", "Child", "P"]])
    assert [result.success for result in results] == [True, False]
    assert loader.save([["C", "Child", "P"]])[0].success


@pytest.mark.parametrize(
    ("operation", "header", "key", "fault"),
    [
        ("insert", ["Name", "Foo__c"], None, "InvalidBatch: Field name not found : Foo__c"),
        ("insert", ["BillingAddress"], None, "InvalidBatch: Field name not found : BillingAddress"),
        ("insert", ["Parent.Name"], None, "InvalidBatch: Field name not found : Parent.Name"),
        ("insert", ["Account:Parent.Ext_Id__c"], None, "InvalidBatch: type is not needed for non polymorphic foreign key references: Parent"),
        ("insert", ["account:parent.Nothing"], None, "InvalidBatch: type is not needed for non polymorphic foreign key references: Parent"),
        ("insert", ["Parent:Account.Ext_Id__c"], None, "InvalidBatch: Unable to find relationship: Account"),
        ("insert", ["Parent:Account:Ext_Id__c"], None, "InvalidBatch: Field name not found : Parent:Account:Ext_Id__c"),
        ("insert", ["Foo.Email"], None, "InvalidBatch: Unable to find relationship: Foo"),
        ("insert", ["Parent.Parent.Ext_Id__c"], None, "InvalidBatch: Field name not found : Parent.Parent.Ext_Id__c"),
        ("insert", ["Name", "NAME"], None, "InvalidBatch: Field name is given twice : NAME"),
        ("upsert", ["Name"], "Ext_Id__c", "InvalidBatch: Field name not found : Ext_Id__c"),
        ("upsert", ["Website"], "Website", "InvalidJob: Field name provided, website does not match an External ID, Salesforce Id, or indexed field for Account"),
        ("delete", ["Id", "Name"], None, "InvalidBatch: The 'delete' batch must contain only ids"),
        ("hardDelete", ["Id", "Name"], None, "InvalidBatch: The 'hardDelete' batch must contain only ids"),
        ("delete", ["Name"], None, "InvalidBatch: The 'delete' batch must contain only ids"),
    ],
)  # fmt: skip
def test_a_header_that_does_not_fit_faults_the_load(
    org: Org, operation: Any, header: list[str], key: str | None, fault: str
) -> None:
    with pytest.raises(Fault) as refused:
        org.loader(operation, "Account", header, key)
    assert str(refused.value) == fault


def test_a_polymorphic_relationship_needs_its_object(org: Org) -> None:
    with pytest.raises(Fault, match=r"Field name not found : Who\.Ext_Id__c"):
        org.loader("insert", "Task", ["Who.Ext_Id__c"])


def test_an_object_that_is_never_deleted_refuses_the_load(org: Org) -> None:
    with pytest.raises(Fault) as refused:
        org.loader("delete", "User", ["Id"])
    assert refused.value.code == "INVALID_TYPE_FOR_OPERATION"
    assert refused.value.message == "entity type User does not support delete"


def test_salesforce_saves_200_rows_at_once_and_no_more(org: Org) -> None:
    loader = org.loader("insert", "Account", ["Name"])
    assert [result.success for result in loader.save([["A"]] * 200)] == [True] * 200
    with pytest.raises(ValueError, match="201 rows"):
        loader.save([["A"]] * 201)
    assert loader.save([]) == []


def test_json_records_clear_by_null_and_keep_na_as_text(org: Org) -> None:
    saved = org.save_record(
        "insert",
        "Contact",
        {
            "attributes": {"type": "Contact"},
            "LastName": "#N/A",
            "FirstName": "",
            "HasOptedOutOfEmail": True,
            "Birthdate": None,
            "MailingLatitude": 0.1,
        },
    )
    record = org.record("Contact", saved.id or "")
    assert (record["LastName"], record["FirstName"]) == ("#N/A", None)
    assert record["HasOptedOutOfEmail"] is True
    assert str(record["MailingLatitude"]) == "0.1"


def test_a_json_parent_may_be_named_by_its_key(sample: Org) -> None:
    saved = sample.save_record(
        "insert", "Contact", {"LastName": "L", "Account": {"Ext_Id__c": "a-018"}}
    )
    account = sample.record("Contact", saved.id or "", ["AccountId"])["AccountId"]
    assert account == _id_of(sample, "Account", "A-018")


def test_an_unknown_json_field_is_a_fault(org: Org) -> None:
    with pytest.raises(Fault) as refused:
        org.save_record("insert", "Contact", {"foo": 1})
    assert refused.value.code == "INVALID_FIELD"
    assert refused.value.message == "No such column 'foo' on sobject of type Contact"


@pytest.mark.parametrize("record_id", ["0013z00002QeTIWAA3", "nonsense", "' OR Id != '"])
def test_a_record_that_is_not_there_is_not_found(sample: Org, record_id: str) -> None:
    with pytest.raises(Fault) as refused:
        sample.record("Account", record_id)
    assert (refused.value.code, refused.value.status) == ("NOT_FOUND", 404)
    assert refused.value.message == "The requested resource does not exist"

"""Each error of a row is written down as Salesforce gave it, and the row is not sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

LASTING = [
    ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
    ("DUPLICATE_VALUE", "duplicate value found: E__c duplicates value on record with id: 001", []),
    ("STRING_TOO_LONG", "Account Name: data value too large: value (max length=255)", ["Name"]),
    ("INVALID_TYPE_ON_FIELD_IN_RECORD", "Count: value not of required type: many", ["Count__c"]),
    (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Status: bad value for restricted picklist field: Closed",
        ["Status__c"],
    ),
    ("INVALID_EMAIL_ADDRESS", "Email: invalid email address: badone", ["Email__c", "Mail2__c"]),
    ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
    (
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        (
            "Unable to create/update fields: Name. Please check the security settings of this "
            "field and verify that it is read/write for your profile or permission set."
        ),
        ["Name"],
    ),
    ("MISSING_ARGUMENT", "Id not specified in an update call", []),
    ("MALFORMED_ID", "Account ID: id value of incorrect type: 003000000000001", ["AccountId"]),
    ("ENTITY_IS_DELETED", "entity is deleted", []),
    ("DUPLICATE_EXTERNAL_ID", "E__c: more than one record found: [001A, 001B]", []),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 'A rule\'s own: text, "quoted":\nin two lines', []),
    ("FIELD_INTEGRITY_EXCEPTION", "There's a problem with this state: Bayern", ["BillingState"]),
    ("DUPLICATES_DETECTED", "Use one of these records?", []),
    (
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        (
            "Tidy: execution of BeforeUpdate\n\ncaused by: System.NullPointerException: Attempt to "
            "de-reference a null object\n\nTrigger.Tidy: line 12, column 1"
        ),
        [],
    ),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", "We can't save this record: the “Ünï” process failed.", []),
    ("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", []),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "insufficient access rights", []),
    ("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", []),
    ("DELETE_FAILED", "Your attempt to delete Acme could not be completed", []),
    ("NUMBER_OUTSIDE_VALID_RANGE", "Count: value outside of valid range: 1e99", ["Count__c"]),
    ("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", []),
    # One that no list has: Salesforce adds codes with each release.
    ("A_CODE_OF_NEXT_YEAR", "", []),
]

PASSING = [
    "UNABLE_TO_LOCK_ROW",
    "ENTITY_IS_LOCKED",
    "TOO_MANY_APEX_REQUESTS",
    "QUERY_TIMEOUT",
    "REQUEST_RUNNING_TOO_LONG",
    "SERVER_UNAVAILABLE",
    "UNKNOWN_EXCEPTION",
]


def test_each_error_that_passes_is_tried_again(org: Org) -> None:
    for code in PASSING:
        org.sandbox.control.add_fault(
            kind="row_error", where={"Ext_Id__c": code}, code=code, attempts=1
        )
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c"),
        *(record("Account", Ext_Id__c=code, Name="x") for code in [*PASSING, "good"]),
        state(done=1),
        external_id="Ext_Id__c",
    )
    assert (run.code, run.states) == (0, [{"done": 1}]), run.log
    assert org.jobs_created() == 2
    report = run.report("Account")
    assert (report["loaded"], report["created"], report["rejected"]) == (8, 8, 0)


def test_each_error_of_a_row_is_written_down_as_it_came(org: Org) -> None:
    for number, (code, message, fields) in enumerate(LASTING):
        org.sandbox.control.add_fault(
            kind="row_error",
            where={"Ext_Id__c": f"E-{number}"},
            code=code,
            message=message,
            fields=fields,
        )
    refused = [record("Account", Ext_Id__c=f"E-{n}", Name=f"Bad {n}") for n in range(len(LASTING))]
    good = [record("Account", Ext_Id__c=f"G-{n}", Name=f"Good {n}") for n in range(3)]
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c"),
        *refused,
        *good,
        state(done=1),
        external_id="Ext_Id__c",
    )
    assert run.code == 1
    assert run.states == [{"done": 1}]
    found = [
        (line["record"]["Ext_Id__c"], line["kind"], line["code"], line["message"], line["fields"])
        for line in run.rejects("Account")
    ]
    assert found == [
        (f"E-{number}", "rejected", code, message, fields)
        for number, (code, message, fields) in enumerate(LASTING)
    ]
    assert [row["Ext_Id__c"] for row in org.query("SELECT Ext_Id__c FROM Account")] == [
        "G-0",
        "G-1",
        "G-2",
    ]
    # A second try would be refused too.
    assert org.jobs_created() == 1
    assert [message for _, message, _ in LASTING if message and message in run.log] == []

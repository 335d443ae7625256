"""Single records, describes and queries over REST."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

NOT_FOUND = ("NOT_FOUND", "The requested resource does not exist")


def create(org: Org, sobject: str, **values: object) -> str:
    answer = org.call("POST", f"/sobjects/{sobject}", json=values)
    assert answer.status_code == 201, answer.text
    record_id = answer.json()["id"]
    assert isinstance(record_id, str)
    return record_id


def test_a_record_is_created_read_changed_and_deleted(org: Org) -> None:
    answer = org.call("POST", "/sobjects/Account/", json={"Name": "Acme", "AnnualRevenue": 1e7})
    record_id = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.text == f'{{"id":"{record_id}","success":true,"errors":[]}}'
    path = f"/services/data/v68.0/sobjects/Account/{record_id}"
    assert answer.headers["Location"] == path

    record = org.json("GET", f"/sobjects/Account/{record_id}")
    assert list(record)[:2] == ["attributes", "Id"]
    assert record["attributes"] == {"type": "Account", "url": path}
    assert record["Name"] == "Acme"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", record["CreatedDate"])

    changed = org.call("PATCH", f"/sobjects/Account/{record_id}", json={"Name": "Apex"})
    assert (changed.status_code, changed.content) == (204, b"")
    few = org.json("GET", f"/sobjects/account/{record_id}?fields=Name,Id")
    assert {name: few[name] for name in few if name != "attributes"} == {
        "Name": "Apex",
        "Id": record_id,
    }

    gone = org.call("DELETE", f"/sobjects/Account/{record_id}")
    assert (gone.status_code, gone.content) == (204, b"")
    again = org.get(f"/sobjects/Account/{record_id}")
    assert again.status_code == 404
    assert faults_of(again) == [("ENTITY_IS_DELETED", "entity is deleted")]


def test_numbers_keep_their_own_digits(org: Org) -> None:
    body = b'{"Name": "N", "Ledger_Number__c": 123456789012345678, "AnnualRevenue": 912260031}'
    headers = {"Content-Type": "application/json"}
    record_id = org.json("POST", "/sobjects/Account", data=body, headers=headers)["id"]
    fields = "Ledger_Number__c,AnnualRevenue,NumberOfEmployees"
    text = org.get(f"/sobjects/Account/{record_id}?fields={fields}").text
    assert '"Ledger_Number__c":1.23456789012345678E17' in text
    assert '"AnnualRevenue":9.12260031E8' in text
    assert '"NumberOfEmployees":null' in text


def test_a_refused_record_is_a_400_with_code_and_fields(org: Org) -> None:
    answer = org.call("POST", "/sobjects/Contact", json={"FirstName": "Ann"})
    assert answer.status_code == 400
    assert answer.json() == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]


def test_an_unknown_field_is_refused_as_recorded(org: Org) -> None:
    answer = org.call("POST", "/sobjects/Account", json={"foo": 1})
    assert answer.status_code == 400
    assert faults_of(answer) == [
        ("INVALID_FIELD", "No such column 'foo' on sobject of type Account")
    ]


def test_upsert_by_external_id_creates_then_updates(org: Org) -> None:
    path = "/sobjects/Account/Ext_Id__c/A-1"
    first = org.call("PATCH", path, json={"Name": "One"})
    record_id = first.json()["id"]
    assert first.status_code == 201
    assert first.text == f'{{"id":"{record_id}","success":true,"errors":[],"created":true}}'
    second = org.call("PATCH", path, json={"Name": "Two"})
    assert second.status_code == 200
    assert second.json() == {"id": record_id, "success": True, "errors": [], "created": False}
    assert org.json("GET", path)["Name"] == "Two"
    assert org.call("DELETE", path).status_code == 204
    assert org.get(path).status_code == 404


def test_an_upsert_that_updates_has_no_body_before_46(sandbox: Sandbox, org: Org) -> None:
    create(org, "Account", Name="One", Ext_Id__c="A-1")
    old = Org(sandbox, "45.0")
    answer = old.call("PATCH", "/sobjects/Account/Ext_Id__c/A-1", json={"Name": "Two"})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_key_of_several_records_is_a_300_with_their_urls(org: Org, method: str) -> None:
    ids = [create(org, "Contact", LastName=name, Email="a@example.com") for name in "AB"]
    answer = org.call(method, "/sobjects/Contact/Email/a@example.com", json={"LastName": "C"})
    assert answer.status_code == 300
    assert sorted(answer.json()) == [f"/services/data/v68.0/sobjects/Contact/{one}" for one in ids]


def test_a_key_that_is_no_external_id_is_named(org: Org) -> None:
    answer = org.call("PATCH", "/sobjects/Account/Website/x", json={"Name": "C"})
    assert answer.status_code == 404
    assert faults_of(answer) == [
        (
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: Website",
        )
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sobjects/Nothing__c/describe"),
        ("POST", "/sobjects/Nothing__c"),
        ("GET", "/sobjects/Account/001000000000000AAA"),
        ("PATCH", "/sobjects/Account/001000000000000AAA"),
    ],
)
def test_what_does_not_exist_is_not_found(org: Org, method: str, path: str) -> None:
    answer = org.call(method, path, json={"Name": "x"})
    assert answer.status_code == 404
    assert faults_of(answer) == [NOT_FOUND]


def test_deleting_what_never_was_and_what_is_deleted_already_are_told_apart(org: Org) -> None:
    """As django-salesforce's live tests have it."""
    nowhere = org.call("DELETE", "/sobjects/Account/001000000000000AAA")
    assert nowhere.status_code == 404
    assert faults_of(nowhere) == [("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")]
    record_id = create(org, "Account", Name="A")
    assert org.call("DELETE", f"/sobjects/Account/{record_id}").status_code == 204
    again = org.call("DELETE", f"/sobjects/Account/{record_id}")
    assert again.status_code == 404
    assert faults_of(again) == [("ENTITY_IS_DELETED", "entity is deleted")]
    by_key = org.call("DELETE", "/sobjects/Account/Ext_Id__c/never")
    assert (by_key.status_code, faults_of(by_key)) == (404, [NOT_FOUND])


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/sobjects/Account/describe/layouts", "Layouts"),
        ("/sobjects/Account/describe/layouts/012000000000000AAA", "Layouts"),
        ("/sobjects/User/describe/namedLayouts/UserAlt", "Layouts"),
        ("/sobjects/Account/describe/compactLayouts", "Compact layouts"),
        ("/sobjects/Account/describe/approvalLayouts/", "Approval layouts"),
        ("/sobjects/Account/listviews", "List views"),
        ("/sobjects/Account/listviews/00B000000000000AAA/results", "List views"),
        ("/sobjects/Account/quickActions", "Quick actions"),
        ("/query?explain=SELECT Id FROM Account", "Query plans (explain)"),
        ("/query?explain=00B000000000000AAA", "Query plans (explain)"),
        ("/recent?limit=2", "Recently viewed records"),
        ("/search?q=FIND {x}", "Search (SOSL)"),
        ("/tooling/sobjects", "The Tooling API"),
        ("/tabs", "Tabs"),
        ("/composite/tree/Account", "Trees of records"),
    ],
)
def test_what_is_not_done_says_so_by_name(org: Org, path: str, named: str) -> None:
    answer = org.get(path)
    assert answer.status_code == 404
    text = f"{named}: not supported by sfbulk-sandbox, see docs/sandbox-coverage.md"
    assert faults_of(answer) == [("NOT_FOUND", text)]


def test_what_is_not_done_says_so_inside_a_composite_too(org: Org) -> None:
    url = "/services/data/v68.0/sobjects/Account/listviews"
    request = {"method": "GET", "url": url, "referenceId": "a"}
    (part,) = org.json("POST", "/composite", json={"compositeRequest": [request]})[
        "compositeResponse"
    ]
    assert part["httpStatusCode"] == 404
    assert part["body"][0]["message"].startswith("List views: not supported")


def test_every_org_has_its_standard_price_book(org: Org) -> None:
    soql = "SELECT Id, IsActive, IsStandard FROM Pricebook2 WHERE Name = 'Standard Price Book'"
    (book,) = org.json("GET", "/query", params={"q": soql})["records"]
    assert (book["IsActive"], book["IsStandard"]) == (True, True)
    product = create(org, "Product2", Name="P", ProductCode="P-1")
    entry = {"Pricebook2Id": book["Id"], "Product2Id": product, "UnitPrice": 1, "IsActive": True}
    price = org.json("GET", f"/sobjects/PricebookEntry/{create(org, 'PricebookEntry', **entry)}")
    assert (price["Name"], price["ProductCode"], price["UnitPrice"]) == ("P", "P-1", 1)


def test_the_global_describe_lists_objects_in_short(org: Org) -> None:
    document = org.json("GET", "/sobjects/")
    assert list(document) == ["encoding", "maxBatchSize", "sobjects"]
    assert (document["encoding"], document["maxBatchSize"]) == ("UTF-8", 200)
    account = next(entry for entry in document["sobjects"] if entry["name"] == "Account")
    assert account["keyPrefix"] == "001"
    assert account["urls"]["rowTemplate"] == "/services/data/v68.0/sobjects/Account/{ID}"
    assert "fields" not in account


def test_an_object_describe_has_its_fields_in_any_letter_case_of_the_name(org: Org) -> None:
    described = org.json("GET", "/sobjects/account/describe/")
    assert described["name"] == "Account"
    by_name = {field["name"]: field for field in described["fields"]}
    assert by_name["Id"]["soapType"] == "tns:ID"
    assert by_name["Ext_Id__c"]["externalId"] is True
    assert len(by_name["Name"]) == 57
    assert described["urls"]["describe"] == "/services/data/v68.0/sobjects/Account/describe"


FIELD_KEYS_SINCE_46 = {"aiPredictionField", "formulaTreatNullNumberAsZero"}
OBJECT_KEYS_SINCE_48 = {
    *("deepCloneable", "defaultImplementation", "extendedBy", "extendsInterfaces"),
    *("implementedBy", "implementsInterfaces", "isInterface"),
}
OBJECT_KEYS_SINCE_50 = {"associateEntityType", "associateParentEntity"}


def test_older_versions_describe_with_fewer_keys(sandbox: Sandbox) -> None:
    def keys(version: str, path: str) -> tuple[set[str], set[str], set[str]]:
        described = Org(sandbox, version).json("GET", path)
        entry = described.get("sobjects", [described])[0]
        field, kind = (entry.get(name, [{}])[0] for name in ("fields", "recordTypeInfos"))
        return set(entry), set(field), set(kind)

    whole, field, kind = keys("68.0", "/sobjects/Account/describe")
    assert len(field) == 57
    assert keys("42.0", "/sobjects/Account/describe") == (
        whole - OBJECT_KEYS_SINCE_48 - OBJECT_KEYS_SINCE_50,
        field - FIELD_KEYS_SINCE_46,
        kind - {"developerName"},
    )
    assert keys("48.0", "/sobjects/Account/describe")[0] == whole - OBJECT_KEYS_SINCE_50
    short = keys("68.0", "/sobjects")[0]
    assert keys("46.0", "/sobjects")[0] == short - OBJECT_KEYS_SINCE_48 - OBJECT_KEYS_SINCE_50


def test_urls_name_pages_for_people_whole_and_only_in_the_objects_own_describe(org: Org) -> None:
    urls = org.json("GET", "/sobjects/Account/describe")["urls"]
    assert list(urls) == [
        *("compactLayouts", "rowTemplate", "approvalLayouts", "uiDetailTemplate"),
        *("uiEditTemplate", "listviews", "describe", "uiNewRecord", "quickActions", "layouts"),
        "sobject",
    ]
    assert urls["uiDetailTemplate"] == org.sandbox.url + "/{ID}"
    assert urls["uiNewRecord"] == org.sandbox.url + "/001/e"
    basic = org.json("GET", "/sobjects/Account")
    assert list(basic) == ["objectDescribe", "recentItems"]
    assert list(basic["objectDescribe"]["urls"]) == [name for name in urls if name[:2] != "ui"]
    document = org.json("GET", "/sobjects/Document/describe")
    assert list(document["urls"]) == ["rowTemplate", "describe", "sobject"]


def test_named_fields_come_in_their_order_and_with_the_id(org: Org) -> None:
    record_id = create(org, "Account", Name="Acme", Phone="1")
    record = org.json("GET", f"/sobjects/Account/{record_id[:15]}?fields=Phone,Name")
    url = f"/services/data/v68.0/sobjects/Account/{record_id}"
    assert list(record.items()) == [
        ("attributes", {"type": "Account", "url": url}),
        ("Phone", "1"),
        ("Name", "Acme"),
        ("Id", record_id),
    ]
    answer = org.get(f"/sobjects/Account/{record_id}?fields=Nmae")
    assert faults_of(answer) == [
        ("INVALID_FIELD", "No such column 'Nmae' on sobject of type Account")
    ]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_is_no_id_is_told_from_what_looks_like_one(org: Org, method: str) -> None:
    # recordings/rest/restforce_sobject_find_error_response.json
    answer = org.call(method, "/sobjects/Account/23foo", json={"Name": "x"})
    assert answer.status_code == 404
    text = "Provided external ID field does not exist or is not accessible: 23foo"
    assert faults_of(answer) == [("NOT_FOUND", text)]
    answer = org.call(method, "/sobjects/Account/001900K0001pPuOAAU", json={"Name": "x"})
    assert answer.status_code == 400
    # REST guide: Status Codes and Error Responses.
    text = "Account ID: id value of incorrect type: 001900K0001pPuOAAU"
    assert faults_of(answer) == [("MALFORMED_ID", text)]


def test_a_file_is_read_under_the_path_that_its_record_shows(org: Org) -> None:
    folder = create(org, "Folder", Name="F", AccessType="Public", Type="Document")
    body = base64.b64encode(b"\x00\r\nbytes").decode()
    record_id = create(org, "Document", Name="a.bin", Body=body, FolderId=folder)
    record = org.json("GET", f"/sobjects/Document/{record_id}")
    assert record["Body"] == f"/services/data/v68.0/sobjects/Document/{record_id}/Body"
    answer = org.get(record["Body"])
    assert answer.content == b"\x00\r\nbytes"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert org.get(f"/sobjects/Document/{record_id}/Name").status_code == 404


def test_record_counts_leave_out_empty_objects(org: Org) -> None:
    create(org, "Account", Name="One")
    answer = org.json("GET", "/limits/recordCount?sObjects=Account,Contact")
    assert answer == {"sObjects": [{"count": 1, "name": "Account"}]}


def test_a_query_answers_nested_records_with_attributes(org: Org) -> None:
    parent = create(org, "Account", Name="Acme")
    child = create(org, "Contact", LastName="Ann", AccountId=parent)
    create(org, "Contact", LastName="Bob")
    soql = "SELECT Id, LastName, Account.Name FROM Contact ORDER BY LastName"
    answer = org.get("/query/", params={"q": soql})
    base = "/services/data/v68.0/sobjects"
    first, second = answer.json()["records"]
    assert list(answer.json()) == ["totalSize", "done", "records"]
    assert first == {
        "attributes": {"type": "Contact", "url": f"{base}/Contact/{child}"},
        "Id": child,
        "LastName": "Ann",
        "Account": {
            "attributes": {"type": "Account", "url": f"{base}/Account/{parent}"},
            "Name": "Acme",
        },
    }
    assert second["Account"] is None


def test_a_count_has_a_total_and_no_records(org: Org) -> None:
    create(org, "Account", Name="One")
    answer = org.get("/query", params={"q": "SELECT COUNT() FROM Account"})
    assert answer.text == '{"totalSize":1,"done":true,"records":[]}'


def test_query_all_also_answers_the_recycle_bin(org: Org) -> None:
    record_id = create(org, "Account", Name="One")
    assert org.call("DELETE", f"/sobjects/Account/{record_id}").status_code == 204
    params = {"q": "SELECT Id, IsDeleted FROM Account"}
    assert org.json("GET", "/query", params=params)["totalSize"] == 0
    assert org.json("GET", "/queryAll", params=params)["records"][0]["IsDeleted"] is True


def test_long_results_come_in_pages_that_can_be_asked_again(org: Org) -> None:
    rows = "".join(f"row {n}\n" for n in range(450))
    org.load("Account", "insert", f"Name\n{rows}".encode())
    headers = {"Sforce-Query-Options": "batchSize=200"}
    params = {"q": "SELECT Name FROM Account"}
    page = org.json("GET", "/query", params=params, headers=headers)
    assert list(page) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert re.fullmatch(r"/services/data/v68\.0/query/01g\w{15}-200", page["nextRecordsUrl"])
    sizes, names = [], set()
    while True:
        assert page["totalSize"] == 450
        sizes.append(len(page["records"]))
        names |= {record["Name"] for record in page["records"]}
        if page["done"]:
            break
        again = org.json("GET", page["nextRecordsUrl"], headers=headers)
        page = org.json("GET", page["nextRecordsUrl"], headers=headers)
        assert page == again
    assert "nextRecordsUrl" not in page
    assert sizes == [200, 200, 50]
    assert names == {f"row {n}" for n in range(450)}
    assert org.json("GET", "/query", params=params)["done"] is True


def test_a_locator_that_was_never_given_is_refused(org: Org) -> None:
    answer = org.get("/query/01g000000000000AAA-2000")
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == "INVALID_QUERY_LOCATOR"


def test_an_unknown_object_is_refused_with_the_recorded_text(org: Org) -> None:
    answer = org.get("/query", params={"q": "select count() from XYZZY"})
    assert answer.status_code == 400
    # recordings/rest/cumulusci_composite_invalid_type.json
    assert answer.json() == [
        {
            "message": "\nselect count() from XYZZY\n                    ^\n"
            "ERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported. If you are "
            "attempting to use a custom object, be sure to append the '__c' after the entity "
            "name. Please reference your WSDL or the describe call for the appropriate names.",
            "errorCode": "INVALID_TYPE",
        }
    ]


def test_a_query_without_soql_is_refused(org: Org) -> None:
    assert faults_of(org.get("/query"))[0][0] == "MALFORMED_QUERY"

"""Calls that hold calls, and collections of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    import requests


BASE = "/services/data/v68.0"


def account(name: str | None, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **values}


def composite(org: Org, *requests: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    body = {"compositeRequest": list(requests), **options}
    answers: list[dict[str, Any]] = org.json("POST", "/composite", json=body)["compositeResponse"]
    return answers


def query(soql: str) -> dict[str, Any]:
    return {"method": "GET", "url": f"{BASE}/query/?q={soql}"}


def names(org: Org) -> list[str]:
    return sorted(
        row["Name"] for row in org.json("GET", "/query?q=SELECT Name FROM Account")["records"]
    )


def test_a_collection_saves_each_record_by_itself(org: Org) -> None:
    contact = {"attributes": {"type": "Contact"}, "LastName": "C"}
    records = [account("A"), account(None), contact, account("B")]
    answer = org.call("POST", "/composite/sobjects", json={"records": records})
    assert answer.status_code == 200
    first, second, third, fourth = answer.json()
    assert list(first) == ["id", "success", "errors"]
    assert second == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert [first["id"][:3], third["id"][:3], fourth["id"][:3]] == ["001", "003", "001"]
    assert names(org) == ["A", "B"]


def test_all_or_none_undoes_what_was_saved(org: Org) -> None:
    body = {"allOrNone": True, "records": [account("A"), account(None)]}
    first, second = org.json("POST", "/composite/sobjects", json=body)
    assert first["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert second["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert names(org) == []
    body["records"] = [account("A"), account("B")]
    saved = org.json("POST", "/composite/sobjects", json=body)
    assert [one["success"] for one in saved] == [True, True]
    assert names(org) == ["A", "B"]


def test_a_collection_updates_and_deletes_by_id(org: Org) -> None:
    saved = org.json(
        "POST", "/composite/sobjects", json={"records": [account("A", Phone="1"), account("B")]}
    )
    first, second = (one["id"] for one in saved)
    # Some clients write Id, others id; a record says nothing of another's fields.
    changes = [account("A2", id=first), account("B2", Id=second, Phone="2")]
    changed = org.json("PATCH", "/composite/sobjects", json={"records": changes})
    assert changed == [{"id": one, "success": True, "errors": []} for one in (first, second)]
    assert names(org) == ["A2", "B2"]
    assert org.json("GET", f"/sobjects/Account/{first}?fields=Phone")["Phone"] == "1"
    path = f"/composite/sobjects?ids={first},001000000000000AAA,zzz"
    results = org.json("DELETE", path)
    assert [one["success"] for one in results] == [True, False, False]
    assert results[2]["errors"][0]["statusCode"] == "MALFORMED_ID"
    assert names(org) == ["B2"]
    results = org.json("DELETE", f"/composite/sobjects?ids={second},{first}&allOrNone=true")
    assert results[1]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"
    assert names(org) == ["B2"]


def test_a_collection_upserts_by_external_id_and_by_id(org: Org) -> None:
    path = "/composite/sobjects/Account/Ext_Id__c"
    body = {"records": [account("A", Ext_Id__c="1"), account("B", Ext_Id__c="2"), account("C")]}
    first, second, third = org.json("PATCH", path, json=body)
    assert list(first) == ["id", "success", "errors", "created"]
    assert first["created"] is second["created"] is True
    assert third["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    again = org.json("PATCH", path, json={"records": [account("A2", Ext_Id__c="1")]})
    assert again == [{**first, "created": False}]
    by_id = {"records": [account("New", Id=None), account("A3", Id=first["id"])]}
    new, old = org.json("PATCH", "/composite/sobjects/Account/Id", json=by_id)
    assert (new["created"], old["created"]) == (True, False)
    assert names(org) == ["A3", "B", "New"]


def test_a_refused_row_of_an_upsert_says_whether_it_would_have_made_a_record(org: Org) -> None:
    """As jsforce's live tests have it of a collection that is rolled back."""
    path = "/composite/sobjects/Account/Ext_Id__c"
    org.json("PATCH", path, json={"records": [account("Old", Ext_Id__c="0")]})
    records = [
        account("A", Ext_Id__c="1"),
        account("O", Ext_Id__c="0"),
        account(None, Ext_Id__c="2"),
    ]
    rows = org.json("PATCH", path, json={"records": records, "allOrNone": True})
    assert [list(row) for row in rows] == [["success", "errors", "created"]] * 3
    assert [row["created"] for row in rows] == [True, False, True]
    assert not any(row["success"] for row in rows)
    assert names(org) == ["Old"]
    kept = org.json("PATCH", path, json={"records": [*records, account("B")]})
    assert [(row["success"], row["created"]) for row in kept] == [
        (True, True),
        (True, False),
        (False, True),
        (False, True),
    ]


def test_a_collection_by_a_field_that_is_no_key_is_refused(org: Org) -> None:
    body = {"records": [account("A", Website="x")]}
    answer = org.call("PATCH", "/composite/sobjects/Account/Website", json=body)
    assert answer.status_code == 404
    assert "Website" in faults_of(answer)[0][1]


def test_a_collection_is_read_by_ids_with_null_for_what_is_not_there(org: Org) -> None:
    records = [account("A", Phone="1"), account("B")]
    saved = org.json("POST", "/composite/sobjects", json={"records": records})
    first, second = (one["id"] for one in saved)
    org.call("DELETE", f"/sobjects/Account/{second}")
    nowhere = "001000000000000AAA"
    ids = [first, nowhere, second, "x", first[:15]]
    one = {
        "attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{first}"},
        "Phone": "1",
        "Name": "A",
        "Id": first,
    }
    path = "/composite/sobjects/Account"
    by_url = org.json("GET", f"{path}?ids={','.join(ids)}&fields=Phone,Name")
    assert by_url == [one, None, None, None, one]
    body = {"ids": ids, "fields": ["Phone", "Name"]}
    assert org.json("POST", path, json=body) == by_url
    for wrong in ({"ids": first, "fields": []}, {"ids": ids, "fields": ["Nmae"]}):
        assert org.call("POST", path, json=wrong).status_code == 400
    assert org.get(f"{path}?ids={first}").status_code == 400
    assert org.call("POST", path, json={**body, "ids": [first] * 2001}).status_code == 400


def test_two_hundred_records_go_and_one_more_does_not(org: Org) -> None:
    body = {"records": [account(f"A{number}") for number in range(200)]}
    assert len(org.json("POST", "/composite/sobjects", json=body)) == 200
    body["records"].append(account("B"))
    answer = org.call("POST", "/composite/sobjects", json=body)
    assert (answer.status_code, faults_of(answer)[0][0]) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize("body", [{}, {"records": {}}, {"records": [1]}, {"records": [{}]}])
def test_a_body_without_typed_records_is_refused(org: Org, body: Any) -> None:
    assert org.call("POST", "/composite/sobjects", json=body).status_code == 400


def test_a_composite_hands_values_from_one_request_to_the_next(org: Org) -> None:
    parts = composite(
        org,
        {
            "method": "POST",
            "url": f"{BASE}/sobjects/Account",
            "referenceId": "acme",
            "body": {"Name": "Acme & Söhne"},
        },
        {
            "method": "POST",
            "url": f"{BASE}/sobjects/Contact",
            "referenceId": "ann",
            "body": {"LastName": "Ann", "AccountId": "@{acme.id}", "Title": "of @{acme.id}"},
        },
        query("SELECT Name FROM Account WHERE Id = '@{acme.id}'") | {"referenceId": "read"},
        query("SELECT Id, Title FROM Contact WHERE Account.Name = '@{read.records[0].Name}'")
        | {"referenceId": "contacts"},
        {"method": "DELETE", "url": f"{BASE}/sobjects/Contact/@{{ann.id}}", "referenceId": "del"},
    )
    assert [part["httpStatusCode"] for part in parts] == [201, 201, 200, 200, 204]
    assert [part["referenceId"] for part in parts] == ["acme", "ann", "read", "contacts", "del"]
    account_id, contact_id = parts[0]["body"]["id"], parts[1]["body"]["id"]
    assert parts[0]["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{account_id}"}
    record = parts[3]["body"]["records"][0]
    assert (record["Id"], record["Title"]) == (contact_id, f"of {account_id}")
    assert parts[4]["body"] is None
    assert list(parts[2]) == ["body", "httpHeaders", "httpStatusCode", "referenceId"]


def test_a_failed_request_fails_those_that_refer_to_it_alone(org: Org) -> None:
    parts = composite(
        org,
        {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": {}},
        {
            "method": "POST",
            "url": f"{BASE}/sobjects/Contact",
            "referenceId": "b",
            "body": {"LastName": "B", "AccountId": "@{a.id}"},
        },
        {"method": "GET", "url": f"{BASE}/limits", "referenceId": "c"},
    )
    assert [part["httpStatusCode"] for part in parts] == [400, 400, 200]
    assert parts[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_a_composite_all_or_none_leaves_nothing(org: Org) -> None:
    create = {"method": "POST", "url": f"{BASE}/sobjects/Account", "body": {"Name": "A"}}
    read = query("SELECT Id FROM Account")
    bad = {"method": "POST", "url": f"{BASE}/sobjects/Account", "body": {}}
    parts = composite(
        org,
        create | {"referenceId": "one"},
        bad | {"referenceId": "two"},
        create | {"referenceId": "three"},
        allOrNone=True,
    )
    codes = [part["body"][0]["errorCode"] for part in parts]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert names(org) == []
    # What is saved shows inside before it shows outside.
    good = composite(
        org, create | {"referenceId": "one"}, read | {"referenceId": "two"}, allOrNone=True
    )
    assert good[1]["body"]["totalSize"] == 1
    assert names(org) == ["A"]


def test_a_collection_inside_a_composite_is_undone_with_it(org: Org) -> None:
    collection = {"allOrNone": True, "records": [account("A"), account("B")]}
    parts = composite(
        org,
        {
            "method": "POST",
            "url": f"{BASE}/composite/sobjects",
            "referenceId": "one",
            "body": collection,
        },
        {"method": "GET", "url": f"{BASE}/sobjects/Nothing", "referenceId": "two"},
        allOrNone=True,
    )
    assert [part["httpStatusCode"] for part in parts] == [400, 404]
    assert names(org) == []


def test_a_composite_holds_twenty_five_requests(org: Org) -> None:
    entries = [
        {"method": "GET", "url": f"{BASE}/limits", "referenceId": f"r{number}"}
        for number in range(26)
    ]
    assert len(composite(org, *entries[:25])) == 25
    for wrong in (entries, [entries[0], entries[0]], [{"method": "GET", "url": BASE}]):
        answer = org.call("POST", "/composite", json={"compositeRequest": wrong})
        assert answer.status_code == 400


def used(answer: requests.Response) -> int:
    return int(answer.headers["Sforce-Limit-Info"].partition("=")[2].partition("/")[0])


def test_a_batch_describes_many_objects_and_counts_each(org: Org) -> None:
    urls = ["v68.0/sobjects/Account/describe", f"{BASE}/sobjects/Contact/describe"]
    body = {"batchRequests": [{"method": "GET", "url": url} for url in urls]}
    before = used(org.get("/limits"))
    document = org.json("POST", "/composite/batch", json=body)
    assert used(org.get("/limits")) == before + 3
    assert list(document) == ["hasErrors", "results"]
    assert document["hasErrors"] is False
    assert [list(one) for one in document["results"]] == [["statusCode", "result"]] * 2
    assert [one["result"]["name"] for one in document["results"]] == ["Account", "Contact"]


def test_a_batch_goes_on_after_an_error_unless_it_shall_halt(org: Org) -> None:
    entries = [
        {"method": "GET", "url": "v68.0/sobjects/Nothing/describe"},
        {"method": "POST", "url": "v68.0/sobjects/Account", "richInput": {"Name": "A"}},
    ]
    halted = org.json(
        "POST", "/composite/batch", json={"batchRequests": entries, "haltOnError": True}
    )
    assert halted["hasErrors"] is True
    assert [one["statusCode"] for one in halted["results"]] == [404, 412]
    assert halted["results"][0]["result"] == [
        {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
    ]
    assert halted["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert names(org) == []
    went_on = org.json("POST", "/composite/batch", json={"batchRequests": entries})
    assert [one["statusCode"] for one in went_on["results"]] == [404, 201]
    assert names(org) == ["A"]


def test_a_request_inside_knows_methods_and_versions(org: Org) -> None:
    parts = composite(
        org,
        {"method": "PUT", "url": f"{BASE}/limits", "referenceId": "a"},
        {"method": "GET", "url": "/services/data/v30.0/limits", "referenceId": "b"},
        {"method": "GET", "url": f"{BASE}/jobs/query", "referenceId": "c"},
    )
    assert [part["httpStatusCode"] for part in parts] == [405, 410, 404]

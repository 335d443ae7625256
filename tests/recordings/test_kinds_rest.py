"""Every kind of recorded REST answer, in any clone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.recordings.kinds import answer, assert_of_kind
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

TREE = (
    "SELECT Name, Parent.Name, (SELECT LastName FROM Contacts) FROM Account "
    "WHERE Parent.Name = 'Parent kind'"
)


def create(org: Org, sobject: str, **values: Any) -> str:
    return str(org.json("POST", f"/sobjects/{sobject}", json=values)["id"])


def query(org: Org, soql: str) -> Any:
    return org.json("GET", "/query", params={"q": soql})


def test_a_created_record(org: Org) -> None:
    made = org.call("POST", "/sobjects/Account", json={"Name": "Kind"})
    assert (made.status_code, made.headers["Content-Type"]) == (
        201,
        "application/json;charset=UTF-8",
    )
    assert_of_kind(made.json(), "rest/created record")


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", "/sobjects/Account", 400, "field that there is not"),
        ("GET", "/sobjects/Account/kind", 404, "record that there is not"),
        ("DELETE", "/sobjects/Account/kind", 404, "record that there is not"),
        ("PATCH", "/sobjects/Account/Kind__c/x", 404, "key field that there is not"),
        ("GET", "/sobjects/Kind__c/describe", 404, "resource that there is not"),
        ("GET", "/sobjects/Account/001000000000001AAA", 404, "resource that there is not"),
        ("GET", "/query?q=SELECT Nothing FROM Account", 400, "refused query"),
    ],
)
def test_what_is_refused(org: Org, method: str, path: str, status: int, kind: str) -> None:
    body = {"foo": "x"} if method in ("POST", "PATCH") else None
    refused = org.call(method, path, json=body)
    assert refused.status_code == status
    assert refused.json() == answer(f"rest/{kind}")


def test_an_upsert(org: Org) -> None:
    path = "/sobjects/Account/Ext_Id__c/K1"
    made = org.call("PATCH", path, json={"Name": "Kind"})
    assert made.status_code == 201
    assert_of_kind(made.json(), "rest/upsert that created")
    updated = Org(org.sandbox, "45.0").call("PATCH", path, json={"Name": "Kind"})
    assert (updated.status_code, updated.text) == (204, "")
    found = org.json("GET", f"{path}?fields=Ext_Id__c")
    assert_of_kind(found, "rest/some fields of a record")


def test_an_upsert_that_finds_several(org: Org) -> None:
    for _ in range(2):
        create(org, "Contact", LastName="Kind", Email="kind@example.com")
    several = org.call("PATCH", "/sobjects/Contact/Email/kind@example.com", json={"LastName": "x"})
    assert several.status_code == 300
    assert_of_kind(several.json(), "rest/upsert that finds several")


def test_a_query_with_parent_and_children(org: Org) -> None:
    parent = create(org, "Account", Name="Parent kind")
    child = create(org, "Account", Name="Kind", ParentId=parent)
    create(org, "Contact", LastName="Child", AccountId=child)
    assert_of_kind(query(org, TREE), "rest/query with parent and children")


def test_pages_of_a_query(org: Org) -> None:
    assert_of_kind(query(org, "SELECT Id FROM Account"), "rest/query without rows")
    org.load("Account", "insert", b"Name\n" + b"Kind\n" * 201)
    headers = {"Sforce-Query-Options": "batchSize=200"}
    first = org.json("GET", "/query?q=SELECT Name FROM Account", headers=headers)
    last = org.json("GET", first["nextRecordsUrl"], headers=headers)
    assert (len(first["records"]), len(last["records"])) == (200, 1)
    assert_of_kind({**first, "records": first["records"][:1]}, "rest/first page")
    assert_of_kind(last, "rest/last page")


def test_aggregates_and_the_orgs_own_row(org: Org) -> None:
    values = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-02-03", "Amount": 300}
    create(org, "Opportunity", **values, CampaignId=create(org, "Campaign", Name="x"))
    soql = "SELECT CampaignId, SUM(Amount) FROM Opportunity GROUP BY CampaignId"
    (group,) = query(org, soql)["records"]
    assert_of_kind(group, "rest/aggregates")
    (row,) = query(org, "SELECT Id FROM Organization")["records"]
    assert_of_kind(row, "rest/row of the org")


def test_an_entry_of_the_global_describe_of_an_old_version(org: Org) -> None:
    entries = Org(org.sandbox, "31.0").json("GET", "/sobjects")["sobjects"]
    account = next(one for one in entries if one["name"] == "Account")
    theirs = answer("rest/list entry in old versions")
    assert {key: account[key] for key in theirs} == theirs


def test_the_list_of_versions(org: Org) -> None:
    versions = requests.get(f"{org.sandbox.url}/services/data", timeout=30).json()
    theirs = answer("rest/version")
    assert theirs in versions
    assert {tuple(one) for one in versions} == {tuple(theirs)}


def test_what_changed(org: Org) -> None:
    create(org, "Account", Name="x")
    org.call("DELETE", f"/sobjects/Account/{create(org, 'Account', Name='y')}")
    now = org.sandbox.org.clock.now()
    span = {
        "start": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{now + timedelta(minutes=2):%Y-%m-%dT%H:%M:%SZ}",
    }
    for kind in ("updated", "deleted"):
        ours = org.json("GET", f"/sobjects/Account/{kind}/", params=span)
        assert_of_kind(ours, f"rest/{kind}")
        assert ours["latestDateCovered"].endswith(":00.000+0000")


def test_the_limits(sandbox: Sandbox) -> None:
    ours = Org(sandbox, "50.0").json("GET", "/limits")
    assert list(ours) == answer("rest/names of limits in 50.0")
    assert {tuple(limit)[:2] for limit in ours.values()} == {("Max", "Remaining")}


def test_the_organization(org: Org) -> None:
    ours = org.json("GET", f"/sobjects/Organization/{org.sandbox.org.id}")
    theirs = answer("rest/organization")
    assert [name for name in ours if name in theirs] == theirs


def test_whole_records(org: Org) -> None:
    theirs = answer("rest/account in 57.0")
    given = {name: theirs[name] for name in ("Name", "BillingStreet", "BillingCity")}
    record_id = create(org, "Account", **given, NumberOfEmployees=7)
    record = Org(org.sandbox, "57.0").json("GET", f"/sobjects/Account/{record_id}")
    assert_of_kind(
        {name: record[name] for name in record if name in theirs}, "rest/account in 57.0"
    )
    newer = Org(org.sandbox, "67.0")
    theirs = answer("rest/opportunity in 67.0")
    given = {name: theirs[name] for name in ("Name", "StageName", "Amount", "CloseDate")}
    create(newer, "Opportunity", **given)
    soql = "SELECT Id, Name, StageName, Amount, CloseDate FROM Opportunity"
    (record,) = query(newer, soql)["records"]
    assert_of_kind(record, "rest/opportunity in 67.0")


def test_collections(org: Org) -> None:
    path = "/composite/sobjects"
    account = {"attributes": {"type": "Account"}}
    made = org.json("POST", path, json={"records": [{**account, "Name": "Kind"}]})
    assert_of_kind(made, "rest/collection of records")
    changed = org.json("PATCH", path, json={"records": [{**account, "id": made[0]["id"]}]})
    assert_of_kind(changed, "rest/collection of records")
    assert_of_kind(org.json("DELETE", f"{path}?ids={made[0]['id']}"), "rest/collection of records")
    upserted = {"records": [{**account, "Name": "Kind", "Id": None}]}
    ours = org.json("PATCH", f"{path}/Account/Id", json=upserted)
    assert_of_kind(ours, "rest/collection that upserted")
    (ours,) = org.json("POST", path, json={"records": [account]})
    assert ours == answer("rest/refused row of a collection")


@pytest.mark.parametrize(
    ("kind", "requests"),
    [
        (
            "composite of queries",
            {"one": "query?q=SELECT Id FROM Case", "two": "query?q=SELECT Id FROM Lead"},
        ),
        ("composite of what there is not", {"kind": "sobjects/Kind__c"}),
    ],
)
def test_composites(org: Org, kind: str, requests: dict[str, str]) -> None:
    parts = [
        {"method": "GET", "url": f"/services/data/v62.0/{path}", "referenceId": name}
        for name, path in requests.items()
    ]
    ours = Org(org.sandbox, "62.0").json("POST", "/composite", json={"compositeRequest": parts})
    assert_of_kind(ours, f"rest/{kind}")

"""REST queries with children, types and groups, over a real socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox_http.front_door import Org


def _make(org: Org, sobject: str, **record: Any) -> str:
    return str(org.json("POST", f"/sobjects/{sobject}", json=record)["id"])


def _query(org: Org, soql: str) -> Any:
    return org.json("GET", "/query", params={"q": soql})


def test_children_come_on_every_page_of_their_parents(org: Org) -> None:
    records = [
        {"attributes": {"type": "Account"}, "Name": f"{number:03d}"} for number in range(200)
    ]
    made = [org.json("POST", "/composite/sobjects", json={"records": records}) for _ in range(2)]
    parents = [result["id"] for results in made for result in results]
    for place in (0, 199, 200, 399):
        _make(org, "Contact", LastName=f"Child {place}", AccountId=parents[place])
    soql = "SELECT Id, (SELECT LastName FROM Contacts) FROM Account ORDER BY Id"
    headers = {"Sforce-Query-Options": "batchSize=200"}
    first = org.json("GET", "/query", params={"q": soql}, headers=headers)
    second = org.json("GET", first["nextRecordsUrl"], headers=headers)
    assert (first["done"], second["done"]) == (False, True)
    seen = {
        record["Id"]: [child["LastName"] for child in record["Contacts"]["records"]]
        for page in (first, second)
        for record in page["records"]
        if record["Contacts"] is not None
    }
    assert seen == {parents[place]: [f"Child {place}"] for place in (0, 199, 200, 399)}


def test_columns_of_a_subquery_are_those_of_its_children(org: Org) -> None:
    soql = "SELECT Id, (SELECT LastName, Email FROM Contacts) FROM Account"
    answer = org.json("GET", "/query", params={"q": soql, "columns": "true"})
    below = next(one for one in answer["columnMetadata"] if one["columnName"] == "Contacts")
    assert below["aggregate"] is True
    assert [one["columnName"] for one in below["joinColumns"]] == ["LastName", "Email"]


def test_groups_of_years_and_types_of_lookups_come_as_json(org: Org) -> None:
    account = _make(org, "Account", Name="Acme", Phone="1")
    _make(org, "Task", Subject="Call", WhatId=account)
    soql = "SELECT Subject, TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Task"
    (task,) = _query(org, soql)["records"]
    assert task["What"] == {
        "attributes": {
            "type": "Account",
            "url": f"/services/data/v68.0/sobjects/Account/{account}",
        },
        "Phone": "1",
    }
    _make(org, "Account", Name="Other")
    soql = (
        "SELECT CALENDAR_YEAR(CreatedDate) year, COUNT(Id) FROM Account "
        "GROUP BY CALENDAR_YEAR(CreatedDate) HAVING COUNT(Id) > 1"
    )
    answer = _query(org, soql)
    year = int(_query(org, "SELECT CreatedDate FROM Account")["records"][0]["CreatedDate"][:4])
    assert answer["records"] == [
        {"attributes": {"type": "AggregateResult"}, "year": year, "expr0": 2}
    ]


def test_a_parent_that_must_stay_is_refused_in_salesforces_form(org: Org) -> None:
    account = _make(org, "Account", Name="Acme")
    case = _make(org, "Case", Subject="x", AccountId=account)
    number = _query(org, "SELECT CaseNumber FROM Case")["records"][0]["CaseNumber"]
    answer = org.call("DELETE", f"/sobjects/Account/{account}")
    text = (
        "Your attempt to delete Acme could not be completed because it is associated with the "
        f"following cases: {number}"
    )
    assert (answer.status_code, answer.json()) == (
        400,
        [{"message": text, "errorCode": "DELETE_FAILED"}],
    )
    job = org.load("Account", "delete", f"Id\n{account}\n".encode())
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (1, 1)
    lines = org.results(job["id"], "failedResults").splitlines()
    assert lines[1] == f'"{account}","DELETE_FAILED:{text}:--","{account}"'
    job = org.load("Case", "delete", f"Id\n{case}\n".encode())
    assert job["numberRecordsFailed"] == 0
    assert org.call("DELETE", f"/sobjects/Account/{account}").status_code == 204

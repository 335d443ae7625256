"""`/query?columns=true`: the columns of a query, which the Salesforce CLI asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox_http.front_door import Org


def shape(columns: list[dict[str, Any]]) -> list[Any]:
    return [(one["columnName"], shape(one["joinColumns"])) for one in columns]


def test_parents_hold_their_columns(org: Org) -> None:
    soql = "SELECT Id, Account.Name, LastName, Account.Owner.Name FROM Contact"
    answer = org.json("GET", "/query", params={"q": soql, "columns": "true"})
    assert shape(answer["columnMetadata"]) == [
        ("Id", []),
        ("Account", [("Name", []), ("Owner", [("Name", [])])]),
        ("LastName", []),
    ]
    assert (answer["entityName"], answer["idSelected"]) == ("Contact", True)
    assert "records" not in answer


def test_a_column_tells_its_kind(org: Org) -> None:
    soql = "SELECT Ext_Id__c, NumberOfEmployees, IsDeleted FROM Account"
    answer = org.json("GET", "/query", params={"q": soql, "columns": "true"})
    kinds = ("textType", "numberType", "booleanType", "custom", "updatable")
    assert [[one[kind] for kind in kinds] for one in answer["columnMetadata"]] == [
        [True, False, False, True, True],
        [False, True, False, False, True],
        [False, False, True, False, False],
    ]


def test_a_wrong_query_is_refused_as_ever(org: Org) -> None:
    answer = org.get("/query", params={"q": "SELECT Nope FROM Account", "columns": "true"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"

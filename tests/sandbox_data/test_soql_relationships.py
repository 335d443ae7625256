"""Subqueries over children and TYPEOF: their shape beside recorded answers, and their refusals."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sfbulk_sandbox.faults.errors import Fault
from tests.sandbox_data.refusals import refusal

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org

_RECORDED = Path(__file__).parents[3] / "shared/recordings/bulk1/cumulusci_query_and_insert.json"


def _make(org: Org, sobject: str, **record: Any) -> str:
    saved = org.save_record("insert", sobject, record)
    assert saved.success, saved.errors
    return saved.id or ""


def _records(org: Org, soql: str) -> list[dict[str, Any]]:
    return list(org.query(soql).records(62.0))


def _two_accounts(org: Org) -> tuple[str, str]:
    first, second = _make(org, "Account", Name="First"), _make(org, "Account", Name="Second")
    for name in ("Cole", "Ash", "Birch"):
        _make(org, "Contact", LastName=name, AccountId=first)
    return first, second


def test_children_are_a_small_answer_of_their_own_and_null_when_there_are_none(org: Org) -> None:
    first, second = _two_accounts(org)
    soql = "SELECT Name, (SELECT LastName FROM contacts ORDER BY LastName), Id FROM Account"
    found = _records(org, soql)
    contacts = found[0]["Contacts"]
    ids = [record["attributes"]["url"].rpartition("/")[2] for record in contacts["records"]]
    url = "/services/data/v62.0/sobjects"
    assert found == [
        {
            "attributes": {"type": "Account", "url": f"{url}/Account/{first}"},
            "Name": "First",
            "Contacts": {
                "totalSize": 3,
                "done": True,
                "records": [
                    {
                        "attributes": {"type": "Contact", "url": f"{url}/Contact/{record_id}"},
                        "LastName": name,
                    }
                    for record_id, name in zip(ids, ("Ash", "Birch", "Cole"), strict=True)
                ],
            },
            "Id": first,
        },
        {
            "attributes": {"type": "Account", "url": f"{url}/Account/{second}"},
            "Name": "Second",
            "Contacts": None,
            "Id": second,
        },
    ]
    assert list(found[0]) == ["attributes", "Name", "Contacts", "Id"]


def test_a_subquery_filters_cuts_and_looks_up_for_each_parent_by_itself(org: Org) -> None:
    first, second = _two_accounts(org)
    _make(org, "Contact", LastName="Dorn", AccountId=second)
    gone = _make(org, "Contact", LastName="Ahorn", AccountId=second)
    assert org.save_record("delete", "Contact", {"Id": gone}).success
    soql = (
        "SELECT Id, (SELECT c.LastName, Account.Name FROM Account.Contacts c "
        "WHERE LastName != 'Ash' ORDER BY LastName DESC LIMIT 1) "
        "FROM Account WHERE Name IN ('First', 'Second') ORDER BY Name"
    )
    found = {record["Id"]: record["Contacts"]["records"] for record in _records(org, soql)}
    seen = {
        key: [(one["LastName"], one["Account"]["Name"]) for one in records]
        for key, records in found.items()
    }
    assert seen == {first: [("Cole", "First")], second: [("Dorn", "Second")]}
    every = soql.replace("LIMIT 1", "LIMIT 9 OFFSET 1")
    assert [record["Contacts"] is None for record in _records(org, every)] == [False, True]


def test_children_of_many_parents_are_those_that_point_at_them(sample: Org) -> None:
    for number in range(600):
        parent = _make(sample, "Account", Name=f"Many {number}")
        if number % 3:
            _make(sample, "Contact", LastName=f"Child {number}", AccountId=parent)
    expected: dict[Any, list[Any]] = defaultdict(list)
    for account_id, contact_id in sample.query("SELECT AccountId, Id FROM Contact").rows():
        expected[account_id].append(contact_id)
    found = _records(sample, "SELECT Id, (SELECT Id FROM Contacts) FROM Account")
    assert len(found) > 600
    for record in found:
        children = (record["Contacts"] or {"records": []})["records"]
        assert [child["Id"] for child in children] == expected[record["Id"]]


def test_children_have_children_down_to_the_fifth_level(org: Org) -> None:
    parent = ""
    for level in range(1, 6):
        parent = _make(org, "Account", Name=f"Level {level}", ParentId=parent or None)
    soql = "SELECT Name FROM ChildAccounts"
    for _ in range(3):
        soql = f"SELECT Name, ({soql}) FROM ChildAccounts"
    top: dict[str, Any] | None
    (top,) = _records(org, f"SELECT Name, ({soql}) FROM Account WHERE ParentId = null")
    names = []
    while top:
        names.append(top["Name"])
        top = top["ChildAccounts"]["records"][0] if top.get("ChildAccounts") else None
    assert names == [f"Level {level}" for level in range(1, 6)]
    deeper = f"SELECT Name, (SELECT Name, ({soql}) FROM ChildAccounts) FROM Account"
    with pytest.raises(Fault, match="5 levels of child relationships"):
        org.query(deeper)


@pytest.mark.skipif(not _RECORDED.exists(), reason="../shared is not beside this checkout")
def test_typeof_answers_as_recorded(org: Org) -> None:
    """The recorded statement over the recorded rows: only the ids differ."""
    exchanges = json.loads(_RECORDED.read_text(encoding="utf-8"))["exchanges"]
    exchange = next(one for one in exchanges if "TYPEOF" in str(one.get("request")))
    soql = parse_qs(urlsplit(exchange["request"]["uri"]).query)["q"][0]
    recorded = json.loads(exchange["response"]["body"])["records"]
    ours: dict[str, str] = {}
    for event in recorded:
        for name in ("Who", "What"):
            _copy_parent(org, event[name], ours)
        lookups = {f"{name}Id": event[name] and ours[_id(event[name])] for name in ("Who", "What")}
        plain = ("Subject", "DurationInMinutes", "ActivityDateTime")
        ours[_id(event)] = _make(org, "Event", **{one: event[one] for one in plain}, **lookups)
    expected = json.dumps(recorded)
    for theirs, mine in ours.items():
        expected = expected.replace(theirs, mine)
    assert json.dumps(_records(org, soql)) == expected


def _id(record: dict[str, Any]) -> str:
    return str(record["attributes"]["url"].rpartition("/")[2])


def _copy_parent(org: Org, parent: dict[str, Any] | None, ours: dict[str, str]) -> None:
    if parent is not None and _id(parent) not in ours:
        fields = {key: value for key, value in parent.items() if key != "attributes"}
        ours[_id(parent)] = _make(org, parent["attributes"]["type"], **fields)


def test_typeof_without_a_fitting_branch_takes_else_or_nothing(org: Org) -> None:
    account = _make(org, "Account", Name="Acme")
    task = _make(org, "Task", Subject="Call", WhatId=account)
    _make(org, "Task", Subject="Walk")
    branch = "WHEN Opportunity THEN Amount"
    ask = "SELECT TYPEOF What {} END, Subject FROM Task ORDER BY Subject"
    with_else, without = (
        [record["What"] for record in _records(org, ask.format(rest))]
        for rest in (f"{branch} ELSE Name, Type", branch)
    )
    attributes = {"type": "Account", "url": f"/services/data/v62.0/sobjects/Account/{account}"}
    assert with_else == [{"attributes": attributes, "Name": "Acme", "Type": "Account"}, None]
    assert without == [None, None]
    nested = _records(
        org, f"SELECT Id, TYPEOF Owner WHEN User THEN Username END FROM Task WHERE Id = '{task}'"
    )
    assert list(nested[0]["Owner"]) == ["attributes", "Username"]


_ADVICE = (
    " If you are attempting to use a custom relationship, be sure to append the '__r' after the "
    "custom relationship name. Please reference your WSDL or the describe call for the "
    "appropriate names."
)


@pytest.mark.parametrize(
    ("soql", "code", "column", "text"),
    [
        (
            "SELECT Id, (SELECT Id FROM Contact) FROM Account",
            "INVALID_TYPE",
            28,
            "Didn't understand relationship 'Contact' in FROM part of query call." + _ADVICE,
        ),
        (
            "SELECT Id, (SELECT Foo FROM Contacts) FROM Account",
            "INVALID_FIELD",
            20,
            None,
        ),
        (
            "SELECT Id, (SELECT COUNT() FROM Contacts) FROM Account",
            "MALFORMED_QUERY",
            12,
            "Aggregate functions and GROUP BY are not allowed in a subquery",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts FOR VIEW) FROM Account",
            "MALFORMED_QUERY",
            37,
            "FOR VIEW: sfbulk-sandbox does not support this SOQL",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts), (SELECT Name FROM Contacts) FROM Account",
            "INVALID_FIELD",
            39,
            "duplicate field selected: Contacts",
        ),
        (
            "SELECT Id, TYPEOF What WHEN User THEN Name END FROM Task",
            "INVALID_TYPE",
            29,
            "What does not relate to an object User",
        ),
        (
            "SELECT Id, TYPEOF What WHEN Account THEN Foo END FROM Task",
            "INVALID_FIELD",
            42,
            None,
        ),
        (
            "SELECT What.Name, TYPEOF What WHEN Account THEN Phone END FROM Task",
            "MALFORMED_QUERY",
            19,
            "TYPEOF cannot name a relationship that is selected beside it: What",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Owner.Name END FROM Task",
            "MALFORMED_QUERY",
            38,
            "A parent's field in TYPEOF: sfbulk-sandbox does not support this SOQL",
        ),
    ],
)
def test_what_cannot_be_related_is_refused_at_its_place(
    org: Org, soql: str, code: str, column: int, text: str | None
) -> None:
    found, place, message = refusal(org, soql)
    assert (found, place) == (code, f"ERROR at Row:1:Column:{column}")
    assert text is None or message == text


def test_a_statement_has_twenty_subqueries_at_most(org: Org) -> None:
    listed = ", ".join(f"(SELECT Id FROM Contacts LIMIT {number})" for number in range(21))
    with pytest.raises(Fault, match="more than 20 subqueries"):
        org.query(f"SELECT Id, {listed} FROM Account")


def test_an_alias_may_stand_for_a_parent(sample: Org) -> None:
    """The older way to name a parent, of the SOQL reference's alias notation."""
    aliased = (
        "SELECT c.LastName, a.Name, u.Username FROM Contact c, c.Account a, a.Owner u "
        "WHERE a.Name != null AND u.IsActive = TRUE ORDER BY c.Id"
    )
    plain = (
        "SELECT LastName, Account.Name, Account.Owner.Username FROM Contact "
        "WHERE Account.Name != null ORDER BY Id"
    )
    first, second = sample.query(aliased), sample.query(plain)
    assert [column.path for column in first.columns] == [column.path for column in second.columns]
    assert list(first.rows()) == list(second.rows())

"""Statements of the SOQL reference, one by one, that no other test here makes."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from tests.hand_clock import HandClock


def _make(org: Org, sobject: str, **record: Any) -> str:
    saved = org.save_record("insert", sobject, record)
    assert saved.success, saved.errors
    return saved.id or ""


def _first(org: Org, soql: str) -> list[Any]:
    return [row[0] for row in org.query(soql).rows()]


def _custom(**facts: dict[str, Any]) -> Schema:
    """The standard objects and Probe__c, with these fields made from one of Invoice__c's."""
    schema = Schema.standard()
    template = schema.sobject("Invoice__c")
    assert template is not None
    described = template.describe(68.0) | {"name": "Probe__c", "keyPrefix": "a66"}
    text = next(field for field in described["fields"] if field["name"] == "Ext_Id__c")
    free = {"externalId": False, "idLookup": False, "unique": False}
    described["fields"] = [
        *(field for field in described["fields"] if field["name"] in ("Id", "SystemModstamp")),
        *({**text, **free, "name": name, "label": name, **one} for name, one in facts.items()),
    ]
    schema.add_describe(described)
    return schema


@pytest.mark.parametrize(
    ("escape", "character"),
    [
        *(
            (f"\\{letter}", character)
            for letter, character in zip("nrtbf", "\n\r\t\b\f", strict=True)
        ),
        *(
            (f"\\{letter}", character)
            for letter, character in zip("NRTBF", "\n\r\t\b\f", strict=True)
        ),
        ('\\"', '"'),
        ("\\'", "'"),
        ("\\\\", "\\"),
        ("\\u00e9", "é"),
        ("\\uD55C", "한"),
    ],
)
def test_an_escape_stands_for_its_character(org: Org, escape: str, character: str) -> None:
    record = _make(org, "Account", Name="x", Site=f"a{character}b")
    _make(org, "Account", Name="x", Site="ab")
    assert _first(org, f"SELECT Id FROM Account WHERE Site = 'a{escape}b'") == [record]


def test_texts_in_double_quotes_are_no_literals(org: Org) -> None:
    with pytest.raises(Fault) as refused:
        org.query('SELECT Id FROM Account WHERE Name = "x"')
    assert refused.value.code == "MALFORMED_QUERY"


def test_a_text_with_case_is_compared_with_it_and_any_other_without(clock: HandClock) -> None:
    schema = _custom(Cased__c={"caseSensitive": True, "unique": True}, Plain__c={"unique": True})
    with closing(Org(clock=clock, schema=schema)) as org:
        for text in ("ab", "AB"):
            _make(org, "Probe__c", Cased__c=text)
        _make(org, "Probe__c", Plain__c="ab")
        found = {
            test: org.query(f"SELECT COUNT() FROM Probe__c WHERE {test}").count()
            for test in (
                *("Cased__c = 'ab'", "Cased__c IN ('AB')", "Cased__c LIKE 'A%'"),
                *("Plain__c = 'AB'", "Plain__c LIKE 'A_'"),
            )
        }
    assert set(found.values()) == {1}


@pytest.mark.parametrize(
    ("field", "sobject"),
    [
        ("Notes__c", "Invoice__c"),
        ("Terms__c", "Invoice__c"),
        ("Description", "Account"),
        ("Body", "Document"),
        ("Pickup__c", "Invoice__c"),
    ],
)
def test_long_texts_files_and_compounds_are_neither_filtered_nor_sorted(
    org: Org, field: str, sobject: str
) -> None:
    for rest, what in ((f"WHERE {field} != null", "filtered"), (f"ORDER BY {field}", "sorted")):
        with pytest.raises(Fault, match=f"field '{field}' can not be {what} in a query call"):
            org.query(f"SELECT Id FROM {sobject} {rest}")


def test_encrypted_texts_are_neither_filtered_nor_sorted(org: Org) -> None:
    (sobject, field) = next(
        (one.name, field.name)
        for one in org.schema
        for field in one.fields
        if field.type == "encryptedstring"
    )
    for rest in (f"WHERE {field} != null", f"ORDER BY {field}"):
        with pytest.raises(Fault, match="in a query call"):
            org.query(f"SELECT Id FROM {sobject} {rest}")


@pytest.mark.parametrize("key", ["Account.Name", "AccountId", "Account.Parent.Name DESC"])
def test_nulls_last_does_nothing_for_lookups_and_parents(org: Org, key: str) -> None:
    grandparent = _make(org, "Account", Name="A")
    parent = _make(org, "Account", Name="B", ParentId=grandparent)
    full = _make(org, "Contact", LastName="Full", AccountId=parent)
    empty = _make(org, "Contact", LastName="Empty")
    soql = f"SELECT Id FROM Contact ORDER BY {key} NULLS LAST"
    assert _first(org, soql) == [empty, full]


def test_a_statement_crosses_fifty_five_lookups_and_no_more(clock: HandClock) -> None:
    lookup = {"type": "reference", "referenceTo": ["User"], "soapType": "tns:ID", "length": 18}
    names = [f"L{number}" for number in range(56)]
    schema = _custom(
        **{f"{name}__c": {**lookup, "relationshipName": f"{name}__r"} for name in names}
    )
    with closing(Org(clock=clock, schema=schema)) as org:
        listed = [f"{name}__r.Name" for name in names]
        assert len(org.query(f"SELECT {', '.join(listed[:55])} FROM Probe__c").columns) == 55
        with pytest.raises(Fault, match="cannot reference more than 55 relationships"):
            org.query(f"SELECT {', '.join(listed)} FROM Probe__c")


@pytest.mark.parametrize("rest", ["WHERE COUNT(Id) > 1", "WHERE Id != null ORDER BY MAX(Name)"])
def test_an_aggregate_has_no_place_among_the_records(org: Org, rest: str) -> None:
    with pytest.raises(Fault, match="is an aggregate; use it in SELECT or HAVING"):
        org.query(f"SELECT Id FROM Account {rest}")


def test_bulk_refuses_lists_of_junctions(clock: HandClock) -> None:
    schema = _custom(Relations={"type": "JunctionIdList"})
    with closing(Org(clock=clock, schema=schema)) as org:
        soql = "SELECT Id, Relations FROM Probe__c"
        assert len(org.query(soql).columns) == 2
        with pytest.raises(Fault) as refused:
            org.query(soql, surface="bulk")
    assert refused.value.code == "FUNCTIONALITY_NOT_ENABLED"


def test_keywords_names_and_literals_are_not_case_sensitive(sample: Org) -> None:
    upper = (
        "SELECT ID, ACCOUNT.NAME FROM CONTACT WHERE (ACCOUNT.NAME LIKE '%A%' OR ACCOUNTID = NULL) "
        "AND CREATEDDATE < TOMORROW ORDER BY LASTNAME ASC NULLS LAST LIMIT 5"
    )
    first, second = sample.query(upper), sample.query(upper.lower())
    assert [column.path for column in first.columns] == ["Id", "Account.Name"]
    assert [column.path for column in second.columns] == ["Id", "Account.Name"]
    rows = list(first.rows())
    assert rows == list(second.rows())
    assert len(rows) == 5


def test_an_offset_of_a_zone_may_have_its_colon_or_not(org: Org) -> None:
    _make(org, "Account", Name="x")
    for moment in ("2026-11-02T08:30:15Z", "2026-11-02T09:30:15+01:00", "2026-11-02T00:30:15-0800"):
        soql = f"SELECT COUNT() FROM Account WHERE CreatedDate = {moment}"
        assert org.query(soql).count() == 1, moment

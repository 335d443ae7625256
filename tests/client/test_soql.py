"""SOQL with checked names and literals."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import soql
from sfbulk.errors import DataError


@given(st.text(alphabet="ab'\\\n\"%_é"))
def test_a_text_literal_ends_where_it_should(text: str) -> None:
    literal = soql.text_literal(text)
    assert (literal[0], literal[-1]) == ("'", "'")
    read, inside = "", iter(literal[1:-1])
    for character in inside:
        assert character != "'"
        read += next(inside) if character == "\\" else character
    assert read == text


def test_datetimes_are_written_in_utc_without_quotes() -> None:
    instant = datetime(2026, 1, 1, 0, 30, 1, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert soql.datetime_literal(instant) == "2025-12-31T23:30:01.999Z"
    assert soql.date_literal(date(2026, 1, 1)) == "2026-01-01"
    with pytest.raises(DataError, match="time zone"):
        soql.datetime_literal(datetime(2026, 1, 1))  # noqa: DTZ001 - the test is about a missing time zone


def test_conditions_are_put_in_brackets() -> None:
    statement = soql.select(["Id", "Account.Name"], "Contact", ["A = 1 OR B = 2", "C = 3"])
    assert statement == "SELECT Id, Account.Name FROM Contact WHERE (A = 1 OR B = 2) AND (C = 3)"
    assert soql.select(["Id"], "Contact") == "SELECT Id FROM Contact"


@pytest.mark.parametrize(
    ("fields", "sobject"),
    [([], "Contact"), (["Id FROM User--"], "Contact"), (["Id"], "Contact WHERE x"), ([""], "A")],
)
def test_text_that_is_not_a_name_is_refused(fields: list[str], sobject: str) -> None:
    with pytest.raises(DataError):
        soql.select(fields, sobject)


def test_a_statement_too_long_for_salesforce_is_refused() -> None:
    with pytest.raises(DataError, match="100,000"):
        soql.select([f"Field{n}__c" for n in range(10_000)], "Contact")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT Id FROM Account", "Account"),
        ("select id\nfrom\taccount where Name = 'x'", "account"),
        ("SELECT Id, (SELECT Id FROM Contacts WHERE (A = 1)) FROM Account a", "Account"),
        ("SELECT Name FROM My_Thing__c WHERE Id IN (SELECT X__c FROM Y__c)", "My_Thing__c"),
        ("SELECT From__c, Fromage FROM Account", "Account"),
        ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Task", "Task"),
        ("SELECT FORMAT(Amount) FROM ns__Deal__c", "ns__Deal__c"),
        ("SELECT Id FROM Account WHERE Name = ' FROM Contact'", "Account"),
        (r"SELECT toLabel(A) x FROM Case WHERE N = '\') FROM Lead'", "Case"),
    ],
)
def test_the_object_a_statement_reads_is_that_of_its_own_from(statement: str, found: str) -> None:
    assert soql.root_object(statement) == found


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("", "no FROM"),
        ("SELECT Id", "no FROM"),
        ("SELECT Id FROM", "no FROM"),
        ("SELECT Id FROM 'Account'", "no FROM"),
        ("SELECT (SELECT Id FROM Contacts)", "no FROM"),
        ("SELECT 'x FROM Account", "quote at character 8"),
    ],
)
def test_a_statement_without_an_object_is_refused(statement: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        soql.root_object(statement)


@given(st.lists(st.text(alphabet="ab '\\\n()F"), max_size=4))
def test_the_text_of_strings_is_not_part_of_the_statement(values: list[str]) -> None:
    literals = [soql.text_literal(value) for value in values]
    statement = "SELECT Id FROM Account WHERE Name IN (" + ",".join(literals) + ")"  # noqa: S608 - literals are what is tested
    words = [token.text for token in soql.tokens(statement)]
    assert [word for word in words if word.startswith("'")] == literals
    assert all(statement.startswith(text, start) for text, start in soql.tokens(statement))


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT Id FROM Group", set()),
        ("SELECT Id, Limit FROM Order WHERE Name = 'LIMIT 5' AND Offset = Limit", set()),
        ("SELECT Id FROM Order ORDER BY Id LIMIT 5 OFFSET 2", {"ORDER BY", "LIMIT", "OFFSET"}),
        ("SELECT Type FROM Group GROUP  by Type", {"GROUP BY"}),
    ],
)
def test_clauses_are_found_and_not_mistaken_for_names(statement: str, found: set[str]) -> None:
    assert soql.clauses(statement) == found

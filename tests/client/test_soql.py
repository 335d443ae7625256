"""SOQL with checked names and literals."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import soql
from sfbulk.errors import DataError

# SOQL reference: Quoted String Escape Sequences.
_ESCAPES = {"\\": "\\", "'": "'", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@given(st.text(alphabet="ab'\\\n\r\t\b\f\"%_én"))
def test_a_text_literal_ends_where_it_should(text: str) -> None:
    literal = soql.text_literal(text)
    assert (literal[0], literal[-1]) == ("'", "'")
    read, inside = "", iter(literal[1:-1])
    for character in inside:
        assert character != "'"
        read += _ESCAPES[next(inside)] if character == "\\" else character
    assert "\n" not in literal
    assert read == text


def test_datetimes_are_written_in_utc_without_quotes() -> None:
    instant = datetime(2026, 1, 1, 0, 30, 1, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert soql.datetime_literal(instant) == "2025-12-31T23:30:01.999Z"
    assert soql.date_literal(date(2026, 1, 1)) == "2026-01-01"
    with pytest.raises(DataError, match="time zone"):
        soql.datetime_literal(datetime(2026, 1, 1))  # noqa: DTZ001 - the test is about a missing time zone


def test_a_datetime_that_utc_does_not_have_is_refused() -> None:
    last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))
    with pytest.raises(DataError, match="years 1 to 9999"):
        soql.datetime_literal(last)


def test_conditions_are_put_in_brackets() -> None:
    statement = soql.select(["Id", "Account.Name"], "Contact", ["A = 1 OR B = 2", "C = 3"])
    assert statement == "SELECT Id, Account.Name FROM Contact WHERE (A = 1 OR B = 2) AND (C = 3)"
    assert soql.select(["Id"], "Contact") == "SELECT Id FROM Contact"


@pytest.mark.parametrize(
    ("condition", "is_bare"),
    [
        ("AccountId IN (SELECT Id FROM Account WHERE A = 1 OR B = 2)", True),
        ("AccountId NOT IN (SELECT Id FROM Account) AND A = 'x OR y'", True),
        ("AccountId IN (SELECT Id FROM Account) OR A = 1", False),
        ("AccountId IN (SELECT Id FROM Account) AND NOT A = 1", False),
        ("AccountId IN (SELECT Id FROM Account) LIMIT 5", False),
        ("AccountId IN (SELECT Id FROM Account) order by Name", False),
        ("A = '(SELECT'", False),
        ("A IN (1, 2)", False),
    ],
)
def test_a_semi_join_is_not_put_in_brackets(condition: str, *, is_bare: bool) -> None:
    assert soql.in_brackets(condition) == (condition if is_bare else f"({condition})")


CONDITIONS = (
    "Name = 'a'",
    "Name = 'a) OR (b LIMIT 1; --' AND (Amount >= -1.5e3 OR Amount != USD500)",
    "CreatedDate = LAST_N_DAYS:30 OR CreatedDate > 2026-01-01T00:00:00.000+01:00",
    "Id IN (SELECT AccountId FROM Contact WHERE Name LIKE 'a%' ORDER BY Name LIMIT 5) AND A = NULL",
    "NOT (Type__c INCLUDES ('a;b', 'c')) AND Order.Name <> 'It\\'s'",
    "DISTANCE(Place__c, GEOLOCATION(37.7, -122.4), 'mi') < 20",
)
OTHER = {
    "Name='a') OR (Name!=null": "brackets",
    "Name='a') ALL ROWS (": "brackets",
    "((Name='a')": "brackets",
    "Name='a": "quote at character 6",
    "Name = 'a\\'": "quote at character 8",
    "Name='a' LIMIT 1": "the clause LIMIT at character 10",
    "(Name='a' limit 1)": "the clause LIMIT at character 11",
    "Name='a' ORDER BY Name": "the clause ORDER",
    "Name='a' FOR UPDATE": "the clause FOR",
    "Id IN (SELECT Id FROM Contact) LIMIT 5": "the clause LIMIT",
    "SELECT Id FROM Contact": "the clause FROM",
    "Name='a'; x": "';' at character 9",
    "Name='a' -- x": "",
    "Name='a' /* x */": "'/' at character 10",
    'Name = "x"': "'\"' at character 8",
    "Name='a'\0": "'\\x00' at character 9",
    "Name = \u2019a\u2019": "\u2019",
    " \t": "is empty",
    "Name='a' AND": "ends too early",
    "NOT": "ends too early",
    "Name =": "ends too early",
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_of_a_where_clause_is_one(condition: str) -> None:
    assert soql.condition_problem(condition) is None


@pytest.mark.parametrize("condition", OTHER)
def test_what_could_leave_the_where_clause_is_no_condition(condition: str) -> None:
    problem = soql.condition_problem(condition)
    assert problem is not None
    assert OTHER[condition] in problem
    # A quoted string is a value, which no error shows.
    assert "'a'" not in problem


@pytest.mark.parametrize(
    "condition",
    ["A = 1) OR (A != 1", "A = 1)", "(A = 1", ")(", "A IN (SELECT B FROM C)) OR (A = 1"],
)
def test_a_condition_that_would_leave_its_brackets_is_refused(condition: str) -> None:
    with pytest.raises(DataError, match="brackets of the condition do not match"):
        soql.select(["Id"], "Contact", ["Id != null", condition])


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

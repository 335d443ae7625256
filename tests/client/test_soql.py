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

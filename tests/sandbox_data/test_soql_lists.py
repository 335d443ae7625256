"""INCLUDES, semi-joins and FIELDS(): what they find and what they refuse."""

# ruff: noqa: E501, S608 - a case is one line; the statements are SOQL

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.org.org import Org
from tests.sandbox_data.refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SEGMENTS = ["Retail", "Wholesale", "Public Sector", "Export"]
_HELD = [
    [name for place, name in enumerate(_SEGMENTS) if number >> place & 1] for number in range(16)
]
_choices = st.lists(
    st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=3, unique=True),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def segments() -> Iterator[Org]:
    """An account for every set of segments, named by its place in _HELD."""
    with closing(Org()) as org:
        loader = org.loader("insert", "Account", ["Name", "Segments__c"])
        rows = [[str(place), ";".join(held)] for place, held in enumerate(_HELD)]
        assert all(result.success for result in loader.save(rows))
        yield org


@given(choices=_choices, excludes=st.booleans(), upper=st.booleans())
def test_a_multipicklist_includes_what_holds_all_of_one_choice(
    segments: Org, choices: list[list[str]], *, excludes: bool, upper: bool
) -> None:
    """`;` is AND and `,` is OR (SOQL reference: Query Multi-Select Picklists)."""
    listed = ", ".join(f"'{';'.join(choice)}'" for choice in choices)
    listed = listed.upper() if upper else listed
    word = "EXCLUDES" if excludes else "INCLUDES"
    rows = segments.query(f"SELECT Name FROM Account WHERE Segments__c {word} ({listed})").rows()
    expected = {
        str(place)
        for place, held in enumerate(_HELD)
        if any(set(choice) <= set(held) for choice in choices) != excludes
    }
    assert {row[0] for row in rows} == expected


def _column(org: Org, soql: str) -> list[object]:
    return [row[0] for row in org.query(soql).rows()]


def test_a_semi_join_finds_parents_by_their_children_and_an_anti_join_the_others(
    sample: Org,
) -> None:
    contacts = "SELECT AccountId FROM Contact WHERE LastName LIKE '%a%'"
    inside = _column(sample, f"SELECT Id FROM Account WHERE Id IN ({contacts})")
    wanted = {one for one in _column(sample, contacts) if one is not None}
    assert set(inside) == wanted
    assert None in _column(sample, contacts), "an empty lookup among the children is part of this"
    outside = _column(sample, f"SELECT Id FROM Account WHERE Id NOT IN ({contacts})")
    every = _column(sample, "SELECT Id FROM Account")
    assert set(outside) == set(every) - wanted
    assert len(outside) + len(inside) == len(every)


def test_a_semi_join_goes_through_lookups_conditions_and_two_of_them(sample: Org) -> None:
    soql = (
        "SELECT Ext_Id__c FROM Contact WHERE Email != null "
        "AND AccountId IN (SELECT a.ParentId FROM Account a WHERE a.ParentId != null) "
        "AND Id NOT IN (SELECT ContactId FROM Case WHERE Account.Name != 'none')"
    )
    parents = set(_column(sample, "SELECT ParentId FROM Account WHERE ParentId != null"))
    cases = set(_column(sample, "SELECT ContactId FROM Case WHERE Account.Name != 'none'"))
    rows = sample.query("SELECT Ext_Id__c, Id, AccountId, Email FROM Contact").rows()
    expected = [
        ext for ext, own, above, email in rows if email and above in parents and own not in cases
    ]
    assert _column(sample, soql) == expected
    assert expected


def test_deleted_children_count_only_with_all_rows(sample: Org) -> None:
    soql = "SELECT COUNT() FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE IsDeleted = true)"
    assert sample.query(soql).count() == 0
    assert sample.query(soql, all_rows=True).count() == 2


_IN = "SELECT Id FROM Account WHERE "
_JOIN = "Id IN (SELECT AccountId FROM Contact)"


@pytest.mark.parametrize(
    ("soql", "code", "column", "text"),
    [
        (_IN + f"{_JOIN} AND {_JOIN} AND {_JOIN}", "MALFORMED_QUERY", 114, "Maximum 2 semi join sub-selects are allowed"),
        (_IN + f"Name = 'x' OR {_JOIN}", "MALFORMED_QUERY", 44, "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions."),
        (_IN + "Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM Case))", "MALFORMED_QUERY", 30, "Nesting of semi join sub-selects is not supported"),
        (_IN + "Id IN (SELECT ParentId FROM Account)", "MALFORMED_QUERY", 30, "The inner and outer selects should not be on the same object type"),
        (_IN + "Name IN (SELECT AccountId FROM Contact)", "INVALID_FIELD", 30, "The left operand of a semi join sub-select should be an id field, cannot use: 'Name'"),
        (_IN + "Id IN (SELECT LastName FROM Contact)", "INVALID_FIELD", 30, "The selected field of a semi join sub-select should be an id field, cannot use: 'LastName'"),
        (_IN + "Id IN (SELECT Id, AccountId FROM Contact)", "MALFORMED_QUERY", 30, "Semi join sub-selects can only select one id field"),
        (_IN + "Id IN (SELECT AccountId FROM Contact LIMIT 5)", "MALFORMED_QUERY", 30, "Semi join sub-selects cannot have ORDER BY, GROUP BY, LIMIT or OFFSET"),
        (_IN + "Id IN (SELECT AccountId FROM Kontakt)", "INVALID_TYPE", 59, None),
        (_IN + "Id IN (SELECT Nope FROM Contact)", "INVALID_FIELD", 44, None),
        (_IN + "Name INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid operator on string field"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", 8, "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY", 8, "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM User LIMIT 1", "MALFORMED_QUERY", 8, "'FIELDS(...)' expansion function must result in at least one field being selected."),
        ("SELECT Id, FIELDS(STANDARD) FROM Account", "INVALID_FIELD", 12, "duplicate field selected: Id"),
        ("SELECT FIELDS(SOME) FROM Account", "MALFORMED_QUERY", 8, "unexpected token: 'FIELDS'"),
    ],
)  # fmt: skip
def test_what_lists_may_not_do_is_refused_at_its_place(
    org: Org, soql: str, code: str, column: int, text: str | None
) -> None:
    found, place, message = refusal(org, soql)
    assert (found, place) == (code, f"ERROR at Row:1:Column:{column}")
    assert text is None or message == text


def test_fields_stand_for_the_standard_the_custom_or_all_fields(sample: Org) -> None:
    account = sample.schema.sobject("Account")
    assert account is not None
    every = [field.name for field in account.fields]

    def columns(soql: str) -> list[str]:
        return [column.path for column in sample.query(soql).columns]

    assert columns("SELECT FIELDS(ALL) FROM Account LIMIT 200") == every
    standard = columns("SELECT fields(standard) FROM Account")
    assert standard == [name for name in every if not name.endswith("__c")]
    custom = columns("SELECT Name, FIELDS(CUSTOM) FROM Account LIMIT 1")
    assert custom == ["Name", *(name for name in every if name.endswith("__c"))]
    ids = "Id IN ('001000000000001', '001000000000002')"
    assert columns(f"SELECT FIELDS(ALL) FROM Account WHERE {ids} AND Name != ''") == every
    record = next(sample.query("SELECT FIELDS(STANDARD) FROM Account").records(68.0))
    assert set(record) == {"attributes", *standard}


def test_bulk_allows_fields_standard_without_what_no_csv_can_hold(sample: Org) -> None:
    query = sample.query("SELECT FIELDS(STANDARD) FROM Account", surface="bulk")
    names = [column.path for column in query.columns]
    assert "BillingCity" in names
    assert "BillingAddress" not in names
    assert len(list(query.rows())) > 10
    for group in ("ALL", "CUSTOM"):
        with pytest.raises(Fault, match="not supported with an unbounded set of fields"):
            sample.query(f"SELECT FIELDS({group}) FROM Account LIMIT 5", surface="bulk")


@pytest.mark.parametrize(
    ("sobject", "more", "cells"),
    [
        ("Task", "", ""),
        ("Event", ",DurationInMinutes,ActivityDateTime", ",30,2025-01-01T00:00:00Z"),
    ],
)
def test_archived_activities_are_found_only_with_all_rows(
    tmp_path: Path, sobject: str, more: str, cells: str
) -> None:
    lines = [f"Subject,IsArchived{more}", f"old,true{cells}", f"new,false{cells}"]
    (tmp_path / f"{sobject}.csv").write_text("\n".join(lines), encoding="utf-8")
    with closing(Org()) as org:
        org.load(tmp_path)
        soql = f"SELECT Subject FROM {sobject} ORDER BY Subject"
        assert _column(org, soql) == ["new"]
        assert [row[0] for row in org.query(soql, all_rows=True).rows()] == ["new", "old"]
        archived = f"SELECT Subject FROM {sobject} WHERE IsArchived = true"
        assert _column(org, archived) == []

"""SOQL against an evaluation of our own in plain Python, over made-up statements."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import operator
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.org import Org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, Any]
    # A condition as SOQL, and what it means for a row.
    Condition = tuple[str, Callable[[Row], bool]]

_ROWS: list[Row] = [
    {"Site": site, "Ledger_Number__c": number, "Is_Key_Account__c": key}
    for site in (None, "a", "A", "ä", "Ä", "b%", "NA")
    for number in (None, Decimal(-1), Decimal(0), Decimal(123456789012345678))
    for key in (True, False)
]
_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_UNIQUE = "Ticker_{}"


@pytest.fixture(scope="module")
def filled() -> Iterator[Org]:
    with closing(Org()) as org:
        loader = org.loader(
            "insert", "Account", ["Name", "Site", "Ledger_Number__c", "Is_Key_Account__c"]
        )
        results = loader.save(
            [
                [
                    str(place),
                    row["Site"] or "",
                    str(
                        row["Ledger_Number__c"] or ("" if row["Ledger_Number__c"] is None else "0")
                    ),
                    str(row["Is_Key_Account__c"]),
                ]
                for place, row in enumerate(_ROWS)
            ]
        )
        assert all(result.success for result in results)
        yield org


def quoted(text: str) -> str:
    """A SOQL string literal (SOQL reference: backslash and quote are escaped)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _compare(field: str, sign: str, value: Any, literal: str) -> Condition:
    def holds(row: Row) -> bool:
        have, want = row[field], value
        if isinstance(have, str):
            have = have.casefold()
        if isinstance(want, str):
            want = want.casefold()
        if have is None or want is None:
            return (sign == "=" and have is want) or (sign == "!=" and have is not want)
        return bool(_OPERATORS[sign](have, want))

    return f"{field} {sign} {literal}", holds


def _leaves() -> st.SearchStrategy[Condition]:
    sites = st.sampled_from(["a", "Ä", "b%", "na", "zz"])
    numbers = st.sampled_from(
        [Decimal(-1), Decimal(0), Decimal(123456789012345678), Decimal("1E3")]
    )
    signs = st.sampled_from(sorted(_OPERATORS))
    equality = st.sampled_from(["=", "!="])
    return st.one_of(
        st.builds(lambda sign, site: _compare("Site", sign, site, quoted(site)), signs, sites),
        st.builds(lambda sign, n: _compare("Ledger_Number__c", sign, n, str(n)), signs, numbers),
        st.builds(lambda sign: _compare("Site", sign, None, "null"), equality),
        st.builds(lambda sign: _compare("Ledger_Number__c", sign, None, "NULL"), equality),
        st.builds(lambda sign: _compare("Is_Key_Account__c", sign, True, "TRUE"), equality),
    )


def _not(inner: Condition) -> Condition:
    soql, holds = inner
    return f"(NOT ({soql}))", lambda row: not holds(row)


def _joined(word: str, parts: list[Condition]) -> Condition:
    combine = all if word == "AND" else any
    soql = f" {word} ".join(f"({soql})" for soql, _ in parts)
    return f"({soql})", lambda row: combine(holds(row) for _, holds in parts)


_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    _leaves(),
    lambda inner: st.one_of(
        st.builds(_not, inner),
        st.builds(_joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


@given(condition=_CONDITIONS)
def test_a_condition_means_what_plain_python_says(filled: Org, condition: Condition) -> None:
    soql, holds = condition
    rows = filled.query(f"SELECT Name FROM Account WHERE {soql}").rows()
    expected = {str(place) for place, row in enumerate(_ROWS) if holds(row)}
    assert {row[0] for row in rows} == expected


@given(text=st.text(min_size=1, max_size=30))
def test_any_text_can_be_saved_found_by_its_literal_and_read_back(filled: Org, text: str) -> None:
    saved = filled.save_record("insert", "Contact", {"LastName": text})
    assert saved.success
    soql = f"SELECT LastName FROM Contact WHERE LastName = {quoted(text)} AND Id = '{saved.id}'"
    assert list(filled.query(soql).rows()) == [(text,)]

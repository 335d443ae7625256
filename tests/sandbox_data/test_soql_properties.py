"""SOQL against an evaluation of our own in plain Python, over made-up statements."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

import operator
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.org.org import Org

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


# From here on the rows are random too: every kind of field, empty ones among them.
_ALPHABET = "aAbÄä%_\\'\n"
_INDUSTRIES = ["Agriculture", "Banking", "Utilities"]
_SEGMENTS = ["Retail", "Wholesale", "Export"]
_RANDOM_ROW = st.fixed_dictionaries(
    {
        "Site": st.none() | st.text(st.sampled_from(_ALPHABET), min_size=1, max_size=4),
        "NumberOfEmployees": st.none() | st.integers(-2, 2),
        "Ledger_Number__c": st.none() | st.integers(-(10**17), 10**17).map(Decimal),
        "Is_Key_Account__c": st.booleans(),
        "Segments__c": st.none()
        | st.lists(st.sampled_from(_SEGMENTS), min_size=1, unique=True).map(";".join),
        "Industry": st.none() | st.sampled_from([*reversed(_INDUSTRIES), "Zoo", "aviary"]),
    }
)
_RANDOM_ROWS = st.lists(_RANDOM_ROW, min_size=1, max_size=10)
# What a LIKE pattern is made of: a wildcard, or a character that stands for itself.
_PATTERNS = st.lists(
    st.sampled_from([("any", ""), ("one", ""), *(("plain", one) for one in _ALPHABET)]), max_size=5
)


def _names(rows: list[Row], soql: str) -> list[Any]:
    """The first cells of a query's rows over an org of these accounts, named 00, 01..."""
    with closing(Org()) as org:
        for place, row in enumerate(rows):
            saved = org.save_record("insert", "Account", {"Name": f"{place:02d}", **row})
            assert saved.success, saved.errors
        return [cells[0] for cells in org.query(soql).rows()]


def _matches(pattern: list[tuple[str, str]], text: str) -> bool:
    if not pattern:
        return not text
    (kind, character), rest = pattern[0], pattern[1:]
    if kind == "any":
        return any(_matches(rest, text[start:]) for start in range(len(text) + 1))
    fits = bool(text) and (kind == "one" or text[0].casefold() == character.casefold())
    return fits and _matches(rest, text[1:])


def _like(pattern: list[tuple[str, str]]) -> Condition:
    escaped = {"%": r"\%", "_": r"\_", "\\": r"\\", "'": r"\'", "\n": r"\n"}
    written = {"any": "%", "one": "_"}
    text = "".join(written.get(kind, escaped.get(one, one)) for kind, one in pattern)

    def holds(row: Row) -> bool:
        return row["Site"] is not None and _matches(pattern, row["Site"])

    return f"Site LIKE '{text}'", holds


def _member(word: str, numbers: list[int | None]) -> Condition:
    listed = ", ".join("null" if number is None else str(number) for number in numbers)

    def holds(row: Row) -> bool:
        return (row["NumberOfEmployees"] in numbers) == (word == "IN")

    return f"NumberOfEmployees {word} ({listed})", holds


def _includes(word: str, choices: list[list[str]]) -> Condition:
    listed = ", ".join(quoted(";".join(choice)) for choice in choices)

    def holds(row: Row) -> bool:
        have = set((row["Segments__c"] or "").split(";"))
        return any(have.issuperset(choice) for choice in choices) == (word == "INCLUDES")

    return f"Segments__c {word} ({listed})", holds


_CHOICES = st.lists(
    st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=2, unique=True), min_size=1
)
_RANDOM_CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(
        _leaves(),
        st.builds(_like, _PATTERNS.filter(bool)),
        st.builds(
            _member,
            st.sampled_from(["IN", "NOT IN"]),
            st.lists(st.none() | st.integers(-2, 2), min_size=1, max_size=3),
        ),
        st.builds(_includes, st.sampled_from(["INCLUDES", "EXCLUDES"]), _CHOICES),
    ),
    lambda inner: st.one_of(
        st.builds(_not, inner),
        st.builds(_joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    ),
    max_leaves=6,
)


@settings(max_examples=40)
@given(rows=_RANDOM_ROWS, condition=_RANDOM_CONDITIONS)
def test_a_condition_finds_what_plain_python_finds_among_any_rows(
    rows: list[Row], condition: Condition
) -> None:
    soql, holds = condition
    expected = [f"{place:02d}" for place, row in enumerate(rows) if holds(row)]
    found = _names(rows, f"SELECT Name FROM Account WHERE {soql}")
    assert sorted(found) == expected


_SORTED: dict[str, Callable[[Any], Any]] = {
    "Site": lambda value: value.casefold(),
    "NumberOfEmployees": lambda value: value,
    "Ledger_Number__c": lambda value: value,
    "Is_Key_Account__c": lambda value: value,
    # Picklists sort as they were set up; what is on no list comes after, in the order of texts.
    "Industry": lambda value: (
        (_INDUSTRIES.index(value), "") if value in _INDUSTRIES else (99, value.casefold())
    ),
}
_ORDERS = st.lists(
    st.tuples(
        st.sampled_from(sorted(_SORTED)),
        st.sampled_from(["", "ASC", "DESC"]),
        st.sampled_from(["", "NULLS FIRST", "NULLS LAST"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda order: order[0],
)


@settings(max_examples=40)
@given(rows=_RANDOM_ROWS, orders=_ORDERS)
def test_rows_come_in_the_order_of_plain_python(
    rows: list[Row], orders: list[tuple[str, str, str]]
) -> None:
    ordered = list(enumerate(rows))
    for field, direction, nulls in reversed(orders):
        empty = [one for one in ordered if one[1][field] is None]
        full = [one for one in ordered if one[1][field] is not None]
        key = _SORTED[field]
        groups: dict[Any, list[tuple[int, Row]]] = {}
        for one in full:
            groups.setdefault(key(one[1][field]), []).append(one)
        values = sorted(groups, reverse=direction == "DESC")
        full = [one for value in values for one in groups[value]]
        ordered = [*full, *empty] if nulls == "NULLS LAST" else [*empty, *full]
    listed = ", ".join(" ".join(filter(None, order)) for order in orders)
    found = _names(rows, f"SELECT Name FROM Account ORDER BY {listed}")
    assert found == [f"{place:02d}" for place, _ in ordered]

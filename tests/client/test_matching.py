"""Which row a result belongs to: by key or by values, in any order; nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import FieldDescribe
from sfbulk.jobs.row_error import RowError
from sfbulk.load.matching import KeyMatcher, ValueMatcher
from sfbulk.load.outcomes import ResultRow, RowStatus
from sfbulk.load.stored_forms import stored_form
from sfbulk.load.unmatched import pair
from sfbulk.normalize import key_normalizer, normalizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

TEXT, NUMBER = (FieldDescribe("F", type=kind) for kind in ("string", "double"))
FORMS = {"Name": normalizer(TEXT), "Amount": normalizer(NUMBER)}


def by_values(*rows: Sequence[str]) -> ValueMatcher:
    return ValueMatcher(FORMS, lambda: rows)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=30), st.randoms())
def test_results_in_any_order_find_rows_of_equal_values_each_once(
    values: list[tuple[str, int]], random: Random
) -> None:
    sent = [(name, str(amount)) for name, amount in values]
    matcher = by_values(*sent)
    results = [(name, f"{amount}.0") for name, amount in values]
    random.shuffle(results)
    found = [matcher.take({"Name": name, "Amount": amount}) for name, amount in results]
    numbers = [at for at in found if at is not None]
    assert sorted(numbers) == list(range(len(sent)))
    assert [(sent[at][0], f"{sent[at][1]}.0") for at in numbers] == results


def test_a_null_comes_back_empty_or_as_it_was_sent() -> None:
    matcher = by_values(("a", "#N/A"), ("b", "#N/A"))
    assert matcher.take({"Name": "b", "Amount": ""}) == 1
    assert matcher.take({"Name": "a", "Amount": "#N/A"}) == 0


@pytest.mark.parametrize("row", [{"Name": "c", "Amount": "1"}, {"Name": "a", "Amount": "2"}])
def test_a_result_of_a_row_that_was_not_sent_finds_no_row(row: dict[str, str]) -> None:
    assert by_values(("a", "1"), ("b", "2")).take(row) is None


def test_a_row_has_one_result() -> None:
    matcher = by_values(("a", "1"))
    assert matcher.take({"Name": "a", "Amount": "1"}) == 0
    assert matcher.take({"Name": "a", "Amount": "1"}) is None


def test_columns_that_results_leave_out_are_not_compared() -> None:
    matcher = by_values(("a", "1"), ("b", "2"))
    assert matcher.take({"Name": "b"}) == 1


def test_a_result_finds_none_of_rows_that_differ_only_in_columns_without_results() -> None:
    matcher = by_values(("a", "1"), ("a", "2"), ("b", "1"), ("b", "1.0"))
    assert matcher.take({"Name": "b"}) in {2, 3}
    assert matcher.take({"Name": "a"}) is None


def test_a_key_finds_its_row_in_any_form_of_the_results() -> None:
    form = key_normalizer(NUMBER)
    matcher = KeyMatcher({form("7"): 0, form("8.50"): 1}, "Ext__c", form)
    assert matcher.take({"Ext__c": "8.5", "Name": "x"}) == 1
    assert matcher.take({"Ext__c": "7.0"}) == 0
    for row in ({"Ext__c": "7"}, {"Ext__c": "9"}, {"Name": "x"}):
        assert matcher.take(row) is None


ERRORS = [RowError("A", "a"), RowError("B", "b")]


def failed(error: RowError, **row: str) -> ResultRow:
    return ResultRow(RowStatus.FAILED, None, created=False, error=error, row=row)


def test_the_one_result_that_is_left_belongs_to_the_one_row_that_is_left() -> None:
    result = failed(ERRORS[0], Name="something else")
    assert pair([result], {7: {"Name": "a"}}, {"Name": str}) == ([(7, result)], [])


def test_results_are_found_by_the_columns_that_salesforce_did_not_change() -> None:
    rows = {at: {"Name": f"n{at}", "Site": f"s{at}"} for at in range(50)}
    results = [failed(ERRORS[at % 2], Name=f"N{at}!", Site=f"s{at}") for at in range(50)]
    pairs, others = pair(results[::-1], rows, {"Name": str, "Site": str})
    assert sorted(pairs, key=lambda each: each[0]) == list(enumerate(results))
    assert others == []


def test_nothing_is_guessed_about_results_that_may_be_of_several_rows() -> None:
    results = [failed(ERRORS[0], Name="x"), failed(ERRORS[1], Name="y")]
    assert pair(results, {0: {"Name": "a"}, 1: {"Name": "b"}}, {"Name": str}) == ([], results)


def test_it_does_not_matter_which_of_two_equal_refusals_is_whose() -> None:
    results = [failed(ERRORS[0], Name="x"), failed(ERRORS[0], Name="y")]
    pairs, others = pair(results, {0: {"Name": "a"}, 1: {"Name": "b"}}, {"Name": str})
    assert (len(pairs), others) == (2, [])


def test_a_column_that_the_results_lack_is_not_compared() -> None:
    results = [failed(ERRORS[0], Name="b"), failed(ERRORS[1], Name="a")]
    rows = {0: {"Name": "a", "Site": "1"}, 1: {"Name": "b", "Site": "2"}}
    pairs, _ = pair(results, rows, {"Name": str, "Site": str})
    assert pairs == [(0, results[1]), (1, results[0])]


@pytest.mark.parametrize(
    ("kind", "sent", "returned"),
    [
        ("string", "  New name ", "New name"),
        ("textarea", "a\r\nb\n", "a\nb"),
        ("string", "#N/A", ""),
        ("email", "Ada@Example.COM ", "ada@example.com"),
        ("boolean", "1", "true"),
        ("boolean", "0", "false"),
        ("boolean", "TRUE", "true"),
        ("boolean", "", "false"),
        ("date", "2001-02-03T00:00:00", "2001-02-03"),
        ("date", "2001-02-03", "2001-02-03"),
        ("time", "9:30", "09:30:00.000Z"),
        ("time", "09:30:00", "09:30:00.000Z"),
        ("datetime", "2026-03-04T05:06:07.123456+00:00", "2026-03-04T05:06:07.000Z"),
        ("datetime", "2026-03-04 05:06:07", "2026-03-04T05:06:07.000Z"),
        ("datetime", "2026-03-04T05:06:07+02:00", "2026-03-04T03:06:07.000+0000"),
        ("datetime", "2026-03-04", "2026-03-04T00:00:00.000Z"),
        ("multipicklist", "b;a;", "a;b"),
        ("picklist", "hot ", "Hot"),
        ("double", "+0.125", ".125"),
        ("double", " 1e2", "100.0"),
        ("currency", "0.30000000000000004", "0.3"),
        ("int", "05000", "5000"),
        ("int", "12.0", "12"),
        ("double", "-0", "0.0"),
        ("reference", "", "000000000000000AAA"),
        ("reference", "001000000000001", "001000000000001AAA"),
        ("id", "001000000000001AAA", "001000000000001"),
    ],
)
def test_what_salesforce_stores_as_one_value_has_one_form(
    kind: str, sent: str, returned: str
) -> None:
    form = stored_form(FieldDescribe("F", type=kind, scale=3))
    assert form(sent) == form(returned)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("string", "a", "A"),
        ("string", "a b", "ab"),
        ("date", "2001-02-03", "2001-02-04"),
        ("time", "09:30", "09:31"),
        ("datetime", "2026-03-04T05:06:07Z", "2026-03-04T05:06:08Z"),
        ("multipicklist", "a;b", "a"),
        ("double", "0.1251", "0.126"),
        ("int", "1" + "0" * 60, "1" + "0" * 59),
        ("double", "NaN", "0"),
        ("id", "001000000000001", "001000000000002"),
        ("boolean", "maybe", "false"),
    ],
)
def test_different_values_have_different_forms(kind: str, one: str, other: str) -> None:
    form = stored_form(FieldDescribe("F", type=kind, scale=3))
    assert form(one) != form(other)

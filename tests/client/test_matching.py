"""Which row a result belongs to: by key or by values, in any order; nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import FieldDescribe, ResultsMismatch
from sfbulk.load.matching import KeyMatcher, ValueMatcher
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
    numbers = [matcher.take({"Name": name, "Amount": amount}) for name, amount in results]
    assert sorted(numbers) == list(range(len(sent)))
    assert [(sent[at][0], f"{sent[at][1]}.0") for at in numbers] == results


def test_a_null_comes_back_empty_or_as_it_was_sent() -> None:
    matcher = by_values(("a", "#N/A"), ("b", "#N/A"))
    assert matcher.take({"Name": "b", "Amount": ""}) == 1
    assert matcher.take({"Name": "a", "Amount": "#N/A"}) == 0


@pytest.mark.parametrize("row", [{"Name": "c", "Amount": "1"}, {"Name": "a", "Amount": "2"}])
def test_a_result_of_a_row_that_was_not_sent_is_an_error(row: dict[str, str]) -> None:
    with pytest.raises(ResultsMismatch, match="no row that was sent"):
        by_values(("a", "1"), ("b", "2")).take(row)


def test_a_row_has_one_result() -> None:
    matcher = by_values(("a", "1"))
    matcher.take({"Name": "a", "Amount": "1"})
    with pytest.raises(ResultsMismatch, match="already had a result"):
        matcher.take({"Name": "a", "Amount": "1"})


def test_columns_that_results_leave_out_are_not_compared() -> None:
    matcher = by_values(("a", "1"), ("b", "2"))
    assert matcher.take({"Name": "b"}) == 1


def test_rows_that_differ_only_in_columns_without_results_are_an_error() -> None:
    matcher = by_values(("a", "1"), ("a", "2"), ("b", "1"), ("b", "1.0"))
    assert matcher.take({"Name": "b"}) == 2
    with pytest.raises(ResultsMismatch, match="2 rows differ only in columns"):
        matcher.take({"Name": "a"})


def test_a_key_finds_its_row_in_any_form_of_the_results() -> None:
    form = key_normalizer(NUMBER)
    matcher = KeyMatcher({form("7"): 0, form("8.50"): 1}, "Ext__c", form)
    assert matcher.take({"Ext__c": "8.5", "Name": "x"}) == 1
    assert matcher.take({"Ext__c": "7.0"}) == 0
    for row in ({"Ext__c": "7"}, {"Ext__c": "9"}, {"Name": "x"}):
        with pytest.raises(ResultsMismatch):
            matcher.take(row)

"""PK chunking: its header, the ranges of ids it makes, and the ones that are missing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import PkChunking
from sfbulk.bulk1.chunking import IdRange, gap_query, gaps, id_range
from sfbulk.errors import DataError

ASK = "SELECT Id FROM Contact WHERE "
ID = "001000000000{:03d}".format


@pytest.mark.parametrize(
    ("chunking", "header"),
    [
        (PkChunking(), "TRUE"),
        (PkChunking(chunk_size=50_000), "chunkSize=50000"),
        (
            PkChunking(chunk_size=1, parent="Account", start_row="00130000000xEftMGH"),
            "chunkSize=1; parent=Account; startRow=00130000000xEftMGH",
        ),
    ],
)
def test_the_header_has_the_settings(chunking: PkChunking, header: str) -> None:
    assert chunking.header == header


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunk_size": 0},
        {"chunk_size": 250_001},
        {"parent": "Account; startRow=1"},
        {"start_row": "001"},
    ],
)
def test_settings_that_salesforce_would_refuse_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=next(iter(wrong))):
        PkChunking(**wrong)


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("Name = 'x'", (None, None)),
        (f"Id >= '{ID(1)}' AND Id < '{ID(2)}'", (ID(1), ID(2))),
        # Without quotes, as the guide prints it.
        (f"Id>={ID(1)} AND id<{ID(2)}", (ID(1), ID(2))),
        (f"(Name = 'Id < \\'') AND Id >= '{ID(3)}'", (ID(3), None)),
        (f"(Name = '\\\\' OR Name = ' AND Id >= ') AND Id < '{ID(3)}'", (None, ID(3))),
        ("My_Id < 'x' AND Owner.Id >= 'y'", (None, None)),
    ],
)
def test_the_range_of_a_chunk_is_read_from_its_query(
    condition: str, found: tuple[str | None, str | None]
) -> None:
    assert id_range(ASK + condition) == found


CHUNKS = [IdRange(None, ID(1)), IdRange(ID(1), ID(2)), IdRange(ID(2), ID(3)), IdRange(ID(3), None)]


@given(st.permutations(range(4)), st.sets(st.sampled_from([1, 2])))
def test_exactly_the_missing_chunks_are_found(order: list[int], left_out: set[int]) -> None:
    chunks = [CHUNKS[place] for place in order if place not in left_out]
    covered = [(gap.low, gap.high) for gap in gaps(chunks)]
    expected = {
        frozenset(): [],
        frozenset({1}): [(ID(1), ID(2))],
        frozenset({2}): [(ID(2), ID(3))],
        frozenset({1, 2}): [(ID(1), ID(3))],
    }[frozenset(left_out)]
    assert covered == expected


def test_ids_of_15_and_18_characters_are_the_same() -> None:
    assert gaps([IdRange(None, ID(1) + "AAA"), IdRange(ID(1), None)]) == []


def test_ids_in_another_order_are_not_a_gap() -> None:
    assert gaps([IdRange(ID(5), ID(2)), IdRange(ID(2), ID(9)), IdRange(ID(9), None)]) == []


def test_ranges_that_are_not_known_have_no_gaps() -> None:
    assert gaps([IdRange(None, None), IdRange(ID(1), ID(2)), IdRange(ID(3), None)]) == []


def test_the_query_of_a_missing_chunk_is_the_query_of_another_with_its_ids() -> None:
    lookup = f"(AccountId = '{ID(1)}') AND "
    other = f"{ASK}{lookup}Id >= '{ID(1)}' AND Id < {ID(2)}"
    found = gap_query(["SELECT Id FROM Contact", other], IdRange(ID(7), ID(8)))
    assert found == f"{ASK}{lookup}Id >= '{ID(7)}' AND Id < {ID(8)}"
    assert gap_query(["SELECT Id FROM Contact"], IdRange(ID(7), ID(8))) is None

"""Record ids: the suffix against recorded ids, validity, and the seeded source."""

from __future__ import annotations

import pytest

from sfbulk_sandbox.schema.ids import IdSource, is_valid, to18

# Ids of recorded replies.
_RECORDED = (
    "0013z00002QeTIWAA3",
    "0033z00002fsAupAAE",
    "0063z000014qkNeAAI",
    "5003z000026N4oqAAC",
    "00Q3z00001AmqLYEAZ",
    "01tQH00000Hh6GdYAJ",
    "750Tn000004ZoR3IAK",
    "012000000000000AAA",
)


@pytest.mark.parametrize("record_id", _RECORDED)
def test_the_suffix_is_the_one_salesforce_gives(record_id: str) -> None:
    assert to18(record_id[:15]) == record_id
    assert is_valid(record_id)
    assert is_valid(record_id[:15])


@pytest.mark.parametrize(
    "text",
    [
        "0013z00002QeTIWAA4",  # another suffix
        "0013z00002qeTIWAA3",  # another case
        "0013z00002QeTI",  # 14 characters
        "0013z00002QeTIW-A3",
        "0013z00002QeTIÄ",
        "",
    ],
)
def test_what_is_no_id_is_seen(text: str) -> None:
    assert not is_valid(text)


def test_the_same_seed_gives_the_same_ids_and_another_seed_others() -> None:
    first, same, other = IdSource(7), IdSource(7), IdSource(8)
    ids = [first.new_id("001") for _ in range(300)]
    assert ids == [same.new_id("001") for _ in range(300)]
    assert not set(ids) & {other.new_id("001") for _ in range(300)}
    assert len(set(ids)) == 300
    assert all(is_valid(one) and one.startswith("001") for one in ids)


def test_an_id_from_outside_is_never_given_again() -> None:
    twin = IdSource(3)
    loaded = [twin.new_id("003") for _ in range(70)][-1]
    source = IdSource(3)
    source.reserve(loaded)
    source.reserve("0033z00002fsAupAAE")
    assert source.new_id("003") == twin.new_id("003")

"""The places of STATE messages among the rows of a stream, compared with a plain list of them."""

from __future__ import annotations

import random

import pytest

from target_sfbulk import marks
from target_sfbulk.marks import Marks


@pytest.mark.parametrize("seed", range(20))
def test_marks_say_what_a_list_of_all_states_says(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks, "_MOST_PASSED", 5)
    chance, kept = random.Random(seed), Marks()  # noqa: S311 - a repeatable test
    states: list[tuple[int, int]] = []
    records = rows = settled = covered = 0
    for _ in range(300):
        records += (others := chance.randint(0, 2)) + (own := chance.choice((0, 0, 1, 3)))
        rows += own
        if others + own or not states:
            states.append((records, rows))
            kept.add(records, rows)
        settled = chance.randint(settled, rows)
        kept.settle(settled)
        done = [number for number, before in states if before <= settled]
        assert kept.settled_to == max(done, default=0)
        assert kept.rows == rows
        if done and chance.random() < 0.5:
            before, written = covered, chance.choice(done)
            expected = max(count for number, count in states if number <= written)
            covered = max(covered, kept.cover(written) or 0)
            assert covered == max(before, expected)


def test_states_between_which_a_stream_has_no_row_are_one_mark() -> None:
    kept = Marks()
    for number in (1, 2, 3):
        kept.add(number, 1)
    kept.settle(0)
    assert kept.settled_to == 0
    kept.settle(1)
    assert kept.settled_to == 3
    assert kept.cover(0) is None
    assert kept.cover(1) == 1
    assert kept.cover(3) is None

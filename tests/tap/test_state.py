"""The window contract: nothing is lost between runs, and nothing moves back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk.state import Bookmark, Window, parse_instant
from tap_sfbulk.windows import Bounds

KEY = "SystemModstamp"
LOOKBACK = timedelta(seconds=600)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=timezone.utc)


def window(
    now: datetime, bookmark: Bookmark, lookback: timedelta = LOOKBACK, **given: datetime
) -> Window:
    return Bounds(now, **given).window(bookmark, lookback)


def test_nothing_configured_reads_all_history() -> None:
    assert window(at(9), Bookmark(KEY)) == Window(None, at(9))


def test_start_date_is_the_lower_bound_without_a_bookmark_only() -> None:
    assert window(at(9), Bookmark(KEY), start=at(3)) == Window(at(3), at(9))
    read = Bookmark(KEY, window_end=at(2))
    assert window(at(9), read, start=at(3)).lower == at(2) - LOOKBACK


def test_a_window_starts_where_the_last_one_ended_minus_the_lookback() -> None:
    read = Bookmark(KEY, maximum=at(1), window_end=at(8))
    assert window(at(9), read) == Window(at(7, 50), at(9))


def test_a_state_of_another_tap_is_read_from_its_value_minus_the_lookback() -> None:
    state = {"replication_key": KEY, "replication_key_value": "2026-11-23T05:00:00.000+0000"}
    assert window(at(9), Bookmark.read(state, KEY)) == Window(at(4, 50), at(9))


def test_a_state_of_another_replication_key_is_not_used() -> None:
    state = {"replication_key": "CreatedDate", "window_end": "2026-11-23T05:00:00.000Z"}
    assert Bookmark.read(state, KEY) == Bookmark(KEY)


def test_end_date_is_the_upper_bound_when_it_is_earlier_than_now() -> None:
    assert window(at(9), Bookmark(KEY), end=at(8)).upper == at(8)
    assert window(at(9), Bookmark(KEY), end=at(10)).upper == at(9)


def test_a_window_that_ends_before_it_starts_is_empty() -> None:
    read = Bookmark(KEY, window_end=at(8))
    assert window(at(9), read, end=at(5)).is_empty
    assert not window(at(9), read).is_empty


def test_a_bookmark_survives_being_written_and_read() -> None:
    state: dict[str, Any] = {}
    bookmark = Bookmark(KEY).after(Window(None, at(9)), at(8))
    bookmark.write(state)
    assert state == {
        "replication_key": KEY,
        "replication_key_value": "2026-11-23T08:00:00.000Z",
        "window_end": "2026-11-23T09:00:00.000Z",
    }
    assert Bookmark.read(state, KEY) == bookmark


def test_a_window_without_rows_moves_the_window_end_and_keeps_the_value() -> None:
    read = Bookmark(KEY, maximum=at(1), window_end=at(2)).after(Window(at(2), at(9)), None)
    assert read == Bookmark(KEY, maximum=at(1), window_end=at(9))


instants = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone itself
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(timezone.utc),
).map(lambda instant: instant.replace(microsecond=0))


@given(runs=st.lists(st.tuples(instants, instants), min_size=2, max_size=6))
def test_a_bookmark_never_moves_back_and_windows_leave_no_gap(
    runs: list[tuple[datetime, datetime]],
) -> None:
    bookmark = Bookmark(KEY)
    for now, maximum in runs:
        read = window(now, bookmark)
        if bookmark.window_end:
            assert read.lower is not None
            assert read.lower < bookmark.window_end
        after = bookmark.after(read, maximum)
        assert after.window_end is not None
        assert bookmark.window_end is None or after.window_end >= bookmark.window_end
        assert bookmark.maximum is None or (after.maximum or maximum) >= bookmark.maximum
        bookmark = after


def test_a_bookmark_does_not_pass_what_is_covered() -> None:
    read = Bookmark(KEY, maximum=at(1), window_end=at(2))
    after = read.after(Window(at(2), at(9)), at(8), covered=at(7))
    assert after == Bookmark(KEY, maximum=at(7), window_end=at(7))
    late = read.after(Window(at(2), at(9)), at(8), covered=at(10))
    assert late == Bookmark(KEY, maximum=at(8), window_end=at(9))


def test_a_bookmark_moves_back_to_what_is_covered() -> None:
    # The run before this one did not know of the transaction, which is open since one o'clock.
    read = Bookmark(KEY, maximum=at(5), window_end=at(6))
    after = read.after(Window(at(6), at(9)), at(8), covered=at(1))
    assert after == Bookmark(KEY, maximum=at(1), window_end=at(1))


def test_a_table_without_rows_is_held_back_too() -> None:
    after = Bookmark(KEY).after(Window(None, at(9)), None, covered=at(7))
    assert after == Bookmark(KEY, maximum=None, window_end=at(7))


@given(now=instants, committed=instants, began=instants, lookback=st.integers(0, 3600))
def test_rows_of_a_transaction_that_ran_during_a_run_are_in_the_window_of_the_next(
    now: datetime, committed: datetime, began: datetime, lookback: int
) -> None:
    if not began <= now <= committed:
        return
    first = window(now, Bookmark(KEY), timedelta(seconds=lookback))
    kept = Bookmark(KEY).after(first, None, covered=began)
    later = committed + timedelta(seconds=1)
    second = window(later, kept, timedelta(seconds=lookback))
    # Its rows have stamps from its beginning to its end.
    assert second.lower is not None
    assert second.lower <= began
    assert committed < second.upper


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-23", at(0)),
        ("2026-11-23T09:00:00Z", at(9)),
        ("2026-11-23T09:00:00.000Z", at(9)),
        ("2026-11-23T09:00:00.000+0000", at(9)),
        ("2026-11-23T10:00:00+01:00", at(9)),
        ("2026-11-23T10:00:00.000+0100", at(9)),
        ("2026-11-23T09:00:00", at(9)),
        ("2026-11-23 09:00:00", at(9)),
    ],
)
def test_date_times_are_read_in_many_forms(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-23T25:00:00Z"])
def test_text_that_is_not_a_date_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_instant(text)

"""States of other taps and of Meltano: read on from, or refused stream by stream, never ignored."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk.state import Bookmark, starts_over
from tap_sfbulk.state_forms import named_as, normalized_state
from tests.tap.conftest import ACCOUNTS, CONTACTS

if TYPE_CHECKING:
    from tests.tap.conftest import Run, TapCommand

KEY = "SystemModstamp"
READ_TO = "2026-01-02T12:00:00.000000Z"
"""Only the third account is later."""
THIRD = [ACCOUNTS[2]["Id"]]
SINGER_IO: dict[str, Any] = {"bookmarks": {"Account": {KEY: READ_TO, "version": 1}}}
SDK: dict[str, Any] = {
    "bookmarks": {"Account": {"replication_key": KEY, "replication_key_value": READ_TO}}
}
AIRBYTE_STREAM = {
    "type": "STREAM",
    "stream": {
        "stream_descriptor": {"name": "Account", "namespace": None},
        "stream_state": {KEY: READ_TO},
    },
}

FORMS: dict[str, Any] = {
    "of singer-io's and MeltanoLabs' taps": SINGER_IO,
    "of an SDK tap": SDK,
    "with what a tap was at": {**SINGER_IO, "current_stream": "Contact"},
    "a whole STATE message": {"type": "STATE", "value": SINGER_IO},
    "a value alone": {"value": SINGER_IO},
    "printed by meltano state get": {"singer_state": SINGER_IO},
    "kept by Meltano": {"completed": {"singer_state": SINGER_IO}, "partial": {}},
    "kept by Meltano after a first run that failed": {"partial": {"singer_state": SINGER_IO}},
    "printed by Meltano, with no bookmarks beside": {"bookmarks": None, "singer_state": SINGER_IO},
    "with an empty wrapper around another": {"value": None, "singer_state": SINGER_IO},
    "with the stream in another case": {"bookmarks": {"account": {KEY: READ_TO}}},
    "with the key in another case": {"bookmarks": {"Account": {KEY.lower(): READ_TO}}},
    "with an empty value beside": {
        "bookmarks": {"Account": {"replication_key_value": None, KEY: READ_TO}}
    },
    "of Airbyte": [AIRBYTE_STREAM],
    "a message of Airbyte": {"type": "STATE", "state": AIRBYTE_STREAM},
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def account_ids(run: Run) -> list[str]:
    return [record["Id"] for record in run.records("Account")]


def warnings_of(run: Run, stream: str) -> list[str]:
    return [line for line in run.log.splitlines() if "WARNING" in line and f"{stream}: " in line]


@pytest.mark.parametrize("form", FORMS)
def test_a_bookmark_is_found_in_every_form(form: str) -> None:
    state = named_as(normalized_state(FORMS[form]), ["Account", "Contact"])
    assert Bookmark.read(state["bookmarks"]["Account"], KEY).read_to == at(READ_TO)


@pytest.mark.parametrize("form", ["a whole STATE message", "kept by Meltano", "of Airbyte"])
def test_a_state_of_another_tap_is_read_on_from(tap: TapCommand, form: str) -> None:
    run = tap(state=FORMS[form])
    assert run.code == 0, run.log
    assert account_ids(run) == THIRD
    # No bookmark is not a bookmark that is not understood.
    assert len(run.records("Contact")) == len(CONTACTS)
    assert run.state["bookmarks"]["Account"]["window_end"] == "2026-11-23T09:00:00.000Z"
    assert not warnings_of(run, "Account")


def test_an_unfinished_job_of_another_tap_is_not_resumed(tap: TapCommand) -> None:
    entry = {
        "JobID": "750000000000001AAA",
        "BatchIDs": ["751000000000001AAA"],
        "JobHighestBookmarkSeen": "2026-01-03T12:00:00.000000Z",
    }
    run = tap(state={"bookmarks": {"Account": {KEY: READ_TO, **entry}}})
    assert run.code == 0, run.log
    assert account_ids(run) == THIRD
    assert set(run.state["bookmarks"]["Account"]) == {
        "replication_key",
        "replication_key_value",
        "window_end",
    }
    without = tap(state={"bookmarks": {"Account": entry}})
    assert without.code == 0, without.log
    assert len(account_ids(without)) == len(ACCOUNTS)
    (line,) = warnings_of(without, "Account")
    assert "starts over from the first row: its state has no bookmark of SystemModstamp" in line


WRONG: list[Any] = [
    [READ_TO],
    20260102,
    READ_TO,
    True,
    {KEY: [READ_TO]},
    {KEY: 1767355200},
    {KEY: {"at": READ_TO}},
    {KEY: False},
    {KEY: ""},
    {KEY: "yesterday"},
    {KEY: "0001-01-01T00:00:00+10:00"},
    {"replication_key": KEY, "replication_key_value": 0},
    {"replication_key": KEY, "window_end": "2026-13-01T00:00:00Z"},
    {
        "partitions": [
            {"context": {"a": 1}, "replication_key": KEY, "replication_key_value": READ_TO}
        ]
    },
    {KEY: READ_TO, "partitions": [{"context": {"a": 1}}, {"context": {"a": 2}}]},
    {"partitions": "a"},
]


def test_a_bookmark_of_any_other_form_fails_its_stream_alone(tap: TapCommand) -> None:
    for entry in (WRONG[0], WRONG[-3], WRONG[-2]):
        run = tap(state={"bookmarks": {"Account": entry}})
        assert run.code == 1
        assert "1 stream could not be read. Account: " in run.reason
        assert "is not a date-time" in run.reason
        assert "Traceback" not in run.log
        assert account_ids(run) == []
        assert len(run.records("Contact")) == len(CONTACTS)


@pytest.mark.parametrize("entry", WRONG)
def test_no_bookmark_of_another_form_is_taken_for_none(entry: Any) -> None:
    kept = normalized_state({"bookmarks": {"Account": entry}})["bookmarks"]["Account"]
    with pytest.raises(ValueError, match=r"."):
        Bookmark.read(kept, KEY)


def test_a_failed_bookmark_is_in_the_state_that_the_run_writes(tap: TapCommand) -> None:
    first = tap(state={"bookmarks": {"Account": [READ_TO]}})
    again = tap(state=first.state)
    assert again.code == 1
    assert "1 stream could not be read. Account: " in again.reason


def test_streams_that_are_not_read_stay_in_the_state(tap: TapCommand) -> None:
    gone = {"SystemModstamp": "2020-01-01T00:00:00Z", "version": 7}
    run = tap(state={"bookmarks": {"Gone__c": gone, **SINGER_IO["bookmarks"]}})
    assert run.code == 0, run.log
    assert run.state["bookmarks"]["Gone__c"] == gone


def test_a_stream_that_starts_over_says_so_in_one_line(tap: TapCommand) -> None:
    run = tap(state={"bookmarks": {"Account": {"CreatedDate": READ_TO, "version": 1}}})
    assert run.code == 0, run.log
    assert len(account_ids(run)) == len(ACCOUNTS)
    (line,) = warnings_of(run, "Account")
    assert "starts over from the first row: its state has no bookmark of SystemModstamp" in line
    options = {"Contact": {"replication_key": "CreatedDate"}}
    other = tap(state=run.state, stream_options=options, start_date="2026-01-01")
    (line,) = warnings_of(other, "Contact")
    assert "starts over from 2026-01-01T00:00:00.000Z: its state is of SystemModstamp" in line
    assert not warnings_of(other, "Account")


WITHOUT_A_VALUE: list[dict[str, Any]] = [
    {"progress_markers": {"replication_key": KEY, "replication_key_value": READ_TO}},
    {"progress_markers": [KEY]},
    {"replication_key": KEY},
    {"replication_key": KEY, "window_end": None},
    {"replication_key_signpost": READ_TO},
]


@pytest.mark.parametrize("entry", WITHOUT_A_VALUE)
def test_what_the_sdk_keeps_beside_a_bookmark_is_none(tap: TapCommand, entry: Any) -> None:
    run = tap(state={"bookmarks": {"Account": entry}})
    assert run.code == 0, run.log
    assert len(account_ids(run)) == len(ACCOUNTS)
    (line,) = warnings_of(run, "Account")
    assert "starts over from the first row: its state has no bookmark of SystemModstamp" in line
    again = tap(state=run.state)
    assert not warnings_of(again, "Account")
    assert account_ids(again) == []


def test_slices_without_an_end_start_over_and_say_so(tap: TapCommand) -> None:
    empty = {"stream_descriptor": {"name": "Account"}, "stream_state": {"slices": []}}
    run = tap(state=[{"type": "STREAM", "stream": empty}])
    assert run.code == 0, run.log
    assert len(account_ids(run)) == len(ACCOUNTS)
    (line,) = warnings_of(run, "Account")
    assert "starts over from the first row" in line


def test_later_parts_of_what_meltano_keeps_win_stream_by_stream() -> None:
    earlier = {"bookmarks": {"A": {KEY: "2025"}, "B": {KEY: "2025", "version": 1}}}
    later = {"bookmarks": {"B": {KEY: "2026"}}}
    kept = {"completed": {"singer_state": earlier}, "partial": {"singer_state": later}}
    assert normalized_state(kept) == {
        "bookmarks": {"A": {KEY: "2025"}, "B": {KEY: "2026", "version": 1}}
    }


def test_slices_of_airbyte_are_read_on_from_the_end_of_the_first() -> None:
    slices = [
        {"start": "2026-03-01T00:00:00.000Z", "end": "2026-04-01T00:00:00.000Z"},
        {"start": "2024-01-01T00:00:00.000Z", "end": "2026-02-01T00:00:00.000Z"},
    ]
    stream = {
        "stream_descriptor": {"name": "Account"},
        "stream_state": {"state_type": "date-range", "slices": slices},
    }
    entry = normalized_state({"stream": stream})["bookmarks"]["Account"]
    assert Bookmark.read(entry, KEY).read_to == at("2026-02-01T00:00:00.000Z")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                f"bookmarks value singer_state completed partial state stream Account {KEY} "
                "replication_key replication_key_value window_end stream_descriptor name".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(document=json_values)
def test_any_json_is_either_a_state_or_a_reason(document: Any) -> None:
    try:
        state = normalized_state(document)
    except ValueError:
        return
    assert all(isinstance(entry, dict) for entry in state["bookmarks"].values())
    assert normalized_state(state) == state
    for entry in state["bookmarks"].values():
        try:
            bookmark = Bookmark.read(entry, KEY)
        except ValueError:
            continue
        starts_over(entry, bookmark)
        written = dict(entry)
        bookmark.write(written)
        assert Bookmark.read(written, KEY) == bookmark

"""What one run reads of one stream, planned without asking anybody."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sfbulk import FieldDescribe, SObjectDescribe
from sfbulk.errors import ConfigError
from tap_sfbulk.columns import CellKind
from tap_sfbulk.fields import object_fields
from tap_sfbulk.plan import StreamPlan, StreamRequest, plan_stream
from tap_sfbulk.resume import ResumePoint
from tap_sfbulk.schema import property_of
from tap_sfbulk.sources import StreamSource
from tap_sfbulk.state import Bookmark, Window
from tap_sfbulk.windows import Bounds

KEY = "SystemModstamp"
SELECTABLE = {
    "Id": "id",
    "Name": "string",
    "AnnualRevenue": "currency",
    "NumberOfEmployees": "int",
    "BillingCity": "string",
    "IsDeleted": "boolean",
    "CreatedDate": "datetime",
    KEY: "datetime",
}
NOT_SELECTABLE = {"BillingAddress": "address", "Body": "base64", "Geo__c": "location"}


def a_field(name: str, field_type: str) -> FieldDescribe:
    return FieldDescribe(name=name, label=name, type=field_type, filterable=True)


ACCOUNT = SObjectDescribe(
    name="Account",
    label="Account",
    fields=tuple(a_field(*each) for each in {**SELECTABLE, **NOT_SELECTABLE}.items()),
)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, tzinfo=timezone.utc)


def selected(*names: str) -> dict[str, Any]:
    found = [ACCOUNT.field(name) for name in names]
    return {field.name: property_of(field) for field in found if field}


def source(**given: Any) -> StreamSource:
    fields = tuple(object_fields(ACCOUNT, with_deleted_at=False))
    return replace(StreamSource("Account", ACCOUNT, fields, ("Id",), KEY), **given)


def request(**given: Any) -> StreamRequest:
    asked: dict[str, Any] = {
        "source": source(),
        "properties": selected("Id", "Name", KEY),
        "replication_method": "INCREMENTAL",
        "replication_key": KEY,
        "lookback": timedelta(minutes=10),
    }
    return StreamRequest(**(asked | given))


def plan(bounds: Bounds | None = None, **given: Any) -> StreamPlan:
    return plan_stream(request(**given), bounds or Bounds(at(9)))


def soql_of(made: StreamPlan) -> str:
    (only,) = made.passes
    return only.soql


def state(bookmark: Bookmark | None) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if bookmark:
        bookmark.write(written)
    return written


def test_a_window_is_half_open_and_the_condition_is_in_parentheses() -> None:
    made = plan(where="A = 1 OR B = 2", state=state(Bookmark(KEY, window_end=at(8, 10))))
    assert soql_of(made) == (
        "SELECT Id, Name, SystemModstamp FROM Account WHERE (A = 1 OR B = 2) AND "
        "(SystemModstamp >= 2026-11-23T08:00:00.000Z) AND "
        "(SystemModstamp < 2026-11-23T09:00:00.000Z)"
    )


def test_a_full_table_has_no_condition_and_no_bookmark() -> None:
    for bounds in (None, Bounds(at(9), start=at(3), end=at(4))):
        made = plan_stream(request(replication_method="FULL_TABLE"), bounds)
        assert soql_of(made) == "SELECT Id, Name, SystemModstamp FROM Account"
        assert (made.key, made.window, made.bookmark_after(at(8))) == (None, None, None)


def test_the_types_of_the_catalog_decide_how_cells_become_json() -> None:
    properties = selected("Id", "NumberOfEmployees", "AnnualRevenue")
    properties["AnnualRevenue"] = {"type": ["string", "null"]}
    assert [column.kind for column in plan(properties=properties).passes[0].columns] == [
        CellKind.TEXT,
        CellKind.INTEGER,
        CellKind.TEXT,
    ]


def test_all_selected_fields_that_do_not_exist_are_named_with_close_ones() -> None:
    with pytest.raises(ConfigError) as refused:
        plan(properties=selected("Id") | {"Nme": {}, "Zzz": {}})
    assert "Account.Nme is selected" in str(refused.value)
    assert "did you mean `Name`?" in str(refused.value)
    assert "Account.Zzz is selected" in str(refused.value)


@pytest.mark.parametrize("names", [[], ["BillingAddress"]])
def test_a_stream_without_a_field_that_bulk_can_read_is_refused(names: list[str]) -> None:
    with pytest.raises(ConfigError, match="No field of Account that bulk can read is selected"):
        plan(properties=selected(*names))


@pytest.mark.parametrize(
    ("method", "key"), [("INCREMENTAL", None), ("INCREMENTAL", "Name"), ("LOG_BASED", KEY)]
)
def test_a_method_that_is_not_possible_is_refused_with_the_keys_that_are(
    method: str, key: str | None
) -> None:
    with pytest.raises(ConfigError, match=f"INCREMENTAL with one of: CreatedDate, {KEY}"):
        plan(replication_method=method, replication_key=key)


def test_a_bookmark_that_is_not_a_date_time_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError, match="state of Account") as refused:
        plan(state={"replication_key": KEY, "replication_key_value": "last week"})
    assert "last week" not in str(refused.value)


def test_the_bookmark_of_another_key_is_not_used() -> None:
    other = state(Bookmark("CreatedDate", window_end=at(8)))
    assert (
        plan(Bounds(at(9), start=at(3)), state=other).window
        == plan(Bounds(at(9), start=at(3))).window
    )


@pytest.mark.parametrize(
    ("bounds", "bookmark"),
    [
        (Bounds(at(9), end=at(5)), Bookmark(KEY, window_end=at(8))),
        (Bounds(at(9), start=at(10)), None),
        (Bounds(at(9), start=at(6), end=at(5)), None),
    ],
)
def test_an_empty_window_moves_no_bookmark(bounds: Bounds, bookmark: Bookmark | None) -> None:
    made = plan(bounds, state=state(bookmark))
    assert made.is_empty
    assert made.bookmark_after(None) is None


@pytest.mark.parametrize(
    ("lower", "covered", "is_read_on"),
    [
        (None, at(12), True),
        (at(7, 50), at(12), True),
        (at(8), None, True),
        # The second part of a window: the bookmark stays at a transaction that was open.
        (at(10), at(8), True),
        (at(10), at(8, 1), False),
        (at(8, 1), at(12), False),
        (at(8, 1), None, False),
    ],
)
def test_a_place_is_used_if_its_rows_join_the_bookmark(
    lower: datetime | None, covered: datetime | None, *, is_read_on: bool
) -> None:
    window = Window(lower, at(12))
    kept = state(Bookmark(KEY, window_end=at(8)))
    query = plan().queries.rows(plan().columns, window).fingerprint
    left = ResumePoint("750", "page", "68.0", query, 1, window, covered=covered)
    left.write(kept)
    made = plan(Bounds(at(13)), state=kept)
    assert made.resume == (left if is_read_on else None)
    assert (made.not_resumed is None) == is_read_on


def test_a_dry_run_is_limited_and_moves_no_bookmark() -> None:
    made = plan(row_limit=1)
    assert soql_of(made).endswith(" LIMIT 1")
    assert made.bookmark_after(at(8)) is None


names = st.lists(st.sampled_from([*SELECTABLE, *NOT_SELECTABLE]), unique=True)


@given(names=names, incremental=st.booleans())
def test_each_selected_field_that_can_be_selected_is_a_column_exactly_once(
    names: list[str], *, incremental: bool
) -> None:
    expected = [name for name in names if name in SELECTABLE]
    assume(expected)
    method = "INCREMENTAL" if incremental else "FULL_TABLE"
    made = plan(properties=selected(*names), replication_method=method)
    assert [column.name for column in made.passes[0].columns] == expected
    listed = re.fullmatch(r"SELECT (.*) FROM Account( WHERE .*)?", soql_of(made))
    assert listed is not None
    assert listed[1].split(", ") == expected


seconds = st.integers(0, 100_000)
LOOKBACKS = st.integers(0, 1000)


def instant(second: int) -> datetime:
    return at(0) + timedelta(seconds=second)


def matches(soql: str, stamp: datetime) -> bool:
    """Whether a row with this stamp meets the conditions of a query, which are read as text."""
    for sign, text in re.findall(rf"\({KEY} (>=|<) (\S+)\)", soql):
        limit = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if not (stamp >= limit if sign == ">=" else stamp < limit):
            return False
    return True


def selects(made: StreamPlan, stamp: datetime) -> bool:
    return any(matches(each.soql, stamp) for each in made.passes)


optional = st.one_of(st.none(), seconds)


@given(now=seconds, start=optional, end=optional, read_to=optional, lookback=LOOKBACKS)
def test_a_query_has_its_bounds_and_neither_order_nor_limit(
    now: int, start: int | None, end: int | None, read_to: int | None, lookback: int
) -> None:
    bounds = Bounds(
        instant(now),
        None if start is None else instant(start),
        None if end is None else instant(end),
    )
    assume(read_to is None or read_to <= now)
    bookmark = None if read_to is None else Bookmark(KEY, window_end=instant(read_to))
    made = plan(bounds, state=state(bookmark), lookback=timedelta(seconds=lookback))
    assert not [each for each in made.passes if re.search("ORDER BY|LIMIT", each.soql)]
    assert made.window is not None
    upper = now if end is None else min(now, end)
    assert made.window.upper == instant(upper)
    lower = start if read_to is None else read_to - lookback
    assert made.window.lower == (None if lower is None else instant(lower))
    for second in {0, now, upper - 1, upper, *([lower - 1, lower] if lower is not None else [])}:
        inside = (lower is None or second >= lower) and second < upper
        assert selects(made, instant(second)) == inside


@given(
    rows=st.lists(st.tuples(seconds, st.integers(0, 600)), max_size=20),
    runs=st.lists(st.tuples(seconds, st.booleans()), min_size=1, max_size=6),
)
def test_rows_visible_within_the_lookback_are_read_and_the_bookmark_never_moves_back(
    rows: list[tuple[int, int]], runs: list[tuple[int, bool]]
) -> None:
    lookback, kept = timedelta(seconds=600), state(None)
    read: set[tuple[int, int]] = set()
    for now, is_complete in sorted(runs):
        made = plan(Bounds(instant(now)), state=kept, lookback=lookback)
        found = {
            (stamp, late)
            for stamp, late in rows
            if stamp + late <= now and selects(made, instant(stamp))
        }
        before = Bookmark.read(kept, KEY)
        after = made.bookmark_after(max((instant(s) for s, _ in found), default=None))
        if not is_complete or after is None:
            continue
        read |= found
        assert before.window_end is None or (after.window_end or at(0)) >= before.window_end
        assert before.maximum is None or (after.maximum or at(0)) >= before.maximum
        kept = state(after)
        missed = {(s, late) for s, late in rows if s < now and s + late <= now} - read
        assert missed == set()

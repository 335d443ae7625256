"""Rows that become visible late, and clocks that are wrong by hours, cost no row.

What has arrived after several runs is compared with the org by SQLite.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.keys import RSA_KEY, pem, public_pem
from tests.faults.rewriting import Edit
from tests.faults.tap_trouble import OLD

if TYPE_CHECKING:
    from tests.faults.rewriting import Answer
    from tests.faults.tap_trouble import NewReader, Reader

HOUR, LOOKBACK = 3600, 600
WAYS: dict[str, dict[str, Any]] = {
    "BULK2": {},
    "REST": {"api_type": "REST"},
    "chunks": {"api_type": "BULK", "stream_options": {"Account": {"chunk_size": 3}}},
    "query": {
        "queries": [
            {
                "name": "Account",
                "soql": "SELECT Id, Name, IsDeleted, SystemModstamp FROM Account",
                "key_properties": ["Id"],
                "replication_key": "SystemModstamp",
            }
        ],
        "streams_to_discover": [],
    },
}
SLOW_BUT_BULK2 = [
    pytest.param(way, marks=() if way == "BULK2" else pytest.mark.slow) for way in WAYS
]
RESULTS = {"BULK2": "*/results", "query": "*/results", "REST": "*/query*", "chunks": "*/result/*"}


def appear(reader: Reader, name: str, seconds: float) -> None:
    """A row becomes visible now that was stamped so many seconds ago."""
    stamp = reader.clock.now() - timedelta(seconds=seconds)
    reader.control.seed(
        {"Account": [{"Name": name, "SystemModstamp": f"{stamp:%Y-%m-%dT%H:%M:%SZ}"}]}
    )


def delete(reader: Reader, number: int, seconds: float) -> None:
    """A deletion becomes visible now that was stamped so many seconds ago."""
    reader.clock.sleep(-seconds)
    reader.sandbox.org.save_record("delete", "Account", {"Id": OLD[number]["Id"]})
    reader.clock.sleep(seconds)


def run(reader: Reader, **given: Any) -> None:
    """A run that must end well and bring everything."""
    ended = reader.run(**given)
    assert ended.code == 0, ended.log
    assert reader.missing() == []


def late_rows_arrive(reader: Reader, late: int) -> None:
    """After a run that did not end well: a late row, and one at the edge of the lookback."""
    reader.edits.clear()
    appear(reader, "Late", late)
    reader.clock.sleep(HOUR)
    run(reader)
    reader.clock.sleep(HOUR)
    appear(reader, "Later", HOUR + LOOKBACK)
    run(reader)


@pytest.mark.parametrize("way", SLOW_BUT_BULK2)
def test_late_rows_in_windows_that_follow_each_other_all_arrive(
    new_reader: NewReader, way: str
) -> None:
    reader = new_reader(**WAYS[way])
    run(reader)
    for window in range(3):
        # The window before ended an hour ago.
        reader.clock.sleep(HOUR)
        appear(reader, f"At the edge {window}", HOUR + LOOKBACK)
        appear(reader, f"Within {window}", HOUR + 1)
        appear(reader, f"At its end {window}", HOUR)
        delete(reader, window, HOUR + LOOKBACK - 1)
        run(reader)
        assert len(reader.rows) == len(set(reader.rows))


@pytest.mark.parametrize("way", SLOW_BUT_BULK2)
def test_a_row_that_is_committed_while_the_job_is_read_comes_with_the_next_run(
    new_reader: NewReader, way: str
) -> None:
    reader = new_reader(**WAYS[way])
    run(reader)
    reader.clock.sleep(HOUR)
    appear(reader, "Changed", 60)

    def commit(_: str) -> None:
        appear(reader, "Late", 30)
        delete(reader, 1, 20)
        reader.clock.sleep(5)

    # REST has read the rows when the answer is on its way.
    late = Edit(path=RESULTS[way])
    setattr(late, "after" if way == "REST" else "before", commit)
    reader.edits.append(late)
    ended = reader.run()
    assert ended.code == 0, ended.log
    assert late.struck
    assert len(reader.missing()) == 3
    reader.clock.sleep(HOUR)
    run(reader)


@pytest.mark.slow
@pytest.mark.parametrize("way", [way for way in RESULTS if way != "REST"])
@pytest.mark.parametrize("late", [0, 30])
def test_late_rows_arrive_after_a_window_that_was_read_on(
    new_reader: NewReader, late: int, way: str
) -> None:
    reader = new_reader(**WAYS[way])
    broken = Edit("GET", RESULTS[way], _unavailable, skip=1, times=None)
    reader.edits.append(broken)
    assert reader.run().code == 1
    assert broken.struck
    assert "unfinished_job" in reader.bookmark
    late_rows_arrive(reader, late)


def _unavailable(answer: Answer) -> Answer:
    return type(answer)(503, b"", {})


@pytest.mark.parametrize(
    ("hours", "way"),
    [
        ([0, 5, -5], "BULK2"),
        *(
            pytest.param(hours, way, marks=pytest.mark.slow)
            for hours in ([5], [-5], [0, 5, -5], [24 * 365], [0, -100])
            for way in ("BULK2", "REST")
        ),
    ],
)
def test_a_wrong_clock_of_this_machine_changes_nothing(
    new_reader: NewReader,
    hours: list[float],
    way: str,
) -> None:
    reader = new_reader(**WAYS[way])
    run(reader, hours=hours)
    for _ in range(2):
        assert reader.bookmark["window_end"] == f"{reader.clock.now():%Y-%m-%dT%H:%M:%S.000Z}"
        reader.clock.sleep(HOUR)
        appear(reader, f"New {reader.clock.now()}", 60)
        run(reader, hours=hours)


DATES = {
    "start": "/services/data/v68.0/",
    "create": "*/jobs/query",
    "page": "*/results",
    "all": "*",
}


@pytest.mark.parametrize(
    ("place", "hours", "covers"),
    [
        ("start", 5, False),
        *(
            pytest.param(place, hours, covers, marks=pytest.mark.slow)
            for place in DATES
            for hours in (5, -5)
            for covers in (True, False)
        ),
    ],
)
def test_one_wrong_date_of_an_answer_loses_no_row(
    new_reader: NewReader,
    place: str,
    hours: int,
    covers: bool,
) -> None:
    """It is an error or nothing, and no bookmark is ahead of the org's clock."""
    reader = new_reader()
    run(reader)
    reader.clock.sleep(HOUR)
    appear(reader, "Before", 60)

    def wrong(answer: Answer) -> Answer:
        return answer.with_headers(
            date=f"{reader.clock.now() + timedelta(hours=hours):%a, %d %b %Y %H:%M:%S GMT}"
        )

    dates = Edit(path=DATES[place], change=wrong, times=None)
    reader.edits.append(dates)
    if not covers:
        reader.control.add_fault(kind="answer", path="*/updated", status=404, times=None)
    ended = reader.run()
    assert dates.struck
    if hours < 0 and place in ("start", "all"):
        assert ended.code == 1
        assert "org's clock says" in ended.reason
    else:
        assert ended.code == 0, ended.log
        assert reader.missing() == []
    assert reader.bookmark["window_end"] <= f"{reader.clock.now():%Y-%m-%dT%H:%M:%S.000Z}"
    # Stamped while the wrong date would have been ahead.
    reader.edits.clear()
    reader.control.clear_faults()
    reader.clock.sleep(HOUR)
    appear(reader, "Meanwhile", 60)
    reader.clock.sleep(6 * HOUR)
    run(reader)


def test_a_bookmark_is_not_moved_by_a_row_that_is_stamped_in_the_future(
    new_reader: NewReader,
) -> None:
    reader = new_reader()
    reader.control.add_fault(kind="answer", path="*/updated", status=404, times=None)

    def later(answer: Answer) -> Answer:
        return answer.with_text(lambda text: text.replace("2026-11-23T", "2099-11-23T"))

    reader.edits.append(Edit(path="*/results", change=later))
    run(reader)
    assert "2099" not in str(reader.bookmark)
    reader.clock.sleep(HOUR)
    appear(reader, "New", 60)
    run(reader)


@pytest.mark.parametrize(("hours", "ends"), [(-24 * 30, 1), (-120, 0), (0, 0)])
def test_an_assertion_by_a_wrong_clock_says_that_the_clock_is_wrong(
    new_reader: NewReader, hours: float, ends: int
) -> None:
    reader = new_reader(client_secret=None, private_key=pem(RSA_KEY), auth_flow="jwt_bearer")
    reader.control.register_jwt_key(public_pem(RSA_KEY))
    ended = reader.run(hours=[hours], username=reader.sandbox.username)
    assert ended.code == ends, ended.log
    if ends:
        assert "This machine's clock is wrong: set it" in ended.reason
        run(reader, username=reader.sandbox.username)


ROWS_BY_REST = 4_500
"""Three pages: REST has none that are smaller than 2,000 rows."""


def many(reader: Reader) -> None:
    """Rows for several pages by REST."""
    names = "\n".join(["Name", *(f"Many {number}" for number in range(ROWS_BY_REST))])
    assert reader.control.seed_csv("Account", names) == {"Account": ROWS_BY_REST}


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 30])
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("times", [1, None])
def test_a_query_by_rest_whose_next_pages_expire_is_read_again_and_loses_no_row(
    new_reader: NewReader, late: int, skip: int, times: int | None
) -> None:
    reader = new_reader(api_type="REST")
    many(reader)
    expired = Edit("GET", "*/query/*", _expired, skip=skip, times=times)
    reader.edits.append(expired)
    ended = reader.run()
    assert expired.struck
    assert ended.code == 1, ended.log
    assert "Account" in ended.reason
    late_rows_arrive(reader, late)


@pytest.mark.slow
@pytest.mark.parametrize("expires", [False, True])
def test_a_read_by_rest_goes_on_in_the_next_run_or_begins_again_and_loses_no_row(
    new_reader: NewReader, *, expires: bool
) -> None:
    reader = new_reader(api_type="REST")
    many(reader)
    broken = Edit("GET", "*/query/*", _unavailable, skip=1, times=None)
    reader.edits.append(broken)
    assert reader.run().code == 1
    assert broken.struck
    assert "unfinished_job" in reader.bookmark
    reader.edits.clear()
    appear(reader, "Late", 30)
    if expires:
        gone = Edit("GET", "*/query/*", _expired, times=None)
        reader.edits.append(gone)
        # The pages of the new query expire too.
        assert reader.run().code == 1
        assert gone.struck
        reader.edits.clear()
    reader.clock.sleep(HOUR)
    run(reader)


def _expired(answer: Answer) -> Answer:
    body = b'[{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]'
    return type(answer)(404, body, {})

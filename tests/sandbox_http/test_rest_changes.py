"""What changed in a span of time: /updated and /deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    from tests.hand_clock import HandClock

DAY = "start=2026-11-02T00:00:00%2B00:00&end=2026-11-03T00:00:00Z"


@pytest.fixture
def org(timed_org: Org) -> Org:
    return timed_org


def create(org: Org, name: str) -> str:
    return str(org.json("POST", "/sobjects/Account", json={"Name": name})["id"])


def test_created_and_changed_records_are_named_once(org: Org, clock: HandClock) -> None:
    first, second, gone = create(org, "A"), create(org, "B"), create(org, "C")
    clock.time += timedelta(hours=1)
    org.call("PATCH", f"/sobjects/Account/{first}", json={"Name": "A2"})
    org.call("DELETE", f"/sobjects/Account/{gone}")
    assert org.json("GET", f"/sobjects/Account/updated/?{DAY}") == {
        "ids": [second, first],
        "latestDateCovered": "2026-11-02T10:30:00.000+0000",
    }
    early = "start=2026-11-02T09:00:00Z&end=2026-11-02T10:00:59Z"
    assert org.json("GET", f"/sobjects/account/updated?{early}") == {
        "ids": [second],
        "latestDateCovered": "2026-11-02T10:00:00.000+0000",
    }


def test_deleted_records_are_named_with_their_moment(org: Org, clock: HandClock) -> None:
    gone, _left = create(org, "A"), create(org, "B")
    clock.time += timedelta(hours=1)
    org.call("DELETE", f"/sobjects/Account/{gone}")
    document = org.json("GET", f"/sobjects/Account/deleted/?{DAY}")
    assert document == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-11-02T10:30:15.000+0000"}],
        "earliestDateAvailable": "2026-10-18T10:30:00.000+0000",
        "latestDateCovered": "2026-11-02T10:30:00.000+0000",
    }
    assert list(document) == ["deletedRecords", "earliestDateAvailable", "latestDateCovered"]


def test_hard_deleted_records_are_in_the_delete_log_until_a_reset(
    org: Org, clock: HandClock
) -> None:
    hard, soft, early = create(org, "A"), create(org, "B"), create(org, "C")
    org.sandbox.org.save_record("hardDelete", "Account", {"Id": early})
    clock.time += timedelta(hours=1)
    org.sandbox.org.save_record("hardDelete", "Account", {"Id": hard})
    clock.time += timedelta(minutes=1)
    org.call("DELETE", f"/sobjects/Account/{soft}")

    def deleted() -> list[str]:
        span = "start=2026-11-02T10:00:00Z&end=2026-11-03T00:00:00Z"
        listed = org.json("GET", f"/sobjects/Account/deleted/?{span}")["deletedRecords"]
        return [each["id"] for each in listed]

    assert deleted() == [hard, soft]
    org.sandbox.control.reset()
    assert deleted() == []


def test_dates_of_another_zone_are_the_same_instants(org: Org) -> None:
    record_id = create(org, "A")
    # A plus that a client forgot to escape.
    span = "start=2026-11-02T10:30:00+01:00&end=2026-11-02T04:31:00-0500"
    assert org.json("GET", f"/sobjects/Account/updated?{span}")["ids"] == [record_id]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start=2026-11-02T00:00:00Z",
        "start=yesterday&end=2026-11-03T00:00:00Z",
        "start=2026-11-02T00:00:10Z&end=2026-11-02T00:00:50Z",
        "start=2026-11-03T00:00:00Z&end=2026-11-02T00:00:00Z",
        "start=2026-10-01T00:00:00Z&end=2026-11-02T00:00:00Z",
    ],
)
@pytest.mark.parametrize("resource", ["updated", "deleted"])
def test_a_span_that_is_none_is_refused(org: Org, resource: str, query: str) -> None:
    answer = org.get(f"/sobjects/Account/{resource}?{query}")
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == "INVALID_REPLICATION_DATE"


@pytest.mark.parametrize(
    ("resource", "days", "status"),
    [("updated", 30, 200), ("updated", 31, 400), ("deleted", 15, 200), ("deleted", 16, 400)],
)
def test_deletions_reach_back_half_as_far_as_changes(
    org: Org, clock: HandClock, resource: str, days: int, status: int
) -> None:
    start = clock.time - timedelta(days=days)
    span = f"start={start:%Y-%m-%dT%H:%M:%SZ}&end=2026-11-03T00:00:00Z"
    answer = org.get(f"/sobjects/Account/{resource}?{span}")
    assert answer.status_code == status
    if status == 400:
        text = f"start must not be more than {days - 1} days ago"
        assert faults_of(answer) == [("INVALID_REPLICATION_DATE", text)]


@pytest.mark.parametrize("name", ["Nothing__c", "TaskStatus"])
def test_an_object_that_is_not_replicated_has_neither(org: Org, name: str) -> None:
    assert org.get(f"/sobjects/{name}/updated?{DAY}").status_code == 404

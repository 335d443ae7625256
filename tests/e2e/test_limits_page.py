"""docs/limits.md: what runs cost, counted by the org's own record of requests."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk.jobs.polling import PollWait
from sfbulk.jobs.waiting import JobWait
from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.clock import Clock
from tests.client.scripted import FakeClock
from tests.e2e.commands import ROOT, sign_in, write_json
from tests.faults.commands import forked
from tests.target.support import Org, record, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "limits.md").read_text("utf-8")
ROW = re.compile(
    r"^\| ((?:tap|target): .*?) \| (\d+) \| (\d+)(?: or more)? \| (\d+) \| (\d+) \|$", re.MULTILINE
)
POLL = re.compile(r"/jobs/\w+/750\w+$|/job/750\w+(/batch)?$")
KEYS = [f"K-{number}" for number in range(300)]
COSTS = {run: tuple(map(int, numbers)) for run, *numbers in ROW.findall(PAGE)}


class LaterClock(Clock):
    """The system's time, and later after each step."""

    later = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.later


@pytest.fixture(scope="module")
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture(scope="module")
def server(clock: LaterClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def org(server: Sandbox, clock: LaterClock, tmp_path: Path) -> Org:
    server.control.reset()
    # What has changed in the second in which it is described is described again.
    clock.later += timedelta(seconds=2)
    return Org(server, tmp_path)


def counted(org: Org) -> tuple[int, int, int, int]:
    """Requests without polls and sign-ins, polls, query jobs of Bulk API 2.0, other jobs."""
    asked = [(r.method, r.path) for r in org.sandbox.requests if "/oauth2/" not in r.path]
    polls = [path for method, path in asked if method == "GET" and POLL.search(path)]
    created = [path for method, path in asked if method == "POST"]
    queries = sum(path.endswith("/jobs/query") for path in created)
    others = sum(path.endswith(("/jobs/ingest", "/job")) for path in created)
    return len(asked) - len(polls), len(polls), queries, others


def read(*objects: str, options: tuple[str, ...] = (), **settings: Any) -> Callable[[Org], None]:
    def run(org: Org) -> None:
        config = {**sign_in(org.sandbox), "streams_to_discover": list(objects), **settings}
        path = write_json(org.folder / "config.json", config)
        words = ["--config", str(path), *options]
        ended = forked("tap-sfbulk").run_line(org.folder, words, hurried=True)
        assert ended.code == 0, ended.log

    return run


def in_pages(org: Org) -> None:
    (counted_rows,) = org.query("SELECT COUNT(Id) n FROM Account")
    org.sandbox.control.forget_requests()
    org.sandbox.control.set_page_rows(-(-int(counted_rows["n"]) // 4))
    read("Account", api_type="BULK2")(org)


def load(*keys: str, code: int = 0, **settings: Any) -> Callable[[Org], None]:
    def run(org: Org) -> None:
        rows = (record("Contact", LastName=f"Person {key}", Ext_Id__c=key) for key in keys)
        ended = org.load(schema("Contact", "LastName", "Ext_Id__c"), *rows, **settings)
        assert ended.code == code, ended.log

    return run


def update(org: Org) -> None:
    old = [{"LastName": "Old", "Ext_Id__c": key} for key in KEYS]
    org.sandbox.control.seed({"Contact": old})
    org.sandbox.control.forget_requests()
    load(*KEYS, operation="update", external_id="Ext_Id__c")(org)


def rejected(org: Org) -> None:
    org.sandbox.control.add_fault(kind="row_error", rows=[1], code="STRING_TOO_LONG", message="no")
    load(*KEYS[:10], code=1, external_id="Ext_Id__c")(org)


RUNS: dict[str, Callable[[Org], None]] = {
    "tap: discovery, 1 object": read("Account", options=("--discover",)),
    "tap: 1 object of up to 2,000 records, `api_type: auto`": read("Account"),
    "tap: 3 such objects": read("Account", "Contact", "Lead"),
    "tap: 1 object by Bulk API 2.0, 1 page": read("Account", api_type="BULK2"),
    "tap: the same, 4 pages": in_pages,
    "tap: 3 objects by Bulk API 2.0, 1 page each": read(
        "Account", "Contact", "Lead", api_type="BULK2"
    ),
    "tap: 1 object by Bulk API 2.0, with a quota": read(
        "Account", api_type="BULK2", quota_percent_total=80
    ),
    "tap: 1 object by Bulk API 1.0, 1 chunk": read("Account", api_type="BULK"),
    "target: upsert, 1 job": load(*KEYS, external_id="Ext_Id__c"),
    "target: the same, 3 jobs": load(*KEYS[:30], external_id="Ext_Id__c", batch_size_rows=10),
    "target: the same, 1 job with a rejected row": rejected,
    "target: insert, 1 job": load(*KEYS[:10], operation="insert"),
    "target: update by `external_id`, 1 job of 300 rows": update,
    "target: upsert by Bulk API 1.0, 1 batch": load(
        *KEYS[:10], external_id="Ext_Id__c", api_type="BULK"
    ),
    "target: dry run of an upsert": load(*KEYS[:10], external_id="Ext_Id__c", dry_run=True),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_costs_what_the_page_says(org: Org, name: str) -> None:
    RUNS[name](org)
    requests, polls, *jobs = counted(org)
    said, least_polls, *said_jobs = COSTS[name]
    assert jobs == said_jobs
    # Salesforce says to the minute how far its log of deletions reaches. If a minute ends while
    # the tap reads an object, it asks once more.
    assert requests - said in ((0, 1) if name.startswith("tap: ") else (0,))
    assert polls >= least_polls
    assert bool(polls) == bool(least_polls)


def test_every_run_of_the_page_is_counted() -> None:
    assert set(COSTS) == set(RUNS)


def test_jobs_are_polled_as_often_as_the_page_says() -> None:
    said = re.search(
        r"<!-- polls -->A job that takes 1 minute is polled about (\d+)\s+times, one that takes 10 "
        r"minutes (\d+) times, and one that takes an hour (\d+) times",
        PAGE,
    )
    assert said
    clock = FakeClock()
    wait, polls = PollWait(clock, JobWait(clock, None)), []
    for minutes in (1, 10, 60):
        while clock.monotonic() < minutes * 60:
            wait.pause()
        polls.append(len(clock.slept))
    assert polls == [int(number) for number in said.groups()]

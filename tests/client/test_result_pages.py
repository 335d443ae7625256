"""Result pages fetched several at a time: in order, within bounds, and with a way back."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, JobError, RowCountMismatch, Salesforce, TransportError
from sfbulk.jobs import QueryJob, pages
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.conftest import ACCOUNTS
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import Seen

ID = "750000000000001AAA"
SOQL = "SELECT Name FROM Account"
EVERY_RESULT = pytest.mark.usefixtures("listed_from_the_first_row")


@pytest.fixture
def listed_from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LISTED_FROM_ROWS", 1)


@pytest.fixture(autouse=True)
def pages_of_the_guide(sandbox: Sandbox) -> None:
    """The client reads this shape only until it takes the other one too."""
    sandbox.control.set_behaviour(result_pages="guide")


def read(page_files: Iterator[pages.ResultPage]) -> list[list[str]]:
    return [page.path.read_text().splitlines()[1:] for page in page_files]


def calls(sandbox: Sandbox) -> list[str]:
    return [call.path.rpartition("/")[2].lower() for call in sandbox.requests]


@EVERY_RESULT
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 24, 25, 30])
def test_listed_pages_hold_the_same_rows_in_the_same_order(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, rows: int
) -> None:
    sandbox.control.set_page_rows(rows)
    job = sf.query_job(f"{SOQL} ORDER BY Name")
    listed = read(job.pages(tmp_path))
    assert [row for page in listed for row in page] == [f'"{name}"' for name in ACCOUNTS]
    assert listed == read(job.pages(tmp_path, pages_ahead=1))
    assert list(tmp_path.iterdir()) == []
    lists = math.ceil(math.ceil(25 / rows) / 5)
    assert calls(sandbox).count("resultpages") == lists


def test_small_results_are_not_listed(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.set_page_rows(10)
    assert len(list(sf.query(SOQL))) == len(ACCOUNTS)
    assert calls(sandbox).count("results") == 3
    assert "resultpages" not in calls(sandbox)


@EVERY_RESULT
def test_a_version_that_lists_no_pages_is_not_asked_for_them(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control.set_page_rows(10)
    settings = {
        "instance_url": sandbox.url,
        "access_token": sandbox.access_token,
        "api_version": "57.0",
    }
    with Salesforce.from_settings(settings, clock=FakeClock()) as sf:
        assert len(read(sf.query_job(SOQL).pages(tmp_path))) == 3
    assert "resultpages" not in calls(sandbox)


@EVERY_RESULT
@pytest.mark.parametrize("part", [0, 1, 2])
def test_where_the_list_is_refused_each_page_is_asked_for_after_the_other(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, part: int
) -> None:
    sandbox.control.set_page_rows(2)
    refusal = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    sandbox.control.add_fault(
        kind="answer", path="*/resultpages", skip=part, times=None, status=404, body=refusal
    )
    sandbox.control.add_fault(
        kind="answer", path="*/resultPages", skip=part, times=None, status=404, body=refusal
    )
    found = read(sf.query_job(f"{SOQL} ORDER BY Name").pages(tmp_path))
    assert [row for page in found for row in page] == [f'"{name}"' for name in ACCOUNTS]
    assert sorted(path for path in calls(sandbox) if path == "results") == ["results"] * 13


class Pages(ScriptedServer):
    """Lists and serves `count` pages of one row; a test may hold the answers of pages."""

    def __init__(self, count: int, job_rows: int | None = None) -> None:
        super().__init__()
        self.count = count
        self.job_rows = count if job_rows is None else job_rows
        self.asked: list[int] = []
        self.held: dict[int, threading.Event] = {}
        self.instead: dict[int, Answer] = {}
        self.list_instead: dict[int, Answer] = {}
        self.padding = b""
        self.asking = threading.Condition()

    def answer(self, seen: Seen) -> Answer:
        path, _, query = seen.path.partition("?")
        locator = int(query.partition("locator=")[2] or 1)
        if path.endswith("/results"):
            return self.instead.get(locator) or self.page(locator)
        if path.endswith("/resultPages"):
            return self.list_instead.get(locator) or self.list(locator)
        state = "UploadComplete" if seen.method == "POST" else "JobComplete"
        reply = {"id": ID, "operation": "query", "object": "Account", "apiVersion": 68.0}
        return as_json({**reply, "state": state, "numberRecordsProcessed": self.job_rows})

    def page(self, number: int) -> Answer:
        with self.asking:
            self.asked.append(number)
            self.asking.notify_all()
        if number in self.held:
            assert self.held[number].wait(30)
        following = str(number + 1) if number < self.count else "null"
        headers = {"Sforce-Locator": following, "Sforce-NumberOfRecords": "1"}
        return Answer(200, b'"Id"\n"%d"\n' % number + self.padding, headers)

    def list(self, start: int) -> Answer:
        numbers = range(start, min(start + 5, self.count + 1))
        document: dict[str, Any] = {
            "resultPages": [{"resultUrl": f"/elsewhere?locator={number}"} for number in numbers],
            "done": start + 5 > self.count,
        }
        if start + 5 <= self.count:
            document["nextRecordsUrl"] = f"/elsewhere/resultpages?locator={start + 5}"
        return as_json(document)

    def wait_for(self, asked: int) -> None:
        with self.asking:
            assert self.asking.wait_for(lambda: len(self.asked) >= asked, timeout=30)


@pytest.fixture
def served() -> Iterator[Pages]:
    with Pages(12) as server:
        yield server


def query(server: Pages) -> QueryJob:
    settings = parse_settings({"instance_url": server.url, "access_token": "t"})
    job = QueryJob.create(Transport(settings, FakeClock()), SOQL)
    job.wait()
    return job


@EVERY_RESULT
def test_pages_that_arrive_in_another_order_are_read_in_theirs(
    served: Pages, tmp_path: Path
) -> None:
    served.held = {1: threading.Event()}
    found = query(served).pages(tmp_path, pages_ahead=4)
    reader = threading.Thread(target=lambda: rows.extend(read(found)))
    rows: list[list[str]] = []
    reader.start()
    served.wait_for(4)
    assert rows == []
    served.held[1].set()
    reader.join(30)
    assert rows == [[f'"{number}"'] for number in range(1, 13)]


@EVERY_RESULT
def test_no_more_pages_are_ahead_than_were_asked_for(served: Pages, tmp_path: Path) -> None:
    found = query(served).pages(tmp_path, pages_ahead=3)
    for number in range(1, 5):
        next(found)
        served.wait_for(number + 3)
        assert sorted(served.asked) == list(range(1, number + 4))
        assert len(list(tmp_path.rglob("*.csv"))) <= 4
    found.close()  # type: ignore[attr-defined] # a generator, promised as an iterator
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_no_page_is_begun_while_the_disk_holds_its_share(served: Pages, tmp_path: Path) -> None:
    served.padding = b'"x"\n' * 1000
    most = 0
    for page in query(served).pages(tmp_path, pages_ahead=3, spool_bytes=5_000):
        page.check_rows(1)
        lying = [file.stat().st_size for file in tmp_path.rglob("*.csv")]
        most = max(most, sum(lying))
    # The share, and the pages that were on their way when it was reached.
    assert most <= 5_000 + 3 * 4_010
    assert sorted(served.asked) == list(range(1, 13))


@EVERY_RESULT
def test_a_page_that_cannot_be_had_ends_all(served: Pages, tmp_path: Path) -> None:
    served.instead[7] = Answer(403)
    with pytest.raises(ApiError, match="403"):
        read(query(served).pages(tmp_path))
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_a_reader_who_leaves_waits_for_no_page_ahead(served: Pages, tmp_path: Path) -> None:
    endless = Answer(200, b'"x"\n' * 100_000, endless=True)
    served.instead = dict.fromkeys(range(3, 13), endless)
    found = query(served).pages(tmp_path)
    next(found)
    found.close()  # type: ignore[attr-defined] # a generator, promised as an iterator
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_listed_pages_that_lack_rows_of_the_job_are_an_error(tmp_path: Path) -> None:
    with Pages(6, job_rows=7) as server, pytest.raises(RowCountMismatch, match="hold 6 rows"):
        read(query(server).pages(tmp_path))


@EVERY_RESULT
def test_a_list_that_goes_in_a_circle_is_an_error(served: Pages, tmp_path: Path) -> None:
    served.list_instead[6] = served.list(1)
    with pytest.raises(JobError, match="lists the pages of job 750000000000001AAA in a circle"):
        read(query(served).pages(tmp_path))


@EVERY_RESULT
@pytest.mark.parametrize(
    "answer",
    [{}, {"resultPages": [{}]}, {"resultPages": None}, {"resultPages": [{"resultUrl": 5}]}],
)
def test_a_list_of_no_pages_is_an_error(
    served: Pages, tmp_path: Path, answer: dict[str, Any]
) -> None:
    served.list_instead[1] = as_json(answer)
    with pytest.raises(TransportError, match="lists no pages"):
        read(query(served).pages(tmp_path))


@pytest.mark.slow
@EVERY_RESULT
def test_pages_fetched_together_take_the_time_of_a_few(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.set_page_rows(1)
    job = sf.query_job(SOQL)
    job.wait()
    sandbox.control.set_latency(0.1)

    def seconds(ahead: int) -> float:
        begun = time.perf_counter()
        assert len(read(job.pages(tmp_path, pages_ahead=ahead))) == len(ACCOUNTS)
        return time.perf_counter() - begun

    one_by_one, together = seconds(1), seconds(5)
    # 25 pages: 25 waits of 0.1 s against 5, and one for the list.
    ratio = one_by_one / together
    assert ratio > 2, f"{one_by_one:.2f} s against {together:.2f} s"

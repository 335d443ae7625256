"""Result pages fetched several at a time: in order, within bounds, and with a way back."""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sfbulk import ApiError, JobError, RowCountMismatch, Salesforce, SpoolBudget
from sfbulk.bulk2 import QueryJob, pages
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.conftest import ACCOUNTS
from tests.client.scripted import DROP, Answer, FakeClock, ScriptedServer, as_json, error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk import ResultPage
    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import Seen

ID = "750000000000001AAA"
SOQL = "SELECT Name FROM Account"
EVERY_RESULT = pytest.mark.usefixtures("listed_from_the_first_row")


@pytest.fixture
def listed_from_the_first_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LISTED_FROM_ROWS", 1)


def read(page_files: Iterator[ResultPage]) -> list[list[str]]:
    return [page.path.read_text().splitlines()[1:] for page in page_files]


def calls(sandbox: Sandbox) -> list[str]:
    return [call.path.rpartition("/")[2].lower() for call in sandbox.requests]


@EVERY_RESULT
@pytest.mark.parametrize("shape", ["chunks", "guide"])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 24, 25, 30])
def test_listed_pages_hold_the_same_rows_in_the_same_order(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, rows: int, shape: str
) -> None:
    sandbox.control.set_behaviour(result_pages=shape)
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


def read_first(job: QueryJob, folder: Path, count: int) -> tuple[list[str], str | None]:
    """The rows of the first pages, and where the page after them begins."""
    rows, following = [], None
    found = job.pages(folder)
    for page in itertools.islice(found, count):
        rows += page.path.read_text().splitlines()[1:]
        following = page.next_locator
    found.close()
    return rows, following


@EVERY_RESULT
@pytest.mark.parametrize("shape", ["chunks", "guide", "refused"])
@pytest.mark.parametrize("pages_read", [1, 2, 4, 5, 6, 12])
def test_a_new_reader_begins_at_a_locator_and_reads_exactly_the_rest(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, pages_read: int, shape: str
) -> None:
    sandbox.control.set_behaviour(result_pages=shape)
    sandbox.control.set_page_rows(2)
    job = sf.query_job(f"{SOQL} ORDER BY Name")
    before, start = read_first(job, tmp_path, pages_read)
    asked = calls(sandbox).count("results")
    rest = [row for page in read(job.pages(tmp_path, start=start)) for row in page]
    assert before + rest == [f'"{name}"' for name in ACCOUNTS]
    assert calls(sandbox).count("results") - asked == 13 - pages_read
    assert list(tmp_path.iterdir()) == []


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


def info_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.INFO]


@EVERY_RESULT
def test_an_org_that_lists_no_pages_is_read_page_by_page(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    sandbox.control.set_behaviour(result_pages="refused")
    sandbox.control.set_page_rows(2)
    job = sf.query_job(f"{SOQL} ORDER BY Name")
    found = read(job.pages(tmp_path))
    assert [row for page in found for row in page] == [f'"{name}"' for name in ACCOUNTS]
    assert calls(sandbox).count("results") == 13
    assert calls(sandbox).count("resultpages") == 1
    (line,) = info_lines(caplog)
    assert job.id in line


def locator_of(number: int) -> str:
    """Opaque text that says nothing of its page; a form would read its plus as a blank."""
    return f"MTA+{number}/{number}=="


def unchanged(url: str) -> str:
    return url


def percent_encoded(url: str) -> str:
    return url.replace("+", "%2B").replace("=", "%3D").replace("locator%3D", "locator=")


class Pages(ScriptedServer):
    """Lists and serves `count` pages of one row; a test may hold the answers of pages."""

    def __init__(self, count: int, job_rows: int | None = None) -> None:
        super().__init__()
        self.count = count
        self.job_rows = count if job_rows is None else job_rows
        self.asked: list[int] = []
        self.lists: list[int] = []
        self.held: dict[int, threading.Event] = {}
        self.instead: dict[int, Answer] = {}
        self.list_instead: dict[int, Answer] = {}
        self.padding = b""
        self.asking = threading.Condition()
        self.locators = True
        self.prefix = "/services/data/v68.0"
        self.names = ("resultPages", "resultUrl")
        self.written: Callable[[str], str] = unchanged

    def answer(self, seen: Seen) -> Answer:
        address = urlsplit(seen.path)
        locator = parse_qs(address.query).get("locator", [locator_of(1)])[0]
        number = next((n for n in range(1, self.count + 1) if locator_of(n) == locator), 0)
        if address.path.endswith("/results"):
            return self.instead.get(number) or self.page(number)
        if address.path.endswith("/resultPages"):
            self.lists.append(number)
            return self.list_instead.get(number) or self.list(number)
        state = "UploadComplete" if seen.method == "POST" else "JobComplete"
        reply = {"id": ID, "operation": "query", "object": "Account", "apiVersion": 68.0}
        return as_json({**reply, "state": state, "numberRecordsProcessed": self.job_rows})

    def page(self, number: int) -> Answer:
        with self.asking:
            self.asked.append(number)
            self.asking.notify_all()
        if number in self.held:
            assert self.held[number].wait(30)
        following = locator_of(number + 1) if number < self.count else "null"
        headers = {"Sforce-Locator": following, "Sforce-NumberOfRecords": "1"}
        if not self.locators:
            del headers["Sforce-Locator"]
        return Answer(200, b'"Id"\n"%d"\n' % number + self.padding, headers)

    def list(self, start: int) -> Answer:
        numbers = range(start, min(start + 5, self.count + 1))
        following = start + 5 if start + 5 <= self.count else None
        return as_json(self.listed(*numbers, following=following))

    def listed(self, *numbers: int | None, following: int | None = None) -> dict[str, Any]:
        """A list of these pages; None is a first page without a locator."""
        many, link = self.names
        document = {
            many: [{link: self.address("results", number)} for number in numbers],
            "done": following is None,
        }
        if following is not None:
            document["nextRecordsUrl"] = self.address("resultpages", following)
        return document

    def address(self, resource: str, number: int | None) -> str:
        query = "" if number is None else f"?locator={locator_of(number)}"
        return self.written(f"{self.prefix}/jobs/query/{ID}/{resource}{query}")

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
    found.close()
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_no_page_is_begun_while_the_disk_holds_its_share(served: Pages, tmp_path: Path) -> None:
    served.padding = b'"x"\n' * 1000
    most = 0
    for page in query(served).pages(tmp_path, pages_ahead=3, budget=SpoolBudget(5_000)):
        page.check_rows(1)
        lying = [file.stat().st_size for file in tmp_path.rglob("*.csv")]
        most = max(most, sum(lying))
    # The share, and the pages that were on their way when it was reached.
    assert most <= 5_000 + 3 * 4_010
    assert sorted(served.asked) == list(range(1, 13))


@EVERY_RESULT
def test_a_query_goes_on_page_by_page_while_others_fill_the_budget_they_share(
    served: Pages, tmp_path: Path
) -> None:
    budget = SpoolBudget(5_000)
    budget.count(5_000)
    found = query(served).pages(tmp_path, budget=budget)
    for number in range(1, 12):
        next(found)
        served.wait_for(number + 1)
        assert sorted(served.asked) == list(range(1, number + 2))
    found.close()
    assert budget.used == 5_000


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
    found.close()
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_listed_pages_that_lack_rows_of_the_job_are_an_error(tmp_path: Path) -> None:
    with Pages(6, job_rows=7) as server, pytest.raises(RowCountMismatch, match="hold 6 rows"):
        read(query(server).pages(tmp_path))


ROWS = [[f'"{number}"'] for number in range(1, 13)]


@EVERY_RESULT
@pytest.mark.parametrize("names", [("resultPages", "resultUrl"), ("resultChunks", "resultLink")])
@pytest.mark.parametrize("prefix", ["/services/data/v68.0", "", "https://elsewhere.example"])
@pytest.mark.parametrize("written", [unchanged, percent_encoded])
def test_a_list_is_read_in_whichever_form_it_comes(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    served: Pages,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    names: tuple[str, str],
    prefix: str,
    written: Callable[[str], str],
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    served.names, served.prefix, served.written = names, prefix, written
    assert read(query(served).pages(tmp_path)) == ROWS
    assert sorted(served.asked) == list(range(1, 13))
    assert served.lists == [1, 6, 11]
    assert info_lines(caplog) == []


@EVERY_RESULT
@pytest.mark.parametrize("start", [2, 5, 6, 8, 12])
def test_a_reader_that_begins_later_uses_the_list_from_there_on(
    served: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture, start: int
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    found = query(served).pages(tmp_path, start=locator_of(start))
    first = next(found)
    assert first.locator == locator_of(start)
    served.wait_for(min(4, 13 - start))
    assert [[first.path.read_text().splitlines()[1]], *read(found)] == ROWS[start - 1 :]
    assert sorted(served.asked) == list(range(start, 13))
    assert info_lines(caplog) == []


@EVERY_RESULT
def test_a_list_without_the_page_to_begin_with_is_not_used(
    served: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    served.list_instead[1] = as_json(served.listed(1, 2, 4, 5, 6))
    assert read(query(served).pages(tmp_path, start=locator_of(3))) == ROWS[2:]
    assert sorted(served.asked) == list(range(3, 13))
    (line,) = info_lines(caplog)
    assert f"Job {ID}" in line


@EVERY_RESULT
def test_pages_that_lead_back_to_where_the_reader_began_are_an_error(
    served: Pages, tmp_path: Path
) -> None:
    headers = {"Sforce-Locator": locator_of(3), "Sforce-NumberOfRecords": "1"}
    served.instead[4] = Answer(200, b'"Id"\n"4"\n', headers)
    found = query(served).pages(tmp_path, start=locator_of(3))
    assert next(found).locator == locator_of(3)
    with pytest.raises(JobError, match=f"sends the pages of job {ID} in a circle"):
        next(found)


@EVERY_RESULT
def test_pages_from_a_locator_on_may_hold_fewer_rows_than_the_job_but_not_more(
    tmp_path: Path,
) -> None:
    with Pages(6, job_rows=3) as server:
        assert read(query(server).pages(tmp_path, start=locator_of(4))) == ROWS[3:6]
        with pytest.raises(RowCountMismatch, match="hold 4 rows"):
            read(query(server).pages(tmp_path, start=locator_of(3)))


@EVERY_RESULT
@pytest.mark.parametrize(("before", "agrees"), [(2, True), (1, False), (3, False), (0, False)])
def test_pages_from_a_locator_on_are_counted_with_the_rows_before_it(
    tmp_path: Path, before: int, *, agrees: bool
) -> None:
    with Pages(6, job_rows=6) as server:
        found = query(server).pages(tmp_path, start=locator_of(3), rows_before=before)
        if agrees:
            assert read(found) == ROWS[2:6]
        else:
            with pytest.raises(RowCountMismatch, match=f"hold {before + 4} rows"):
                read(found)


@EVERY_RESULT
@pytest.mark.parametrize("following", [None, "", "null"])
def test_a_list_may_say_by_a_null_that_it_has_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, following: str | None
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    with Pages(4) as served:
        served.list_instead[1] = as_json(served.listed(1, 2, 3, 4) | {"nextRecordsUrl": following})
        assert read(query(served).pages(tmp_path)) == ROWS[:4]
        assert sorted(served.asked) == [1, 2, 3, 4]
        assert served.lists == [1]
    assert info_lines(caplog) == []


@EVERY_RESULT
@pytest.mark.parametrize("first", [(1, 2, 3, 4, 5), (None, 2, 3, 4, 5), (2, 3, 4, 5)])
def test_a_list_may_name_its_first_page_or_not(
    served: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture, first: tuple[int | None, ...]
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    served.list_instead[1] = as_json(served.listed(*first, following=6))
    assert read(query(served).pages(tmp_path)) == ROWS
    assert sorted(served.asked) == list(range(1, 13))
    assert info_lines(caplog) == []


NO_LIST = {
    "400": error(400, "INVALIDJOBSTATE"),
    "403": error(403, "FUNCTIONALITY_NOT_ENABLED"),
    "404": error(404, "NOT_FOUND"),
    "405": Answer(405),
    "409": error(409, "INVALIDJOB"),
    "412": error(412, "JOB_NOT_COMPLETE"),
    "414": Answer(414, b"<html>too long</html>"),
    "429": error(429, "TOO_MANY"),
    "limit": error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "500": Answer(500),
    "502": Answer(502, b"<html>bad gateway</html>"),
    "503": error(503, "SERVER_UNAVAILABLE"),
    "moved": Answer(302, headers={"Location": "https://elsewhere.example/"}),
    "dropped": DROP,
    "no body": Answer(200),
    "204": Answer(204),
    "no JSON": Answer(200, b"OK", {"Content-Type": "text/plain"}),
    "half of it": Answer(200, b'{"resultPages": [', {"Content-Type": "application/json"}),
    "a web page": Answer(
        200, b"<html><title>Hold on</title></html>", {"Content-Type": "text/html"}
    ),
    "CSV": Answer(200, b'"Id"\n"1"\n', {"Content-Type": "text/csv"}),
    "a list": as_json([]),
    "text": as_json("pages"),
    "nothing": as_json({}),
    "another name": as_json({"pages": [{"url": "/results?locator=x"}]}),
    "no pages": as_json({"resultPages": [], "done": True}),
    "no pages, going on": as_json({"resultChunks": [], "nextRecordsUrl": "/x?locator=y"}),
    "null": as_json({"resultPages": None}),
    "an object": as_json({"resultPages": {"resultUrl": "/results?locator=x"}}),
    "letters": as_json({"resultPages": "pages"}),
    "no address": as_json({"resultPages": [{}]}),
    "an address that is a number": as_json({"resultPages": [{"resultUrl": 5}]}),
    "an address that is no URL": as_json({"resultPages": [{"resultUrl": "http://[x"}]}),
    "pages that are text": as_json({"resultChunks": ["/results?locator=x"]}),
    "going on nowhere": as_json(
        {"resultPages": [{"resultUrl": "/results"}], "nextRecordsUrl": "/resultpages"}
    ),
    "going on with a number": as_json(
        {"resultPages": [{"resultUrl": "/results"}], "nextRecordsUrl": 7}
    ),
}


@EVERY_RESULT
@pytest.mark.parametrize("part", [1, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("answer", NO_LIST.values(), ids=NO_LIST)
def test_where_the_list_is_not_understood_each_page_is_asked_for_after_the_other(
    served: Pages, tmp_path: Path, caplog: pytest.LogCaptureFixture, part: int, answer: Answer
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    served.list_instead[part] = answer
    assert read(query(served).pages(tmp_path)) == ROWS
    assert sorted(served.asked) == list(range(1, 13))
    assert part in served.lists
    (line,) = info_lines(caplog)
    assert f"Job {ID}: the list of its result pages cannot be used (" in line


WRONG_LISTS = {
    "begins again": (6, (1, 2, 3, 4, 5), 6),
    "repeats its last page": (6, (5, 6, 7, 8, 9), 10),
    "repeats within a part": (6, (6, 6, 7, 8), 9),
    "ends early": (6, (6, 7), None),
    "leaves a page out": (6, (6, 8, 9, 10), 11),
    "is in another order": (6, (7, 6, 8, 9, 10), 11),
    "begins late": (1, (4, 5, 6), 7),
    "ends after the first page": (1, (1,), None),
    "goes on where it stands": (6, (6, 7, 8, 9, 10), 6),
    "lists pages of another job": (6, (97, 98, 99), None),
}


@EVERY_RESULT
@pytest.mark.parametrize(
    ("part", "pages_listed", "following"), WRONG_LISTS.values(), ids=WRONG_LISTS
)
def test_a_wrong_list_costs_no_page_and_repeats_none(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    served: Pages,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    part: int,
    pages_listed: tuple[int, ...],
    following: int | None,
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    served.list_instead[part] = as_json(served.listed(*pages_listed, following=following))
    assert read(query(served).pages(tmp_path)) == ROWS
    assert list(tmp_path.iterdir()) == []
    (line,) = info_lines(caplog)
    assert f"Job {ID}" in line


@EVERY_RESULT
def test_pages_listed_after_the_last_one_are_left_alone(served: Pages, tmp_path: Path) -> None:
    served.list_instead[11] = as_json(served.listed(11, 12, 1, 2))
    assert read(query(served).pages(tmp_path)) == ROWS
    assert list(tmp_path.iterdir()) == []


@EVERY_RESULT
def test_the_list_leads_on_where_a_proxy_has_removed_the_locators(
    served: Pages, tmp_path: Path
) -> None:
    served.locators = False
    assert read(query(served).pages(tmp_path)) == ROWS
    assert sorted(served.asked) == list(range(1, 13))


@EVERY_RESULT
def test_pages_that_follow_each_other_in_a_circle_are_an_error(
    served: Pages, tmp_path: Path
) -> None:
    headers = {"Sforce-Locator": locator_of(2), "Sforce-NumberOfRecords": "1"}
    served.instead[4] = Answer(200, b'"Id"\n"4"\n', headers)
    with pytest.raises(JobError, match=f"sends the pages of job {ID} in a circle"):
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

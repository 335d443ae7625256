"""Pages that name further pages without end: each reading of pages ends with an error."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.errors import SalesforceError
from sfbulk.jobs.read_api import ReadApi
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.client.scripted import Seen

JOB = "750000000000001AAA"
DESCRIBE = {"name": "Odd", "label": "Odd", "fields": [{"name": "Id", "type": "id"}]}
ROW = {"attributes": {"type": "Odd"}, "Id": "001000000000001AAA"}


class Endless(ScriptedServer):
    """Each page names a next one: `name(n)` names the page after the nth."""

    def __init__(self, name: Callable[[int], str], *, rows: int) -> None:
        super().__init__()
        self._name = name
        self._rows = rows
        self._pages = count(1)

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        assert len(self.seen) < 1_000, "the pages are read without end"
        path = seen.path.partition("?")[0]
        if path.endswith("/describe"):
            return as_json(DESCRIBE)
        if path.endswith(f"/jobs/query/{JOB}"):
            return as_json(self._job)
        name = self._name(next(self._pages))
        if path.endswith("/results"):
            body = b"Id\n" + b"001000000000001AAA\n" * self._rows
            return Answer(200, body, {"Sforce-Locator": name})
        if path.endswith(("/jobs/query", "/jobs/ingest")):
            url = f"/services/data/v64.0/jobs/query?queryLocator={name}"
            return as_json({"records": [self._job] * self._rows, "nextRecordsUrl": url})
        return as_json(self._page(name))

    @property
    def _job(self) -> dict[str, Any]:
        return {"id": JOB, "state": "JobComplete", "object": "Odd", "numberRecordsProcessed": 3}

    def _page(self, name: str) -> dict[str, Any]:
        url = f"/services/data/v64.0/query/{name}"
        return {"totalSize": 3, "done": False, "nextRecordsUrl": url, "records": [ROW] * self._rows}


def by_rest(sf: Salesforce, folder: Path) -> Iterable[object]:
    return sf.read_job("SELECT Id FROM Odd", api=ReadApi.REST).pages(folder)


def by_bulk(sf: Salesforce, folder: Path) -> Iterable[object]:
    job = sf.open_query_job(JOB)
    for page in job.pages(folder):
        page.check_rows(page.path.read_bytes().count(b"\n") - 1)
        yield page


def by_keys(sf: Salesforce, _: Path) -> Iterable[object]:
    return sf.ids_by("Odd", "Id")


def as_jobs(sf: Salesforce, _: Path) -> Iterable[object]:
    return sf.jobs()


NAMES: dict[str, Callable[[int], str]] = {
    "one page": lambda _: "01gAAAAAAAAAAAAAAA-1",
    "two pages in turn": lambda n: f"01gAAAAAAAAAAAAAAA-{n % 2}",
    "five pages in turn": lambda n: f"01gAAAAAAAAAAAAAAA-{n % 5}",
    "always another": lambda n: f"01gAAAAAAAAAAAAAAA-{n}",
}


# A hundred pages take seconds.
LONG = {"always another": pytest.mark.slow}


@pytest.fixture(params=[pytest.param(NAMES[n], id=n, marks=LONG.get(n, ())) for n in NAMES])
def name(request: pytest.FixtureRequest) -> Callable[[int], str]:
    found: Callable[[int], str] = request.param
    return found


def read(
    server: Endless, reading: Callable[[Salesforce, Path], Iterable[object]], folder: Path
) -> Iterator[object]:
    given = {"instance_url": server.url, "access_token": "00Dxx!secret"}
    with server, Salesforce(Transport(parse_settings(given), FakeClock())) as sf:
        yield from reading(sf, folder)


@pytest.mark.parametrize("reading", [by_rest, by_bulk, by_keys, as_jobs])
def test_pages_without_rows_come_to_an_end(
    name: Callable[[int], str],
    reading: Callable[[Salesforce, Path], Iterable[object]],
    tmp_path: Path,
) -> None:
    with pytest.raises(SalesforceError, match=r"in a circle|without rows, one after the other"):
        list(read(Endless(name, rows=0), reading, tmp_path))


@pytest.mark.parametrize("reading", [by_rest, by_bulk, by_keys])
def test_no_more_rows_are_read_than_were_announced(
    name: Callable[[int], str],
    reading: Callable[[Salesforce, Path], Iterable[object]],
    tmp_path: Path,
) -> None:
    with pytest.raises(SalesforceError, match=r"in a circle|4 rows.* 3\b"):
        list(read(Endless(name, rows=1), reading, tmp_path))

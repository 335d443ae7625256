"""The same seed and the same requests give the same answers; two sandboxes do not meet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.hand_clock import HandClock
from tests.sandbox_bulk1.async_api import AsyncApi
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = ("Content-Type", "Location", "ETag", "Last-Modified", "Sforce-Locator", "Date")


class Transcript:
    """Calls of one sandbox, and what it answered byte for byte, its own address taken out."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.org = Org(sandbox)
        self.org.call = self._call  # type: ignore[method-assign] # every call is to be written down
        self.seen: list[tuple[object, ...]] = []

    def _call(self, method: str, path: str, **options: object) -> requests.Response:
        answer = Org.call(self.org, method, path, **options)
        self.keep(answer)
        return answer

    def keep(self, answer: requests.Response) -> None:
        own = self.org.sandbox.url.encode()
        headers = [answer.headers.get(name) for name in HEADERS]
        self.seen.append((answer.status_code, answer.content.replace(own, b"URL"), *headers))


def work(sandbox: Sandbox) -> list[tuple[object, ...]]:
    """Do a bit of everything and return all answers."""
    transcript = Transcript(sandbox)
    org = transcript.org
    form = {"grant_type": "client_credentials", "client_id": sandbox.client_id}
    form["client_secret"] = sandbox.client_secret
    # The reply signs the address, whose port is another one each time.
    host = {"Host": "localhost:1"}
    url = f"{sandbox.url}/services/oauth2/token"
    transcript.keep(requests.post(url, data=form, headers=host, timeout=30))
    for path in ("/", "/limits", "/sobjects", "/sobjects/Account/describe"):
        org.get(path)
    account = org.json("POST", "/sobjects/Account", json={"Name": "A", "Ext_Id__c": "1"})["id"]
    org.get(f"/sobjects/Account/{account}")
    contact = {"attributes": {"type": "Contact"}, "AccountId": account}
    records = [{**contact, "LastName": f"{number}"} for number in range(200)]
    org.json("POST", "/composite/sobjects", json={"records": [*records[:20], contact]})
    sandbox.control.jobs_after_polls(1)
    rows = "".join(f"{number},{number % 3}\n" for number in range(450))
    load = org.load(
        "Account", "upsert", f"Name,Ext_Id__c\n{rows}".encode(), externalIdFieldName="Ext_Id__c"
    )
    for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
        org.results(load["id"], kind)
    job = org.run_query("SELECT Id, Name, CreatedDate FROM Account ORDER BY Name")
    page = org.get(f"/jobs/query/{job['id']}/results?maxRecords=200")
    org.get(f"/jobs/query/{job['id']}/results?locator={page.headers['Sforce-Locator']}")
    org.get("/query?q=SELECT Name, (SELECT LastName FROM Contacts) FROM Account")
    org.get("/jobs/ingest")
    api = AsyncApi(sandbox)
    batch = api.run(api.job("insert", "Account"), "Name\nx\ny\n")
    transcript.keep(api.get(batch + "/result"))
    transcript.keep(api.get(batch))
    org.call("DELETE", f"/sobjects/Account/{account}")
    org.get(f"/sobjects/Account/{account}")
    return transcript.seen


def sandbox_of(seed: int) -> Sandbox:
    return Sandbox(sample=True, seed=seed, clock=HandClock())


def test_the_same_seed_answers_the_same_byte_for_byte() -> None:
    with sandbox_of(7) as sandbox:
        first = work(sandbox)
    with sandbox_of(7) as sandbox:
        second = work(sandbox)
        sandbox.control.reset()
        third = work(sandbox)
    assert len(first) > 20
    for before, after in zip(first, second, strict=True):
        assert before == after
    # Also an org that was put back to how it began.
    for before, after in zip(first, third, strict=True):
        assert before == after


def test_another_seed_gives_other_ids_and_secrets() -> None:
    with sandbox_of(1) as one, sandbox_of(2) as two:
        assert one.org.id != two.org.id
        assert one.client_secret != two.client_secret
        assert one.access_token != two.access_token
        ids = [
            Org(box).json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
            for box in (one, two)
        ]
    assert ids[0] != ids[1]


def test_without_a_seed_every_secret_is_random() -> None:
    names = ["access_token", "client_id", "client_secret", "refresh_token"]
    names += ["password", "security_token"]
    found, first = set(), set()
    for _ in range(3):
        with Sandbox(sample=False) as sandbox:
            found |= {getattr(sandbox, name) for name in names}
            first.add(Org(sandbox).json("POST", "/sobjects/Account", json={"Name": "x"})["id"])
    assert len(found) == 3 * len(names)
    # Ids are no secrets: those of the seed 0.
    assert len(first) == 1


@pytest.fixture
def pair() -> Iterator[tuple[Sandbox, Sandbox]]:
    with Sandbox(sample=False, seed=3) as one, Sandbox(sample=False, seed=3) as two:
        yield one, two


def test_two_sandboxes_of_one_process_share_nothing(pair: tuple[Sandbox, Sandbox]) -> None:
    one, two = (Org(box) for box in pair)
    record = one.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    job = one.open_load("Account", "insert")["id"]
    assert two.get(f"/sobjects/Account/{record}").status_code == 404
    assert two.get(f"/jobs/ingest/{job}").status_code == 404
    assert two.json("GET", "/jobs/ingest")["records"] == []
    pair[0].control.use_up("DailyApiRequests", 0)
    pair[0].control.add_fault(kind="answer", path="*", status=503)
    pair[0].control.hold_jobs()
    assert two.load("Account", "insert", b"Name\ny\n")["state"] == "JobComplete"
    pair[0].control.end_sessions()
    assert two.get("/limits").status_code == 200
    described = two.json("GET", "/sobjects/Account/describe")
    pair[1].org.schema.add_describe({**described, "label": "Customer"})
    assert pair[0].org.schema.sobject("Account").label == "Account"  # type: ignore[union-attr] # it is there


def test_sandboxes_work_side_by_side_as_alone(pair: tuple[Sandbox, Sandbox]) -> None:
    def load(box: Sandbox, found: list[str]) -> None:
        org = Org(box)
        rows = "".join(f"{number:04}\n" for number in range(1500))
        job = org.load("Account", "insert", f"Name\n{rows}".encode())
        found += sorted(org.results(job["id"], "successfulResults").splitlines())

    seen: tuple[list[str], list[str]] = ([], [])
    threads = [threading.Thread(target=load, args=args) for args in zip(pair, seen, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen[0]) == 1501
    assert seen[0] == seen[1]

"""Exchanges of other clients with real orgs, as they were recorded, replayed to this client."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import BatchState, Operation
from sfbulk.client_bulk1 import Bulk1
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.client.scripted import FakeClock, Seen

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "bulk1"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recordings are not beside the repository"
)


def place(path: str) -> str:
    """What follows the version: recordings have others, or none."""
    return path[path.index("/job") :]


class RecordedServer(ScriptedServer):
    """Answers each method and path with what was recorded for it; the last answer stays."""

    def __init__(self, exchanges: Iterable[tuple[str, str, int, str]]) -> None:
        super().__init__()
        self.answers: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        for method, path, status, body in exchanges:
            self.answers[method, place(path)].append(Answer(status, body.encode()))

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        found = self.answers[seen.method, place(seen.path)]
        return found[0] if len(found) == 1 else found.popleft()


def cassette(name: str) -> list[dict[str, Any]]:
    exchanges = json.loads((RECORDED / name).read_text("utf-8"))["exchanges"]
    return [one for one in exchanges if "/async/" in one.get("request", {}).get("uri", "")]


def replayed(name: str) -> RecordedServer:
    return RecordedServer(
        (
            one["request"]["method"],
            one["request"]["uri"],
            one["response"]["status"],
            one["response"]["body"],
        )
        for one in cassette(name)
    )


def bulk1(server: RecordedServer, clock: FakeClock) -> Bulk1:
    settings = {"instance_url": server.url, "access_token": "t"}
    return Bulk1(Transport(parse_settings(settings), clock))


def posted(name: str, number: int) -> bytes:
    """The body of a recorded batch."""
    batches = [one for one in cassette(name) if one["request"]["uri"].endswith("/batch")]
    bodies = [one["request"]["body"] for one in batches if one["request"]["method"] == "POST"]
    return str(bodies[number]).encode()


def test_a_recorded_insert_and_upsert(clock: FakeClock) -> None:
    name = "cumulusci_upsert_external_id.json"
    with replayed(name) as server:
        api = bulk1(server, clock)
        rows = api.load("Account", Operation.INSERT, posted(name, 0), compressed=False)
        assert [(one.id, one.created) for one in rows] == [("001P000001vkheIIAQ", True)]
        sent = next(seen.body for seen in server.seen if seen.path.endswith("/batch"))
        assert sent == posted(name, 0).replace(b"\r\n", b"\n")
        upserted = api.upsert("Contact", posted(name, 1), external_id="Email")
        assert upserted.succeeded == len(posted(name, 1).splitlines()) - 1


def test_a_recorded_upsert_by_blank_ids_creates_records(clock: FakeClock) -> None:
    name = "cumulusci_upsert_by_id_blank_ids.json"
    with replayed(name) as server:
        job = bulk1(server, clock).ingest_job("Contact", Operation.UPSERT, external_id="Id")
        batch = job.add_batch(posted(name, 0))
        job.close()
        assert [one.state for one in job.wait()] == [BatchState.COMPLETED]
        results = list(job.row_results(batch.id))
        assert len(results) == job.refresh().number_records_processed
        assert {(row.success, row.created) for row in results} == {(True, True)}


def elasticio(part: dict[str, Any]) -> RecordedServer:
    """Its client polls a batch by itself: the list, which ours asks for, is made of that."""
    exchanges = []
    for path, said in part["responses"]["https://test.salesforce.com"].items():
        exchanges.append((said["method"], path, 200, said["response"]))
        folder, _, batch = path.rpartition("/batch/")
        if batch and "/" not in batch:
            listed = said["response"].replace('xmlns="', 'xmlns:x="').replace("<?xml", "<!--")
            listed = listed.replace("?>", "-->")
            space = "http://www.force.com/2009/06/asyncapi/dataload"
            body = f'<batchInfoList xmlns="{space}">{listed}</batchInfoList>'
            exchanges.append(("GET", f"{folder}/batch", 200, body))
    return RecordedServer(exchanges)


def test_a_recorded_query(clock: FakeClock) -> None:
    part = json.loads((RECORDED / "elasticio_query.json").read_text("utf-8"))
    with elasticio(part) as server:
        rows = list(bulk1(server, clock).query(part["message"]["body"]["query"]))
    assert rows == [
        {"Id": "5002o00002BIlsXAAT", "CaseNumber": "00001020", "SuppliedName": None},
        {"Id": "5002o00002BIlsWAAT", "CaseNumber": "00001019", "SuppliedName": None},
        {"Id": "5002o00002BIlsYAAT", "CaseNumber": "00001021", "SuppliedName": None},
    ]

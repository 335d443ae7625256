"""Job documents of the sandbox beside recorded ones: the same keys in the same order.

The recordings lie beside a developer's checkout and not in a user's clone; the tests of the job
resources hold the same lists written out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "recordings" / "bulk2"

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="shared/recordings is not here")


def shape(document: Any) -> Any:
    """Return keys in order and types of values; texts that name a state or kind stay."""
    kept = {"state", "operation", "concurrencyMode", "contentType", "apiVersion", "jobType"}
    kept |= {"lineEnding", "columnDelimiter"}
    return [
        (key, value if key in kept else (type(value).__name__, len(str(value)) * (key == "id")))
        for key, value in document.items()
    ]


def recorded(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RECORDINGS / name).read_text())
    return document


def test_each_step_of_the_recorded_update_and_query(sandbox: Sandbox) -> None:
    org = Org(sandbox, "52.0")
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    sandbox.control.jobs_after_polls(2)
    job = org.open_load("Account", "update")
    path = f"/jobs/ingest/{job['id']}"
    seen = [job, org.json("GET", path)]
    org.upload(job["id"], f"Id,Phone\n{record_id},1\n".encode())
    seen += [org.json("GET", path), org.close(job["id"]).json()]
    org.json("GET", path)
    seen += [org.json("GET", path), org.json("GET", path)]
    query = {"operation": "query", "query": "SELECT Id, Name, Phone FROM Account"}
    seen.append(org.json("POST", "/jobs/query", json=query))
    path = f"/jobs/query/{seen[-1]['id']}"
    org.json("GET", path)
    seen += [org.json("GET", path), org.json("GET", path)]
    recording = recorded("clidx_ingest_update_and_query_v52.json")
    expected = [step["body"] for step in recording["steps"]]
    assert [shape(document) for document in seen] == [shape(document) for document in expected]
    assert (
        org.results(job["id"], "failedResults") == recording["failedResults_csv_when_none_failed"]
    )
    assert (
        org.results(job["id"], "unprocessedrecords")
        == (recording["unprocessedrecords_csv_when_none"])
    )
    assert org.get(path + "/failedResults").text == recording["failedResults_of_a_query_job_csv"]


def test_the_recorded_lists(sandbox: Sandbox) -> None:
    lists = recorded("clidx_list_jobs.json")
    old = Org(sandbox, "49.0")
    old.load("Case", "insert", b"Subject\nx\n")
    ours, theirs = old.json("GET", "/jobs/ingest"), lists["ingest_list_v49"]
    assert list(ours) == list(theirs)
    assert shape(ours["records"][0]) == shape(theirs["records"][0])


def test_the_recorded_query_all(sandbox: Sandbox) -> None:
    org = Org(sandbox, "57.0")
    body = {"operation": "queryAll", "query": "SELECT Id FROM Account"}
    created = org.json("POST", "/jobs/query", json=body)
    assert shape(created) == shape(recorded("airbyte_query_job_created_v57.json"))

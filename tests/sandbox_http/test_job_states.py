"""A job's states: which may follow which, and what happens to work that is overtaken."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from itertools import product
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox.bulk2.jobs import Job, JobState, JobType
from sfbulk_sandbox.bulk2.settings import JobSettings
from sfbulk_sandbox.org import org as org_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox.org.org import Loader, RowResult
    from tests.sandbox_http.front_door import Org

# Bulk API guide: job states, and which calls are allowed in which.
ALLOWED = {
    ("Open", "UploadComplete"),
    ("Open", "Aborted"),
    ("UploadComplete", "InProgress"),
    ("UploadComplete", "Aborted"),
    ("InProgress", "JobComplete"),
    ("InProgress", "Failed"),
    ("InProgress", "Aborted"),
}
NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)


class NoWork:
    def run(self, job: Job) -> None:
        raise AssertionError(job)

    def discard(self) -> None:
        pass


@pytest.mark.parametrize(("start", "end"), list(product(JobState, JobState)))
def test_only_the_moves_of_the_guide_are_made(start: JobState, end: JobState) -> None:
    job = Job(
        id="750000000000000AAA",
        type=JobType.INGEST,
        operation="insert",
        object="Account",
        created_by="005000000000000AAA",
        created=NOW,
        version="68.0",
        settings=JobSettings({}, known=frozenset()),
        state=start,
        work=NoWork(),
    )
    allowed = (start.value, end.value) in ALLOWED
    assert job.become(end, NOW) is allowed
    assert job.state is (end if allowed else start)


def test_an_abort_in_the_middle_keeps_saved_rows_and_leaves_the_rest(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    save = org_module.Loader.save

    def save_and_wait(loader: Loader, rows: Sequence[Sequence[str]]) -> list[RowResult]:
        results = save(loader, rows)
        reached.set()
        assert go_on.wait(30)
        return results

    monkeypatch.setattr(org_module.Loader, "save", save_and_wait)
    names = [f"row {n:03}" for n in range(450)]
    job_id = org.open_load("Account", "insert")["id"]
    org.upload(job_id, ("Name\n" + "\n".join(names)).encode())
    org.close(job_id)
    assert reached.wait(30)
    running = org.json("GET", f"/jobs/ingest/{job_id}")
    assert running["state"] == "InProgress"
    assert org.call("DELETE", f"/jobs/ingest/{job_id}").status_code == 400
    assert org.get(f"/jobs/ingest/{job_id}/successfulResults").status_code == 400
    org.json("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"})
    go_on.set()
    successful = org.results(job_id, "successfulResults")
    unprocessed = org.results(job_id, "unprocessedrecords")
    info = org.json("GET", f"/jobs/ingest/{job_id}")
    assert (info["state"], info["numberRecordsProcessed"]) == ("Aborted", 200)
    assert sum(name in successful for name in names) == 200
    assert unprocessed == "Name\n" + "".join(f'"{name}"\n' for name in names[200:])
    count = org.json("GET", "/query", params={"q": "SELECT COUNT() FROM Account"})
    assert count["totalSize"] == 200


def test_a_job_that_was_aborted_before_its_upload_has_no_unprocessed_rows(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]
    org.json("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"})
    assert org.results(job_id, "unprocessedrecords").strip() == ""

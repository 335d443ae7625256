"""Uploads whose answer is lost, against each kind of org: every row is loaded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Operation, Salesforce, UploadUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk import IngestSummary
    from sfbulk_sandbox import Sandbox

ROWS = [{"Name": "Up", "Ext_Id__c": f"U{number}"} for number in range(5)]
SECOND_UPLOAD = pytest.mark.parametrize("second_upload", ["taken", "refused"])
COUNTS = pytest.mark.parametrize("counts", ["shown", "hidden"])


def loaded(sandbox: Sandbox) -> list[str]:
    rows = sandbox.org.query("SELECT Ext_Id__c FROM Account WHERE Name = 'Up'").rows()
    return sorted(str(key) for (key,) in rows)


def states(sf: Salesforce) -> list[str]:
    jobs = sf._transport.json(sf._get("/jobs/ingest", "List the jobs"))["records"]
    return [job["state"] for job in jobs]


@SECOND_UPLOAD
@COUNTS
@pytest.mark.parametrize("fault", ["lost", "closed"])
@pytest.mark.parametrize(
    "load",
    [
        lambda sf: sf.insert("Account", ROWS),
        lambda sf: sf.upsert("Account", ROWS, external_id="Ext_Id__c"),
    ],
    ids=["insert", "upsert"],
)
def test_an_upload_whose_answer_is_lost_loads_every_row_once(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    sandbox: Sandbox,
    sf: Salesforce,
    load: Callable[[Salesforce], IngestSummary],
    fault: str,
    counts: str,
    second_upload: str,
) -> None:
    sandbox.control.set_behaviour(counts_after_upload=counts, second_upload=second_upload)
    sandbox.control.add_fault(kind=fault, method="PUT", path="*/batches")
    summary = load(sf)
    assert sandbox.control.faults == []
    assert (summary.succeeded, summary.failures) == (5, [])
    assert loaded(sandbox) == [row["Ext_Id__c"] for row in ROWS]
    assert "Open" not in states(sf)


@SECOND_UPLOAD
def test_uploads_that_are_always_lost_load_nothing_and_leave_no_job_open(
    sandbox: Sandbox, sf: Salesforce, second_upload: str
) -> None:
    sandbox.control.set_behaviour(counts_after_upload="hidden", second_upload=second_upload)
    sandbox.control.add_fault(kind="lost", method="PUT", path="*/batches", times=None)
    with pytest.raises(UploadUnknown, match="none of these rows is loaded"):
        sf.insert("Account", ROWS)
    assert loaded(sandbox) == []
    assert set(states(sf)) == {"Aborted"}


@SECOND_UPLOAD
def test_rows_whose_upload_is_unknown_to_the_end_are_unprocessed(
    sandbox: Sandbox, sf: Salesforce, second_upload: str
) -> None:
    sandbox.control.set_behaviour(counts_after_upload="hidden", second_upload=second_upload)
    sandbox.control.add_fault(kind="lost", method="PUT", path="*/batches", times=None)
    told: list[Any] = []
    with pytest.raises(UploadUnknown):
        told.extend(outcome for outcome in sf.load("Account", Operation.INSERT, ROWS))
    assert [(o.number, o.status.value) for o in told] == [
        (number, "unprocessed") for number in range(1, 6)
    ]


@SECOND_UPLOAD
def test_a_job_with_two_uploads_is_never_loaded(
    sandbox: Sandbox, sf: Salesforce, second_upload: str
) -> None:
    sandbox.control.set_behaviour(second_upload=second_upload)
    job = sf.ingest_job("Account", Operation.INSERT)
    job.upload(b"Name\nUp\n")
    with pytest.raises(UploadUnknown, match="Abort the job"):  # noqa: PT012 - one of them refuses
        job.upload(b"Name\nUp\n")
        job.close()
    assert job.abort().state.value == "Aborted"
    assert loaded(sandbox) == []

"""`sfbulk jobs`, `describe` and `limits` show what the org has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Operation, Salesforce
from tests.e2e.commands import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk import Bulk1Job, IngestJob, QueryJob
    from tests.cli.support import Command


@pytest.fixture
def org(command: Command) -> Iterator[Salesforce]:
    with Salesforce.from_settings(sign_in(command.sandbox)) as org:
        yield org


@pytest.fixture
def jobs(org: Salesforce) -> tuple[QueryJob, IngestJob, Bulk1Job]:
    return (
        org.query_job("SELECT Id FROM Account"),
        org.ingest_job("Contact", Operation.INSERT),
        org.bulk1.ingest_job("Lead", Operation.DELETE),
    )


def test_the_list_has_the_jobs_of_both_apis(
    command: Command, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    listed = command.json("jobs", "list")
    assert {(one["id"], one["api"], one["operation"], one["object"]) for one in listed} == {
        (jobs[0].id, "BULK2", "query", "Account"),
        (jobs[1].id, "BULK2", "insert", "Contact"),
        (jobs[2].id, "BULK", "delete", "Lead"),
    }
    assert len(command.lines("jobs", "list")) == 3


def test_mine_leaves_out_the_jobs_of_others(
    command: Command, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    assert len(command.json("jobs", "list", "--mine")) == len(jobs)
    other: dict[str, Any] = {"id": "750000000000001AAA", "createdById": "005000000000001AAA"}
    command.sandbox.control.add_fault(
        kind="answer",
        path="*/jobs/*",
        status=200,
        body={"done": True, "records": [other], "nextRecordsUrl": None},
        times=None,
    )
    assert len(command.json("jobs", "list")) == 1
    assert command.json("jobs", "list", "--mine") == []


def test_mine_is_an_error_where_salesforce_does_not_say_who_is_signed_in(
    command: Command, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    assert command.lines("jobs", "list")
    command.sandbox.control.add_fault(
        kind="answer", path="/services/data/v68.0", status=200, body={"identity": ""}, times=None
    )
    ended = command.run("jobs", "list", "--mine")
    assert (ended.code, ended.messages) == (1, [])
    assert "does not say who is signed in" in ended.reason
    assert len(command.lines("jobs", "list")) == len(jobs)


def test_the_list_goes_through_all_its_pages(command: Command) -> None:
    def page(job_id: str, following: str | None) -> dict[str, Any]:
        return {"records": [{"id": job_id}], "nextRecordsUrl": following}

    path = "/services/data/v68.0/jobs/query"
    for body in (
        page("750000000000001AAA", f"{path}?queryLocator=750000000000001AAA-1"),
        page("750000000000002AAA", None),
    ):
        command.sandbox.control.add_fault(kind="answer", path=path, status=200, body=body)
    assert [one["id"] for one in command.json("jobs", "list")] == [
        "750000000000001AAA",
        "750000000000002AAA",
    ]


def test_a_job_of_each_kind_is_shown_aborted_and_deleted(
    command: Command, org: Salesforce, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    del org
    for job_id in (jobs[1].id, jobs[2].id):
        shown = command.json("jobs", "show", job_id)
        assert (shown["id"], shown["state"]) == (job_id, "Open")
        assert command.json("jobs", "abort", job_id)["state"] == "Aborted"
    assert command.json("jobs", "show", jobs[0].id)["operation"] == "query"
    assert command.json("jobs", "show", jobs[2].id)["batches"] == []
    for job in jobs[:2]:
        command.json("jobs", "delete", job.id)
        assert f"{job.id}" in command.run("jobs", "show", job.id).reason
    assert "Bulk API 1.0" in command.run("jobs", "delete", jobs[2].id).reason
    assert [one["id"] for one in command.json("jobs", "list")] == [jobs[2].id]


def test_a_job_that_does_not_exist_is_one_line(command: Command) -> None:
    ended = command.run("jobs", "show", "750000000000000AAA")
    assert ended.code == 1
    assert ended.reason == (
        "There is no job 750000000000000AAA, of either bulk API. Salesforce removes jobs after "
        "seven days."
    )
    assert "Traceback" not in ended.log


def test_the_batches_of_a_job_are_shown(
    command: Command, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    batch = jobs[2].add_batch(b"Id\n00Q000000000001AAA\n")
    shown = command.json("jobs", "show", jobs[2].id)
    assert [one["id"] for one in shown["batches"]] == [batch.id]
    assert any(line.startswith(batch.id) for line in command.lines("jobs", "show", jobs[2].id))


def test_objects_and_fields_are_those_of_the_org(command: Command) -> None:
    names = {one["name"] for one in command.json("describe")}
    assert {line.split("\t")[0] for line in command.lines("describe")} == names
    assert "Account" in names
    fields = {one["name"]: one for one in command.json("describe", "account")["fields"]}
    assert fields["Name"]["type"] == "string"
    lines = command.lines("describe", "account")
    assert [line.split("\t")[0] for line in lines] == list(fields)
    assert "Ext_Id__c" in "\n".join(line for line in lines if "external id" in line)


def test_an_object_that_does_not_exist_is_an_error_that_says_how_to_list_them(
    command: Command,
) -> None:
    assert command.run("describe", "Cntact").reason == (
        "There is no object Cntact, or this user may not see it. `sfbulk describe` lists the "
        "objects."
    )


def test_limits_are_those_of_the_org(command: Command) -> None:
    command.sandbox.control.use_up("DailyBulkV2QueryJobs", 3)
    assert command.json("limits")["DailyBulkV2QueryJobs"]["remaining"] == 3
    assert "DailyBulkV2QueryJobs\t9997\t10000\t3" in command.lines("limits")


def test_what_is_no_id_is_an_error_before_any_request(command: Command) -> None:
    for job_id in ("../limits", "", "750"):
        ended = command.run("jobs", "show", job_id)
        assert (ended.code, ended.sent) == (1, 0)
        assert "the id of a job has 15 or 18 letters and digits" in ended.reason


def test_a_job_in_an_unknown_state_is_not_taken_for_none(
    command: Command, jobs: tuple[QueryJob, IngestJob, Bulk1Job]
) -> None:
    body = {"id": jobs[1].id, "state": "Paused", "object": "Contact", "operation": "insert"}
    command.sandbox.control.add_fault(
        kind="answer", path=f"*/jobs/ingest/{jobs[1].id}", status=200, body=body, times=None
    )
    assert "'Paused'" in command.run("jobs", "show", jobs[1].id).reason


@pytest.mark.parametrize("words", [(), ("jobs",)])
def test_help_is_no_error(command: Command, words: tuple[str, ...]) -> None:
    assert command.lines(*words)[0].startswith("Usage: sfbulk")

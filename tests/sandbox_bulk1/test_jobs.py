"""Bulk API 1.0 jobs: notations, states, refusals and limits."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_bulk1.async_api import (
    AsyncApi,
    batches,
    children,
    error,
    fields,
    info,
    job_info,
    rows,
)

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

INSERT = {"operation": "insert", "object": "Account", "contentType": "CSV"}


def test_a_json_job_sorts_its_keys_and_says_null(api: AsyncApi) -> None:
    body = '{"operation": "insert", "object": "account", "contentType": "JSON"}'
    answer = api.call("POST", "/job", body, "application/json")
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    document = answer.json()
    assert list(document) == sorted(document)
    assert document["createdDate"].endswith(".000+0000")
    assert (document["object"], document["apiVersion"], document["state"]) == (
        "Account",
        62.0,
        "Open",
    )
    assert document["externalIdFieldName"] is None


@pytest.mark.parametrize(
    ("sent", "mode"),
    [("0", "Parallel"), ("1", "Serial"), ("true", "Serial"), ('"Serial"', "Serial")],
)
def test_the_concurrency_mode_may_be_a_number(api: AsyncApi, sent: str, mode: str) -> None:
    body = f'{{"operation": "insert", "object": "Account", "concurrencyMode": {sent}}}'
    document = api.call("POST", "/job", body, "application/json").json()
    assert (document["concurrencyMode"], document["contentType"]) == (mode, "XML")


def test_a_job_answers_in_the_notation_of_the_request_and_its_batches_in_the_jobs(
    api: AsyncApi,
) -> None:
    body = '{"operation": "queryAll", "object": "Account", "contentType": "CSV"}'
    job = "/job/" + api.call("POST", "/job", body, "application/json").json()["id"]
    batch = api.run(job, "SELECT Id FROM Account")
    asked = "application/json"
    assert api.get(job, asked).headers["Content-Type"] == "application/json"
    assert api.get(job, "application/xml").headers["Content-Type"] == "application/xml"
    assert api.get(job).headers["Content-Type"] == "application/xml"
    for path in (job + "/batch", batch, batch + "/result"):
        assert api.get(path, asked).headers["Content-Type"] == "application/xml"
    closed = api.call("POST", job, '{"state": "Closed"}', asked)
    assert (closed.status_code, closed.json()["state"]) == (200, "Closed")


def test_a_json_job_lists_its_batches_in_json_whatever_is_asked(api: AsyncApi) -> None:
    job = api.job("insert", "Account", "JSON")
    api.run(job, '[{"Name": "x"}]', "JSON")
    listed = api.get(job + "/batch", "application/xml").json()
    assert [batch["state"] for batch in listed["batchInfo"]] == ["Completed"]
    assert fields(api.get(job, "application/xml"))["contentType"] == "JSON"
    assert api.get(job).json()["numberBatchesCompleted"] == 1


def test_blank_lines_and_spaces_in_a_document_do_not_matter(api: AsyncApi) -> None:
    body = job_info(INSERT).replace(b"><", b">\n\n  <").replace(b"insert", b" insert\n")
    answer = api.call("POST", "/job", b"\n" + body, "application/xml; charset=UTF-8")
    assert (answer.status_code, fields(answer)["operation"]) == (201, "insert")


def test_a_document_with_a_doctype_is_refused(api: AsyncApi) -> None:
    doctype = b'<!DOCTYPE jobInfo [<!ENTITY a "insert">]>'
    body = doctype + job_info(INSERT).replace(b"insert", b"&a;")
    assert error(api.call("POST", "/job", body, "application/xml"))[1] == "InvalidXml"
    job = api.job("insert", "Account", "XML")
    batch = doctype + b'<sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload"/>'
    assert api.failure(job, batch, "XML").startswith("InvalidXml : ")


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        ({"object": "Video__c"}, "InvalidJob", "Unable to find object: Video__c"),
        ({"operation": "Insert"}, "InvalidJob", "operation must be one of"),
        ({"operation": "upsert"}, "InvalidJob", "External ID was blank for Account"),
        (
            {"operation": "upsert", "externalIdFieldName": "Fax"},
            "InvalidJob",
            "Field name provided, fax does not match an External ID",
        ),
        ({"contentType": "ZIP_CSV"}, "FeatureNotEnabled", "binary"),
        ({"contentType": "TSV"}, "InvalidJob", "contentType must be one of"),
        ({"concurrencyMode": "Both"}, "InvalidJob", "concurrencyMode must be one of"),
        ({"colour": "red"}, "InvalidJob", "colour"),
    ],
)
def test_a_job_that_cannot_be_is_refused(
    api: AsyncApi, change: dict[str, str], code: str, part: str
) -> None:
    order = ("operation", "object", "externalIdFieldName", "concurrencyMode", "contentType")
    settings = INSERT | change
    ordered = {key: settings[key] for key in (*order, "colour") if key in settings}
    status, found, message = error(api.create(ordered))
    assert (status, found) == (400, code)
    assert part in message


def test_xml_elements_out_of_order_are_refused_and_json_keys_are_not(api: AsyncApi) -> None:
    wrong = {"object": "Account", "operation": "insert", "contentType": "CSV"}
    assert error(api.create(wrong))[1:] == ("InvalidXml", "operation must come before object")
    body = '{"object": "Account", "operation": "insert", "contentType": "CSV"}'
    assert api.call("POST", "/job", body, "application/json").status_code == 201


@pytest.mark.parametrize("body", [b"<jobInfo/>", b"<jobInfo", b"", b"<a xmlns='b'/>"])
def test_xml_that_is_no_job_info_is_refused(api: AsyncApi, body: bytes) -> None:
    assert error(api.call("POST", "/job", body, "application/xml"))[1] == "InvalidXml"


def test_errors_follow_the_content_type_of_the_request(api: AsyncApi) -> None:
    for content_type, answered in [
        ("application/json; charset=utf-8", "application/json"),
        ("application/xml", "application/xml"),
        (None, "application/xml"),
    ]:
        answer = api.get("/job/750000000000001", content_type)
        assert answer.headers["Content-Type"] == answered
        assert error(answer)[:2] == (400, "InvalidJob")


def test_a_bad_session_is_a_400_here(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    sandbox.control.end_sessions()
    assert error(api.get(job)) == (400, "InvalidSessionId", "Invalid session id")
    answer = api.get(job, "application/json")
    assert answer.json() == {
        "exceptionCode": "InvalidSessionId",
        "exceptionMessage": "Invalid session id",
    }


def test_a_rest_token_header_does_not_open_this_api(api: AsyncApi) -> None:
    token = api.session.headers.pop("X-SFDC-Session")
    api.session.headers["Authorization"] = f"Bearer {token!s}"
    assert error(api.create(INSERT))[1] == "InvalidSessionId"


@pytest.mark.parametrize("version", ["v62.0", "69.0", "30.0", "62"])
def test_a_version_that_is_none_is_refused(sandbox: Sandbox, version: str) -> None:
    assert error(AsyncApi(sandbox, version).create(INSERT))[1] == "InvalidVersion"


def test_an_unknown_path_is_refused_in_this_apis_form(api: AsyncApi) -> None:
    assert error(api.get("/jobs"))[1] == "InvalidUrl"
    assert error(api.call("DELETE", "/job"))[:2] == (405, "InvalidUrl")
    answer = api.call("POST", "/job", b"x", "application/xml", Content_Encoding="gzip")
    assert error(answer)[:2] == (400, "ClientInputError")


def test_ids_of_15_characters_are_ids(api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    batch = api.add(job, "Name\nx\n")
    head, job_id, middle, batch_id = batch[1:].split("/")
    short = f"/{head}/{job_id[:15]}/{middle}/{batch_id[:15]}"
    assert info(api.get(short))["id"] == batch_id


def test_a_batch_of_another_job_is_not_found(api: AsyncApi) -> None:
    batch = api.add(api.job("insert", "Account"), "Name\nx\n")
    other = api.job("insert", "Account")
    assert error(api.get(f"{other}/batch/{batch[-18:]}"))[1] == "InvalidBatch"


def test_a_closed_job_takes_no_batch(api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    assert fields(api.change(job, "Closed"))["state"] == "Closed"
    refusal = api.call("POST", job + "/batch", "Name\nx\n", "text/csv")
    assert error(refusal) == (
        400,
        "InvalidJobState",
        "Failed to create batch, since the Job is not Open. Current job state is 'Closed'",
    )
    assert error(api.change(job, "Closed"))[1] == "InvalidJobState"
    assert error(api.change(job, "Open"))[1] == "InvalidJobState"


def test_an_aborted_job_leaves_queued_batches_unprocessed(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    done = api.run(job, "Name\nkept\n")
    sandbox.control.hold_jobs()
    queued = api.add(job, "Name\nlost\n")
    aborted = fields(api.change(job, "Aborted"))
    assert (aborted["state"], aborted["numberBatchesTotal"]) == ("Aborted", "2")
    sandbox.control.release_jobs()
    assert [fields(api.get(path))["state"] for path in (done, queued)] == [
        "Completed",
        "NotProcessed",
    ]
    assert sandbox.org.counts()["Account"] == 1
    assert error(api.get(queued + "/result"))[1:] == ("InvalidBatch", "Records not processed")
    assert error(api.change(job, "Aborted"))[1] == "InvalidJobState"


def test_held_batches_are_released_one_by_one_or_by_their_job(
    sandbox: Sandbox, api: AsyncApi
) -> None:
    sandbox.control.hold_jobs()
    jobs = [api.job("insert", "Account") for _ in range(2)]
    paths = [api.add(job, "Name\nx\n") for job in jobs for _ in range(2)]
    ids = [path[-18:] for path in paths]
    assert sandbox.control.release_jobs(ids[1]) == [ids[1]]
    assert sandbox.control.release_jobs(jobs[1].removeprefix("/job/")) == ids[2:]
    for path in paths[1:]:
        assert api.wait(path)["state"] == "Completed"
    assert fields(api.get(paths[0]))["state"] == "Queued"


def test_a_batch_that_only_seems_to_run_can_be_aborted(sandbox: Sandbox, api: AsyncApi) -> None:
    sandbox.control.jobs_after_polls(2)
    batch = api.add(api.job("insert", "Account"), "Name\nx\n")
    assert [fields(api.get(batch))["state"] for _ in range(2)] == ["Queued", "InProgress"]
    api.change(batch.partition("/batch")[0], "Aborted")
    assert fields(api.get(batch))["state"] == "NotProcessed"
    assert sandbox.org.counts()["Account"] == 0


def test_a_batch_that_waits_is_queued_then_in_progress_then_completed(
    sandbox: Sandbox, api: AsyncApi
) -> None:
    sandbox.control.jobs_after_polls(2)
    job = api.job("insert", "Account")
    batch = api.add(job, "Name\nx\n")
    assert error(api.get(batch + "/result"))[1:] == ("InvalidBatch", "Batch not completed")
    seen = [fields(api.get(batch))["state"] for _ in range(3)]
    assert seen == ["Queued", "InProgress", "Completed"]


def test_batches_of_a_serial_job_are_worked_on_one_after_another(
    sandbox: Sandbox, api: AsyncApi
) -> None:
    sandbox.control.jobs_after_polls(1)
    states = {}
    for mode in ("Parallel", "Serial"):
        job = api.job("insert", "Account", concurrencyMode=mode)
        for _ in range(2):
            last = api.add(job, "Name\nx\n")
        for _ in range(2):
            api.get(last)
        states[mode] = [batch["state"] for batch in batches(api.get(job + "/batch"))]
    assert states == {"Parallel": ["Queued", "Completed"], "Serial": ["Completed", "Queued"]}


def test_the_job_counts_its_batches_and_records(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    api.run(job, "Name\na\nb\n")
    api.run(job, "Name,Fax\n,1\nc,2\n")
    api.failure(job, "Nowhere\nx\n")
    sandbox.control.hold_jobs()
    api.add(job, "Name\nd\n")
    counts = {
        name.removeprefix("number"): text
        for name, text in children(api.get(job))
        if name.startswith("number")
    }
    assert counts == {
        "BatchesQueued": "1",
        "BatchesInProgress": "0",
        "BatchesCompleted": "2",
        "BatchesFailed": "1",
        "BatchesTotal": "4",
        "RecordsProcessed": "4",
        "Retries": "0",
        "RecordsFailed": "1",
    }


def test_a_batch_can_be_read_back_byte_for_byte(api: AsyncApi) -> None:
    body = 'Name\r\n"ä ""b""\nc"\r\n'.encode()
    batch = api.add(api.job("insert", "Account"), gzip.compress(body), Content_Encoding="gzip")
    answer = api.get(batch + "/request")
    assert (answer.content, answer.headers["Content-Type"]) == (body, "text/csv")
    assert api.wait(batch)["state"] == "Completed"


def test_a_batch_over_ten_megabytes_is_refused_also_when_compressed(api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    body = b"Name\n" + b"x" * 10_000_000
    for sent, headers in [(body, {}), (gzip.compress(body, 1), {"Content_Encoding": "gzip"})]:
        answer = api.call("POST", job + "/batch", sent, "text/csv", **headers)
        assert error(answer)[:2] == (400, "ClientInputError")
    assert batches(api.get(job + "/batch")) == []


def test_a_batch_of_more_than_ten_thousand_records_fails(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    assert api.failure(job, "Name\n" + "x\n" * 10_001).startswith("InvalidBatch : ")
    assert sandbox.org.counts()["Account"] == 0
    batch = api.run(job, "Name\n" + "x\n" * 10_000)
    assert len(rows(api.get(batch + "/result"))) == 10_001


def test_the_days_batches_run_out(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    sandbox.control.use_up("DailyBulkApiBatches", 1)
    api.run(job, "Name\nx\n")
    refusal = api.call("POST", job + "/batch", "Name\nx\n", "text/csv")
    assert error(refusal) == (400, "ExceededQuota", "ApiBatchItems Limit exceeded.")


def test_a_scripted_failure_fails_the_batch_after_so_many_rows(
    sandbox: Sandbox, api: AsyncApi
) -> None:
    sandbox.control.add_fault(kind="job_failed", object="Account", after_rows=2, message="Timeout")
    job = api.job("insert", "Account")
    assert api.failure(job, "Name\na\nb\nc\n") == "Timeout"
    assert sandbox.org.counts()["Account"] == 2
    assert [row[1] for row in rows(api.get(api.run(job, "Name\nd\n") + "/result"))[1:]] == ["true"]


def test_reset_forgets_the_jobs(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    sandbox.control.reset()
    assert error(api.get(job))[1] == "InvalidJob"


def test_the_page_shows_the_jobs(api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    page = api.session.get(api.sandbox.url + "/", timeout=60).text
    assert job.removeprefix("/job/") in page

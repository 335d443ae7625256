"""Steps whose answer was lost: the client checks what exists, what arrived and what was done."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    JobAborted,
    JobError,
    JobState,
    Operation,
    RowCountMismatch,
    Salesforce,
    TransportError,
    UnknownState,
    UploadUnknown,
)
from sfbulk.bulk2 import IngestJob, QueryJob
from sfbulk.http.retry import MAX_ATTEMPTS
from tests.client.rules import undescribing
from tests.client.scripted import DROP, Answer, ScriptedServer, as_json, error

if TYPE_CHECKING:
    from sfbulk.transport import Transport
    from sfbulk_sandbox import Sandbox

ID = "750000000000001AAA"
OTHER = "750000000000002AAA"
ME = "005000000000001AAA"
INGEST = "/services/data/v68.0/jobs/ingest"
TWO_UPLOADS = [
    error(status, code, f"Found {word} for job: <{ID[:15]}>, please 'Close' / 'Abort' the Job")
    for status, code, word in [
        (400, "INVALIDJOB", "multipe contents"),
        (400, "BULK_API_ERROR", "multipe contents"),
        (400, "CLIENTINPUTERROR", "Multiple Contents"),
        (500, "UNKNOWN_EXCEPTION", "multiple contents"),
    ]
]
"""The first two were recorded, the request that the second answers was not."""
CSV = b'"Name"\n"x"\n'


def job(state: str = "Open", **more: Any) -> Answer:
    return as_json(entry(state=state) | more)


def entry(**changed: Any) -> dict[str, Any]:
    """A job as the list shows it (recording of a 49.0 list)."""
    return {
        "id": ID,
        "operation": "insert",
        "object": "Account",
        "createdById": ME,
        "createdDate": "2026-11-23T10:00:00.000+0000",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 68.0,
        "jobType": "V2Ingest",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    } | changed


def create(transport: Transport, server: ScriptedServer, *answers: Answer) -> IngestJob:
    server.script.extend(answers)
    return IngestJob.create(transport, "Account", Operation.INSERT)


def methods(server: ScriptedServer) -> list[str]:
    return [seen.method for seen in server.seen]


# Creating an ingest job


LOST = pytest.mark.parametrize(
    "lost",
    [DROP, Answer(502), Answer(200, b"<html>", {"Content-Type": "text/html"}), as_json({"id": 1})],
    ids=["no answer", "502", "a page", "no job"],
)


@LOST
def test_a_create_whose_answer_is_lost_is_sent_again_and_no_list_is_read(
    server: ScriptedServer, transport: Transport, lost: Answer
) -> None:
    made = create(transport, server, lost, lost, job(id=OTHER))
    assert made.id == OTHER
    assert server.lines == [f"POST {INGEST}"] * 3


def test_a_create_is_not_sent_without_end(server: ScriptedServer, transport: Transport) -> None:
    with pytest.raises(TransportError, match="Create insert job on Account"):
        create(transport, server, *[DROP] * 20)
    assert len(server.seen) == MAX_ATTEMPTS


def test_a_query_whose_answer_is_lost_is_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([DROP, Answer(502), job("UploadComplete", operation="query")])
    QueryJob.create(transport, "SELECT Id FROM Account")
    assert methods(server) == ["POST"] * 3


def test_a_delimiter_that_this_version_does_not_know_is_quoted(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.append(job(columnDelimiter="COLON"))
    with pytest.raises(UnknownState, match="column delimiter 'COLON'"):
        IngestJob.open(transport, ID)


# Uploading


def uploading(transport: Transport, server: ScriptedServer, *answers: Answer) -> IngestJob:
    return create(transport, server, job(), *answers)


def test_an_upload_that_shows_in_the_job_is_not_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    arrived = job(numberRecordsProcessed=0, numberRecordsFailed=0)
    uploading(transport, server, DROP, arrived).upload(CSV)
    assert methods(server) == ["POST", "PUT", "GET"]


@pytest.mark.parametrize("lost", [DROP, Answer(200, b"<html>")], ids=["no answer", "a page"])
def test_an_upload_that_does_not_show_is_unknown_and_is_never_sent_twice(
    server: ScriptedServer, transport: Transport, lost: Answer
) -> None:
    with pytest.raises(UploadUnknown, match=f"whether job {ID} .* Abort the job") as caught:
        uploading(transport, server, lost, job()).upload(CSV)
    assert caught.value.job_id == ID
    assert methods(server) == ["POST", "PUT", "GET"]


def test_counts_from_before_the_upload_do_not_prove_it(
    server: ScriptedServer, transport: Transport
) -> None:
    counts = job(numberRecordsProcessed=0, numberRecordsFailed=0)
    running = create(transport, server, counts, DROP, counts)
    with pytest.raises(UploadUnknown):
        running.upload(CSV)


@pytest.mark.parametrize("refusal", TWO_UPLOADS, ids=lambda answer: str(answer.body[15:29]))
@pytest.mark.parametrize("step", ["upload", "close"])
def test_a_job_with_two_uploads_is_unknown_with_every_code_and_step(
    server: ScriptedServer, transport: Transport, refusal: Answer, step: str
) -> None:
    # After an ambiguous answer the job is read.
    running = uploading(transport, server, refusal, *[job(), refusal] * 3)
    with pytest.raises(UploadUnknown, match=f"whether job {ID} .* Abort the job"):
        running.upload(CSV) if step == "upload" else running.close()


def test_a_refused_upload_is_an_error(server: ScriptedServer, transport: Transport) -> None:
    with pytest.raises(ApiError, match="closed already"):
        uploading(transport, server, error(400, "INVALIDJOBSTATE", "closed already")).upload(CSV)


def test_an_upload_to_a_job_that_was_aborted_is_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    with pytest.raises(JobAborted, match=ID):
        uploading(transport, server, DROP, job("Aborted")).upload(CSV)


ENDED = job("JobComplete", id=OTHER, numberRecordsProcessed=1, numberRecordsFailed=0)
LOADED = [
    *[job(id=OTHER), Answer(201), ENDED],
    Answer(200, b'"sf__Id","sf__Error",Name\n'),
    Answer(204),
]
"""The rows in another job."""


@pytest.mark.parametrize(
    "unknown",
    [[DROP, job()], [TWO_UPLOADS[0]], [Answer(201), TWO_UPLOADS[0]]],
    ids=["lost", "upload refused", "close refused"],
)
def test_rows_whose_upload_is_unknown_go_into_a_new_job(
    server: ScriptedServer, transport: Transport, unknown: list[Answer]
) -> None:
    server.script.extend([job(), *unknown, job("Aborted"), *LOADED])
    summary = undescribing(transport).insert("Account", [{"Name": "x"}])
    assert (summary.succeeded, summary.job_ids) == (1, [OTHER])
    uploads = [seen for seen in server.seen if seen.method == "PUT"]
    assert [seen.path.split("/")[-2] for seen in uploads] == [ID, OTHER]
    assert len({seen.body for seen in uploads}) == 1


def test_jobs_are_not_created_without_end_and_none_is_left_open(
    server: ScriptedServer, transport: Transport
) -> None:
    for each in (f"75000000000000{number}AAA" for number in range(MAX_ATTEMPTS)):
        server.script.extend([job(id=each), DROP, job(id=each), job("Aborted", id=each)])
    with pytest.raises(UploadUnknown, match=r"last of 6 jobs .* none of these rows is loaded"):
        undescribing(transport).insert("Account", [{"Name": "x"}])
    states = [seen.body for seen in server.seen if seen.method == "PATCH"]
    assert states == [b'{"state": "Aborted"}'] * MAX_ATTEMPTS
    assert len(server.seen) == 4 * MAX_ATTEMPTS


# State changes


def test_a_state_change_whose_answer_is_lost_is_read_from_the_job(
    server: ScriptedServer, transport: Transport
) -> None:
    running = uploading(transport, server, DROP, job("InProgress"))
    assert running.close().state is JobState.IN_PROGRESS
    assert [seen.method for seen in server.seen] == ["POST", "PATCH", "GET"]


def test_a_state_change_that_did_not_arrive_is_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    running = uploading(transport, server, DROP, job("Open"), job("UploadComplete"))
    assert running.close().state is JobState.UPLOAD_COMPLETE
    assert [seen.method for seen in server.seen] == ["POST", "PATCH", "GET", "PATCH"]


@pytest.mark.parametrize("state", ["UploadComplete", "InProgress", "JobComplete", "Failed"])
def test_a_close_whose_answer_is_lost_is_done_in_any_later_state(
    server: ScriptedServer, transport: Transport, state: str
) -> None:
    assert uploading(transport, server, DROP, job(state)).close().state.value == state


def test_an_abort_that_did_not_arrive_does_not_count_as_done(
    server: ScriptedServer, transport: Transport
) -> None:
    running = uploading(transport, server, DROP, job("InProgress"), job("Aborted"))
    assert running.abort().state is JobState.ABORTED
    assert methods(server) == ["POST", "PATCH", "GET", "PATCH"]


@pytest.mark.parametrize(
    ("state", "verb"), [("JobComplete", "abort"), ("Failed", "abort"), ("Aborted", "close")]
)
def test_a_state_change_that_came_too_late_is_refused_in_salesforces_words(
    server: ScriptedServer, transport: Transport, state: str, verb: str
) -> None:
    refusal = error(400, "INVALIDJOBSTATE", f"already {state}")
    running = uploading(transport, server, DROP, job(state), refusal, job(state))
    with pytest.raises(ApiError, match=f"already {state}"):
        getattr(running, verb)()
    assert running.state.value == state


def test_a_state_change_that_arrived_late_is_not_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    late = error(400, "INVALIDJOBSTATE", "Job already closed")
    running = uploading(transport, server, DROP, job("Open"), late, job("InProgress"))
    assert running.close().state is JobState.IN_PROGRESS


def test_a_state_change_is_not_sent_without_end(
    server: ScriptedServer, transport: Transport
) -> None:
    running = uploading(transport, server, *[DROP, job("Open")] * 3)
    with pytest.raises(TransportError, match=f"Set UploadComplete on ingest job {ID}"):
        running.close()
    assert len(server.seen) == 7


def test_a_refused_state_change_is_an_error_at_once(
    server: ScriptedServer, transport: Transport
) -> None:
    running = uploading(transport, server, error(400, "INVALIDJOBSTATE", "no"))
    with pytest.raises(ApiError, match="INVALIDJOBSTATE") as caught:
        running.close()
    assert caught.value.job_id == ID
    assert len(server.seen) == 2


# Results


def completed(transport: Transport, server: ScriptedServer, *answers: Answer) -> IngestJob:
    counts = {"numberRecordsProcessed": 3, "numberRecordsFailed": 1}
    running = create(transport, server, job(), job("JobComplete", **counts), *answers)
    running.wait()
    return running


SAVED = b'"sf__Id","sf__Created",Name\n"1","true","a"\n"2","true","b"\n'
REFUSED = b'"sf__Id","sf__Error",Name\n"","X:y:--","c"\n'


def test_results_that_break_off_are_read_again_without_repeated_rows(
    server: ScriptedServer, transport: Transport
) -> None:
    done = completed(transport, server, Answer(200, SAVED, cut=40), DROP, Answer(200, SAVED))
    assert [row.id for row in done.successful()] == ["1", "2"]


@pytest.mark.parametrize("size", [30, -9, -4])
def test_a_compressed_result_that_ends_early_is_read_again(
    server: ScriptedServer, transport: Transport, size: int
) -> None:
    packed = gzip.compress(SAVED)
    answers = [Answer(200, body, {"Content-Encoding": "gzip"}) for body in (packed[:size], packed)]
    done = completed(transport, server, *answers)
    assert [row.id for row in done.successful()] == ["1", "2"]
    assert len(server.seen) == 4


def test_results_with_damaged_compression_are_requested_uncompressed(
    server: ScriptedServer, transport: Transport
) -> None:
    spoiled = Answer(200, b"spoiled", {"Content-Encoding": "gzip"})
    done = completed(transport, server, spoiled, Answer(200, SAVED))
    assert [row.id for row in done.successful()] == ["1", "2"]
    asked = [seen.headers["Accept-Encoding"] for seen in server.seen]
    assert asked == ["gzip", "gzip", "gzip", "identity"]


def test_results_with_missing_rows_are_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    saved = Answer(200, SAVED[:-15])
    done = completed(transport, server, saved, saved, Answer(200, REFUSED * 2))
    with pytest.raises(RowCountMismatch, match="have 1 rows, but Salesforce reports 2"):
        list(done.successful())
    with pytest.raises(RowCountMismatch, match=f"failedResults of job {ID} .* have 3 rows"):
        list(done.failed())


NO_BODY = [Answer(204), Answer(200), Answer(200, b"\n")]


@pytest.mark.parametrize("resource", ["successful", "failed", "unprocessed"])
@pytest.mark.parametrize("answer", NO_BODY)
def test_results_without_a_body_are_no_rows_once_the_job_has_ended(
    server: ScriptedServer, transport: Transport, resource: str, answer: Answer
) -> None:
    counts = {"numberRecordsProcessed": 0, "numberRecordsFailed": 0}
    done = create(transport, server, job(), job("JobComplete", **counts), answer)
    done.wait()
    assert list(getattr(done, resource)()) == []


@pytest.mark.parametrize(("resource", "announced"), [("successful", 2), ("failed", 1)])
@pytest.mark.parametrize("answer", NO_BODY)
def test_results_without_a_body_are_an_error_if_the_job_has_rows(
    server: ScriptedServer, transport: Transport, resource: str, announced: int, answer: Answer
) -> None:
    done = completed(transport, server, answer, answer)
    with pytest.raises(RowCountMismatch, match=f"0 rows, but Salesforce reports {announced}"):
        list(getattr(done, resource)())


@pytest.mark.parametrize("resource", ["successful", "failed", "unprocessed"])
def test_results_of_a_job_that_still_runs_are_not_ready(
    server: ScriptedServer, transport: Transport, resource: str
) -> None:
    running = create(transport, server, job("InProgress"), Answer(204))
    with pytest.raises(JobError, match="has no results yet"):
        list(getattr(running, resource)())


# The same on the sandbox, where what was saved can be seen


@pytest.mark.parametrize("answer", ["header", "no_content", "empty"])
def test_a_load_has_all_outcomes_with_every_form_of_an_empty_list(
    sandbox: Sandbox, sf: Salesforce, answer: str
) -> None:
    sandbox.control.set_behaviour(empty_results=answer)
    done = sf.insert("Account", [{"Name": "a"}, {"Name": "b"}])
    assert (done.succeeded, done.failed, done.unprocessed) == (2, 0, 0)
    refused = sf.insert("Account", [{"Phone": "1"}])
    assert (refused.succeeded, refused.failed, refused.unprocessed) == (0, 1, 0)
    lists = [call.status for call in sandbox.requests if call.path.endswith("Results")]
    assert (204 in lists) == (answer == "no_content")


def test_a_create_whose_answer_is_lost_leaves_an_empty_job_and_loads_each_row_once(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="lost", method="POST", path="*/jobs/ingest")
    assert sf.insert("Account", [{"Name": "New"}]).succeeded == 1
    assert [call.method for call in sandbox.requests if call.path == INGEST] == ["POST", "POST"]
    assert sandbox.org.query("SELECT Id FROM Account WHERE Name = 'New'").total() == 1


def test_two_processes_that_load_one_object_keep_their_rows_apart(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    """The create of one never arrives; the other has an open job like it, and loses an answer."""
    settings = {"instance_url": sandbox.url, "access_token": sandbox.access_token}
    with Salesforce.from_settings(settings) as elsewhere:
        theirs = elsewhere.ingest_job("Account", Operation.INSERT)
        sandbox.control.add_fault(kind="closed", method="POST", path="*/jobs/ingest")
        assert sf.insert("Account", [{"Name": "Mine"}]).succeeded == 1
        sandbox.control.add_fault(kind="lost", method="PUT", path="*/batches")
        theirs.upload(b'"Name"\n"Theirs"\n')
        theirs.close()
        assert theirs.wait().records_processed == 1
        assert [row.row["Name"] for row in theirs.successful()] == ["Theirs"]
    assert sandbox.control.faults == []
    both = sandbox.org.query("SELECT Name FROM Account WHERE Name IN ('Mine', 'Theirs')").rows()
    assert sorted(both) == [("Mine",), ("Theirs",)]


def test_threads_that_create_at_once_never_share_a_job(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.add_fault(kind="lost", method="POST", path="*/jobs/ingest", skip=1, times=3)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: sf.ingest_job("Account", Operation.INSERT).id, range(12)))
    assert len(set(made)) == 12

"""Lost answers: the client checks what Salesforce did; a scripted server."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from sfbulk import (
    ApiError,
    BatchNotAdded,
    Bulk1JobState,
    DataError,
    JobError,
    JobFailed,
    Operation,
    PkChunking,
    RowCountMismatch,
    TransportError,
    UnknownState,
)
from sfbulk.client_bulk1 import Bulk1
from sfbulk.http.retry import MAX_ATTEMPTS
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.rules import undescribed
from tests.client.scripted import DROP, Answer, ScriptedServer, as_json

if TYPE_CHECKING:
    from sfbulk.bulk1 import Bulk1Job
    from tests.client.scripted import FakeClock, Seen

ID, OTHER = "750000000000001AAA", "750000000000002AAA"
ASYNC = "/services/async/68.0/job"
JOB = f"{ASYNC}/{ID}"
BODY = b"Name\na\n"


def job(state: str = "Open", job_id: str = ID, **more: Any) -> Answer:
    said = {"id": job_id, "operation": "insert", "object": "Account", "state": state}
    return as_json(said | {"contentType": "CSV"} | more)


def said(number: int, state: str = "Queued", **more: Any) -> dict[str, Any]:
    return {"id": f"75100000000000{number}AAA", "jobId": ID, "state": state} | more


def batch(number: int, state: str = "Queued", **more: Any) -> Answer:
    return as_json(said(number, state, **more))


def listed(*batches: dict[str, Any]) -> Answer:
    return as_json({"batchInfo": list(batches)})


def refused(code: str, message: str) -> Answer:
    return as_json({"exceptionCode": code, "exceptionMessage": message}, 400)


def results(*rows: str) -> Answer:
    return Answer(200, "\n".join(['"Id","Success","Created","Error"', *rows, ""]).encode())


GOOD = '"001","true","true",""'


def opened(transport: Transport, server: ScriptedServer, *answers: Answer) -> Bulk1Job:
    server.script.extend([job(), *answers])
    return Bulk1(transport).ingest_job("Account", Operation.INSERT)


def asked(server: ScriptedServer) -> list[str]:
    """The requests after the job was created."""
    return [line.replace(JOB, "") for line in server.lines[1:]]


# Creating a job


def test_a_create_whose_answer_is_lost_is_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([DROP, Answer(500), Answer(200, b"<html/>"), job()])
    assert Bulk1(transport).ingest_job("Account", Operation.INSERT).id == ID
    assert server.lines == [f"POST {ASYNC}"] * 4


def test_a_create_is_not_sent_without_end(server: ScriptedServer, transport: Transport) -> None:
    server.script.extend([DROP] * 20)
    with pytest.raises(TransportError, match="insert job on Account: the connection broke"):
        Bulk1(transport).ingest_job("Account", Operation.INSERT)
    assert len(server.seen) == MAX_ATTEMPTS


# Adding a batch


@pytest.mark.parametrize("lost", [DROP, Answer(500), Answer(502), Answer(200, b"<html/>")])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_batch_whose_answer_is_lost_is_found_and_not_sent_again(
    server: ScriptedServer, transport: Transport, lost: Answer, *, compressed: bool
) -> None:
    running = opened(transport, server, lost, listed(said(1)), Answer(200, BODY))
    assert running.add_batch(BODY, compressed=compressed).id == "751000000000001AAA"
    assert asked(server) == ["POST /batch", "GET /batch", "GET /batch/751000000000001AAA/request"]
    assert (gzip.decompress if compressed else bytes)(server.seen[1].body) == BODY


def test_a_batch_that_is_not_there_cannot_arrive_late(
    server: ScriptedServer, transport: Transport, clock: FakeClock
) -> None:
    running = opened(transport, server, DROP, listed(), job("Closed"), *[listed()] * 12)
    with pytest.raises(BatchNotAdded, match=f"Add a batch to insert job {ID}.*new job") as caught:
        running.add_batch(BODY)
    assert asked(server)[:3] == ["POST /batch", "GET /batch", "POST "]
    assert running.state is Bulk1JobState.CLOSED
    assert (caught.value.ambiguous, caught.value.job_id) == (False, ID)
    assert clock.monotonic() > 5


def test_a_batch_that_arrived_before_the_job_was_closed_is_found(
    server: ScriptedServer, transport: Transport
) -> None:
    later = [listed(), job("Closed"), listed(), listed(said(1)), Answer(200, BODY)]
    assert opened(transport, server, DROP, *later).add_batch(BODY).id == "751000000000001AAA"


def test_an_aborted_job_accepts_no_late_batches(
    server: ScriptedServer, transport: Transport
) -> None:
    aborted = refused("InvalidJobState", "Closing already Aborted Job not allowed")
    after = [DROP, listed(), aborted, job("Aborted"), *[listed()] * 12]
    with pytest.raises(BatchNotAdded):
        opened(transport, server, *after).add_batch(BODY)


def test_a_job_that_cannot_be_closed_may_still_get_the_batch(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server, DROP, listed(), refused("InvalidJob", "no"), job())
    with pytest.raises(ApiError, match="Set Closed on insert job"):
        running.add_batch(BODY)


LOST = [DROP, listed(), job("Closed"), *[listed()] * 12]


def test_a_load_continues_in_another_job_with_the_whole_batch(
    server: ScriptedServer, transport: Transport
) -> None:
    other = job(job_id=OTHER)
    ended = listed(said(1, "Completed", numberRecordsProcessed=1))
    closed = [job("Closed"), job(job_id=OTHER), job("Closed", OTHER)]
    server.script.extend([job(), *LOST, other, batch(1), ended, results(GOOD), *closed])
    summary = Bulk1(transport, undescribed).insert(
        "Account", iter([{"Name": "a"}]), compressed=False
    )
    assert summary.succeeded == 1
    bodies = [seen.body for seen in server.seen if seen.line.startswith("POST") and seen.body]
    assert bodies.count(b'"Name"\n"a"\n') == 2
    assert server.seen[-1].path == f"{ASYNC}/{OTHER}"
    assert not server.script


def test_loaded_rows_are_reported_if_the_job_can_no_longer_be_read(
    server: ScriptedServer, transport: Transport
) -> None:
    ended = listed(said(1, "Completed", numberRecordsProcessed=1))
    refusal = refused("ExceededQuota", "TotalRequests Limit exceeded.")
    server.script.extend([job(), batch(1), ended, results(GOOD), refusal, refusal])
    assert Bulk1(transport, undescribed).insert("Account", [{"Name": "a"}]).succeeded == 1
    assert not server.script


def test_a_load_does_not_create_new_jobs_without_end(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([job(), *LOST] * 4)
    with pytest.raises(BatchNotAdded):
        Bulk1(transport, undescribed).insert("Account", [{"Name": "a"}])
    assert sum(line == f"POST {ASYNC}" for line in server.lines) == 4


def test_a_batch_is_distinguished_from_an_equal_one_that_is_known(
    server: ScriptedServer, transport: Transport
) -> None:
    lost = [DROP, listed(said(1), said(2)), Answer(200, BODY)]
    running = opened(transport, server, batch(1), *lost)
    assert running.add_batch(BODY).id == "751000000000001AAA"
    assert running.add_batch(BODY).id == "751000000000002AAA"
    assert asked(server)[-1] == "GET /batch/751000000000002AAA/request"


def test_a_batch_that_is_not_what_was_sent_stops_everything(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server, DROP, listed(said(1)), Answer(200, b"Name\nb\n"))
    with pytest.raises(
        JobError, match="has the batch 751000000000001AAA, which this program did not send"
    ):
        running.add_batch(BODY)


def test_a_refused_batch_is_an_error_at_once(server: ScriptedServer, transport: Transport) -> None:
    running = opened(transport, server, refused("InvalidJobState", "the Job is not Open"))
    with pytest.raises(ApiError, match="InvalidJobState: the Job is not Open") as caught:
        running.add_batch(BODY)
    assert caught.value.job_id == ID
    assert len(server.seen) == 2


# Changing a job's state


def test_a_state_change_whose_answer_is_lost_is_read_from_the_job(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server, DROP, job("Closed"))
    assert running.close().state is Bulk1JobState.CLOSED
    assert asked(server) == ["POST ", "GET "]
    state = ET.fromstring(server.seen[1].body)[0]  # noqa: S314 - made here
    assert state.text == "Closed"


def test_a_state_change_that_did_not_arrive_is_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server, DROP, job(), job("Aborted"))
    assert running.abort().state is Bulk1JobState.ABORTED
    assert asked(server) == ["POST ", "GET ", "POST "]


def test_a_state_change_that_arrived_late_is_not_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    late = refused("InvalidJobState", "Closing already Closed Job not allowed")
    running = opened(transport, server, DROP, job(), late, job("Closed"))
    assert running.close().state is Bulk1JobState.CLOSED


def test_a_job_that_was_aborted_is_not_closed(server: ScriptedServer, transport: Transport) -> None:
    late = refused("InvalidJobState", "Closing already Aborted Job not allowed")
    running = opened(transport, server, DROP, job("Aborted"), late, job("Aborted"))
    with pytest.raises(ApiError, match="Closing already Aborted Job"):
        running.close()


# Counts


@pytest.mark.parametrize(
    ("ended", "rows"),
    [
        (said(1, "Completed"), [GOOD]),
        (said(1, "Completed"), [GOOD] * 3),
        (said(1, "Completed", numberRecordsProcessed=1), [GOOD] * 2),
        (said(1, "Completed", numberRecordsProcessed=2, numberRecordsFailed=1), [GOOD] * 2),
    ],
)
def test_rows_without_results_are_an_error(
    server: ScriptedServer, transport: Transport, ended: dict[str, Any], rows: list[str]
) -> None:
    server.script.extend([job(), batch(1), listed(ended), results(*rows), job("Aborted")])
    with pytest.raises(
        RowCountMismatch, match="atch 751000000000001AAA of job 750000000000001AAA on Account"
    ):
        Bulk1(transport, undescribed).insert("Account", [{"Name": "a"}, {"Name": "b"}])
    assert asked(server)[-1] == "POST "


def test_an_abort_that_fails_does_not_hide_the_error(
    server: ScriptedServer, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    server.script.extend([job(), batch(1), listed(said(1, "Pondering")), refused("X", "no")])
    with pytest.raises(UnknownState, match="'Pondering'"):
        Bulk1(transport, undescribed).insert("Account", [{"Name": "a"}])
    assert f"Could not set Aborted on job {ID}: X" in caplog.text


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_rows_than_reported_is_an_error(
    server: ScriptedServer, transport: Transport, count: int
) -> None:
    ended = listed(said(1, "Completed", numberRecordsProcessed=2))
    file = Answer(200, b'"Id"\n' + b'"x"\n' * count)
    # Too few rows are read a second time.
    files = [file] * (2 if count < 2 else 1)
    server.script.extend(
        [job(), batch(1), ended, job("Closed"), as_json(["752000000000001AAA"]), *files]
    )
    with pytest.raises(RowCountMismatch, match=f"have {count} rows, but Salesforce found 2"):
        list(Bulk1(transport).query("SELECT Id FROM Account"))


# Chunks


RANGE = "SELECT Id FROM Account WHERE "


def ids(number: int) -> str:
    return f"001{number:012}"


class ChunkServer(ScriptedServer):
    """An org whose first job has three chunks, of which `missing` is never listed."""

    def __init__(self, missing: int, *, bounds: bool = True) -> None:
        super().__init__()
        self.missing = missing
        self.bounds = bounds
        self.repeated: list[str] = []
        self.looks = 0

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        if seen.path == ASYNC:
            made = sum(one.path == ASYNC for one in self.seen)
            return job(job_id=ID if made == 1 else OTHER)
        if OTHER in seen.path:
            return self._second(seen)
        place = seen.path.removeprefix(JOB)
        if seen.method == "POST":
            return batch(0) if place else job("Closed")
        if not place:
            return job(numberBatchesTotal=1 + sum(n != self.missing for n in (1, 2, 3)))
        if place == "/batch":
            self.looks += 1
            return listed(said(0, "NotProcessed"), *self._chunks())
        _, _, number, what, *rest = place.split("/")
        return self._chunk(int(number[3:15]), what, rest)

    def _second(self, seen: Seen) -> Answer:
        place = seen.path.removeprefix(f"{ASYNC}/{OTHER}")
        if seen.method == "POST" and place:
            self.repeated.append(seen.body.decode())
            return batch(9)
        if place == "/batch":
            return listed(said(9, "Completed", numberRecordsProcessed=1))
        if place.endswith("/result"):
            return as_json(["752000000000001AAA"])
        return Answer(200, b'"Id"\n"again"\n') if place else job("Closed", OTHER)

    def _chunks(self) -> list[dict[str, Any]]:
        # The last one comes late: the list must be looked at until it has stopped to grow.
        there = (1, 2, 3) if self.looks > 2 else (1, 2)
        return [said(n, "Completed", numberRecordsProcessed=1) for n in there if n != self.missing]

    def _chunk(self, number: int, what: str, rest: list[str]) -> Answer:
        if what == "request":
            low, high = f"Id >= '{ids(number)}'", f" AND Id < '{ids(number + 1)}'"
            query = f"{RANGE}{low}{high if number < 3 else ''}"
            return Answer(200, query.encode() if self.bounds else b"SELECT Id FROM Account")
        return (
            Answer(200, f'"Id"\n"{number}"\n'.encode()) if rest else as_json(["752000000000001AAA"])
        )


def chunk_rows(server: ScriptedServer, clock: FakeClock) -> list[str]:
    settings = {"instance_url": server.url, "access_token": "t"}
    transport = Transport(parse_settings(settings), clock)
    rows = Bulk1(transport).query("SELECT Id FROM Account", pk_chunking=PkChunking())
    try:
        return [row["Id"] for row in rows]
    finally:
        transport.close()


def test_the_query_waits_for_a_late_chunk(clock: FakeClock) -> None:
    with ChunkServer(missing=0) as server:
        assert chunk_rows(server, clock) == ["1", "2", "3"]
    assert server.repeated == []


def test_a_missing_chunk_is_queried(clock: FakeClock) -> None:
    with ChunkServer(missing=2) as server:
        assert chunk_rows(server, clock) == ["1", "3", "again"]
    (query,) = server.repeated
    assert query == f"{RANGE}Id >= '{ids(2)}' AND Id < '{ids(3)}'"


def test_chunks_with_unknown_ranges_are_read_as_they_are(clock: FakeClock) -> None:
    with ChunkServer(missing=2, bounds=False) as server:
        assert chunk_rows(server, clock) == ["1", "3"]


class FailedChunk(ChunkServer):
    def _chunks(self) -> list[dict[str, Any]]:
        first, *others = super()._chunks()
        return [first | {"state": "Failed"}, *others]


def test_a_chunk_that_failed_is_queried_by_its_own_range(clock: FakeClock) -> None:
    with FailedChunk(missing=0) as server:
        assert chunk_rows(server, clock) == ["2", "3", "again"]
    assert server.repeated == [f"{RANGE}Id >= '{ids(1)}' AND Id < '{ids(2)}'"]


def test_a_failed_chunk_with_an_unknown_range_ends_the_query(clock: FakeClock) -> None:
    with (
        FailedChunk(missing=0, bounds=False) as server,
        pytest.raises(JobFailed, match="Batch 751000000000001AAA of insert job"),
    ):
        chunk_rows(server, clock)
    assert server.repeated == []


class NoChunks(ChunkServer):
    def _chunks(self) -> list[dict[str, Any]]:
        return []


def test_a_chunked_query_without_chunks_is_an_error_and_not_an_empty_result(
    clock: FakeClock,
) -> None:
    with NoChunks(missing=0) as server, pytest.raises(JobError, match="the job has no chunks"):
        chunk_rows(server, clock)


def test_an_unknown_content_type_of_a_job_is_quoted(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server)
    server.script.extend([job(contentType="ZIP_CSV"), listed()])
    foreign = Bulk1(transport).job(running.id)
    with pytest.raises(DataError, match="'ZIP_CSV', which this version of sfbulk does not support"):
        foreign.add_batch(BODY)


def test_a_failed_query_without_a_reason_says_so(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([job(), batch(1), listed(said(1, "Failed")), job("Aborted")])
    with pytest.raises(JobFailed, match="on Account failed: Salesforce gives no reason"):
        list(Bulk1(transport).query("SELECT Id FROM Account"))


def test_a_batch_whose_compression_is_refused_is_sent_uncompressed(
    server: ScriptedServer, transport: Transport
) -> None:
    running = opened(transport, server, Answer(415), batch(1))
    assert running.add_batch(BODY, compressed=True).id == "751000000000001AAA"
    bodies = [(seen.headers.get("Content-Encoding"), seen.body) for seen in server.seen[1:]]
    assert bodies == [("gzip", gzip.compress(BODY, mtime=0)), (None, BODY)]


@pytest.mark.parametrize(("compressed", "answer"), [(False, Answer(415)), (True, Answer(400))])
def test_another_refusal_of_a_batch_is_an_error(
    server: ScriptedServer, transport: Transport, answer: Answer, *, compressed: bool
) -> None:
    with pytest.raises(ApiError):
        opened(transport, server, answer).add_batch(BODY, compressed=compressed)


# Results without a body


@pytest.mark.parametrize("content", ["CSV", "JSON", "XML"])
@pytest.mark.parametrize("answer", [Answer(204), Answer(200)])
def test_results_without_a_body_have_no_rows(
    server: ScriptedServer, transport: Transport, content: str, answer: Answer
) -> None:
    server.script.extend([job(contentType=content), answer, answer, Answer(204)])
    done = Bulk1(transport).ingest_job("Account", Operation.INSERT)
    assert list(done.row_results("751000000000000AAA")) == []
    assert list(done.rows("751000000000000AAA", "752000000000000AAA")) == []
    assert done.result_ids("751000000000000AAA") == []


@pytest.mark.parametrize("answer", [Answer(204), Answer(200), results(), results(GOOD)])
def test_results_are_compared_with_the_counts_of_a_completed_batch(
    server: ScriptedServer, transport: Transport, answer: Answer
) -> None:
    ended = listed(said(1, "Completed", numberRecordsProcessed=2, numberRecordsFailed=0))
    # Too few rows are read a second time.
    running = opened(transport, server, ended, answer, answer)
    running.wait()
    with pytest.raises(
        RowCountMismatch, match=f"batch 751000000000001AAA of job {ID} on Account have"
    ):
        list(running.row_results("751000000000001AAA"))


def test_failed_rows_are_compared_with_the_counts_of_their_batch(
    server: ScriptedServer, transport: Transport
) -> None:
    ended = batch(1, "Completed", numberRecordsProcessed=1, numberRecordsFailed=1)
    running = opened(transport, server, ended, results(GOOD))
    running.batch("751000000000001AAA")
    with pytest.raises(
        RowCountMismatch,
        match="1 rows, 0 of them failed, but Salesforce processed 1, of which 1 failed",
    ):
        list(running.row_results("751000000000001AAA"))


def test_a_query_that_found_rows_is_not_empty_because_its_results_have_no_body(
    server: ScriptedServer, transport: Transport
) -> None:
    ended = batch(1, "Completed", numberRecordsProcessed=2)
    running = opened(transport, server, ended, Answer(204), Answer(204))
    running.batch("751000000000001AAA")
    with pytest.raises(RowCountMismatch, match="have 0 rows, but Salesforce found 2"):
        running.result_ids("751000000000001AAA")
    with pytest.raises(RowCountMismatch, match="have 0 rows, but Salesforce found 2"):
        list(running.rows("751000000000001AAA", "752000000000000AAA"))


@pytest.mark.parametrize("rows", [0, 2])
def test_results_of_a_query_without_a_body_are_compared_with_the_count_of_its_batch(
    server: ScriptedServer, transport: Transport, rows: int
) -> None:
    completed = said(1, "Completed", numberRecordsProcessed=rows)
    server.script.extend([job(), batch(1), listed(completed), job("Closed"), Answer(204)])
    query = Bulk1(transport).query("SELECT Id FROM Account")
    if not rows:
        assert list(query) == []
        return
    with pytest.raises(RowCountMismatch, match="have 0 rows, but Salesforce found 2"):
        list(query)

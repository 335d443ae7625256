"""Jobs against a server that answers from a script: states, pages and timeouts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.bulk2 import IngestJob, JobState, Operation, QueryJob
from sfbulk.errors import (
    CsvError,
    DataError,
    JobError,
    JobFailed,
    JobTimeout,
    RowCountMismatch,
    TransportError,
    UnknownState,
)
from sfbulk.read import disposing
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.rules import undescribing
from tests.client.scripted import DROP, Answer, FakeClock, ScriptedServer, as_json, error

if TYPE_CHECKING:
    from pathlib import Path

    from tests.client.scripted import Seen

ID = "750000000000001AAA"
BASE = f"/services/data/v68.0/jobs/query/{ID}"


def job(state: str, **more: Any) -> Answer:
    reply = {"id": ID, "operation": "query", "object": "Account", "state": state}
    return as_json(reply | {"apiVersion": 68.0} | more)


def page(rows: int, locator: str | None = "null", count: int | None = -1) -> Answer:
    headers = {} if locator is None else {"Sforce-Locator": locator}
    if count is not None:
        headers["Sforce-NumberOfRecords"] = str(rows if count < 0 else count)
    return Answer(200, b'"Id"\n' + b'"x"\n' * rows, headers)


def complete(rows: int) -> Answer:
    return job("JobComplete", numberRecordsProcessed=rows)


def query(transport: Transport, server: ScriptedServer, *answers: Answer) -> QueryJob:
    server.script.extend([job("UploadComplete"), *answers])
    return QueryJob.create(transport, "SELECT Id FROM Account")


def test_each_state_word_is_salesforces_own() -> None:
    words = ["Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"]
    assert [state.value for state in JobState] == words
    assert [state.value for state in JobState if state.is_terminal] == words[3:]


def test_a_failed_query_gives_salesforces_reason(
    server: ScriptedServer, transport: Transport
) -> None:
    running = query(transport, server, job("InProgress"), job("Failed", errorMessage="1 TB used"))
    with pytest.raises(JobFailed, match=f"{ID} on Account failed: 1 TB used") as caught:
        running.wait()
    assert caught.value.job_id == ID


def test_an_unknown_state_is_quoted(server: ScriptedServer, transport: Transport) -> None:
    running = query(transport, server, job("Pondering"))
    with pytest.raises(UnknownState, match="'Pondering'") as caught:
        running.wait()
    assert caught.value.job_id == ID


def test_a_timeout_leaves_the_job_running_and_names_it(
    server: ScriptedServer, transport: Transport, clock: FakeClock
) -> None:
    running = query(transport, server, *[job("InProgress")] * 50)
    said = f"{ID} on Account is still InProgress after 10 s"
    with pytest.raises(JobTimeout, match=said), disposing(running):
        running.wait(timeout=10)
    assert clock.monotonic() == pytest.approx(10)
    assert {seen.method for seen in server.seen[1:]} == {"GET"}
    assert len(server.seen) < 15


def test_waiting_survives_an_outage(server: ScriptedServer, transport: Transport) -> None:
    running = query(transport, server, DROP, Answer(502), error(503, "X"), complete(0))
    assert running.wait().state is JobState.JOB_COMPLETE


def test_pages_are_followed_to_the_word_null(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    running = query(transport, server, complete(3), page(2, "a b"), page(1))
    counts = [found.expected_rows for found in running.pages(tmp_path, max_records=2)]
    assert counts == [2, 1]
    assert server.lines[2:] == [
        f"GET {BASE}/results?maxRecords=2",
        f"GET {BASE}/results?locator=a+b&maxRecords=2",
    ]


@pytest.mark.parametrize("last", [None, "null", ""])
def test_a_missing_locator_is_the_end_too(
    server: ScriptedServer, transport: Transport, tmp_path: Path, last: str | None
) -> None:
    running = query(transport, server, complete(2), page(2, last))
    assert len(list(running.pages(tmp_path))) == 1


def test_pages_in_a_circle_are_an_error(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    running = query(transport, server, complete(9), page(1, "a"), page(1, "b"), page(1, "a"))
    with pytest.raises(JobError, match="circle"):
        list(running.pages(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_pages_without_all_rows_of_the_job_are_an_error(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    running = query(transport, server, complete(4), page(2, "a"), page(1))
    with pytest.raises(RowCountMismatch, match=f"{ID} hold 3 rows where Salesforce processed 4"):
        list(running.pages(tmp_path))


def test_a_page_with_missing_rows_is_an_error(server: ScriptedServer, transport: Transport) -> None:
    running = query(transport, server, complete(3), page(2, count=3), page(2, count=3))
    with pytest.raises(RowCountMismatch, match="holds 2 rows where Salesforce announced 3"):
        list(running.rows())


def test_without_salesforces_headers_the_rows_themselves_are_counted(
    server: ScriptedServer, transport: Transport
) -> None:
    running = query(transport, server, complete(3), page(2, locator=None, count=None))
    with pytest.raises(RowCountMismatch, match="hold 2 rows where Salesforce processed 3"):
        list(running.rows())


def test_pages_without_counts_are_not_compared_with_the_job(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    running = query(transport, server, complete(3), page(2, locator=None, count=None))
    (found,) = running.pages(tmp_path)
    assert (found.expected_rows, found.rows) == (None, None)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b'"Id"\n', {"Sforce-NumberOfRecords": "0", "Sforce-Locator": "null"}),
        Answer(200, b'"Id"\n'),
        Answer(204),
        Answer(200),
        Answer(200, b"Records not found for this query"),
        error(400, "INVALIDJOB"),
    ],
)
def test_a_query_without_rows_has_no_pages_whatever_its_results_look_like(
    server: ScriptedServer, transport: Transport, tmp_path: Path, answer: Answer
) -> None:
    done = query(transport, server, complete(0), answer, answer)
    assert list(done.rows()) == []
    assert list(done.pages(tmp_path)) == []


@pytest.mark.parametrize("headers", [{}, {"Sforce-NumberOfRecords": "1"}])
def test_rows_of_a_query_that_counts_none_are_an_error(
    server: ScriptedServer, transport: Transport, tmp_path: Path, headers: dict[str, str]
) -> None:
    done = query(transport, server, complete(0), Answer(200, b'"Id"\n"1"\n', headers))
    with pytest.raises(RowCountMismatch, match="hold 1 rows where Salesforce processed 0"):
        list(done.pages(tmp_path))


NO_BODY = [Answer(204), Answer(200, b"", {"Sforce-Locator": "null"})]


@pytest.mark.parametrize("answer", NO_BODY)
def test_a_page_without_a_body_has_no_rows(
    server: ScriptedServer, transport: Transport, tmp_path: Path, answer: Answer
) -> None:
    uncounted = query(transport, server, job("JobComplete"), answer, answer)
    assert list(uncounted.rows()) == []
    assert [page.expected_rows for page in uncounted.pages(tmp_path)] == [0]


@pytest.mark.parametrize("answer", NO_BODY)
def test_a_page_without_a_body_is_an_error_if_the_job_has_rows(
    server: ScriptedServer, transport: Transport, tmp_path: Path, answer: Answer
) -> None:
    counted = query(transport, server, complete(3), answer, answer)
    for read in (counted.rows, lambda: counted.pages(tmp_path)):
        with pytest.raises(RowCountMismatch, match="hold 0 rows where Salesforce processed 3"):
            list(read())


def test_a_page_without_a_body_is_an_error_if_its_header_has_rows(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    empty = Answer(200, b"", {"Sforce-NumberOfRecords": "3"})
    with pytest.raises(RowCountMismatch, match="holds 0 rows where Salesforce announced 3"):
        list(query(transport, server, job("JobComplete"), empty, empty).pages(tmp_path))


def test_a_page_that_is_not_csv_is_an_error(server: ScriptedServer, transport: Transport) -> None:
    running = query(transport, server, complete(1), Answer(200, b'"Id","Name"\n"x"\n'))
    with pytest.raises(CsvError, match="Row 1 has 1 cells"):
        list(running.rows())


def test_a_reader_who_leaves_does_not_wait_for_the_page_ahead(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    endless = Answer(200, b'"x"\n' * 100_000, endless=True)
    pages = query(transport, server, complete(9), page(1, "a"), endless).pages(tmp_path)
    next(pages)
    pages.close()
    assert list(tmp_path.iterdir()) == []


class Pages(ScriptedServer):
    """Serves pages 1 to 5 of one row each and lets a test wait for a request."""

    def __init__(self) -> None:
        super().__init__([job("UploadComplete"), complete(5)])
        self.arrived = [threading.Event() for _ in range(6)]

    def answer(self, seen: Seen) -> Answer:
        if "/results" not in seen.path:
            return super().answer(seen)
        number = int(seen.path.rpartition("locator=")[2]) if "locator" in seen.path else 1
        self.arrived[number].set()
        return page(1, str(number + 1) if number < 5 else "null")


def test_the_next_page_is_fetched_while_one_is_read_and_no_further(
    clock: FakeClock, tmp_path: Path
) -> None:
    with Pages() as server:
        settings = {"instance_url": server.url, "access_token": "t"}
        transport = Transport(parse_settings(settings), clock)
        pages = QueryJob.create(transport, "SELECT Id FROM Account").pages(tmp_path)
        first = next(pages)
        assert server.arrived[2].wait(30)
        assert not server.arrived[3].is_set()
        assert first.path.exists()
        second = next(pages)
        assert not first.path.exists()
        assert second.path.exists()
        assert server.arrived[3].wait(30)
        assert not server.arrived[4].is_set()
        pages.close()
        assert list(tmp_path.iterdir()) == []
        transport.close()


def ingest(transport: Transport, server: ScriptedServer, *answers: Answer) -> IngestJob:
    server.script.extend([job("Open", operation="insert"), *answers])
    return IngestJob.create(transport, "Account", Operation.INSERT)


def test_a_deletion_whose_answer_is_lost_is_done(
    server: ScriptedServer, transport: Transport
) -> None:
    running = ingest(transport, server, DROP, error(404, "NOT_FOUND"))
    running.delete()
    assert [seen.method for seen in server.seen] == ["POST", "DELETE", "DELETE"]


def test_chunks_are_uploaded_as_one_body_with_its_length(
    server: ScriptedServer, transport: Transport
) -> None:
    running = ingest(transport, server, Answer(201))
    running.upload(piece for piece in (b'"Name"\n', b'"x"\n'))
    assert server.seen[1].headers["Content-Length"] == "11"
    assert server.seen[1].body == b'"Name"\n"x"\n'


def test_a_job_opened_for_an_error_is_aborted_and_the_error_stays(
    server: ScriptedServer, transport: Transport
) -> None:
    running = ingest(transport, server, Answer(400))
    with pytest.raises(KeyError, match="mine"), disposing(running):
        raise KeyError("mine")
    assert server.seen[1].body == b'{"state": "Aborted"}'


def test_a_job_that_counts_more_rows_than_were_sent_is_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    ended = job("JobComplete", numberRecordsProcessed=4, numberRecordsFailed=0)
    saved = Answer(200, b'"sf__Id","sf__Created",Name\n"1","true","a"\n"2","true","b"\n')
    none_failed = Answer(200, b'"sf__Id","sf__Error",Name\n')
    server.script.extend([job("Open"), Answer(201), ended, none_failed, saved, saved])
    with pytest.raises(RowCountMismatch, match="has 4 rows, but 2 were sent"):
        undescribing(transport).insert("Account", [{"Name": "a"}, {"Name": "b"}])


def test_json_that_does_not_describe_a_job_is_an_error(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([as_json({"id": None})] * 20)
    with pytest.raises(TransportError, match=r"is not a job: .* at `\$.id`"):
        QueryJob.create(transport, "SELECT Id FROM Account")


@pytest.mark.parametrize(
    "job_id",
    [
        "../x",
        "750",
        "750000000000001AAA\n",
        "75000000000000",
        "\u0667" * 15,
        "a" * 18 + "b",
        5,
    ],
)
def test_a_job_id_that_is_no_id_is_no_job(
    server: ScriptedServer, transport: Transport, job_id: Any
) -> None:
    server.script.extend([as_json({"id": job_id, "state": "Open"})] * 6)
    with pytest.raises(TransportError, match=r"Create a query job on Account: .* at `\$\.id`"):
        QueryJob.create(transport, "SELECT Id FROM Account")


def test_another_job_than_the_one_asked_for_is_no_answer(
    server: ScriptedServer, transport: Transport
) -> None:
    running = query(transport, server, *[as_json({"id": ID[:-1] + "B", "state": "JobComplete"})])
    assert running.refresh().id == ID[:-1] + "B"
    other = as_json({"id": "750000000000002AAA", "state": "JobComplete"})
    server.script.extend([other] * 6)
    with pytest.raises(TransportError, match=r"Read query job .*: HTTP 200 with another job"):
        running.refresh()


@pytest.mark.parametrize(
    ("count", "read"), [("5", 5), (5.0, 5), (0, 0), (None, None), (10**15, 10**15)]
)
def test_a_count_may_be_text(
    server: ScriptedServer, transport: Transport, count: Any, read: int | None
) -> None:
    assert query(transport, server, complete(count)).refresh().records_processed == read


@pytest.mark.parametrize(
    "count", ["many", "5" * 5_000, 10**30, -1, "-1", 5.5, True, [5], "", "\u0663"]
)
def test_a_count_that_is_none_is_an_error_that_names_it(
    server: ScriptedServer, transport: Transport, count: Any
) -> None:
    running = query(transport, server, *[complete(count)] * 6)
    with pytest.raises(TransportError, match=r"at `\$\.numberRecordsProcessed`") as caught:
        running.refresh()
    assert len(str(caught.value)) < 500
    assert len(server.seen) == 7


@pytest.mark.parametrize("job_id", ["", "../limits", "750000000000001AA", "750000000000001AAA\n"])
def test_what_is_no_id_is_sent_nowhere(job_id: str) -> None:
    given = {"instance_url": "http://127.0.0.1:9", "access_token": "00Dxx!secret"}
    with Salesforce(Transport(parse_settings(given), FakeClock())) as sf:
        for opened in (sf.open_job, sf.open_query_job, sf.bulk1.job):
            with pytest.raises(DataError, match="not the id of a job"):
                opened(job_id)

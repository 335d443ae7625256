"""Every kind of recorded answer of Bulk API 2.0, in any clone."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.recordings.kinds import answer, assert_of_kind
from tests.recordings.support import form
from tests.recordings.test_new_recordings import without_ids
from tests.sandbox_bulk1.async_api import AsyncApi, error
from tests.sandbox_http.front_door import Org
from tests.sandbox_http.test_bulk2_ingest import records_of

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox


def test_a_load_step_by_step(sandbox: Sandbox) -> None:
    org = Org(sandbox, "52.0")
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    sandbox.control.jobs_after_polls(2)
    created = org.open_load("Account", "update")
    path = f"/jobs/ingest/{created['id']}"
    assert_of_kind(created, "bulk2/load created")
    assert_of_kind(org.json("GET", path), "bulk2/load open")
    org.upload(created["id"], f"Id,Phone\n{record_id},1\n".encode())
    assert_of_kind(org.json("GET", path), "bulk2/load uploaded")
    assert_of_kind(org.close(created["id"]).json(), "bulk2/load closed")
    org.json("GET", path)
    assert_of_kind(org.json("GET", path), "bulk2/load in progress")
    assert_of_kind(org.json("GET", path), "bulk2/load complete")
    assert org.results(created["id"], "failedResults") == answer("bulk2/no failed rows")
    assert org.results(created["id"], "unprocessedrecords") == answer("bulk2/no unprocessed rows")


def test_a_query_step_by_step(sandbox: Sandbox) -> None:
    org = Org(sandbox, "51.0")
    sandbox.control.jobs_after_polls(2)
    query = {"operation": "query", "query": "SELECT Id, Name, Phone FROM Account"}
    created = org.json("POST", "/jobs/query", json=query)
    path = f"/jobs/query/{created['id']}"
    assert_of_kind(created, "bulk2/query created")
    org.json("GET", path)
    assert_of_kind(org.json("GET", path), "bulk2/query in progress")
    assert_of_kind(org.json("GET", path), "bulk2/query complete")
    assert org.get(path + "/failedResults").text == answer("bulk2/failed rows of a query")
    entry = org.json("GET", "/jobs/query")["records"][0]
    assert_of_kind(entry, "bulk2/list entry of a query")


def test_a_query_all(sandbox: Sandbox) -> None:
    body = {"operation": "queryAll", "query": "SELECT Id FROM Account"}
    created = Org(sandbox, "57.0").json("POST", "/jobs/query", json=body)
    assert_of_kind(created, "bulk2/queryAll created")


def test_a_list_of_loads(sandbox: Sandbox) -> None:
    org = Org(sandbox, "49.0")
    org.load("Case", "insert", b"Subject\nx\n")
    assert_of_kind(org.json("GET", "/jobs/ingest"), "bulk2/list of loads")


def test_the_forms_of_cells(org: Org) -> None:
    values = {"Name": "x", "CloseDate": "2026-02-03", "StageName": "Prospecting"}
    org.json("POST", "/sobjects/Opportunity", json=values)
    theirs = answer("bulk2/cells of a query")
    assert list(theirs) == ["Id", "CloseDate", "SystemModstamp"]
    job = org.run_query("SELECT Id, CloseDate, SystemModstamp FROM Opportunity")
    text = org.get(f"/jobs/query/{job['id']}/results").text
    (ours,) = csv.DictReader(io.StringIO(text, newline=""))
    assert {name: form(cell) for name, cell in ours.items()} == {
        name: form(cell) for name, cell in theirs.items()
    }
    assert ours["SystemModstamp"][-1] == theirs["SystemModstamp"][-1]


@pytest.mark.parametrize("ending", ["LF", "CRLF"])
@pytest.mark.parametrize(
    ("name", "delimiter"),
    [
        *[("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ",")],
        *[("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
    ],
)
def test_a_file_of_each_delimiter(org: Org, name: str, delimiter: str, ending: str) -> None:
    lines = answer("bulk2/files of six delimiters").replace(",", delimiter)
    body = lines.replace("\n", {"LF": "\n", "CRLF": "\r\n"}[ending])
    settings = {"columnDelimiter": name, "lineEnding": ending}
    job = org.load("Account", "insert", body.encode(), **settings)
    assert (job["state"], job["numberRecordsFailed"]) == ("JobComplete", 0)
    job = org.run_query("SELECT Name, Type, Phone, Website FROM Account", **settings)
    text = org.get(f"/jobs/query/{job['id']}/results").content.decode()
    loaded = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    sent = list(csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter))[1:]
    assert sorted(loaded) == sorted(sent)


def test_the_states_of_an_upsert(sandbox: Sandbox) -> None:
    old, newer = Org(sandbox, "60.0"), Org(sandbox, "61.0")
    good = b"Name,StageName,CloseDate\nx,Prospecting,2026-02-03\n"
    sandbox.control.jobs_after_polls(2)
    running = old.open_load("Opportunity", "upsert", externalIdFieldName="Id")["id"]
    old.upload(running, good)
    old.close(running)
    old.json("GET", f"/jobs/ingest/{running}")
    ours = old.json("GET", f"/jobs/ingest/{running}")
    assert_of_kind(ours, "bulk2/upsert in progress")
    sandbox.control.jobs_at_once()
    bad = good.replace(b"StageName", b"Nowhere__c")
    ours = old.load("Opportunity", "upsert", bad, externalIdFieldName="Id")
    assert_of_kind(ours, "bulk2/upsert failed for a column")
    ours = newer.load("Opportunity", "upsert", good, externalIdFieldName="Id")
    assert_of_kind(ours, "bulk2/upsert complete")


@pytest.mark.parametrize("place", range(4))
def test_settings_that_are_refused_at_creation(org: Org, place: int) -> None:
    request, refusal = answer("bulk2/refused at creation")[place]
    ours = org.call("POST", "/jobs/ingest", json=request)
    assert (ours.status_code, ours.json()) == (400, refusal)


def test_a_failed_row(sandbox: Sandbox) -> None:
    theirs = answer("bulk2/failed row")
    header, row = csv.reader(io.StringIO(theirs, newline=""))
    body = "".join(",".join(cells[2:]) + "\n" for cells in (header, row))
    org = Org(sandbox, "60.0")
    job = org.load("Opportunity", "upsert", body.encode(), externalIdFieldName="Id")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (1, 1)
    assert org.results(job["id"], "failedResults") == theirs


def test_a_close_after_two_uploads(sandbox: Sandbox) -> None:
    org = Org(sandbox, "43.0")
    job = org.open_load("Account", "insert")
    assert [org.upload(job["id"], b"Name\nx\n").status_code for _ in range(2)] == [201, 201]
    refused = org.close(job["id"])
    assert refused.status_code == 400
    (ours,), (theirs,) = refused.json(), answer("bulk2/closed after two uploads")
    assert {**ours, "message": without_ids(ours["message"])} == theirs


def test_files_and_changes_that_are_refused(org: Org, api: AsyncApi) -> None:
    message = answer("bulk2/delete of more than ids")
    assert org.load("Account", "delete", b"Id,Name\n,x\n")["errorMessage"] == message
    assert api.failure(api.job("delete", "Account", "CSV"), "Id,Name\n,x\n") == message
    marked = org.load("Account", "insert", b'\xef\xbb\xbf"Name"\n"x"\n')
    assert marked["errorMessage"].startswith(answer("bulk2/file with a byte-order mark"))
    finished = org.load("Account", "insert", b"Name\nx\n")
    refused = org.call("PATCH", f"/jobs/ingest/{finished['id']}", json={"state": "Aborted"})
    assert (refused.status_code, refused.json()) == (400, answer("bulk2/abort of a finished job"))


def test_what_is_used_up_or_not_permitted(org: Org, api: AsyncApi) -> None:
    org.sandbox.control.use_up("DailyBulkV2QueryJobs")
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    refused = org.call("POST", "/jobs/query", json=query)
    assert refused.status_code == 400
    (ours,), (theirs,) = refused.json(), answer("bulk2/no query jobs left today")
    assert ours["errorCode"] == theirs["errorCode"]
    # How many were used differs.
    assert ours["message"].rpartition(" (")[0] == theirs["message"].rpartition(" (")[0]
    org.sandbox.control.set_behaviour(hard_delete="refused")
    refused = api.create({"operation": "hardDelete", "object": "Account", "contentType": "CSV"})
    assert error(refused)[2] == answer("bulk2/hard delete is not permitted")


@pytest.mark.parametrize("place", range(5))
def test_headers_of_relationships(org: Org, place: int) -> None:
    header, state, message = answer("bulk2/headers of relationships")[place]
    job = org.load("Account", "insert", f"Name,{header}\nx,\n".encode())
    assert (job["state"], job.get("errorMessage")) == (state, message)


def test_a_list_of_result_pages(org: Org) -> None:
    org.load("Account", "insert", b"Name\nx\ny\n")
    org.sandbox.control.set_page_rows(1)
    job = org.run_query("SELECT Name FROM Account")
    assert_of_kind(org.json("GET", f"/jobs/query/{job['id']}/resultPages"), "bulk2/result pages")


def test_cells_in_results(org: Org) -> None:
    pairs = answer("bulk2/cells in results")
    for field, sent, echoed in pairs:
        body = f"Name,StageName,CloseDate,{field}\nx,Prospecting,2026-02-03,{sent}\n"
        job = org.load("Opportunity", "insert", body.encode())
        (row,) = records_of(org.results(job["id"], "successfulResults"))
        assert row[field] == echoed

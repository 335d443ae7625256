"""The recordings that were found later: refusals, texts and forms of Bulk API 2.0, and a 401."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.recordings.support import NEW_RECORDINGS, needs_new_recordings, new_document
from tests.recordings.test_bulk2 import shape
from tests.sandbox_bulk1.async_api import AsyncApi, error
from tests.sandbox_http.front_door import Org
from tests.sandbox_http.test_bulk2_ingest import records_of

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

pytestmark = needs_new_recordings


def refusal(name: str) -> Any:
    """Return one of the recorded refusals by the beginning of its case."""
    (found,) = (one for one in new_document("bulk2_refusals.json") if one["case"].startswith(name))
    return found


def without_ids(text: str) -> str:
    return re.sub(r"750\w{12}", "750", text)


def test_settings_that_an_org_refused_at_creation(org: Org) -> None:
    text = (NEW_RECORDINGS / "bulk2_create_refusals_v47.json").read_text("utf-8")
    refusals = json.loads(text.replace("Thing__c", "Invoice__c"))
    assert refusals
    for recorded in refusals:
        request = recorded["request"]
        if request == "contentType empty":
            request = {"object": "Account", "operation": "insert", "contentType": ""}
        answer = org.call("POST", "/jobs/ingest", json=request)
        assert answer.status_code == 400
        assert answer.json() == recorded["body"]


def test_the_recorded_failed_row_of_a_bad_date(sandbox: Sandbox) -> None:
    theirs = (NEW_RECORDINGS / "bulk2_failed_results_bad_date_v60.csv").read_text("utf-8")
    # The sandbox's Opportunity has no such field.
    theirs = theirs.replace("external_id__c", "NextStep")
    header, row = csv.reader(io.StringIO(theirs, newline=""))
    rows = [header[2:], row[2:], ["Good", "Prospecting", "external-id-4", "2003-04-09"]]
    body = "".join(",".join(cells) + "\n" for cells in rows)
    org = Org(sandbox, "60.0")
    job = org.load("Opportunity", "upsert", body.encode(), externalIdFieldName="Id")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)
    assert org.results(job["id"], "failedResults").rstrip("\n") == theirs.rstrip("\n")


def test_the_recorded_states_of_loads(sandbox: Sandbox) -> None:
    old, newer = Org(sandbox, "60.0"), Org(sandbox, "61.0")
    good = b"Name,StageName,CloseDate\nx,Prospecting,2024-09-10\n"
    sandbox.control.jobs_after_polls(2)
    running = old.open_load("Opportunity", "upsert", externalIdFieldName="Id")["id"]
    old.upload(running, good)
    old.close(running)
    old.json("GET", f"/jobs/ingest/{running}")
    running = old.json("GET", f"/jobs/ingest/{running}")
    sandbox.control.jobs_at_once()
    bad = good.replace(b"StageName", b"StageName_invalid_field_on_purpose")
    failed = old.load("Opportunity", "upsert", bad, externalIdFieldName="Id")
    complete = newer.load("Opportunity", "upsert", good, externalIdFieldName="Id")
    for ours, name in (
        (running, "bulk2_ingest_job_in_progress_v60.json"),
        (failed, "bulk2_ingest_job_failed_unknown_column_v60.json"),
        (complete, "bulk2_ingest_job_complete_v61.json"),
    ):
        theirs = new_document(name)
        assert shape(ours) == shape(theirs), name
        assert ours.get("errorMessage") == theirs.get("errorMessage")
        assert ours.get("isPkChunkingSupported") == theirs.get("isPkChunkingSupported")


def test_the_recorded_close_after_two_uploads(sandbox: Sandbox) -> None:
    recorded, _ = new_document("bulk2_two_uploads.json")
    org = Org(sandbox, "43.0")
    job = org.open_load("Account", "insert")
    assert [org.upload(job["id"], b"Name\nx\n").status_code for _ in range(2)] == [201, 201]
    answer = org.close(job["id"])
    assert answer.status_code == recorded["status"]
    assert json.loads(without_ids(answer.text)) == json.loads(
        without_ids(json.dumps(recorded["body"]))
    )


def test_the_recorded_refusals(org: Org, api: AsyncApi) -> None:
    deleted = org.load("Account", "delete", b"Id,Name\n,x\n")
    message = refusal("delete file with more columns than Id")["errorMessage"]
    # The CLI, which was recorded, writes the code before a message that has it, and a full stop.
    assert deleted["errorMessage"] == message.removeprefix("InvalidBatch : ").removesuffix(".")
    batch = api.wait(api.add(api.job("delete", "Account", "CSV"), "Id,Name\n,x\n"))
    assert batch["stateMessage"] == refusal("the same (1.0")["stateMessage"]
    marked = org.load("Account", "insert", b'\xef\xbb\xbf"Name"\n"x"\n')
    recorded = refusal("file with a byte-order mark")["errorMessage"]
    assert marked["errorMessage"].startswith(recorded)
    recorded = refusal("abort of a finished job")
    finished = org.load("Account", "insert", b"Name\nx\n")
    answer = org.call("PATCH", f"/jobs/ingest/{finished['id']}", json={"state": "Aborted"})
    assert answer.status_code == recorded["status"]
    assert [set(one.items()) for one in answer.json()] == [
        set(one.items()) for one in recorded["body"]
    ]


def test_the_recorded_refusals_of_what_is_used_up_or_not_permitted(org: Org, api: AsyncApi) -> None:
    org.sandbox.control.use_up("DailyBulkV2QueryJobs")
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    answer, recorded = org.call("POST", "/jobs/query", json=query), refusal("daily query jobs")
    assert answer.status_code == recorded["status"]
    (ours,), (theirs,) = answer.json(), recorded["body"]
    assert ours["errorCode"] == theirs["errorCode"]
    # How many were used differs.
    assert ours["message"].rpartition(" (")[0] == theirs["message"].rpartition(" (")[0]
    org.sandbox.control.set_behaviour(hard_delete="refused")
    recorded = refusal("hardDelete without the permission")
    created = api.create({"operation": "hardDelete", "object": "Account", "contentType": "CSV"})
    assert error(created)[1:] == (recorded["exceptionCode"], recorded["exceptionMessage"])


@pytest.mark.parametrize("place", range(5))
def test_the_recorded_headers_of_relationships(org: Org, place: int) -> None:
    recorded = new_document("bulk2_relationship_headers_v65.json")[place]
    # Account's lookup to its parent has one target too, and the same relationship name.
    header = recorded["header"].replace("ApplicantId__c", "Ext_Id__c")
    job = org.load("Account", "insert", f"Name,{header}\nx,\n".encode())
    assert job["state"] == recorded["state"]
    message = recorded["errorMessage"]
    assert job.get("errorMessage") == (message and message.replace("ApplicantId__c", "Ext_Id__c"))


def test_the_shape_of_result_pages(org: Org) -> None:
    org.load("Account", "insert", b"Name\nx\ny\n")
    org.sandbox.control.set_page_rows(1)
    job = org.run_query("SELECT Name FROM Account")
    ours = org.json("GET", f"/jobs/query/{job['id']}/resultPages")
    theirs = new_document("bulk2_result_pages_shape.json")
    assert list(ours) == list(theirs)
    assert (ours["nextRecordsUrl"], ours["done"]) == (theirs["nextRecordsUrl"], theirs["done"])
    links = [
        [
            re.sub("locator=.*", "", without_ids(one["resultLink"])[:-3])
            for one in pages["resultChunks"]
        ]
        for pages in (ours, theirs)
    ]
    assert links[0] == links[1]


def test_results_rewrite_cells_as_an_org_did(org: Org) -> None:
    pairs = dict(new_document("bulk2_results_echo_2026.json")["pairs"])
    numbers = [cell for cell in pairs if re.fullmatch(r"[\d.e]+", cell)]
    instants = [cell for cell in pairs if re.fullmatch(r"2026-10-02T[^ ]*", cell)]
    assert (len(numbers), len(instants), pairs["TRUE"]) == (3, 2, "true")
    rows = "".join(f"{one},x,Prospecting,2026-10-02,TRUE,#N/A\n" for one in numbers)
    header = "Amount,Name,StageName,CloseDate,IsPrivate,Description\n"
    job = org.load("Opportunity", "insert", (header + rows).encode())
    echoed = records_of(org.results(job["id"], "successfulResults"))
    assert sorted(row["Amount"] for row in echoed) == sorted(pairs[one] for one in numbers)
    assert {(row["IsPrivate"], row["Description"]) for row in echoed} == {("true", pairs["#N/A"])}
    cells = [*instants, "2026-10-02T10:00:00"]
    rows = "".join(f"{one},10\n" for one in cells)
    job = org.load("Event", "insert", f"ActivityDateTime,DurationInMinutes\n{rows}".encode())
    echoed = records_of(org.results(job["id"], "successfulResults"))
    expected = [*(pairs[one] for one in instants), "2026-10-02T10:00:00.000Z"]
    assert sorted(row["ActivityDateTime"] for row in echoed) == sorted(expected)
    assert pairs["text with CRLF"] == "the same text with LF"
    body = b'Name\r\n" two\r\nlines "\r\n'
    job = org.load("Account", "insert", body, lineEnding="CRLF")
    assert '" two\nlines "' in org.results(job["id"], "successfulResults")


def test_the_recorded_401(sandbox: Sandbox) -> None:
    recorded = new_document("rest_401_v38_headers.json")
    org = Org(sandbox, "38.0")
    sandbox.control.end_sessions()
    answer = org.get("/limits")
    assert answer.status_code == recorded["status"]
    assert answer.json() == recorded["body"]
    for name in ("www-authenticate", "content-type"):
        assert answer.headers[name] == recorded["headers"][name]

"""Bulk API 2.0 query jobs over a socket; key orders are those of recordings/bulk2."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_http.front_door import DELIMITERS, FORMAT_KEYS, SHORT_KEYS, Org, faults_of

if TYPE_CHECKING:
    import requests

    from sfbulk_sandbox import Sandbox

CREATED_KEYS = [*SHORT_KEYS, *FORMAT_KEYS]
INFO_KEYS = [
    *SHORT_KEYS,
    "jobType",
    *FORMAT_KEYS,
    "numberRecordsProcessed",
    "retries",
    "totalProcessingTime",
]
LIST_KEYS = [*SHORT_KEYS, "jobType", *FORMAT_KEYS]
NAMES = "SELECT Name FROM Account"


def fill(org: Org, count: int) -> list[str]:
    names = [f"row {n}" for n in range(count)]
    job = org.load("Account", "insert", ("Name\n" + "\n".join(names) + "\n").encode())
    assert job["numberRecordsProcessed"] == count
    return names


def results(org: Org, job: dict[str, Any], **params: str | int) -> requests.Response:
    answer = org.get(f"/jobs/query/{job['id']}/results", params=params)
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def test_a_job_lives_as_recorded(sandbox: Sandbox) -> None:
    org = Org(sandbox, "52.0")
    fill(org, 2)
    sandbox.control.jobs_after_polls(2)
    created = org.call("POST", "/jobs/query", json={"operation": "query", "query": NAMES})
    job = created.json()
    assert created.status_code == 200
    assert list(job) == CREATED_KEYS
    assert job["id"].startswith("750")
    assert len(job["id"]) == 18
    assert (job["object"], job["state"]) == ("Account", "UploadComplete")
    assert '"apiVersion":52.0' in created.text
    states = []
    for _ in range(3):
        info = org.json("GET", f"/jobs/query/{job['id']}")
        states.append(info["state"])
        assert list(info) == INFO_KEYS
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    assert (info["jobType"], info["numberRecordsProcessed"]) == ("V2Query", 2)


def test_results_are_quoted_with_header_and_the_word_null(org: Org) -> None:
    org.load("Account", "insert", b'Name,Phone\n"Say ""hi"", you",\n"two\nlines",12\n')
    job = org.run_query("SELECT Name, Phone FROM Account")
    answer = results(org, job)
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Sforce-NumberOfRecords"] == "2"
    assert answer.headers["Sforce-Locator"] == "null"
    assert answer.text == '"Name","Phone"\n"Say ""hi"", you",""\n"two\nlines","12"\n'


def test_no_rows_are_a_header(org: Org) -> None:
    answer = results(org, org.run_query(NAMES))
    assert answer.text == '"Name"\n'
    assert answer.headers["Sforce-NumberOfRecords"] == "0"
    assert answer.headers["Sforce-Locator"] == "null"


@pytest.mark.parametrize(("name", "character"), DELIMITERS)
def test_each_delimiter_and_line_ending(org: Org, name: str, character: str) -> None:
    org.load("Account", "insert", b"Name,Phone\nAcme,1\n")
    soql = "SELECT Name, Phone FROM Account"
    job = org.run_query(soql, columnDelimiter=name, lineEnding="CRLF")
    assert (job["columnDelimiter"], job["lineEnding"]) == (name, "CRLF")
    text = results(org, job).content.decode()
    assert text == f'"Name"{character}"Phone"\r\n"Acme"{character}"1"\r\n'


def test_pages_have_headers_and_locators_that_can_be_asked_again(org: Org) -> None:
    names = fill(org, 25)
    job = org.run_query(NAMES)
    found: list[str] = []
    assert results(org, job, maxRecords=10**15).headers["Sforce-NumberOfRecords"] == "25"
    page = results(org, job, maxRecords=10)
    sizes = []
    while True:
        header, *rows = rows_of(page.text)
        assert header == ["Name"]
        assert int(page.headers["Sforce-NumberOfRecords"]) == len(rows)
        sizes.append(len(rows))
        found += [row[0] for row in rows]
        locator = page.headers["Sforce-Locator"]
        if locator == "null":
            break
        again = results(org, job, maxRecords=10, locator=locator)
        page = results(org, job, maxRecords=10, locator=locator)
        assert again.content == page.content
    assert sizes == [10, 10, 5]
    assert sorted(found) == sorted(names)


def test_a_small_result_is_one_page_unless_told_otherwise(org: Org) -> None:
    fill(org, 25)
    job = org.run_query(NAMES)
    assert results(org, job).headers["Sforce-Locator"] == "null"
    org.sandbox.control.set_page_rows(10)
    first = results(org, job)
    assert first.headers["Sforce-NumberOfRecords"] == "10"
    second = results(org, job, locator=first.headers["Sforce-Locator"])
    assert second.headers["Sforce-NumberOfRecords"] == "10"


@pytest.mark.parametrize("locator", ["MTA", "10", "!!", ""])
def test_a_locator_of_the_clients_own_making_is_refused(org: Org, locator: str) -> None:
    fill(org, 25)
    job = org.run_query(NAMES)
    answer = org.get(f"/jobs/query/{job['id']}/results", params={"locator": locator})
    if locator:
        assert answer.status_code == 400
        assert faults_of(answer)[0][0] == "INVALID_QUERY_LOCATOR"
    else:
        assert answer.status_code == 200


def test_result_pages_name_five_pages_at_a_time(org: Org) -> None:
    names = fill(org, 65)
    job = org.run_query(NAMES)
    org.sandbox.control.set_page_rows(10)
    first = org.json("GET", f"/jobs/query/{job['id']}/resultPages")
    assert list(first) == ["resultChunks", "nextRecordsUrl", "done"]
    assert (len(first["resultChunks"]), first["done"]) == (5, False)
    second = org.json("GET", first["nextRecordsUrl"])
    assert len(second["resultChunks"]) == 2
    assert (second["nextRecordsUrl"], second["done"]) == (None, True)
    found = []
    for entry in first["resultChunks"] + second["resultChunks"]:
        assert entry["resultLink"].startswith(f"/jobs/query/{job['id']}/results?locator=")
        found += [row[0] for row in rows_of(org.get(entry["resultLink"]).text)[1:]]
    assert sorted(found) == sorted(names)


def test_result_pages_may_be_those_of_the_guide(org: Org) -> None:
    names = fill(org, 65)
    job = org.run_query(NAMES)
    org.sandbox.control.set_page_rows(10)
    org.sandbox.control.set_behaviour(result_pages="guide")
    first = org.json("GET", f"/jobs/query/{job['id']}/resultPages")
    assert (len(first["resultPages"]), first["done"]) == (5, False)
    second = org.json("GET", first["nextRecordsUrl"])
    assert len(second["resultPages"]) == 2
    assert second["done"] is True
    assert "nextRecordsUrl" not in second
    found = []
    for entry in first["resultPages"] + second["resultPages"]:
        page = org.get(entry["resultUrl"])
        found += [row[0] for row in rows_of(page.text)[1:]]
    assert sorted(found) == sorted(names)


def test_result_pages_may_be_refused(org: Org) -> None:
    job = org.run_query(NAMES)
    org.sandbox.control.set_behaviour(result_pages="refused")
    answer = org.get(f"/jobs/query/{job['id']}/resultPages")
    assert answer.status_code == 404
    assert faults_of(answer)[0][0] == "NOT_FOUND"
    assert results(org, job).status_code == 200


@pytest.mark.parametrize(
    ("choice", "status", "body"),
    [("header", 200, '"Name"\n'), ("no_content", 204, ""), ("empty", 200, "")],
)
def test_a_query_without_rows(org: Org, choice: str, status: int, body: str) -> None:
    org.sandbox.control.set_behaviour(empty_results=choice)
    answer = org.get(f"/jobs/query/{org.run_query(NAMES)['id']}/results")
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["Sforce-Locator"] == "null"
    fill(org, 1)
    assert results(org, org.run_query(NAMES)).status_code == 200


def test_the_rows_are_those_of_the_moment_the_job_ran(org: Org) -> None:
    fill(org, 2)
    job = org.run_query(NAMES)
    fill(org, 3)
    assert results(org, job).headers["Sforce-NumberOfRecords"] == "2"


def test_query_all_answers_deleted_rows(org: Org) -> None:
    fill(org, 2)
    record_id = org.json("GET", "/query", params={"q": "SELECT Id FROM Account"})["records"][0][
        "Id"
    ]
    org.call("DELETE", f"/sobjects/Account/{record_id}")
    soql = "SELECT Id FROM Account WHERE IsDeleted = true"
    assert org.run_query(soql, operation="queryAll")["numberRecordsProcessed"] == 1
    assert org.run_query(soql)["numberRecordsProcessed"] == 0


def test_columns_are_in_name_order_until_49(sandbox: Sandbox) -> None:
    soql = "SELECT Name, Id FROM Account"
    old, new = Org(sandbox, "49.0"), Org(sandbox, "50.0")
    assert results(old, old.run_query(soql)).text == '"Id","Name"\n'
    assert results(new, new.run_query(soql)).text == '"Name","Id"\n'


def test_results_of_another_version_conflict(sandbox: Sandbox, org: Org) -> None:
    job = org.run_query(NAMES)
    answer = Org(sandbox, "67.0").get(f"/jobs/query/{job['id']}/results")
    assert answer.status_code == 409


def test_failed_results_of_a_query_are_a_header(org: Org) -> None:
    fill(org, 1)
    job = org.run_query("SELECT Id, Name FROM Account")
    text = org.get(f"/jobs/query/{job['id']}/failedResults").text
    assert text == '"sf__Id","sf__Error","Id","Name"\n'


def test_results_before_the_end_are_refused(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    job = org.json("POST", "/jobs/query", json={"operation": "query", "query": NAMES})
    assert org.get(f"/jobs/query/{job['id']}/results").status_code == 400
    org.sandbox.control.release_jobs(job["id"])
    assert org.wait("query", job["id"])["state"] == "JobComplete"


def test_a_waiting_job_can_be_aborted_and_then_deleted(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    job = org.json("POST", "/jobs/query", json={"operation": "query", "query": NAMES})
    path = f"/jobs/query/{job['id']}"
    early = org.call("DELETE", path)
    assert early.status_code == 400
    assert faults_of(early) == [
        (
            "API_ERROR",
            "Error encountered when deleting the job because the job is not terminated",
        )
    ]
    aborted = org.json("PATCH", path, json={"state": "Aborted"})
    assert list(aborted) == SHORT_KEYS
    assert aborted["state"] == "Aborted"
    assert org.sandbox.control.release_jobs() == []
    gone = org.call("DELETE", path)
    assert (gone.status_code, gone.content) == (204, b"")
    missing = org.get(path)
    assert missing.status_code == 404
    assert faults_of(missing) == [("NOT_FOUND", "The requested resource does not exist")]


NOT_YET = (
    "can only download query results of successfully completed bulk job with status: "
    "JOB_COMPLETE. Current status: UPLOAD_COMPLETE"
)


@pytest.mark.parametrize(
    ("choice", "status", "faults"),
    [
        (
            "refused",
            400,
            [("INVALIDJOBSTATE", "InvalidJobState : the job is UploadComplete, not JobComplete")],
        ),
        ("precondition", 412, [("JOB_NOT_COMPLETE", NOT_YET)]),
        ("no_content", 204, []),
    ],
)
def test_results_before_the_end_of_a_job(
    org: Org, choice: str, status: int, faults: list[tuple[str, str]]
) -> None:
    org.sandbox.control.set_behaviour(early_results=choice)
    org.sandbox.control.hold_jobs()
    body = {"operation": "query", "query": NAMES}
    job_id = org.json("POST", "/jobs/query", json=body)["id"]
    answer = org.get(f"/jobs/query/{job_id}/results")
    assert answer.status_code == status
    assert (faults_of(answer) if answer.content else []) == faults
    org.sandbox.control.jobs_at_once()
    assert org.wait("query", job_id)["state"] == "JobComplete"
    assert org.get(f"/jobs/query/{job_id}/results").status_code == 200


def test_a_finished_job_cannot_be_aborted(org: Org) -> None:
    job = org.run_query(NAMES)
    answer = org.call("PATCH", f"/jobs/query/{job['id']}", json={"state": "Aborted"})
    assert answer.status_code == 400
    assert faults_of(answer) == [("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")]


def test_jobs_are_listed_without_counts(org: Org) -> None:
    first, second = org.run_query(NAMES), org.run_query(NAMES)
    listed = org.json("GET", "/jobs/query")
    assert list(listed) == ["done", "records", "nextRecordsUrl"]
    assert (listed["done"], listed["nextRecordsUrl"]) == (True, None)
    assert [job["id"] for job in listed["records"]] == [first["id"], second["id"]]
    assert list(listed["records"][0]) == LIST_KEYS
    assert org.json("GET", "/jobs/ingest")["records"] == []


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT BillingAddress FROM Account",
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
    ],
)
def test_what_bulk_does_not_answer_is_refused_at_creation(
    org: Org, soql: str, code: str, message: str
) -> None:
    answer = org.call("POST", "/jobs/query", json={"operation": "query", "query": soql})
    assert answer.status_code == 400
    assert faults_of(answer) == [(code, message)]
    assert org.json("GET", "/jobs/query")["records"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "insert"},
        {"operation": None},
        {"query": None},
        {"contentType": "XML"},
        {"lineEnding": "CR"},
        {"columnDelimiter": "SPACE"},
        {"columnDelimiter": 1},
        {"unheardOf": "x"},
    ],
)
def test_settings_that_a_job_cannot_have_are_refused(org: Org, changes: dict[str, Any]) -> None:
    body = {"operation": "query", "query": NAMES} | changes
    assert org.call("POST", "/jobs/query", json=body).status_code == 400


def test_parent_columns_are_named_by_their_path(org: Org) -> None:
    org.load("Account", "insert", b"Name,Ext_Id__c\nAcme,A-1\n")
    org.load("Contact", "insert", b"LastName,Account.Ext_Id__c\nAnn,A-1\nBob,\n")
    job = org.run_query("SELECT LastName, Account.Name FROM Contact ORDER BY LastName")
    assert results(org, job).text == '"LastName","Account.Name"\n"Ann","Acme"\n"Bob",""\n'

"""Scripted faults of calls, jobs and rows as clients of REST and Bulk 2.0 meet them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox

LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
EXPIRED = [("INVALID_SESSION_ID", "Session expired or invalid")]
OVER = [("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")]
NAMES = {"operation": "query", "query": "SELECT Name FROM Account"}


def add_fault(org: Org, **fault: Any) -> None:
    answer = requests.post(f"{org.sandbox.control_url}/faults", json=fault, timeout=30)
    assert answer.status_code == 204, answer.text


def names_in(org: Org) -> list[str]:
    found = org.json("GET", "/query", params={"q": "SELECT Name FROM Account ORDER BY Name"})
    return [record["Name"] for record in found["records"]]


def results(org: Org, job: Any, kind: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(org.results(job["id"], kind), newline="")))


def sign_in(sandbox: Sandbox) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    answer = requests.post(f"{sandbox.url}/services/oauth2/token", data=form, timeout=30)
    return str(answer.json()["access_token"])


def test_a_connection_is_closed_before_the_work_is_done(org: Org) -> None:
    add_fault(org, kind="closed", method="POST", path="*/jobs/query")
    with pytest.raises(requests.ConnectionError):
        org.call("POST", "/jobs/query", json=NAMES)
    assert org.json("GET", "/jobs/query")["records"] == []
    assert [one.status for one in org.sandbox.requests] == [0, 200]


def test_a_connection_is_closed_in_the_middle_of_an_upload(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]
    body = b"Name\n" + b"x\n" * 1_000_000
    add_fault(org, kind="closed", method="PUT", after_bytes=100_000)
    with pytest.raises(requests.ConnectionError):
        org.upload(job_id, body)
    (cut,) = org.sandbox.control.requests_like(method="PUT")
    assert 100_000 <= cut.body_bytes < len(body)
    assert "numberRecordsProcessed" not in org.json("GET", f"/jobs/ingest/{job_id}")
    assert org.upload(job_id, body).status_code == 201


def test_a_session_expires_on_the_nth_call_and_only_signing_in_helps(org: Org) -> None:
    add_fault(org, kind="expired_session", path="*/jobs/*", skip=1)
    assert org.get("/jobs/query").status_code == 200
    for _ in range(2):
        refused = org.call("POST", "/jobs/query", json=NAMES)
        assert (refused.status_code, faults_of(refused)) == (401, EXPIRED)
    org.session.headers["Authorization"] = f"Bearer {sign_in(org.sandbox)}"
    assert org.json("GET", "/jobs/query")["records"] == []


def test_other_sessions_outlive_an_expired_one(org: Org) -> None:
    other = sign_in(org.sandbox)
    add_fault(org, kind="expired_session")
    assert org.get("/limits").status_code == 401
    org.session.headers["Authorization"] = f"Bearer {other}"
    assert org.get("/limits").status_code == 200


def test_faults_look_into_query_headers_and_body(org: Org) -> None:
    add_fault(org, kind="answer", status=501, request_query={"q": "SELECT Id *"})
    add_fault(org, kind="answer", status=502, request_headers={"X-Client": "tap/*"})
    add_fault(org, kind="answer", status=503, path="*/jobs/query", request_body="FROM Account")
    assert org.get("/query", params={"q": "SELECT Name FROM Contact"}).status_code == 200
    assert org.get("/query", params={"q": "SELECT Id FROM Contact"}).status_code == 501
    assert org.get("/limits", headers={"X-Client": "target/1"}).status_code == 200
    assert org.get("/limits", headers={"X-Client": "tap/1"}).status_code == 502
    contacts = {"operation": "query", "query": "SELECT Id FROM Contact"}
    assert org.call("POST", "/jobs/query", json=contacts).status_code == 200
    squeezed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    body = gzip.compress(json.dumps(NAMES).encode())
    refused = org.call("POST", "/jobs/query", data=body, headers=squeezed)
    assert refused.status_code == 503
    assert org.call("POST", "/jobs/query", data=body, headers=squeezed).status_code == 200
    assert org.sandbox.requests[-2].body_sha256 == hashlib.sha256(body).hexdigest()


def test_a_limit_is_used_up_from_a_call_on(org: Org) -> None:
    add_fault(org, kind="used_up", limit="DailyApiRequests", skip=1)
    assert org.get("/jobs/query").status_code == 200
    for path in ("/jobs/query", "/query?q=SELECT+Id+FROM+Account", "/limits"):
        refused = org.get(path)
        assert (refused.status_code, faults_of(refused)) == (403, OVER)
    org.sandbox.control.use_up("DailyApiRequests", 2)
    limits = org.get("/limits")
    assert limits.json()["DailyApiRequests"]["Remaining"] == 1
    assert limits.headers["Sforce-Limit-Info"] == "api-usage=99999/100000"


@pytest.mark.parametrize(
    ("limit", "path", "body"),
    [
        ("DailyBulkV2QueryJobs", "/jobs/query", NAMES),
        ("DailyBulkApiBatches", "/jobs/ingest", {"object": "Account", "operation": "insert"}),
    ],
)
def test_jobs_of_the_day_are_used_up(org: Org, limit: str, path: str, body: Any) -> None:
    assert org.call("POST", path, json=body).status_code == 200
    org.sandbox.control.use_up(limit)
    refused = org.call("POST", path, json=body)
    assert (refused.status_code, faults_of(refused)[0][0]) == (400, "LIMIT_EXCEEDED")
    assert org.json("GET", "/limits")[limit]["Remaining"] == 0


def test_an_app_has_a_limit_of_its_own(org: Org) -> None:
    org.get("/limits")
    set_app = {"name": "sample-app", "max": 250}
    url = f"{org.sandbox.control_url}/limits/app"
    assert requests.put(url, json=set_app, timeout=30).status_code == 204
    org.get("/limits")
    limits = org.get("/limits")
    usage = "api-usage=3/100000, per-app-api-usage=2/250(appName=sample-app)"
    assert limits.headers["Sforce-Limit-Info"] == usage
    assert limits.json()["DailyApiRequests"]["sample-app"] == {"Max": 250, "Remaining": 248}
    assert requests.put(url, json={"name": None}, timeout=30).status_code == 204
    assert org.get("/limits").headers["Sforce-Limit-Info"] == "api-usage=4/100000"


def test_a_query_job_fails_with_a_message(org: Org) -> None:
    org.load("Account", "insert", b"Name\nx\ny\nz\n")
    message = "InternalServerError : Retried more than fifteen times"
    add_fault(org, kind="job_failed", operation="query", after_rows=2, message=message)
    job = org.run_query("SELECT Name FROM Account")
    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert job["numberRecordsProcessed"] == 2
    assert org.get(f"/jobs/query/{job['id']}/results").status_code == 400
    assert org.run_query("SELECT Name FROM Account")["state"] == "JobComplete"


@pytest.mark.parametrize("bulk", ["insert", "query"])
def test_only_a_job_of_more_rows_fails(org: Org, bulk: str) -> None:
    add_fault(org, kind="job_failed", operation=bulk, over_rows=2, times=None)
    for rows in (2, 3):
        names = "".join(f"{bulk} {rows} {n}\n" for n in range(rows))
        load = org.load("Account", "insert", f"Name\n{names}".encode())
        query = org.run_query(f"SELECT Name FROM Account WHERE Name LIKE '{bulk} {rows}%'")  # noqa: S608 - SOQL
        job = load if bulk == "insert" else query
        assert job["state"] == ("JobComplete" if rows == 2 else "Failed")


def test_a_load_is_aborted_by_somebody_else(org: Org) -> None:
    names = [f"row {n:03}" for n in range(450)]
    add_fault(org, kind="job_aborted", object="Acc*", operation="insert", after_rows=250)
    job = org.load("Account", "insert", ("Name\n" + "\n".join(names) + "\n").encode())
    assert (job["state"], job["numberRecordsProcessed"]) == ("Aborted", 250)
    assert "errorMessage" not in job
    left = [row["Name"] for row in results(org, job, "unprocessedrecords")]
    assert sorted(left) == names[250:]
    assert names_in(org) == names[:250]


def test_a_query_is_aborted_by_somebody_else(org: Org) -> None:
    add_fault(org, kind="job_aborted")
    assert org.run_query("SELECT Name FROM Account")["state"] == "Aborted"


def test_rows_are_refused_by_what_they_hold(org: Org) -> None:
    add_fault(
        org,
        kind="row_error",
        object="Account",
        operation="insert",
        where={"name": "bad*", "Phone": "1"},
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message="No bad names",
        fields=["Name"],
    )
    job = org.load("Account", "insert", b"Name,Phone\ngood,1\nbad 1,1\nbad 2,2\nbad 3,1\n")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (4, 2)
    failed = {row["Name"]: row["sf__Error"] for row in results(org, job, "failedResults")}
    text = "FIELD_CUSTOM_VALIDATION_EXCEPTION:No bad names:Name --"
    assert failed == {"bad 1": text, "bad 3": text}
    assert names_in(org) == ["bad 2", "good"]


def test_rows_are_refused_by_their_number(org: Org) -> None:
    add_fault(org, kind="row_error", rows=[1, 203], times=2)
    add_fault(org, kind="row_error", every=100, skip=1)
    body = "Name\n" + "".join(f"{n:03}\n" for n in range(1, 451))
    job = org.load("Account", "insert", body.encode())
    refused = {row["Name"] for row in results(org, job, "failedResults")}
    assert refused == {"001", "203", "200", "300", "400"}
    assert len(org.sandbox.control.faults) == 1


def test_a_locked_row_goes_in_at_the_third_attempt(org: Org) -> None:
    add_fault(org, kind="row_error", operation="update", where={"Phone": "1*"}, attempts=2)
    org.load("Account", "insert", b"Name\na\nb\nc\n")
    ids = [row["Id"] for row in org.json("GET", "/query?q=SELECT+Id+FROM+Account")["records"]]
    rows = f"Id,Phone\n{ids[0]},10\n{ids[1]},11\n{ids[2]},20\n"
    for expected in (2, 2, 0):
        job = org.load("Account", "update", rows.encode())
        failed = results(org, job, "failedResults")
        assert [row["sf__Error"] for row in failed] == [LOCKED] * expected
        assert {row["sf__Id"] for row in failed} == set(ids[:expected])


def test_attempts_are_counted_by_the_key_of_an_upsert_or_by_a_named_field(org: Org) -> None:
    add_fault(org, kind="row_error", operation="upsert", attempts=1)
    add_fault(org, kind="row_error", operation="insert", attempts=1, key="Phone")
    for name, expected in (("a", 1), ("b", 0)):
        body = f"Ext_Id__c,Name\nA-1,{name}\n".encode()
        job = org.load("Account", "upsert", body, externalIdFieldName="Ext_Id__c")
        assert job["numberRecordsFailed"] == expected
        job = org.load("Account", "insert", f"Name,Phone\n{name},7\n".encode())
        assert job["numberRecordsFailed"] == expected


def test_rows_of_rest_are_refused_alike(org: Org) -> None:
    add_fault(org, kind="row_error", where={"Name": "bad"}, code="TXN", message="no")
    one = org.call("POST", "/sobjects/Account", json={"Name": "bad"})
    assert (one.status_code, faults_of(one)) == (400, [("TXN", "no")])
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("bad", "good")]
    several = org.json("POST", "/composite/sobjects", json={"records": records})
    assert [entry["success"] for entry in several] == [False, True]
    assert several[0]["errors"][0]["statusCode"] == "TXN"
    assert names_in(org) == ["good"]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"kind": "fire"}, "kind"),
        ({"status": 500}, "kind"),
        ({"kind": "answer", "stauts": 500}, "stauts"),
        ({"kind": "answer", "status": "500"}, "status"),
        ({"kind": "answer", "status": 99}, "status"),
        ({"kind": "answer", "after_bytes": 1}, "after_bytes"),
        ({"kind": "cut", "after_bytes": -1}, "after_bytes"),
        ({"kind": "lost", "times": 0}, "times"),
        ({"kind": "closed", "skip": True}, "skip"),
        ({"kind": "delay"}, "seconds"),
        ({"kind": "delay", "seconds": "1"}, "seconds"),
        ({"kind": "expired_session", "request_headers": ["a"]}, "request_headers"),
        ({"kind": "used_up", "limit": "Daily"}, "Daily"),
        ({"kind": "used_up", "limit": "DailyApiRequests", "remaining": 1_000_000}, "remains"),
        ({"kind": "job_failed", "path": "*"}, "path"),
        ({"kind": "job_aborted", "message": "x"}, "message"),
        ({"kind": "row_error", "rows": [0]}, "rows"),
        ({"kind": "row_error", "where": {"Name": 1}}, "where"),
        ({"kind": "row_error", "every": 0}, "every"),
    ],
)
def test_a_fault_that_is_not_understood_is_refused_by_name(
    org: Org, fault: dict[str, Any], named: str
) -> None:
    answer = requests.post(f"{org.sandbox.control_url}/faults", json=fault, timeout=30)
    assert answer.status_code == 400
    assert named in answer.json()[0]["message"]
    assert org.sandbox.control.faults == []

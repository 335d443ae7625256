"""Bulk API 2.0 jobs that bring their rows in the create call, as a form of two parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    import requests

JOB = {"object": "Account", "operation": "insert", "contentType": "CSV"}


def form(job: Any = JOB, rows: bytes = b"Name\nAcme\n", name: str = "content") -> bytes:
    """Write the form as the guide prints it."""
    settings = job if isinstance(job, bytes) else json.dumps(job).encode()
    return (
        b"--BOUNDARY\r\n"
        b"Content-Type: application/json\r\n"
        b'Content-Disposition: form-data; name="job"\r\n\r\n' + settings + b"\r\n--BOUNDARY\r\n"
        b"Content-Type: text/csv\r\n"
        b'Content-Disposition: form-data; name="' + name.encode() + b'"; filename="content"'
        b"\r\n\r\n" + rows + b"\r\n--BOUNDARY--\r\n"
    )


def send(org: Org, body: bytes, kind: str = "multipart/form-data; boundary=BOUNDARY") -> Any:
    answer: requests.Response = org.call(
        "POST", "/jobs/ingest", data=body, headers={"Content-Type": kind}
    )
    return answer


def names(org: Org) -> list[str]:
    records = org.json("GET", "/query?q=SELECT Name FROM Account ORDER BY Name")["records"]
    return [record["Name"] for record in records]


def test_a_form_creates_uploads_and_closes_at_once(org: Org) -> None:
    answer = send(org, form())
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert list(job) == [
        *("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state"),
        *("concurrencyMode", "contentType", "apiVersion", "lineEnding", "columnDelimiter"),
    ]
    assert job["state"] == "UploadComplete"
    ended = org.wait("ingest", job["id"])
    assert (ended["state"], ended["numberRecordsProcessed"]) == ("JobComplete", 1)
    assert names(org) == ["Acme"]


@pytest.mark.parametrize(
    ("ending", "text"), [("LF", "Grüße\nzwei"), ("CRLF", "\u00e9\r\nzwei"), ("LF", "a\rb")]
)
def test_the_rows_are_taken_byte_for_byte(org: Org, ending: str, text: str) -> None:
    org.sandbox.control.set_behaviour(line_breaks="kept")
    newline = {"LF": "\n", "CRLF": "\r\n"}[ending]
    rows = f'Name{newline}"{text}"{newline}'.encode()
    job = send(org, form({**JOB, "lineEnding": ending}, rows)).json()
    assert org.wait("ingest", job["id"])["state"] == "JobComplete"
    assert names(org) == [text]


def test_a_client_library_makes_such_a_form_too(org: Org) -> None:
    files = {
        "job": ("job", json.dumps({**JOB, "columnDelimiter": "PIPE"}), "application/json"),
        "content": ("content", "Name|Phone\nAcme|1\n", "text/csv"),
    }
    job = org.json("POST", "/jobs/ingest", files=files)
    assert org.wait("ingest", job["id"])["state"] == "JobComplete"
    assert names(org) == ["Acme"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(name="rows"), "CLIENTINPUTERROR"),
        (b"Name\nAcme\n", "CLIENTINPUTERROR"),
        (form(b"{"), "JSON_PARSER_ERROR"),
        (form({**JOB, "object": "Nothing__c"}), "INVALIDJOB"),
        (form(rows=b"Name\n" + b"x" * 100_000), "EXCEEDEDQUOTA"),
    ],
)
def test_a_form_that_is_none_makes_no_job(org: Org, body: bytes, code: str) -> None:
    answer = send(org, body)
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == code
    assert org.json("GET", "/jobs/ingest")["records"] == []


def test_a_form_counts_characters_and_not_bytes(org: Org) -> None:
    rows = "Name,Description\n" + "\n".join(f"{n}," + "\u20ac" * 30_000 for n in range(3)) + "\n"
    assert len(form(rows=rows.encode())) > 100_000
    job = send(org, form(rows=rows.encode())).json()
    assert org.wait("ingest", job["id"])["numberRecordsFailed"] == 0

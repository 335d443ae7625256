"""Bulk API 2.0 ingest jobs over a socket; key orders are those of recordings/bulk2."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.sandbox_http.front_door import DELIMITERS, FORMAT_KEYS, SHORT_KEYS, Org, faults_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox

TIME_KEYS = ["retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime"]
COUNT_KEYS = ["numberRecordsProcessed", "numberRecordsFailed"]


def records_of(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def names_in(org: Org) -> list[str]:
    soql = "SELECT Name FROM Account ORDER BY Name"
    records = org.json("GET", "/query", params={"q": soql})["records"]
    return [record["Name"] for record in records]


def test_a_job_lives_as_recorded(sandbox: Sandbox) -> None:
    org = Org(sandbox, "52.0")
    sandbox.control.jobs_after_polls(2)
    created = org.call("POST", "/jobs/ingest", json={"object": "Account", "operation": "insert"})
    job = created.json()
    job_id = job["id"]
    assert created.status_code == 200
    assert list(job) == [*SHORT_KEYS, "contentUrl", *FORMAT_KEYS]
    assert job["state"] == "Open"
    assert job["contentUrl"] == f"services/data/v52.0/jobs/ingest/{job_id}/batches"
    assert '"apiVersion":52.0' in created.text

    info = org.json("GET", f"/jobs/ingest/{job_id}")
    assert list(info) == [*SHORT_KEYS, "jobType", "contentUrl", *FORMAT_KEYS, *TIME_KEYS]

    uploaded = org.upload(job_id, b"Name\nAcme\n")
    assert (uploaded.status_code, uploaded.content) == (201, b"")
    info = org.json("GET", f"/jobs/ingest/{job_id}")
    assert info["state"] == "Open"
    assert list(info) == [
        *SHORT_KEYS,
        "jobType",
        "contentUrl",
        *FORMAT_KEYS,
        *COUNT_KEYS,
        *TIME_KEYS,
    ]

    closed = org.close(job_id)
    assert closed.status_code == 200
    assert list(closed.json()) == SHORT_KEYS
    assert closed.json()["state"] == "UploadComplete"

    states = []
    for _ in range(3):
        info = org.json("GET", f"/jobs/ingest/{job_id}")
        states.append(info["state"])
        assert list(info) == [*SHORT_KEYS, "jobType", *FORMAT_KEYS, *COUNT_KEYS, *TIME_KEYS]
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (1, 0)


def test_results_have_our_names_quoted_and_the_uploaded_ones_not(org: Org) -> None:
    body = b"LastName,Email\nAnn,a@example.com\n,b@example.com\n"
    job = org.load("Contact", "insert", body)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)
    good = org.results(job["id"], "successfulResults/")
    header, row, rest = good.split("\n")
    assert header == '"sf__Id","sf__Created",LastName,Email'
    assert row[20:] == ',"true","Ann","a@example.com"'
    assert row[:4] == '"003'
    assert rest == ""
    assert org.results(job["id"], "failedResults") == (
        '"sf__Id","sf__Error",LastName,Email\n'
        '"","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",'
        '"","b@example.com"\n'
    )
    for spelling in ("unprocessedrecords", "unprocessedRecords"):
        assert org.results(job["id"], spelling) == "LastName,Email\n"


def test_an_error_without_fields_ends_without_a_space(org: Org) -> None:
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "x"})["id"]
    org.call("DELETE", f"/sobjects/Account/{record_id}")
    job = org.load("Account", "update", f"Id,Name\n{record_id},y\n".encode())
    failed = records_of(org.results(job["id"], "failedResults"))
    assert [(row["sf__Id"], row["sf__Error"]) for row in failed] == [
        (record_id, "ENTITY_IS_DELETED:entity is deleted:--")
    ]


def test_result_values_are_those_after_typing(org: Org) -> None:
    body = (
        b"Name,AnnualRevenue,NumberOfEmployees,Website\n"
        b"007,912260031,40000,#N/A\nshort,1.50,007,x\n"
    )
    job = org.load("Account", "insert", body)
    rows = records_of(org.results(job["id"], "successfulResults"))
    found = {
        row["Name"]: (row["AnnualRevenue"], row["NumberOfEmployees"], row["Website"])
        for row in rows
    }
    assert found == {"007": ("9.12260031E8", "40000", ""), "short": ("1.5", "7", "x")}


@pytest.mark.parametrize("count", [2, 3, 200, 450])
def test_results_do_not_come_in_the_order_of_the_upload(org: Org, count: int) -> None:
    names = [f"row {n}" for n in range(count)]
    job = org.load("Account", "insert", ("Name\n" + "\n".join(names)).encode())
    found = [row["Name"] for row in records_of(org.results(job["id"], "successfulResults"))]
    assert sorted(found) == sorted(names)
    assert found != names


def test_every_operation_does_its_work(org: Org) -> None:
    org.load("Account", "insert", b"Name,Ext_Id__c\nA,1\nB,2\n")
    job = org.load(
        "Account", "upsert", b"Ext_Id__c,Name\n2,BB\n3,C\n", externalIdFieldName="Ext_Id__c"
    )
    assert list(job)[6:8] == ["state", "externalIdFieldName"]
    upserted = records_of(org.results(job["id"], "successfulResults"))
    assert {row["Name"]: row["sf__Created"] for row in upserted} == {"BB": "false", "C": "true"}
    assert names_in(org) == ["A", "BB", "C"]
    ids = {row["Name"]: row["sf__Id"] for row in upserted}
    job = org.load("Account", "update", f"Id,Name\n{ids['C']},CC\n".encode())
    (updated,) = records_of(org.results(job["id"], "successfulResults"))
    assert (updated["sf__Id"], updated["sf__Created"]) == (ids["C"], "false")
    assert org.load("Account", "delete", f"Id\n{ids['C']}\n".encode())["numberRecordsFailed"] == 0
    assert names_in(org) == ["A", "BB"]
    params = {"q": "SELECT Name FROM Account"}
    assert org.json("GET", "/queryAll", params=params)["totalSize"] == 3
    org.load("Account", "hardDelete", f"Id\n{ids['BB']}\n".encode())
    assert org.json("GET", "/queryAll", params=params)["totalSize"] == 2


@pytest.mark.parametrize(("name", "character"), DELIMITERS)
def test_each_delimiter_and_line_ending(org: Org, name: str, character: str) -> None:
    body = f'Name{character}Phone\r\n"a{character}b"{character}1\r\n'.encode()
    job = org.load("Account", "insert", body, columnDelimiter=name, lineEnding="CRLF")
    assert job["state"] == "JobComplete"
    text = org.results(job["id"], "successfulResults")
    header, row, rest = text.split("\r\n")
    assert header == f'"sf__Id"{character}"sf__Created"{character}Name{character}Phone'
    assert row.endswith(f'{character}"a{character}b"{character}"1"')
    assert rest == ""


def test_a_chunked_upload_is_as_good_as_any(org: Org) -> None:
    def blocks() -> Iterator[bytes]:
        yield b"Na"
        yield "me\nZo\u00e9 \U0001f680".encode()[:-2]
        yield "\U0001f680\n".encode()[-3:]

    job_id = org.open_load("Account", "insert")["id"]
    assert org.upload(job_id, blocks()).status_code == 201
    org.close(job_id)
    assert org.wait("ingest", job_id)["state"] == "JobComplete"
    assert names_in(org) == ["Zo\u00e9 \U0001f680"]


def failed(org: Org, body: bytes, **settings: str) -> tuple[str, str]:
    """Load a CSV that fails as a whole; return its message and its unprocessed rows."""
    job = org.load("Account", "insert", body, **settings)
    assert job["state"] == "Failed"
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (0, 0)
    assert names_in(org) == []
    return job["errorMessage"], org.results(job["id"], "unprocessedrecords")


def test_an_unknown_column_fails_the_job_and_is_no_column_of_the_results(org: Org) -> None:
    message, unprocessed = failed(org, b"Name,Foo__c\nAcme,1\n")
    assert message == "InvalidBatch : Field name not found : Foo__c"
    assert unprocessed == 'Name\n"Acme"\n'


@pytest.mark.parametrize(
    ("body", "setting"),
    [
        (b"Name\r\nAcme\r\n", "LF"),
        (b'Name\n"two\r\nlines"\n', "LF"),
        (b"Name\nAcme\n", "CRLF"),
        (b'Name\r\n"two\nlines"\r\n', "CRLF"),
    ],
)
def test_the_other_line_ending_fails_the_job_also_inside_a_field(
    org: Org, body: bytes, setting: str
) -> None:
    message, _ = failed(org, body, lineEnding=setting)
    assert message == (
        "ClientInputError : LineEnding is invalid on user data. "
        f"Current LineEnding setting is {setting}"
    )


AFTER_QUOTE = "Not expecting more text after end quote"
UNESCAPED = "Found unescaped quote. A value with quote should be within a quote"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'Name,Phone\n"a" ,1\n', AFTER_QUOTE),
        (b'Name,Phone\n"a"b,1\n', AFTER_QUOTE),
        (b'Name,Phone\n"a""b" ,1\n', AFTER_QUOTE),
        (b'Name,Phone\n"two\nlines"x,1\n', AFTER_QUOTE),
        (b'Name,Phone\n "a",1\n', UNESCAPED),
        (b'Name,Phone\na"b,1\n', UNESCAPED),
        (b'\xef\xbb\xbf"Name","Phone"\n"a","1"\n', UNESCAPED),
        (b'Name,Phone\n"open,1\n', "EOF reached before closing an opened quote"),
        (b'Name,Phone\n1,"open""\nand more\n', "EOF reached before closing an opened quote"),
    ],
)
def test_csv_that_cannot_be_parsed_fails_the_job_in_salesforces_words(
    org: Org, body: bytes, reason: str
) -> None:
    message, _ = failed(org, body)
    assert message == f"InvalidBatch : Failed to parse CSV. {reason}"


def test_csv_that_is_not_utf_8_fails_the_job(org: Org) -> None:
    assert failed(org, b"Name\ncaf\xe9\n")[0].startswith("ClientInputError : ")


@pytest.mark.parametrize(
    "body",
    [
        b"\n\nName\n\nAcme\n\n\nBolt\n\n",
        b'Name\n""\nAcme\n\n""\nBolt\n',
        b"Name\n\rAcme\r\rBolt\n",
    ],
)
def test_blank_lines_are_no_rows(org: Org, body: bytes) -> None:
    job = org.load("Account", "insert", body)
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 2)
    assert names_in(org) == ["Acme", "Bolt"]


def test_a_row_of_one_empty_cell_may_be_a_row(org: Org) -> None:
    org.sandbox.control.set_behaviour(empty_rows="read")
    job = org.load("Account", "insert", b'Name\n\n""\nAcme\n')
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)


def test_a_row_of_separators_is_not_blank(org: Org) -> None:
    job = org.load("Account", "insert", b"Name,Phone\n,\nAcme,1\n")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)


def test_the_wrong_delimiter_makes_one_name_of_the_header(org: Org) -> None:
    message, _ = failed(org, b"Name,Phone\na,b\n", columnDelimiter="PIPE")
    assert message == "InvalidBatch : Field name not found : Name,Phone"


def test_the_jobs_own_newlines_inside_a_field_are_data(org: Org) -> None:
    org.sandbox.control.set_behaviour(line_breaks="kept")
    org.load("Account", "insert", b'Name\n"two\nlines"\n"a \rcr"\n')
    org.load("Account", "insert", b'Name\r\n"two\r\nmore"\r\n', lineEnding="CRLF")
    assert sorted(names_in(org)) == ["a \rcr", "two\nlines", "two\r\nmore"]


def test_line_breaks_inside_a_field_become_lf_and_come_back_so(org: Org) -> None:
    lf = org.load("Account", "insert", b'Name\n"two\nlines"\n"a\rcr"\n')
    crlf = org.load("Account", "insert", b'Name\r\n"b\r\nc"\r\n', lineEnding="CRLF")
    assert names_in(org) == ["a\ncr", "b\nc", "two\nlines"]
    assert '"a\ncr"\n' in org.results(lf["id"], "successfulResults")
    assert org.results(crlf["id"], "successfulResults").endswith('"b\nc"\r\n')


def test_a_nul_is_a_character_like_any_other(org: Org) -> None:
    job = org.load("Account", "insert", b"Name,Description\nAcme,a\0b\n")
    assert job["state"] == "JobComplete"
    records = org.json("GET", "/query", params={"q": "SELECT Description FROM Account"})["records"]
    assert [record["Description"] for record in records] == ["a\0b"]


def test_a_header_alone_is_a_finished_job_and_no_upload_a_failed_one(org: Org) -> None:
    job = org.load("Account", "insert", b"Name\n")
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 0)
    job_id = org.open_load("Account", "insert")["id"]
    org.close(job_id)
    assert org.wait("ingest", job_id)["state"] == "Failed"


def test_after_a_second_upload_the_close_is_refused(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]
    assert org.upload(job_id, b"Name\nfirst\n").status_code == 201
    assert org.upload(job_id, b"Name\nsecond\n").status_code == 201
    refused = org.close(job_id)
    assert refused.status_code == 400
    text = (
        f"Found multipe contents for job: <{job_id[:15]}>, please 'Close' / 'Abort' / 'Delete' the "
        "current Job then create a new Job and make sure you only do 'PUT' once on a given Job."
    )
    assert faults_of(refused) == [("INVALIDJOB", text)]
    assert org.json("GET", f"/jobs/ingest/{job_id}")["state"] == "Open"
    assert org.call("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"}).ok
    assert names_in(org) == []


def test_a_second_upload_may_be_refused_so_that_the_first_one_counts(org: Org) -> None:
    org.sandbox.control.set_behaviour(second_upload="refused")
    job_id = org.open_load("Account", "insert")["id"]
    assert org.upload(job_id, b"Name\nfirst\n").status_code == 201
    second = org.upload(job_id, b"Name\nsecond\n")
    assert second.status_code == 400
    assert faults_of(second)[0][0] == "CLIENTINPUTERROR"
    org.close(job_id)
    org.wait("ingest", job_id)
    assert names_in(org) == ["first"]


@pytest.mark.parametrize("choice", ["shown", "hidden"])
def test_an_open_job_shows_counts_after_its_upload_or_not(org: Org, choice: str) -> None:
    org.sandbox.control.set_behaviour(counts_after_upload=choice)
    job_id = org.open_load("Account", "insert")["id"]
    assert "numberRecordsProcessed" not in org.json("GET", f"/jobs/ingest/{job_id}")
    org.upload(job_id, b"Name\nx\n")
    shown = "numberRecordsProcessed" in org.json("GET", f"/jobs/ingest/{job_id}")
    assert shown is (choice == "shown")
    org.close(job_id)
    assert org.wait("ingest", job_id)["numberRecordsProcessed"] == 1


@pytest.mark.parametrize(("choice", "status"), [("no_content", 204), ("empty", 200)])
def test_result_lists_without_rows_may_have_no_header(org: Org, choice: str, status: int) -> None:
    org.sandbox.control.set_behaviour(empty_results=choice)
    job = org.load("Account", "insert", b"Name\nx\n")
    for kind in ("failedResults", "unprocessedrecords"):
        answer = org.get(f"/jobs/ingest/{job['id']}/{kind}")
        assert (answer.status_code, answer.content) == (status, b"")
    assert "x" in org.results(job["id"], "successfulResults")


def test_an_upload_to_a_closed_job_is_refused(org: Org) -> None:
    job = org.load("Account", "insert", b"Name\nx\n")
    answer = org.upload(job["id"], b"Name\ny\n")
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == "INVALIDJOBSTATE"


def test_an_upload_over_150_mb_of_base64_is_refused(org: Org) -> None:
    block = b"x" * 1_000_000
    too_much = 112_500_001
    job_id = org.open_load("Account", "insert")["id"]

    def blocks() -> Iterator[bytes]:
        for _ in range(too_much // len(block)):
            yield block
        yield block[: too_much % len(block)]

    answer = org.upload(job_id, blocks())
    assert answer.status_code == 413
    assert faults_of(answer)[0][0] == "EXCEEDEDQUOTA"
    assert org.upload(job_id, b"Name\nx\n").status_code == 201


def test_a_broken_upload_leaves_the_job_open_and_empty(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]

    def breaking() -> Iterator[bytes]:
        yield b"Name\nhalf"
        raise OSError("the line went dead")

    with pytest.raises((OSError, requests.RequestException)):
        org.upload(job_id, breaking())
    org.session.close()
    info = org.json("GET", f"/jobs/ingest/{job_id}")
    assert info["state"] == "Open"
    assert "numberRecordsProcessed" not in info
    assert org.upload(job_id, b"Name\nwhole\n").status_code == 201


def test_an_aborted_job_leaves_its_rows_unprocessed(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    job_id = org.open_load("Account", "insert")["id"]
    org.upload(job_id, b"Name,AnnualRevenue\na,1\nb,2\n")
    org.close(job_id)
    answer = org.json("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"})
    assert list(answer) == SHORT_KEYS
    assert answer["state"] == "Aborted"
    org.sandbox.control.release_jobs()
    assert org.results(job_id, "unprocessedrecords") == ('Name,AnnualRevenue\n"a","1"\n"b","2"\n')
    assert names_in(org) == []


def test_an_open_job_can_be_aborted_but_not_deleted(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]
    assert org.call("DELETE", f"/jobs/ingest/{job_id}").status_code == 400
    org.json("PATCH", f"/jobs/ingest/{job_id}", json={"state": "Aborted"})
    assert org.call("DELETE", f"/jobs/ingest/{job_id}").status_code == 204
    assert org.get(f"/jobs/ingest/{job_id}").status_code == 404


def test_a_queued_job_can_be_deleted_and_does_nothing_then(org: Org) -> None:
    org.sandbox.control.hold_jobs()
    job_id = org.open_load("Account", "insert")["id"]
    org.upload(job_id, b"Name\nx\n")
    org.close(job_id)
    assert org.call("DELETE", f"/jobs/ingest/{job_id}").status_code == 204
    org.sandbox.control.jobs_at_once()
    org.load("Account", "insert", b"Name\ny\n")
    assert names_in(org) == ["y"]


@pytest.mark.parametrize("state", ["UploadComplete", "Aborted"])
def test_a_finished_job_changes_no_more(org: Org, state: str) -> None:
    job = org.load("Account", "insert", b"Name\nx\n")
    answer = org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": state})
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == "INVALIDJOBSTATE"


def test_jobs_are_listed_a_thousand_at_a_time(org: Org) -> None:
    ids = [org.open_load("Account", "insert")["id"] for _ in range(1001)]
    first = org.json("GET", "/jobs/ingest")
    assert first["done"] is False
    second = org.json("GET", first["nextRecordsUrl"])
    assert (second["done"], second["nextRecordsUrl"]) == (True, None)
    found = [job["id"] for job in first["records"] + second["records"]]
    assert len(first["records"]) == 1000
    assert sorted(found) == sorted(ids)


def test_an_unfit_upsert_key_is_refused_at_creation_as_a_real_org_does(org: Org) -> None:
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "Website"}
    answer = org.call("POST", "/jobs/ingest", json=body)
    assert answer.status_code == 400
    ((code, message),) = faults_of(answer)
    assert code == "INVALIDJOB"
    assert message == (
        "InvalidJob : Field name provided, website does not match an External ID, "
        "Salesforce Id, or indexed field for Account"
    )


NO_EXTERNAL_ID = "InvalidJob : Field name provided,  does not match an External ID for Invoice__c"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"operation": ""}, ("API_ERROR", "Invalid value: '' supplied for property: 'operation'")),
        (
            {"operation": "x"},
            ("API_ERROR", "Invalid value: 'x' supplied for property: 'operation'"),
        ),
        (
            {"contentType": ""},
            ("API_ERROR", "Invalid value: '' supplied for property: 'contentType'"),
        ),
        ({"object": ""}, ("INVALIDJOB", "InvalidJob : Unable to find object: ")),
        ({"externalIdFieldName": ""}, ("INVALIDJOB", NO_EXTERNAL_ID)),
        ({}, ("INVALIDJOB", NO_EXTERNAL_ID)),
    ],
)
def test_settings_that_are_empty_or_unknown_are_refused_in_recorded_words(
    org: Org, changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    body = {"object": "Invoice__c", "operation": "upsert"} | changes
    answer = org.call("POST", "/jobs/ingest", json=body)
    assert answer.status_code == 400
    assert faults_of(answer) == [fault]


@pytest.mark.parametrize("name", ["ext_id__C", "Ext_Id__c"])
def test_the_key_of_an_upsert_is_shown_as_it_was_asked_for(org: Org, name: str) -> None:
    job = org.load("Account", "upsert", b"Ext_Id__c,Name\nA,a\n", externalIdFieldName=name)
    assert (job["state"], job["externalIdFieldName"]) == ("JobComplete", name)


@pytest.mark.parametrize(("version", "shown"), [("60.0", False), ("61.0", True)])
def test_newer_versions_say_that_a_load_is_not_chunked(org: Org, version: str, shown: bool) -> None:
    org = Org(org.sandbox, version)
    job = org.load("Account", "insert", b"Nmae\nx\n")
    tail = ["isPkChunkingSupported"] if shown else []
    assert list(job)[-(2 + shown) :] == ["apexProcessingTime", *tail, "errorMessage"]
    assert job.get("isPkChunkingSupported", False) is False


@pytest.mark.parametrize("accept", ["application/json", "application/xml"])
def test_a_401_names_the_kind_of_token(org: Org, accept: str) -> None:
    org.sandbox.control.end_sessions()
    for path in ("/jobs/ingest", "/sobjects"):
        answer = org.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Token")
    org.sandbox.control.reset()
    assert "WWW-Authenticate" not in Org(org.sandbox).get("/jobs/ingest/none").headers


@pytest.mark.parametrize(
    "changes",
    [
        {"object": "Nothing__c"},
        {"object": None},
        {"operation": "merge"},
        {"operation": "upsert"},
        {"lineEnding": "CR"},
        {"unheardOf": "x"},
    ],
)
def test_settings_that_a_job_cannot_have_are_refused(org: Org, changes: dict[str, Any]) -> None:
    body = {"object": "Account", "operation": "insert"} | changes
    assert org.call("POST", "/jobs/ingest", json=body).status_code == 400
    assert org.json("GET", "/jobs/ingest")["records"] == []


def test_rows_before_a_failure_stay_and_the_rest_is_unprocessed(org: Org) -> None:
    message = "InternalServerError : retried more than twenty times"
    org.sandbox.control.add_fault(kind="job_failed", after_rows=250, message=message)
    names = [f"row {n:03}" for n in range(450)]
    job = org.load("Account", "insert", ("Name\n" + "\n".join(names) + "\n").encode())
    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (250, 0)
    done = {row["Name"] for row in records_of(org.results(job["id"], "successfulResults"))}
    left = [row["Name"] for row in records_of(org.results(job["id"], "unprocessedrecords"))]
    assert done == set(names[:250])
    assert sorted(left) == names[250:]
    assert names_in(org) == names[:250]

"""What every REST resource has in common: versions, headers, paths, refusals."""

from __future__ import annotations

import gzip
from datetime import datetime, timezone

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.hand_clock import HandClock
from tests.sandbox_http.front_door import Org, faults_of


def test_the_versions_are_listed_without_signing_in(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/services/data/", timeout=30)
    versions = answer.json()
    assert "Sforce-Limit-Info" not in answer.headers
    assert versions[0] == {
        "label": "Summer '14",
        "url": "/services/data/v31.0",
        "version": "31.0",
    }
    assert versions[-1] == {
        "label": "Winter '27",
        "url": "/services/data/v68.0",
        "version": "68.0",
    }
    assert [entry["version"] for entry in versions] == [f"{n}.0" for n in range(31, 69)]
    labels = {entry["version"]: entry["label"] for entry in versions}
    assert labels["57.0"] == "Spring '23"
    assert labels["54.0"] == "Spring '22"
    assert labels["64.0"] == "Summer '25"


@pytest.mark.parametrize("version", ["31.0", "52.0", "68.0"])
def test_supported_versions_answer(sandbox: Sandbox, version: str) -> None:
    document = Org(sandbox, version).json("GET", "/")
    assert document["sobjects"] == f"/services/data/v{version}/sobjects"
    assert document["jobs"] == f"/services/data/v{version}/jobs"


@pytest.mark.parametrize(
    ("version", "status"),
    [("30.0", 410), ("7.0", 410), ("69.0", 404), ("6.0", 404), ("68", 404), ("68.5", 404)],
)
def test_other_versions_are_gone_or_never_were(sandbox: Sandbox, version: str, status: int) -> None:
    assert Org(sandbox, version).get("/limits").status_code == status


def test_the_headers_are_those_of_a_recorded_answer(org: Org) -> None:
    headers = org.get("/limits").headers
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["Cache-Control"] == "no-cache,must-revalidate,max-age=0,no-store,private"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_header_names_are_spelled_as_salesforce_spells_them(org: Org) -> None:
    # airbyte-source-salesforce looks for them with a plain dict.
    assert {"Content-Type", "Date", "Sforce-Limit-Info", "X-XSS-Protection"} <= set(
        dict(org.get("/limits").headers)
    )
    job = org.run_query("SELECT Id FROM Account")
    names = set(dict(org.get(f"/jobs/query/{job['id']}/results").headers))
    assert {"Content-Type", "Sforce-Locator", "Sforce-NumberOfRecords"} <= names


def test_the_date_is_the_orgs_clock() -> None:
    leap_day = datetime(2020, 2, 29, 23, 59, 58, 999_000, tzinfo=timezone.utc)
    with Sandbox(sample=False, clock=HandClock(leap_day)) as sandbox:
        answer = requests.get(f"{sandbox.url}/services/data", timeout=30)
    assert answer.headers["Date"] == "Sat, 29 Feb 2020 23:59:58 GMT"


def test_api_usage_counts_each_call_and_limits_agree(org: Org) -> None:
    def used() -> tuple[int, int]:
        header = org.get("/limits").headers["Sforce-Limit-Info"]
        name, _, numbers = header.partition("=")
        assert name == "api-usage"
        n, _, m = numbers.partition("/")
        return int(n), int(m)

    first, most = used()
    assert used() == (first + 1, most)
    limits = org.json("GET", "/limits")
    assert limits["DailyApiRequests"]["Max"] == most
    assert limits["DailyApiRequests"]["Remaining"] == most - first - 2


def test_bulk_jobs_count_against_their_own_limits(org: Org) -> None:
    org.load("Account", "insert", b"Name\nx\n")
    org.run_query("SELECT Id FROM Account")
    limits = org.json("GET", "/limits")
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 10000, "Remaining": 9999}
    batches = limits["DailyBulkApiBatches"]
    assert (batches["Max"], batches["Remaining"]) == (15000, 14999)
    # Connected apps have objects of their own inside, as recorded.
    assert isinstance(batches["Dataloader Bulk"], dict)


def test_answers_are_compressed_when_asked_and_only_then(org: Org) -> None:
    zipped = org.get("/limits", headers={"Accept-Encoding": "gzip"})
    plain = org.get("/limits", headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.json().keys() == plain.json().keys()


@pytest.mark.parametrize(
    "path",
    ["//services/data/v68.0/limits", "/services/data/v68.0/limits/", "/services/data/v68.0/LIMITS"],
)
def test_slashes_and_letter_case_of_a_path_do_not_matter(org: Org, path: str) -> None:
    url = org.sandbox.url + path
    assert org.session.get(url, timeout=30).status_code == 200


def test_an_unknown_path_is_not_found(org: Org) -> None:
    answer = org.get("/nothing/here")
    assert answer.status_code == 404
    assert answer.text == (
        '[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'
    )


def test_an_unknown_path_outside_the_api_is_not_found(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.url}/nothing", timeout=30).status_code == 404


def test_answers_are_spread_over_lines_when_asked(org: Org) -> None:
    body = b'{"Name": "\xc3\xa9 \\"x\\"", "AnnualRevenue": 912260031}'
    record_id = org.json("POST", "/sobjects/Account", data=body)["id"]
    path = f"/sobjects/Account/{record_id}?fields=Name,AnnualRevenue,Phone"
    answer = org.get(path, headers={"X-PrettyPrint": "1"})
    assert answer.text == (
        "{\n"
        '  "attributes" : {\n'
        '    "type" : "Account",\n'
        f'    "url" : "/services/data/v68.0/sobjects/Account/{record_id}"\n'
        "  },\n"
        '  "Name" : "\u00e9 \\"x\\"",\n'
        '  "AnnualRevenue" : 9.12260031E8,\n'
        '  "Phone" : null,\n'
        f'  "Id" : "{record_id}"\n'
        "}"
    )
    answer = org.get("/nothing", headers={"X-PrettyPrint": "1"})
    assert answer.text.startswith('[ {\n  "errorCode" : "NOT_FOUND",\n')
    answer = org.get("/limits/recordCount?sObjects=Contact", headers={"X-PrettyPrint": "1"})
    assert answer.text == '{\n  "sObjects" : [ ]\n}'


XML = {"Accept": "application/xml"}


def test_errors_are_xml_for_those_who_want_no_json(org: Org) -> None:
    answer = org.call("POST", "/sobjects/Contact", json={"FirstName": "<a>"}, headers=XML)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert answer.text == (
        '<?xml version="1.0" encoding="UTF-8"?><Errors><Error>'
        "<errorCode>REQUIRED_FIELD_MISSING</errorCode>"
        "<message>Required fields are missing: [LastName]</message>"
        "<fields>LastName</fields></Error></Errors>"
    )
    org.sandbox.control.end_sessions()
    answer = org.get("/limits", headers=XML)
    assert (answer.status_code, "<errorCode>INVALID_SESSION_ID<" in answer.text) == (401, True)


@pytest.mark.parametrize("accept", ["*/*", "application/json, application/xml", "text/html"])
def test_errors_are_json_for_everybody_else(org: Org, accept: str) -> None:
    answer = org.get("/nothing", headers={"Accept": accept})
    assert faults_of(answer)[0][0] == "NOT_FOUND"


def test_the_versions_are_told_in_xml_too(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.url}/services/data", headers=XML, timeout=30)
    assert answer.headers["Content-Type"] == "application/xml;charset=UTF-8"
    assert answer.text.startswith(
        '<?xml version="1.0" encoding="UTF-8"?><Versions><Version><label>Summer \'14</label>'
        "<url>/services/data/v31.0</url><version>31.0</version></Version><Version>"
    )
    assert answer.text.count("<Version>") == 38


def test_a_wrong_method_names_the_allowed_ones(org: Org) -> None:
    answer = org.call("PUT", "/jobs/query")
    assert answer.status_code == 405
    assert faults_of(answer) == [
        ("METHOD_NOT_ALLOWED", "HTTP Method 'PUT' not allowed. Allowed are GET,POST")
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_json_object_is_refused(org: Org, body: bytes) -> None:
    answer = org.call("POST", "/jobs/query", data=body)
    assert answer.status_code == 400
    assert faults_of(answer)[0][0] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize(
    ("length", "status"),
    # What is not too long by itself is so with the headers that every request has.
    [(16_384, 431), (16_385, 414)],
)
def test_a_uri_has_at_most_16384_bytes(org: Org, length: int, status: int) -> None:
    path = "/services/data/v68.0/query?q="
    answer = org.get(path + "x" * (length - len(path)))
    assert answer.status_code == status
    assert str(status) in answer.text


@pytest.mark.parametrize(("length", "status"), [(15_000, 200), (17_000, 431)])
def test_uri_and_headers_together_have_no_more(org: Org, length: int, status: int) -> None:
    answer = org.get("/limits", headers={"X-Long": "x" * length})
    assert answer.status_code == status


def test_a_long_statement_can_go_through_a_composite(org: Org) -> None:
    names = ", ".join(["%27x%27"] * 2000)
    url = f"/services/data/v68.0/query?q=SELECT Id FROM Account WHERE Name IN ({names})"  # noqa: S608 - SOQL
    assert len(url) > 16_384
    body = {"compositeRequest": [{"method": "GET", "url": url, "referenceId": "a"}]}
    (part,) = org.json("POST", "/composite", json=body)["compositeResponse"]
    assert part["httpStatusCode"] == 200, part


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded"])
def test_a_document_that_says_it_is_no_json_is_refused(org: Org, kind: str) -> None:
    body = b'{"Name": "x"}'
    answer = org.call("POST", "/sobjects/Account", data=body, headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert faults_of(answer)[0][0] == "UNSUPPORTED_MEDIA_TYPE"
    answer = org.call("POST", "/sobjects/Account", data=body)
    assert answer.status_code == 201


def test_a_gzip_request_body_is_understood(org: Org) -> None:
    body = gzip.compress(b'{"Name": "Zip"}')
    answer = org.call("POST", "/sobjects/Account", data=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 201, answer.text

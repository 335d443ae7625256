"""The lists of Bulk API 2.0: which jobs they show, and their filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox_bulk1.async_api import AsyncApi
from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox


def classic_job(sandbox: Sandbox, operation: str, **headers: str) -> str:
    api = AsyncApi(sandbox)
    body = {"operation": operation, "object": "Account", "contentType": "CSV"}
    answer = api.session.post(
        f"{sandbox.url}/services/async/68.0/job", json=body, headers=headers, timeout=30
    )
    assert answer.status_code == 201, answer.text
    job_id = answer.json()["id"]
    assert isinstance(job_id, str)
    return job_id


def listed(org: Org, kind: str, query: str = "") -> dict[str, Any]:
    records = org.json("GET", f"/jobs/{kind}{query}")["records"]
    return {record["id"]: record for record in records}


def test_the_lists_show_the_jobs_of_bulk_api_1_as_classic(sandbox: Sandbox, org: Org) -> None:
    new = org.open_load("Account", "insert")["id"]
    old, asked = classic_job(sandbox, "insert"), classic_job(sandbox, "query")
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    job = org.json("POST", "/jobs/query", json=query)["id"]
    loads, queries = listed(org, "ingest"), listed(org, "query")
    assert {one: loads[one]["jobType"] for one in loads} == {new: "V2Ingest", old: "Classic"}
    assert {one: queries[one]["jobType"] for one in queries} == {asked: "Classic", job: "V2Query"}
    assert list(loads[old]) == [
        *("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state"),
        *("concurrencyMode", "contentType", "apiVersion", "jobType"),
    ]
    assert loads[old]["state"] == "Open"
    assert loads[old]["apiVersion"] == 68.0
    assert loads[old]["createdDate"].endswith(".000+0000")
    sandbox.control.reset()
    assert listed(org, "ingest") == listed(org, "query") == {}


def test_the_filters_choose_among_the_jobs(sandbox: Sandbox, org: Org) -> None:
    new = org.open_load("Account", "insert")["id"]
    old = classic_job(sandbox, "insert")
    plain = classic_job(sandbox, "query")
    chunked = classic_job(sandbox, "query", **{"Sforce-Enable-PKChunking": "TRUE"})
    assert set(listed(org, "ingest", "?jobType=Classic")) == {old}
    assert set(listed(org, "ingest", "?jobType=v2ingest")) == {new}
    assert listed(org, "ingest", "?jobType=V2Query") == {}
    assert set(listed(org, "query", "?isPkChunkingEnabled=true")) == {chunked}
    assert set(listed(org, "query", "?isPkChunkingEnabled=false")) == {plain}
    assert set(listed(org, "query", "?concurrencyMode=Parallel")) == {plain, chunked}
    assert listed(org, "query", "?concurrencyMode=Serial") == {}


@pytest.mark.parametrize("query", ["jobType=V3", "isPkChunkingEnabled=1", "concurrencyMode=x"])
def test_a_filter_of_an_unknown_word_is_refused_with_the_known_ones(org: Org, query: str) -> None:
    answer = org.get(f"/jobs/query?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in faults_of(answer)[0][1]


def test_a_second_page_keeps_the_filter(sandbox: Sandbox, org: Org) -> None:
    classic_job(sandbox, "insert")
    ids = {org.open_load("Account", "insert")["id"] for _ in range(1001)}
    first = org.json("GET", "/jobs/ingest?jobType=V2Ingest")
    following = urlsplit(first["nextRecordsUrl"])
    assert following.path == "/services/data/v68.0/jobs/ingest"
    assert parse_qs(following.query)["jobType"] == ["V2Ingest"]
    second = org.json("GET", first["nextRecordsUrl"])
    assert {job["id"] for job in first["records"] + second["records"]} == ids


def test_a_locator_that_was_not_given_out_is_refused(org: Org) -> None:
    answer = org.get("/jobs/ingest?queryLocator=nowhere")
    assert (answer.status_code, faults_of(answer)[0][0]) == (400, "INVALID_QUERY_LOCATOR")

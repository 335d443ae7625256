"""Uploads that clients of others send: no Id column, rows that do not fit, no data at all.

What they expect is asserted by live tests of jsforce and of the Salesforce CLI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox_bulk1.async_api import AsyncApi, error
from tests.sandbox_http.test_bulk2_ingest import names_in, records_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[AsyncApi]:
    api = AsyncApi(sandbox)
    yield api
    api.session.close()


def test_an_upsert_by_id_without_an_id_column_creates_every_row(org: Org) -> None:
    body = b"NAME,TYPE\nA,Other\nB,Other\n"
    job = org.load("Account", "upsert", body, externalIdFieldName="Id")
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 2)
    rows = records_of(org.results(job["id"], "successfulResults"))
    assert {row["NAME"]: row["sf__Created"] for row in rows} == {"A": "true", "B": "true"}
    assert all(row["sf__Id"].startswith("001") for row in rows)
    assert names_in(org) == ["A", "B"]
    # The same file again does not know its records.
    org.load("Account", "upsert", body, externalIdFieldName="Id")
    assert names_in(org) == ["A", "A", "B", "B"]


def test_an_upsert_by_id_without_an_id_column_creates_every_row_in_bulk_1(api: AsyncApi) -> None:
    results = api.load("upsert", "Account", "NAME\nA\nB\n", externalIdFieldName="Id")
    assert [row[1:3] for row in results] == [["true", "true"]] * 2


@pytest.mark.parametrize("name", ["ID", "id", "Id"])
def test_an_id_column_in_any_letter_case_finds_its_records(org: Org, name: str) -> None:
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "A"})["id"]
    body = f"{name},NAME\n{record_id},AA\n,B\n".encode()
    job = org.load("Account", "upsert", body, externalIdFieldName="id")
    rows = records_of(org.results(job["id"], "successfulResults"))
    assert {row["NAME"]: row["sf__Created"] for row in rows} == {"AA": "false", "B": "true"}
    assert names_in(org) == ["AA", "B"]


def test_an_upsert_by_an_external_id_needs_its_column(org: Org) -> None:
    job = org.load("Account", "upsert", b"NAME\nA\n", externalIdFieldName="Ext_Id__c")
    assert (job["state"], job["errorMessage"]) == (
        "Failed",
        "InvalidBatch : Field name not found : Ext_Id__c",
    )


MORE, FEWER = "a,1,more", "b"


def test_a_row_that_does_not_fit_its_header_is_refused_alone(org: Org) -> None:
    job = org.load("Account", "insert", f"Name,Phone\n{MORE}\nfits,2\n{FEWER}\n".encode())
    assert job["state"] == "JobComplete"
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (3, 2)
    assert names_in(org) == ["fits"]
    failed = records_of(org.results(job["id"], "failedResults"))
    assert {(row["Name"], row["Phone"]): row["sf__Error"] for row in failed} == {
        ("a", "1"): "INVALID_FIELD:A row of 3 field(s) under a header of 2:--",
        ("b", ""): "INVALID_FIELD:A row of 1 field(s) under a header of 2:--",
    }


def test_an_update_tells_the_id_of_a_row_that_does_not_fit(org: Org) -> None:
    record_id = org.json("POST", "/sobjects/Account", json={"Name": "A"})["id"]
    job = org.load("Account", "update", f"Id,Name\n{record_id},B,C\n".encode())
    (failed,) = records_of(org.results(job["id"], "failedResults"))
    assert (failed["sf__Id"], failed["Name"]) == (record_id, "B")
    assert names_in(org) == ["A"]


def test_rows_that_do_not_fit_stay_unprocessed_with_the_others(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", message="InternalServerError : x")
    job = org.load("Account", "insert", f"Name,Phone\n{MORE}\n{FEWER}\nc,3\n".encode())
    left = org.results(job["id"], "unprocessedrecords")
    assert left == 'Name,Phone\n"a","1"\n"b",""\n"c","3"\n'


def test_a_scripted_refusal_goes_before_that_of_a_row_that_does_not_fit(org: Org) -> None:
    org.sandbox.control.add_fault(kind="row_error", where={"Phone": "1"})
    job = org.load("Account", "insert", f"Name,Phone\n{MORE}\n{FEWER}\n".encode())
    failed = records_of(org.results(job["id"], "failedResults"))
    assert {row["Name"]: row["sf__Error"].partition(":")[0] for row in failed} == {
        "a": "UNABLE_TO_LOCK_ROW",
        "b": "INVALID_FIELD",
    }


def test_a_row_that_does_not_fit_its_header_is_refused_alone_in_bulk_1(api: AsyncApi) -> None:
    results = api.load("insert", "Account", f"Name,Phone\nfits,2\n{MORE}\n{FEWER}\n")
    assert [row[1] for row in results] == ["true", "false", "false"]
    assert results[1][3] == "INVALID_FIELD:A row of 3 field(s) under a header of 2:--"


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("insert", None),
        ("update", None),
        ("upsert", "Id"),
        ("upsert", "Ext_Id__c"),
        ("delete", None),
        ("hardDelete", None),
    ],
)
def test_an_upload_without_a_byte_is_a_finished_job_without_rows(
    org: Org, operation: str, key: str | None
) -> None:
    settings = {"externalIdFieldName": key} if key else {}
    job = org.load("Account", operation, b"", **settings)
    assert (job["state"], job["numberRecordsProcessed"]) == ("JobComplete", 0)
    assert org.results(job["id"], "successfulResults") == '"sf__Id","sf__Created"\n'


@pytest.mark.parametrize("content", ["CSV", "XML", "JSON"])
@pytest.mark.parametrize("operation", ["insert", "update", "delete", "query"])
def test_a_batch_without_a_byte_is_refused_at_its_post(
    api: AsyncApi, operation: str, content: str
) -> None:
    media_type = {"CSV": "text/csv", "XML": "application/xml", "JSON": "application/json"}
    job = api.job(operation, "Account", content)
    answer = api.call("POST", job + "/batch", b"", media_type[content])
    # The words are those of jsforce issue 545.
    text = "Unable to find any data to create batch"
    assert error(answer) == (400, "ClientInputError", text)
    assert b"<batchInfo>" not in api.get(job + "/batch").content

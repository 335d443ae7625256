"""Every kind of recorded answer of Bulk API 1.0, in any clone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.recordings.kinds import answer, assert_of_kind
from tests.recordings.test_bulk1 import form, unspaced, unstated
from tests.sandbox_bulk1.async_api import AsyncApi

if TYPE_CHECKING:
    import requests

    from sfbulk_sandbox import Sandbox

CSV = "text/csv; charset=UTF-8"


def path_of(made: requests.Response, below: str = "/job") -> str:
    return f"{below}/{re.findall('<id>(.*?)</id>', made.text)[0]}"


def assert_document(ours: requests.Response, kind: str) -> None:
    assert unspaced(form(ours.text)) == unspaced(form(answer(f"bulk1/{kind}")))


def test_a_load_step_by_step(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox, "51.0")
    settings = {"operation": "insert", "object": "Contact", "contentType": "CSV"}
    created = api.create(settings)
    job = path_of(created)
    assert created.headers["Content-Type"] == "application/xml"
    assert_document(created, "job created")
    added = api.call("POST", job + "/batch", "LastName,Birthdate\nx,2026-02-03Z\ny,\n", CSV)
    assert_document(added, "batch added")
    batch = path_of(added, f"{job}/batch")
    api.wait(batch)
    assert_document(api.get(batch), "batch completed")
    api.wait(path_of(api.call("POST", job + "/batch", "LastName\nx\ny\n", CSV), f"{job}/batch"))
    assert_document(api.get(job + "/batch"), "list of batches")


def test_a_job_that_is_closed(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox, "51.0")
    job = api.job("insert", "Contact")
    batch = api.run(job, "LastName\nx\ny\n")
    assert_document(api.change(job, "Closed"), "job closed")
    result = api.get(batch + "/result")
    assert result.headers["Content-Type"] == "text/csv"
    masked = [re.sub(r'"00[13]\w{15}"', '"(id)"', text) for text in (result.text, results())]
    assert masked[0].strip() == masked[1].strip()


def results() -> str:
    return str(answer("bulk1/results of rows"))


def test_an_upsert_that_is_aborted(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox, "31.0")
    settings = {"operation": "upsert", "object": "Account", "externalIdFieldName": "Ext_Id__c"}
    created = api.create(settings | {"contentType": "CSV"})
    assert_document(created, "job of an upsert")
    assert_document(api.get(path_of(created)), "job of an upsert")
    aborted = api.change(path_of(created), "Aborted")
    assert aborted.status_code == 200
    assert_document(aborted, "job aborted")


def test_a_refused_row(api: AsyncApi) -> None:
    batch = api.run(api.job("insert", "Account"), "Phone\n1\n")
    assert api.get(batch + "/result").text == answer("bulk1/result of a refused row")


def test_a_query_in_csv(sandbox: Sandbox) -> None:
    api = AsyncApi(sandbox, "46.0")
    theirs = answer("bulk1/rows of a query")
    api.load("insert", "Account", "Name,NumberOfEmployees\nKind 1,7\nKind 2,\n")
    soql = "SELECT Name, NumberOfEmployees, IsDeleted FROM Account"
    batch = api.run(api.job("query", "Account"), soql)
    listed = api.get(batch + "/result")
    assert_document(listed, "list of query results")
    (result_id,) = re.findall("<result>(.*)</result>", listed.text)
    table = api.get(f"{batch}/result/{result_id}")
    assert table.headers["Content-Type"] == "text/csv"
    assert sorted(table.text.splitlines()) == sorted(theirs.splitlines())


def test_a_query_in_json(api: AsyncApi) -> None:
    api.load("insert", "Contact", "LastName,Birthdate\nKind,1970-01-02\n")
    created = api.create({"operation": "query", "object": "Contact", "contentType": "JSON"})
    theirs = answer("bulk1/job of a query in JSON").replace("Event", "Contact")
    assert unspaced(form(created.text)) == unspaced(form(theirs))
    job = path_of(created)
    soql = "SELECT Id, LastName, Birthdate, AccountId FROM Contact"
    added = api.call("POST", job + "/batch", soql, "application/json")
    assert_of_kind(added.json(), "bulk1/batch in JSON")
    batch = f"{job}/batch/{added.json()['id']}"
    api.wait(batch)
    result = api.get(batch + "/result")
    (result_id,) = result.json()
    assert form(f"<result>{result_id}") == form(
        f"<result>{answer('bulk1/query results in JSON')[0]}"
    )
    (record,) = api.get(f"{batch}/result/{result_id}?format=json").json()
    assert_of_kind(record, "bulk1/row in JSON")
    assert record["Birthdate"] == answer("bulk1/row in JSON")["Birthdate"]


def refused(api: AsyncApi, case: str) -> requests.Response:
    job = api.job("insert", "Contact")
    if case == "session that is not valid":
        api.session.headers["X-SFDC-Session"] = "x"
        return api.get(job)
    if case == "object that there is not":
        settings = {"operation": "insert", "object": "Video__c", "contentType": "CSV"}
        return api.create(settings)
    if case == "content type that there is not":
        return api.call("POST", job + "/batch", "LastName\nx", "text/cs; charset=UTF-8")
    batch = api.add(job, "Nowhere\nx\n")
    api.wait(batch)
    return api.get(batch + "/result")


@pytest.mark.parametrize(
    "case",
    [
        "session that is not valid",
        "object that there is not",
        "content type that there is not",
        "results of a failed batch",
    ],
)
def test_what_is_refused(api: AsyncApi, case: str) -> None:
    ours = refused(api, case)
    assert ours.status_code == 400
    assert unspaced(ours.text) == unspaced(answer(f"bulk1/{case}"))


def test_an_operation_with_a_capital_is_refused(api: AsyncApi) -> None:
    request = answer("bulk1/operation with a capital").encode()
    assert api.call("POST", "/job", request, "application/xml").status_code == 400


def test_a_job_without_batches(api: AsyncApi) -> None:
    theirs = answer("bulk1/list without batches")
    ours = api.get(api.job("upsert", "Account", externalIdFieldName="Id") + "/batch")
    assert unspaced(unstated(ours.text)) == unspaced(theirs)

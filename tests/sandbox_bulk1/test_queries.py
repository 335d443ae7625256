"""Bulk API 1.0 queries: result files in three formats, PK chunking, refusals."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from sfbulk_sandbox import Sandbox
from tests.sandbox_bulk1.async_api import (
    NAMESPACE,
    AsyncApi,
    batches,
    children,
    error,
    fields,
    rows,
)

if TYPE_CHECKING:
    from pathlib import Path

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"


def chunked(api: AsyncApi, header: str, soql: str, operation: str = "query") -> list[list[str]]:
    """Run a chunked query; return the names found in each chunk."""
    settings = {"operation": operation, "object": "Account", "contentType": "CSV"}
    answer = api.create(settings, Sforce_Enable_PKChunking=header)
    job = "/job/" + fields(answer)["id"]
    original = api.add(job, soql)
    assert api.wait(original)["state"] == "NotProcessed"
    listed = batches(api.get(job + "/batch"))
    assert f"{job}/batch/{listed[0]['id']}" == original
    found = []
    for batch in listed[1:]:
        path = f"{job}/batch/{batch['id']}"
        assert api.wait(path)["state"] == "Completed"
        (result,) = children(api.get(path + "/result"))
        table = rows(api.get(f"{path}/result/{result[1]}"))
        found.append([row[0] for row in table[1:]])
    return found


def test_a_csv_result_is_a_list_of_one_file(api: AsyncApi) -> None:
    api.load("insert", "Account", 'Name,AnnualRevenue\n"a ""b""\nc",23456\n')
    batch = api.run(api.job("query", "Account"), "SELECT Name, AnnualRevenue FROM Account")
    listed = api.get(batch + "/result")
    assert listed.headers["Content-Type"] == "application/xml"
    ((name, result_id),) = children(listed)
    assert (name, result_id[:3], len(result_id)) == ("result", "752", 15)
    answer = api.get(f"{batch}/result/{result_id}")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.text == '"Name","AnnualRevenue"\n"a ""b""\nc","23456.0"\n'
    assert fields(api.get(batch))["numberRecordsProcessed"] == "1"


def test_a_query_without_rows_is_a_sentence(api: AsyncApi) -> None:
    assert api.query("Account", "SELECT Id FROM Account") == [["Records not found for this query"]]


def test_query_all_finds_deleted_records(api: AsyncApi) -> None:
    (record_id,) = api.accounts(1)
    api.load("delete", "Account", f"Id\n{record_id}\n")
    batch = api.run(api.job("queryAll", "Account"), "SELECT Id, IsDeleted FROM Account")
    ((_, result_id),) = children(api.get(batch + "/result"))
    assert rows(api.get(f"{batch}/result/{result_id}"))[1:] == [[record_id, "true"]]


@pytest.mark.parametrize("content", ["CSV", "JSON", "XML"])
def test_a_long_result_comes_in_several_files(
    sandbox: Sandbox, api: AsyncApi, content: str
) -> None:
    api.accounts(25)
    sandbox.control.set_page_rows(10)
    job = api.job("query", "Account", content)
    batch = api.run(job, "SELECT Name FROM Account ORDER BY Name", content)
    listed = api.get(batch + "/result")
    result_ids = (
        listed.json() if content == "JSON" else [result_id for _, result_id in children(listed)]
    )
    found: list[list[str]] = []
    for result_id in result_ids:
        answer = api.get(f"{batch}/result/{result_id}")
        if content == "CSV":
            header, *table = rows(answer)
            assert header == ["Name"]
            found.append([row[0] for row in table])
        elif content == "JSON":
            found.append([record["Name"] for record in answer.json()])
        else:
            root = ET.fromstring(answer.content)  # noqa: S314 - our own sandbox's answer
            found.append([record[-1].text or "" for record in root])
    names = [f"{number:04}" for number in range(25)]
    assert found == [names[:10], names[10:20], names[20:]]
    assert error(api.get(f"{batch}/result/752000000000001"))[1] == "InvalidBatch"


def test_json_rows_nest_parents_and_tell_instants_in_milliseconds(api: AsyncApi) -> None:
    account = api.load("insert", "Account", "Name,AnnualRevenue\nA,15\n")[0][0]
    api.load("insert", "Contact", f"LastName,Birthdate,AccountId\nx,2000-01-01,{account}\ny,,\n")
    job = api.job("query", "Contact", "JSON")
    soql = (
        "SELECT LastName, Birthdate, CreatedDate, IsDeleted, Account.AnnualRevenue, "
        "Account.CreatedDate FROM Contact ORDER BY LastName"
    )
    batch = api.run(job, soql, "JSON")
    answer = api.get(f"{batch}/result/{api.get(batch + '/result').json()[0]}")
    assert answer.headers["Content-Type"] == "application/json"
    with_parent, without = answer.json()
    assert with_parent["Birthdate"] == 946_684_800_000
    assert with_parent["CreatedDate"] % 1000 == 0
    assert with_parent["IsDeleted"] is False
    assert with_parent["Account"]["AnnualRevenue"] == 15.0
    assert isinstance(with_parent["Account"]["CreatedDate"], int)
    assert (without["Birthdate"], without["Account"]) == (None, None)


@pytest.mark.parametrize(("content", "body"), [("JSON", b"[]"), ("XML", b"</queryResult>")])
def test_a_query_without_rows_is_empty_in_other_formats(
    api: AsyncApi, content: str, body: bytes
) -> None:
    batch = api.run(api.job("query", "Account", content), "SELECT Id FROM Account", content)
    listed = api.get(batch + "/result")
    result_id = listed.json()[0] if content == "JSON" else children(listed)[0][1]
    assert api.get(f"{batch}/result/{result_id}").content.endswith(body)


def test_xml_rows_lead_with_type_and_id(sandbox: Sandbox, api: AsyncApi) -> None:
    sandbox.control.set_behaviour(line_breaks="kept")
    account = api.load("insert", "Account", 'Name\n"Ä&\r\nB"\n'.encode())[0][0]
    contact = api.load("insert", "Contact", f"LastName,AccountId\nx,{account}\n")[0][0]
    soql = "SELECT Id, Fax, Account.Name FROM Contact"
    batch = api.run(api.job("query", "Contact", "XML"), soql, "XML")
    ((_, result_id),) = children(api.get(batch + "/result"))
    answer = api.get(f"{batch}/result/{result_id}")
    assert answer.headers["Content-Type"] == "application/xml"
    (record,) = ET.fromstring(answer.content)  # noqa: S314 - our own sandbox's answer
    names = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in record]
    assert names == ["type", "Id", "Id", "Fax", "Account"]
    assert record.get(XSI + "type") == "sObject"
    assert [child.text for child in record[:4]] == ["Contact", contact, contact, None]
    assert record[3].get(XSI + "nil") == "true"
    assert record[4].findtext(f"{{{NAMESPACE}}}Name") == "Ä&\r\nB"


@pytest.mark.parametrize("version", ["40.0", "68.0"])
def test_columns_come_in_the_order_of_the_select_list(sandbox: Sandbox, version: str) -> None:
    api = AsyncApi(sandbox, version)
    api.accounts(1)
    assert api.query("Account", "SELECT Name, Fax, Id FROM Account")[0] == ["Name", "Fax", "Id"]


REFUSALS = {
    "SELECT Id FROM Contact": "InvalidBatch : Failed to process query: "
    "INVALID_TYPE_FOR_OPERATION: The root entity of the requested query (Contact) does not match "
    "the entity of the requested Bulk API Job (Account).",
    "SELECT BillingAddress FROM Account": "InvalidBatch : Failed to process query: "
    "FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query",
    "SELECT Id, (SELECT Id FROM Contacts) FROM Account": "FeatureNotEnabled : Aggregate "
    "Relationships not supported in Bulk Query with CSV content type",
}


@pytest.mark.parametrize(("soql", "message"), REFUSALS.items())
def test_a_query_that_bulk_refuses_fails_its_batch(api: AsyncApi, soql: str, message: str) -> None:
    assert api.failure(api.job("query", "Account"), soql) == message


def test_a_query_that_cannot_be_parsed_fails_its_batch(api: AsyncApi) -> None:
    job = api.job("query", "Account")
    start = "InvalidBatch : Failed to process query: MALFORMED_QUERY: "
    assert api.failure(job, "SELECT FROM Account").startswith(start)
    assert api.failure(job, b"SELECT Id FROM Account WHERE Name = '\xff'").startswith(start)


def test_pk_chunks_hold_every_row_once(api: AsyncApi) -> None:
    api.accounts(25)
    for header in ("chunkSize=10", "chunkSize=10;", "true; chunkSize=10", "TRUE;chunkSize=10;"):
        found = chunked(api, header, "SELECT Name FROM Account")
        assert [len(chunk) for chunk in found] == [10, 10, 5]
        assert sorted(chain(*found)) == [f"{number:04}" for number in range(25)]


def test_a_filtered_chunk_may_be_empty(api: AsyncApi) -> None:
    api.accounts(25)
    soql = "SELECT Name FROM Account where Name < '0003' OR Name = '0021'"
    found = chunked(api, "chunkSize=10", soql)
    assert found == [["0000", "0001", "0002"], [], ["0021"]]


def test_chunks_show_their_range_and_begin_at_the_start_row(api: AsyncApi) -> None:
    ids = api.accounts(25)
    soql = "SELECT Name FROM Account"
    settings = {"operation": "query", "object": "Account", "contentType": "CSV"}
    header = f"chunkSize=10; startRow={ids[12][:15]}"
    job = "/job/" + fields(api.create(settings, Sforce_Enable_PKChunking=header))["id"]
    api.wait(api.add(job, "SELECT Name FROM Account"))
    listed = batches(api.get(job + "/batch"))[1:]
    texts = [api.get(f"{job}/batch/{batch['id']}/request").text for batch in listed]
    assert texts == [
        f"{soql} WHERE Id >= '{ids[12]}' AND Id < '{ids[22]}'",
        f"{soql} WHERE Id >= '{ids[22]}'",
    ]
    assert list(chain(*chunked(api, header, "SELECT Name FROM Account"))) == [
        f"{number:04}" for number in range(12, 25)
    ]


def test_chunks_come_also_after_the_job_was_closed(sandbox: Sandbox, api: AsyncApi) -> None:
    api.accounts(3)
    sandbox.control.hold_jobs()
    settings = {"operation": "query", "object": "Account", "contentType": "CSV"}
    job = "/job/" + fields(api.create(settings, Sforce_Enable_PKChunking="chunkSize=2"))["id"]
    original = api.add(job, "SELECT Id FROM Account")
    api.change(job, "Closed")
    sandbox.control.jobs_at_once()
    assert api.wait(original)["state"] == "NotProcessed"
    for batch in batches(api.get(job + "/batch"))[1:]:
        assert api.wait(f"{job}/batch/{batch['id']}")["state"] == "Completed"
    assert fields(api.get(job))["numberBatchesTotal"] == "3"


def test_no_chunking_is_asked_for_by_false(api: AsyncApi) -> None:
    api.accounts(3)
    settings = {"operation": "query", "object": "Account", "contentType": "CSV"}
    job = "/job/" + fields(api.create(settings, Sforce_Enable_PKChunking="FALSE"))["id"]
    api.run(job, "SELECT Id FROM Account")
    assert len(batches(api.get(job + "/batch"))) == 1


@pytest.mark.parametrize(
    "header", ["chunkSize=250001", "chunkSize=0", "chunkSize=x", "startRow=x", "colour=red"]
)
def test_a_chunking_header_that_is_not_understood_is_refused(api: AsyncApi, header: str) -> None:
    settings = {"operation": "query", "object": "Account", "contentType": "CSV"}
    assert error(api.create(settings, Sforce_Enable_PKChunking=header))[1] == "InvalidJob"


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Account ORDER BY Name",
        "SELECT Id FROM Account LIMIT 1",
        "SELECT Id FROM Account WHERE Name != 'x' AND (Fax = '1' OR Id > '001000000000000AAA')",
        "SELECT a.Id FROM Account a WHERE a.Id != null",
    ],
)
def test_clauses_that_rule_chunking_out_fail_the_batch(api: AsyncApi, soql: str) -> None:
    settings = {"operation": "query", "object": "Account", "contentType": "CSV"}
    job = "/job/" + fields(api.create(settings, Sforce_Enable_PKChunking="TRUE"))["id"]
    assert api.failure(job, soql).startswith("InvalidBatch : PK chunking cannot be used with")


def test_chunking_is_for_queries_of_some_objects(api: AsyncApi) -> None:
    load = {"operation": "insert", "object": "Account", "contentType": "CSV"}
    assert error(api.create(load, Sforce_Enable_PKChunking="TRUE"))[1] == "InvalidJob"
    custom = {"operation": "query", "object": "Invoice__c", "contentType": "CSV"}
    assert api.create(custom, Sforce_Enable_PKChunking="TRUE").status_code == 201


def test_sharing_rows_are_chunked_by_their_parent(tmp_path: Path) -> None:
    text = {"soapType": "xsd:string", "length": 18, "createable": False, "updateable": False}
    describe = {
        "name": "AccountShare",
        "label": "Account Share",
        "keyPrefix": "02c",
        "queryable": True,
        "fields": [{"name": "Id", "label": "Id", "type": "id", **text}],
    }
    (tmp_path / "AccountShare.json").write_text(json.dumps(describe))
    settings = {"operation": "query", "object": "AccountShare", "contentType": "CSV"}
    with Sandbox(describe=tmp_path, sample=False) as sandbox:
        api = AsyncApi(sandbox)
        refusal = api.create(settings, Sforce_Enable_PKChunking="TRUE")
        assert error(refusal)[1] == "FeatureNotEnabled"
        created = api.create(settings, Sforce_Enable_PKChunking="TRUE; parent=Account")
        job = "/job/" + fields(created)["id"]
        assert api.wait(api.add(job, "SELECT Id FROM AccountShare"))["state"] == "NotProcessed"
        # An object without rows still has one chunk, which finds none.
        (_, chunk) = batches(api.get(job + "/batch"))
        assert api.wait(f"{job}/batch/{chunk['id']}")["numberRecordsProcessed"] == "0"
        api.session.close()

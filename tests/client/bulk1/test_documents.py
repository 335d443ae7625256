"""Documents of Bulk API 1.0, as recorded from real orgs, become dataclasses."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sfbulk import (
    BatchState,
    Bulk1JobState,
    Concurrency,
    ContentType,
    Operation,
    PkChunking,
    QueryOperation,
)
from sfbulk.bulk1.documents import job_document, read_batch, read_batches, read_job, read_result_ids
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.errors import DataError, TransportError, UnknownState
from sfbulk.http.wire import Reply, Request

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "bulk1"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not beside us")
ASK = Request("GET", "/services/async/68.0/job/750", "Read job 750")
SPACE = "http://www.force.com/2009/06/asyncapi/dataload"


def said(body: bytes | str) -> Reply:
    return Reply(200, {}, body if isinstance(body, bytes) else body.encode())


def recording(name: str) -> Reply:
    return said((RECORDED / name).read_bytes())


def xml(root: str, **fields: str) -> Reply:
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return said(f'<{root} xmlns="{SPACE}">{inside}</{root}>')


@recorded
def test_a_recorded_job_is_read_with_all_its_fields() -> None:
    job = read_job(ASK, recording("clidx_jobClosed.xml"))
    assert (job.id, job.operation, job.object) == ("7503h000009yLOeAAM", "insert", "Contact")
    assert (job.state, job.content_type) == (Bulk1JobState.CLOSED, "CSV")
    assert job.created_date == datetime(2021, 4, 16, 14, 47, 55, tzinfo=timezone.utc)
    assert (job.number_batches_total, job.number_batches_completed) == (1, 1)
    assert (job.number_records_processed, job.number_records_failed) == (2, 0)
    assert (job.total_processing_time, job.api_active_processing_time) == (361, 164)
    absent = {name for name, value in dataclasses.asdict(job).items() if value is None}
    assert absent == {"external_id_field_name", "assignment_rule_id"}


@recorded
def test_a_recorded_list_of_batches_keeps_its_order() -> None:
    listed = read_batches(ASK, recording("javierjulio_batch_info_list_response.xml"))
    assert [batch.id for batch in listed] == ["751E00000004ZRbIAM", "751E00000004ZQsIAM"]
    assert {batch.state for batch in listed} == {BatchState.COMPLETED}
    assert [batch.number_records_processed for batch in listed] == [2, 2]
    assert {batch.job_id for batch in listed} == {"750E00000004N97IAE"}


@recorded
def test_recorded_result_ids_are_read() -> None:
    found = read_result_ids(ASK, recording("javierjulio_query_result_list_response.xml"))
    assert found == ["752E0000000TNaq"]


@recorded
@pytest.mark.parametrize("name", ["clidx_insertJob.xml", "clidx_closeJob.xml"])
def test_a_sent_document_has_the_elements_of_a_recorded_one(name: str) -> None:
    wanted = ET.parse(RECORDED / name).getroot()  # noqa: S314 - a file of ours
    settings: dict[str, str | None] = {child.tag.rpartition("}")[2]: child.text for child in wanted}
    sent = ET.fromstring(job_document(settings | {"assignmentRuleId": None}))  # noqa: S314 - made here
    assert sent.tag == wanted.tag
    assert [(c.tag, c.text) for c in sent] == [(c.tag, c.text) for c in wanted]


def test_json_and_xml_give_the_same_job() -> None:
    fields = {"id": "750000000000001AAA", "operation": "query", "object": "Case", "state": "Open"}
    as_json = fields | {"apiVersion": 51.0, "numberBatchesTotal": 3}
    from_json = read_job(
        ASK, said(json.dumps(as_json | {"createdDate": "2021-04-16T14:47:55.000+0000"}))
    )
    from_xml = read_job(
        ASK,
        xml(
            "jobInfo",
            **fields,
            apiVersion="51.0",
            numberBatchesTotal="3",
            createdDate="2021-04-16T14:47:55.000Z",
        ),
    )
    assert from_json == from_xml
    assert from_json.number_batches_total == 3


def test_json_lists_are_read() -> None:
    listed = {
        "batchInfo": [
            {
                "id": "751000000000001AAA",
                "jobId": "750000000000001AAA",
                "state": "Failed",
                "stateMessage": "x",
            }
        ]
    }
    (batch,) = read_batches(ASK, said(json.dumps(listed)))
    assert (batch.state, batch.state_message) == (BatchState.FAILED, "x")
    assert read_result_ids(ASK, said('["752000000000001AAA", "752000000000002AAA"]')) == [
        "752000000000001AAA",
        "752000000000002AAA",
    ]
    assert read_batches(ASK, said(f'<batchInfoList xmlns="{SPACE}"/>')) == []


def test_each_state_word_is_salesforces_own() -> None:
    assert [state.value for state in Bulk1JobState] == ["Open", "Closed", "Aborted", "Failed"]
    words = ["Queued", "InProgress", "Completed", "Failed", "NotProcessed"]
    assert [state.value for state in BatchState] == words
    assert [state.value for state in BatchState if state.is_terminal] == words[2:]
    assert [s.value for s in Bulk1JobState if s.is_terminal] == ["Aborted", "Failed"]


def test_a_state_word_may_have_a_space() -> None:
    batch = read_batch(
        ASK,
        xml(
            "batchInfo", id="751000000000001AAA", jobId="750000000000001AAA", state="Not Processed"
        ),
    )
    assert batch.state is BatchState.NOT_PROCESSED


def test_an_unknown_state_is_quoted() -> None:
    with pytest.raises(
        UnknownState,
        match="Batch 751000000000001AAA of job 750000000000001AAA is in the state 'Musing'",
    ):
        read_batch(
            ASK,
            xml("batchInfo", id="751000000000001AAA", jobId="750000000000001AAA", state="Musing"),
        )
    with pytest.raises(UnknownState, match="Job 750000000000001AAA is in the state ''"):
        read_job(ASK, xml("jobInfo", id="750000000000001AAA"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>We are setting things up</body></html>",
        b"<jobInfo><id>750</id>",
        b"<!DOCTYPE jobInfo [<!ENTITY x 'y'>]><jobInfo><id>&x;</id></jobInfo>",
        b'{"id": 5',
        b'[["a list"]]',
        b'{"batchInfo": ["751000000000001AAA"]}',
        b'{"message": "no"}',
        b"5",
    ],
)
def test_a_body_in_another_form_counts_as_no_answer(body: bytes) -> None:
    for read in (read_job, read_batch, read_batches, read_result_ids):
        with pytest.raises(TransportError) as caught:
            read(ASK, said(body))
        assert caught.value.ambiguous


@pytest.mark.parametrize(
    "body", [b'{"batchInfo": []}', b'{"batchInfo": null}', b"{}", b"<batchInfoList/>"]
)
def test_an_empty_list_of_batches_is_understood_in_each_form(body: bytes) -> None:
    assert read_batches(ASK, said(body)) == []
    for read in (read_job, read_batch):
        with pytest.raises(TransportError):
            read(ASK, said(body))


@pytest.mark.parametrize("each", [b"<a/>", b"<a b='' c='' d='' e=''/>"])
def test_xml_of_very_many_elements_is_refused_before_it_takes_memory(each: bytes) -> None:
    with pytest.raises(TransportError, match="more than 2,000,000 elements"):
        read_batches(ASK, said(b"<batchInfoList>" + each * 2_000_000 + b"</batchInfoList>"))


@pytest.mark.parametrize("body", [b"[]", b"null", b"<result-list/>"])
def test_an_empty_list_of_results_is_understood_in_each_form(body: bytes) -> None:
    assert read_result_ids(ASK, said(body)) == []
    with pytest.raises(TransportError):
        read_batches(ASK, said(body))


def settings(**more: Any) -> JobSettings:
    return JobSettings(**{"sobject": "Case", "operation": Operation.INSERT} | more)


def test_settings_are_sent_in_salesforces_order_and_the_rest_as_headers() -> None:
    wanted = settings(
        operation=Operation.UPSERT,
        external_id="Ext__c",
        assignment_rule_id="01Q000000000001",
        concurrency=Concurrency.SERIAL,
        content_type=ContentType.JSON,
        line_ending="CRLF",
        retry_batches=False,
    )
    root = ET.fromstring(wanted.document)  # noqa: S314 - made here
    assert [(child.tag.removeprefix(f"{{{SPACE}}}"), child.text) for child in root] == [
        ("operation", "upsert"),
        ("object", "Case"),
        ("assignmentRuleId", "01Q000000000001"),
        ("externalIdFieldName", "Ext__c"),
        ("concurrencyMode", "Serial"),
        ("contentType", "JSON"),
    ]
    assert wanted.headers == {"Sforce-Line-Ending": "CRLF", "Sforce-Disable-Batch-Retry": "TRUE"}
    assert settings().headers == {}


def test_settings_that_contradict_each_other_are_refused() -> None:
    for wrong in (
        settings(operation=Operation.UPSERT),
        settings(external_id="Ext__c"),
        settings(operation=QueryOperation.QUERY, external_id="Ext__c"),
        settings(pk_chunking=PkChunking()),
    ):
        with pytest.raises(DataError, match="Case"):
            wrong.check()

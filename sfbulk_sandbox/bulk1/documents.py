"""Writes and reads job and batch documents in XML and JSON.

As recorded, XML has the keys in a fixed order and leaves out nulls. JSON has sorted keys and nulls,
and its timestamps have an offset.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from starlette.responses import Response

from sfbulk_sandbox.bulk1.jobs import BatchState
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.bodies import parse_json, parse_xml
from sfbulk_sandbox.http.responses import XML_DECLARATION, encode_json, instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk_sandbox.bulk1.jobs import Batch, Job

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML, JSON = "application/xml", "application/json"

_TAG = f"{{{NAMESPACE}}}"
Document = dict[str, Any]


def job_document(job: Job) -> Document:
    """Return a jobInfo with keys in the order of XML."""
    with job.lock:
        batches = list(job.batches)
        return {
            "id": job.id,
            "operation": job.settings.operation,
            "object": job.settings.object,
            "createdById": job.created_by,
            "createdDate": job.created,
            "systemModstamp": job.modified,
            "state": job.state.value,
            "externalIdFieldName": job.settings.external_id,
            "concurrencyMode": "Serial" if job.settings.serial else "Parallel",
            "contentType": job.settings.content.value,
            "numberBatchesQueued": job.count(BatchState.QUEUED),
            "numberBatchesInProgress": job.count(BatchState.IN_PROGRESS),
            "numberBatchesCompleted": job.count(BatchState.COMPLETED),
            "numberBatchesFailed": job.count(BatchState.FAILED),
            "numberBatchesTotal": len(batches),
            "numberRecordsProcessed": sum(batch.processed for batch in batches),
            "numberRetries": 0,
            # As recorded, a number in JSON.
            "apiVersion": float(job.version),
            "assignmentRuleId": job.settings.assignment_rule_id,
            "numberRecordsFailed": sum(batch.failed for batch in batches),
            **_times(sum(batch.processing_ms for batch in batches)),
        }


def batch_document(batch: Batch) -> Document:
    """Return a batchInfo with keys in the order of XML."""
    with batch.job.lock:
        return {
            "id": batch.id,
            "jobId": batch.job.id,
            "state": batch.state.value,
            "stateMessage": batch.message,
            "createdDate": batch.created,
            "systemModstamp": batch.modified,
            "numberRecordsProcessed": batch.processed,
            "numberRecordsFailed": batch.failed,
            **_times(batch.processing_ms),
        }


def _times(milliseconds: int) -> Document:
    return {
        "totalProcessingTime": milliseconds,
        "apiActiveProcessingTime": milliseconds,
        "apexProcessingTime": 0,
    }


def json_response(document: object, status: int = 200) -> Response:
    """Return JSON without a charset: clients compare the content type by equality."""
    return Response(encode_json(document), status_code=status, media_type=JSON)


def info_response(root: str, document: Document, *, as_json: bool, status: int = 200) -> Response:
    """Return a jobInfo or batchInfo."""
    if as_json:
        return json_response(_json_form(document), status)
    return xml_response(_element(root, document), status)


def list_response(documents: Iterable[Document], *, as_json: bool) -> Response:
    """Return a batchInfoList."""
    if as_json:
        return json_response({"batchInfo": [_json_form(document) for document in documents]})
    root = ET.Element("batchInfoList")
    root.extend(_element("batchInfo", document) for document in documents)
    return xml_response(root)


def result_list_response(result_ids: Iterable[str], *, as_json: bool) -> Response:
    """Return the ids of a query's result files."""
    if as_json:
        return json_response(list(result_ids))
    root = ET.Element("result-list", xmlns=NAMESPACE)
    for result_id in result_ids:
        ET.SubElement(root, "result").text = result_id
    return _xml(xml_bytes(root), 200)


def fault_response(fault: Fault, *, as_json: bool) -> Response:
    """Return an error (Bulk API guide: Errors)."""
    document = {"exceptionCode": fault.code, "exceptionMessage": fault.message}
    return info_response("error", document, as_json=as_json, status=fault.status)


def xml_response(root: ET.Element, status: int = 200) -> Response:
    """Return XML with the recorded indentation."""
    ET.indent(root, " ")
    body = xml_bytes(root)
    tag, rest = body[: len(root.tag) + 1], body[len(root.tag) + 1 :]
    return _xml(tag + f'\n   xmlns="{NAMESPACE}"'.encode() + rest, status)


def xml_bytes(element: ET.Element) -> bytes:
    """Return an element as UTF-8. A CR is escaped, because XML parsers turn a raw CR into LF."""
    return ET.tostring(element, encoding="unicode").replace("\r", "&#13;").encode()


def _xml(body: bytes, status: int) -> Response:
    # Set as a header: for a media type, Starlette could add a charset.
    return Response(XML_DECLARATION + body, status_code=status, headers={"content-type": XML})


def _element(root: str, document: Document) -> ET.Element:
    element = ET.Element(root)
    for key, value in document.items():
        if value is not None:
            ET.SubElement(element, key).text = _xml_text(value)
    return element


def _xml_text(value: object) -> str:
    if isinstance(value, datetime):
        return instant_text(value).replace("+0000", "Z")
    return str(value)


def _json_form(document: Document) -> Document:
    return {
        key: instant_text(value) if isinstance(value, datetime) else value
        for key, value in sorted(document.items())
    }


def root_of(body: bytes) -> ET.Element:
    """Return the root of an XML body.

    Raises:
        Fault: InvalidXml: the body is not well-formed or has a DOCTYPE.
    """
    try:
        return parse_xml(body)
    except ValueError as error:
        raise Fault("InvalidXml", f"Unable to parse the document: {error}") from None


def local_name(element: ET.Element) -> str:
    """Return an element's name without its namespace.

    Raises:
        Fault: InvalidXml: the namespace is missing or wrong.
    """
    if not element.tag.startswith(_TAG):
        raise Fault("InvalidXml", f"{element.tag} is not in the namespace {NAMESPACE}")
    return element.tag.removeprefix(_TAG)


def read_info(body: bytes, *, as_json: bool) -> Mapping[str, Any]:
    """Return the settings in a jobInfo that a client sent.

    Raises:
        Fault: InvalidXml or InvalidJob: the document cannot be read.
    """
    return _read_json(body) if as_json else _read_xml(body)


def _read_json(body: bytes) -> Mapping[str, Any]:
    try:
        document = parse_json(body)
    except ValueError as error:
        raise Fault("InvalidJob", f"Unable to parse the document: {error}") from None
    if not isinstance(document, dict):
        raise Fault("InvalidJob", "The document must be an object")
    return document


def _read_xml(body: bytes) -> Mapping[str, Any]:
    root = root_of(body)
    if local_name(root) != "jobInfo":
        raise Fault("InvalidXml", f"The document must be a jobInfo, not a {local_name(root)}")
    return {local_name(child): (child.text or "").strip() for child in root}

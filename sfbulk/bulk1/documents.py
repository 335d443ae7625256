"""Writes and reads the small documents of Bulk API 1.0, in XML or JSON; no I/O.

The content types of the job and of the request decide whether an answer is XML or JSON, so an
answer is read by its first character.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from sfbulk.bulk1.states import BatchInfo, Bulk1JobInfo, batch_info, job_info
from sfbulk.http.safe_xml import UnusableXmlError, local_name, parse_xml, texts
from sfbulk.http.wire import unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.http.wire import Reply, Request

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML_TYPE = "application/xml; charset=UTF-8"


def job_document(settings: Mapping[str, str | None]) -> bytes:
    """A jobInfo to send, with its elements in the order of `settings`; None is left out."""
    root = ET.Element("jobInfo", xmlns=NAMESPACE)
    for name, text in settings.items():
        if text is not None:
            ET.SubElement(root, name).text = text
    document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document


def read_job(request: Request, reply: Reply) -> Bulk1JobInfo:
    """The job in a reply.

    Raises:
        TransportError: the reply is not a jobInfo.
        UnknownState: a state that this version does not know.
    """
    return job_info(_fields(request, reply, "jobInfo"))


def read_batch(request: Request, reply: Reply) -> BatchInfo:
    """The batch in a reply.

    Raises:
        TransportError: the reply is not a batchInfo.
        UnknownState: a state that this version does not know.
    """
    return batch_info(_fields(request, reply, "batchInfo"))


def read_batches(request: Request, reply: Reply) -> list[BatchInfo]:
    """The batches of a job, in the order Salesforce lists them.

    Raises:
        TransportError: the reply is not a list of batches.
        UnknownState: a state that this version does not know.
    """
    document = _document(request, reply, "batchInfoList")
    if isinstance(document, ET.Element):
        return [batch_info(texts(child)) for child in document]
    listed = document.get("batchInfo") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise unusable(request, reply.status, "JSON that is not a list of batches")
    return [batch_info(entry) for entry in listed]


def read_result_ids(request: Request, reply: Reply) -> list[str]:
    """The ids of a query's result files; empty if the answer is 204.

    Raises:
        TransportError: the reply is not a list of ids.
    """
    if reply.status == HTTPStatus.NO_CONTENT:
        return []
    document = _document(request, reply, "result-list")
    if isinstance(document, ET.Element):
        return [child.text or "" for child in document]
    if not isinstance(document, list) or not all(isinstance(one, str) for one in document):
        raise unusable(request, reply.status, "JSON that is not a list of results")
    return document


def _fields(request: Request, reply: Reply, root: str) -> Mapping[str, Any]:
    document = _document(request, reply, root)
    if isinstance(document, ET.Element):
        return texts(document)
    if not isinstance(document, dict):
        raise unusable(request, reply.status, "JSON that is not an object")
    return document


def _document(request: Request, reply: Reply, root: str) -> Any:
    """JSON, or an XML element with the name `root`."""
    if not reply.content.lstrip().startswith(b"<"):
        try:
            return json.loads(reply.content)
        except (ValueError, RecursionError) as error:
            raise unusable(request, reply.status, "a body that is not JSON") from error
    try:
        element = parse_xml(reply.content)
    except UnusableXmlError as error:
        raise unusable(request, reply.status, str(error)) from error
    if local_name(element) != root:
        raise unusable(request, reply.status, f"XML that is not a {root}")
    return element

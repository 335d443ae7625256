"""Writes and reads the small documents of Bulk API 1.0, in XML or JSON; no I/O.

The content types of the job and of the request decide whether an answer is XML or JSON, so an
answer is read by its first character.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from xml.etree import ElementTree as ET

import msgspec

from sfbulk.bulk1.states import (
    BatchDocument,
    BatchInfo,
    Bulk1JobInfo,
    JobDocument,
    batch_info,
    job_info,
)
from sfbulk.errors import DataError
from sfbulk.http.safe_xml import UnusableXmlError, local_name, parse_xml, texts
from sfbulk.http.shapes import SalesforceId, Shape, is_same_id, json_document
from sfbulk.http.unusable import unusable
from sfbulk.soql import root_object, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.http.wire import Reply, Request

T = TypeVar("T")

_BEFORE_XML = BOM_UTF8 + b" \t\r\n"

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


class _Batches(msgspec.Struct, rename="camel"):
    batch_info: list[BatchDocument]


def _batch_texts(element: ET.Element) -> dict[str, Any]:
    return {"batchInfo": [_known(texts(child)) for child in element]}


def _result_texts(element: ET.Element) -> list[str]:
    return [(child.text or "").strip() for child in element]


@dataclass(frozen=True)
class _Form(Generic[T]):
    """A kind of document, in XML and in JSON."""

    shape: Shape[T]
    root: str
    """The name of the root in XML."""
    values: Callable[[ET.Element], Any]
    """The values in the XML, in the form that the JSON has."""
    empty: Any = None
    """An empty list."""
    empty_forms: tuple[Any, ...] = ()
    """What JSON may have in its place: no source says how Salesforce writes one."""


_JOB = _Form(Shape(JobDocument, "a job", strict=False), "jobInfo", texts)
_BATCH = _Form(Shape(BatchDocument, "a batch", strict=False), "batchInfo", texts)
_BATCHES = _Form(
    Shape(_Batches, "a list of batches", strict=False),
    "batchInfoList",
    _batch_texts,
    empty={"batchInfo": []},
    empty_forms=({}, {"batchInfo": None}),
)
_RESULTS = _Form(
    Shape(list[SalesforceId], "a list of results"),
    "result-list",
    _result_texts,
    empty=[],
    empty_forms=(None,),
)


def read_job(request: Request, reply: Reply) -> Bulk1JobInfo:
    """The job in a reply.

    Raises:
        TransportError: the reply is not a jobInfo, or one of another job.
        UnknownState: a state that this version does not know.
    """
    job = job_info(_read(_JOB, request, reply))
    if request.job_id and not is_same_id(job.id, request.job_id):
        raise unusable(request, reply.status, "another job")
    return job


def read_batch(request: Request, reply: Reply) -> BatchInfo:
    """The batch in a reply.

    Raises:
        TransportError: the reply is not a batchInfo.
        UnknownState: a state that this version does not know.
    """
    return batch_info(_read(_BATCH, request, reply))


def read_query(request: Request, reply: Reply) -> str:
    """The query in a reply, which is nothing but its text.

    Raises:
        TransportError: the reply is not a whole query.
    """
    try:
        soql = reply.content.decode()
        root_object(soql)
        # To the end: the range of ids is there, and ends with a quote.
        deque(tokens(soql), maxlen=0)
    except (UnicodeDecodeError, DataError):
        raise unusable(request, reply.status, "a body that is not a whole query") from None
    return soql


def read_batches(request: Request, reply: Reply) -> list[BatchInfo]:
    """The batches of a job, in the order Salesforce lists them.

    Raises:
        TransportError: the reply is not a list of batches.
        UnknownState: a state that this version does not know.
    """
    listed = _read(_BATCHES, request, reply)
    return [batch_info(batch) for batch in listed.batch_info]


def read_result_ids(request: Request, reply: Reply) -> list[str]:
    """The ids of a query's result files; empty if the answer is 204.

    Raises:
        TransportError: the reply is not a list of ids.
    """
    if reply.status == HTTPStatus.NO_CONTENT:
        return []
    return _read(_RESULTS, request, reply)


def _read(form: _Form[T], request: Request, reply: Reply) -> T:
    """A reply's document, in XML or JSON, as its declared type."""
    if not reply.content.lstrip(_BEFORE_XML).startswith(b"<"):
        document = _known(json_document(request, reply))
        value = form.empty if document in form.empty_forms else document
        return form.shape.within(request, reply, value)
    try:
        element = parse_xml(reply.content)
    except UnusableXmlError as error:
        raise unusable(request, reply.status, str(error)) from error
    if local_name(element) != form.root:
        raise unusable(request, reply.status, f"XML that is not a {form.root}")
    return form.shape.within(request, reply, _known(form.values(element)), "XML")


def _known(document: Any) -> Any:
    """A document without its empty members: an empty text is no value."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if value != ""}

"""The result files of a query in CSV, JSON and XML: start, rows and end."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree import ElementTree as ET

from sfbulk_sandbox.bulk1.documents import NAMESPACE, xml_bytes
from sfbulk_sandbox.bulk1.settings import ContentType
from sfbulk_sandbox.http.responses import XML_DECLARATION, encode_json
from sfbulk_sandbox.schema.rowfile import CsvDialect
from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.values import bulk_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk_sandbox.org.org import Query

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_CSV = CsvDialect(",", "\n")
_Names = tuple[str, ...]


class Format(Protocol):
    """A format of result files.

    Attributes:
        separator: The bytes between two rows.
        tail: The end of a file.
        empty: The file of a query without rows.
    """

    separator: bytes
    tail: bytes
    empty: bytes

    def head(self, query: Query) -> bytes:
        """Return the start of a file."""

    def rows(self, query: Query, version: float) -> Iterator[bytes]:
        """Yield the rows."""


class _Csv:
    separator = b""
    tail = b""
    # As recorded, without a header.
    empty = b"Records not found for this query"

    def head(self, query: Query) -> bytes:
        return _CSV.encode([column.path for column in query.columns])

    def rows(self, query: Query, version: float) -> Iterator[bytes]:  # noqa: ARG002 - a Format's signature
        columns = [column.field for column in query.columns]
        texts = (
            [bulk_text(field, value) for field, value in zip(columns, row, strict=True)]
            for row in query.rows()
        )
        return _CSV.encode_all(texts)


class _Json:
    separator = b","
    tail = b"]"
    empty = b"[]"

    def head(self, query: Query) -> bytes:  # noqa: ARG002 - a Format's signature
        return b"["

    def rows(self, query: Query, version: float) -> Iterator[bytes]:
        instants = [
            tuple(column.path.split("."))
            for column in query.columns
            if column.field.kind in (Kind.DATE, Kind.DATETIME)
        ]
        for record in query.records(version):
            for path in instants:
                _to_epoch(record, path)
            yield encode_json(record)


class _Xml:
    separator = b""
    tail = b"</queryResult>"
    _start = XML_DECLARATION + f'<queryResult xmlns="{NAMESPACE}" xmlns:xsi="{_XSI}">'.encode()
    empty = _start + tail

    def head(self, query: Query) -> bytes:  # noqa: ARG002 - a Format's signature
        return self._start

    def rows(self, query: Query, version: float) -> Iterator[bytes]:  # noqa: ARG002 - a Format's signature
        columns = [(tuple(column.path.split(".")), column.field) for column in query.columns]
        for row in query.rows():
            cells = {
                path: bulk_text(field, value)
                for (path, field), value in zip(columns, row, strict=True)
            }
            yield xml_bytes(_record(query.sobject.name, cells))


def _record(sobject_name: str, cells: Mapping[_Names, str]) -> ET.Element:
    record = _sobject("records", sobject_name)
    # As in SOAP, a record begins with type and Id; a selected Id is written a second time.
    _leaf(record, "Id", cells.get(("Id",), ""))
    parents: dict[_Names, ET.Element] = {(): record}
    for path, text in cells.items():
        for depth in range(1, len(path)):
            if path[:depth] not in parents:
                parents[path[:depth]] = _sobject(path[depth - 1], path[depth - 1])
                parents[path[: depth - 1]].append(parents[path[:depth]])
        _leaf(parents[path[:-1]], path[-1], text)
    return record


def _sobject(tag: str, type_name: str) -> ET.Element:
    element = ET.Element(tag, {"xsi:type": "sObject"})
    ET.SubElement(element, "type").text = type_name
    return element


def _leaf(holder: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(holder, name)
    if text:
        element.text = text
    else:
        element.set("xsi:nil", "true")


def _to_epoch(record: dict[str, Any], path: _Names) -> None:
    """Replace a timestamp by milliseconds since 1970, as recorded for JSON results."""
    holder: Any = record
    for name in path[:-1]:
        holder = holder[name]
        if holder is None:
            return
    text = holder[path[-1]]
    if text is not None:
        moment = datetime.fromisoformat(text[: len("2026-11-23T09:15:00")])
        holder[path[-1]] = int(moment.replace(tzinfo=timezone.utc).timestamp() * 1000)


FORMATS: Mapping[ContentType, Format] = {
    ContentType.CSV: _Csv(),
    ContentType.JSON: _Json(),
    ContentType.XML: _Xml(),
}

"""Reads the rows of a query's result file, in CSV, JSON or XML; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.bulk1.states import ContentType
from sfbulk.bulk1.streams import json_records, xml_records
from sfbulk.csvio import decode_rows
from sfbulk.errors import DataError
from sfbulk.http.safe_xml import local_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

NO_ROWS = "Records not found for this query"
"""The content of a CSV result without rows (source of CumulusCI)."""

# SOQL reference: a path goes over five parents at most.
_MOST_PARENTS = 10

_XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def read_rows(content_type: ContentType, chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The rows; see `Bulk1Job.rows` for their values.

    Raises:
        DataError: the file is not valid.
    """
    try:
        yield from _rows(content_type, chunks)
    except RecursionError:
        raise DataError("The results have a record that is nested too deeply.") from None


def _rows(content_type: ContentType, chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    if content_type is ContentType.CSV:
        return _csv_rows(chunks)
    if content_type is ContentType.JSON:
        return (dict(_json_cells("", record)) for record in json_records(chunks))
    return map(_xml_row, xml_records(chunks))


def _csv_rows(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    # `NO_ROWS` looks like a header row, so it gives no rows.
    for row in decode_rows(chunks):
        yield {name: value or None for name, value in row.items()}


def _json_cells(path: str, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if name == "attributes":
            continue  # The object and the URL of the record, not a field.
        if isinstance(value, dict):
            yield from _json_cells(_parent(path, name), value)
        else:
            yield path + name, value


def _parent(path: str, name: str) -> str:
    """The path of a nested record's fields.

    Raises:
        DataError: it is nested more deeply than parents can be.
    """
    if path.count(".") > _MOST_PARENTS:
        raise DataError("The results have a record that is nested too deeply.")
    return f"{path}{name}."


def _xml_row(record: ET.Element) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in _xml_cells("", record):
        # The Id is first, and is repeated if the query selected it.
        row.setdefault(name, value)
    # Each record has an Id; it is empty if the query did not select it.
    if row.get("Id", "") is None:
        del row["Id"]
    return row


def _xml_cells(path: str, record: ET.Element) -> Iterator[tuple[str, str | None]]:
    for child in record:
        name = local_name(child)
        if len(child):
            yield from _xml_cells(_parent(path, name), child)
        elif name == "type" and child is record[0]:
            continue  # The name of the object is first; a field of that name would be later.
        else:
            yield path + name, None if child.get(_XSI_NIL) in ("true", "1") else child.text or None

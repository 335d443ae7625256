"""Reads the records of a batch in CSV, XML or JSON into rows of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.bulk1.documents import local_name, root_of
from sfbulk_sandbox.bulk1.jobs import BatchFailure
from sfbulk_sandbox.bulk1.settings import ContentType
from sfbulk_sandbox.bulk2.uploads import Upload, UploadRefusedError
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.http.bodies import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from sfbulk_sandbox.behaviour import Behaviour

# Null in CSV; XML and JSON have their own notations, which are converted to this.
_NULL = "#N/A"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True)
class Table:
    """The records of a batch: cells in the order of the header; "" for a missing value."""

    header: list[str]
    rows: list[list[str]]

    def with_line_ends(self, ending: str) -> Table:
        """Return the table with `ending` for every line ending inside a cell."""
        rows = [[_line_ends(cell, ending) for cell in row] for row in self.rows]
        return Table(self.header, rows)


def read_table(path: Path, content: ContentType, behaviour: Behaviour) -> Table:
    """Return the records of a batch.

    Args:
        path: The batch as sent.
        content: The format.
        behaviour: The switches for reading CSV.

    Raises:
        BatchFailure: The data does not have the job's content type.
    """
    try:
        if content is ContentType.CSV:
            return _read_csv(path, behaviour)
        if content is ContentType.XML:
            return _table(_read_xml(path.read_bytes()))
        return _table(_read_json(path.read_bytes()))
    except UploadRefusedError as refusal:
        raise BatchFailure(str(refusal)) from None
    except Fault as fault:
        raise BatchFailure(f"{fault.code} : {fault.message}") from None


def _read_csv(path: Path, behaviour: Behaviour) -> Table:
    # With "LF", `rows()` accepts both line endings; only `check()` looks at the setting.
    upload = Upload(path, ",", "LF", behaviour)
    return Table(upload.header(), list(upload.rows()))


def _table(records: Iterable[dict[str, str]]) -> Table:
    rows = list(records)
    header = list(dict.fromkeys(name for record in rows for name in record))
    return Table(header, [[record.get(name, "") for name in header] for record in rows])


def _read_json(body: bytes) -> Iterator[dict[str, str]]:
    try:
        # As text, so that no digit of a number is lost.
        records = parse_json(body, numbers_as_text=True)
    except ValueError as error:
        raise BatchFailure(f"InvalidBatch : Failed to parse JSON: {error}") from None
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise BatchFailure("InvalidBatch : A JSON batch is an array of objects")
    for record in records:
        yield dict(_json_cells(record))


def _json_cells(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            yield from _json_parent(name, value)
        elif isinstance(value, list):
            raise BatchFailure(f"InvalidBatch : {name} has a list, which is not a valid value")
        elif isinstance(value, bool):
            yield name, str(value).lower()
        else:
            yield name, _NULL if value is None else str(value)


def _json_parent(name: str, parent: dict[str, Any]) -> Iterator[tuple[str, str]]:
    attributes = parent.get("attributes")
    target = attributes.get("type") if isinstance(attributes, dict) else None
    for key, text in _json_cells(parent):
        yield _relation(name, target, key), text


def _read_xml(body: bytes) -> Iterator[dict[str, str]]:
    root = root_of(body)
    if local_name(root) != "sObjects":
        raise BatchFailure("InvalidBatch : An XML batch is an sObjects element")
    for record in root:
        yield dict(_xml_cells(record))


def _xml_cells(record: ET.Element) -> Iterator[tuple[str, str]]:
    for element in record:
        name = local_name(element)
        if len(element):
            yield from _xml_parent(name, element[0])
        elif element.get(_NIL) in ("true", "1"):
            yield name, _NULL
        else:
            yield name, element.text or ""


def _xml_parent(name: str, parent: ET.Element) -> Iterator[tuple[str, str]]:
    """The cells of a parent: its key is in an sObject, with its type for polymorphic lookups."""
    if local_name(parent) != "sObject":
        raise BatchFailure(f"InvalidBatch : {name} must have an sObject that names the parent")
    named = {local_name(element): element.text or "" for element in parent}
    target = named.pop("type", None)
    for key, text in named.items():
        yield _relation(name, target, key), text


def _relation(name: str, target: str | None, key: str) -> str:
    return f"{target}:{name}.{key}" if target else f"{name}.{key}"


def _line_ends(cell: str, ending: str) -> str:
    return cell.replace("\r\n", "\n").replace("\n", ending)

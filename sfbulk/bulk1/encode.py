"""Encodes rows as the bytes of a batch, in CSV, JSON or XML; no I/O.

The cells of a row are those of CSV: empty for a field that is not changed, `#N/A` for one that is
cleared. JSON and XML leave out an empty cell and write `#N/A` as null. A column such as
`Account.Ext__c` or `Contact:Who.Email` names a parent by one of its fields (Bulk API guide:
Relationship Fields).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape

from sfbulk.bulk1.documents import NAMESPACE
from sfbulk.bulk1.states import ContentType
from sfbulk.csvio import MAX_FIELD_CHARACTERS, CsvRows, quote_row
from sfbulk.csvio.cells import NULL
from sfbulk.csvio.encode import encode_text
from sfbulk.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Columns = tuple[str, ...]

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# [type:]relation.field, or a field alone.
_COLUMN = re.compile(r"(?:(?:(?P<type>\w+):)?(?P<relation>[A-Za-z]\w*)\.)?(?P<field>[A-Za-z]\w*)")
# The characters that XML does not allow. Half surrogate pairs are refused by `encode_text`.
_NO_XML = re.compile("[^\t\n\r\x20-\ufffd\U00010000-\U0010ffff]")


class _Json:
    separator = b",\n"
    tail = b"]"

    def group(self, columns: Columns) -> Columns:
        return _parents(columns)

    def head(self, columns: Columns) -> bytes:  # noqa: ARG002 - the signature of a RowEncoder
        return b"["

    def row(self, columns: Columns, cells: Sequence[str], values: Sequence[Any]) -> bytes:
        _check_size(cells)
        fields: dict[str, str] = {}
        parents: dict[str, dict[str, str]] = {}
        for name, cell, value in zip(columns, cells, values, strict=True):
            if not cell:
                continue
            part, token = _part(name), _token(cell, value)
            if part.relation is None:
                fields[part.field] = token
                continue
            parent = parents.setdefault(part.relation, {})
            if part.type is not None:
                # The JSON of the REST API names the object of a record in the same way.
                parent["attributes"] = _object({"type": json.dumps(part.type)})
            parent[part.field] = token
        return encode_text(_object(fields | {name: _object(parents[name]) for name in parents}))


class _Xml:
    separator = b"\n"
    tail = b"</sObjects>"

    def group(self, columns: Columns) -> Columns:
        return _parents(columns)

    def head(self, columns: Columns) -> bytes:  # noqa: ARG002 - the signature of a RowEncoder
        declaration = '<?xml version="1.0" encoding="UTF-8"?>'
        return f'{declaration}<sObjects xmlns="{NAMESPACE}" xmlns:xsi="{_XSI}">'.encode()

    def row(self, columns: Columns, cells: Sequence[str], values: Sequence[Any]) -> bytes:  # noqa: ARG002 - the signature of a RowEncoder
        _check_size(cells)
        elements: list[str] = []
        parents: dict[str, list[str]] = {}
        for name, cell in _given(columns, cells):
            part, element = _part(name), _element(_part(name).field, cell)
            if part.relation is None:
                elements.append(element)
                continue
            parent = parents.setdefault(part.relation, [])
            if part.type is not None and not parent:
                parent.append(_element("type", part.type))
            parent.append(element)
        elements += [
            f"<{name}><sObject>{''.join(inside)}</sObject></{name}>"
            for name, inside in parents.items()
        ]
        return encode_text(f"<sObject>{''.join(elements)}</sObject>")


ENCODERS: Mapping[ContentType, CsvRows | _Json | _Xml] = {
    ContentType.CSV: CsvRows(),
    ContentType.JSON: _Json(),
    ContentType.XML: _Xml(),
}


class _Part(NamedTuple):
    type: str | None
    relation: str | None
    field: str


def _part(column: str) -> _Part:
    match = _COLUMN.fullmatch(column)
    if match is None:
        raise DataError(f"'{column}' is not a valid field name.")
    return _Part(match["type"], match["relation"], match["field"])


def _parents(columns: Columns) -> Columns:
    """The relationship columns: one batch must not have them together with the lookup's column."""
    return tuple(name for name in columns if "." in name)


def _given(columns: Columns, cells: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((name, cell) for name, cell in zip(columns, cells, strict=True) if cell)


def _token(cell: str, value: Any) -> str:
    """A JSON value; a number is written with all its digits."""
    if cell == NULL:
        return "null"
    if isinstance(value, (bool, int, float, Decimal)):
        return cell
    return json.dumps(cell, ensure_ascii=False)


def _object(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in members.items()) + "}"


def _element(name: str, cell: str) -> str:
    if cell == NULL:
        return f'<{name} xsi:nil="true"/>'
    if _NO_XML.search(cell):
        raise DataError(f"{name}: the text has a character that XML does not allow. Use CSV.")
    return f"<{name}>{escape(cell)}</{name}>"


def _check_size(cells: Sequence[str]) -> None:
    if sum(map(len, cells)) > MAX_FIELD_CHARACTERS:
        quote_row(cells)  # Raises the error for a record or field that is too long.

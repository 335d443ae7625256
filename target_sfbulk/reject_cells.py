"""Writes values of records as cells of a spreadsheet, and reads them back exactly.

An empty cell is no value at all, `#N/A` is null, and `json:` begins a value as JSON. Any other
cell is read by the type that the SCHEMA has for the field. A value is written as plain as it can
be: with `json:` only where the plain cell would be read as something else.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sfbulk_singer.numbers import NUMBER
from target_sfbulk.encode import types_of
from target_sfbulk.json_lines import (
    JsonLineError,
    escaped_json_line,
    json_line,
    json_text,
    read_json,
)

NULL = "#N/A"
_JSON = "json:"

_ALL_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array"})
# Spreadsheets change line ends other than LF, and CSV readers refuse a NUL.
_UNSAFE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_ROUNDED = re.compile(r"-?[0-9](?:[.,][0-9]+)?E[+-][0-9]{2,}")
_ERRORS = frozenset(
    {"#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#FIELD!", "#CALC!"}
)


class CellError(ValueError):
    """A cell that cannot be read; the text says why, and never quotes it."""


class Absent:
    """The type of `ABSENT`."""


ABSENT: Final = Absent()
"""What an empty cell is: the record does not have the field."""


def cell_types(schema: Any) -> frozenset[str]:
    """The JSON types that a property of a SCHEMA allows; all of them if it names none."""
    return frozenset(types_of(schema)) - {"null"} or _ALL_TYPES


def write_cell(value: Any, types: frozenset[str]) -> str:
    """The cell of a JSON value.

    Args:
        value: The value.
        types: The `cell_types` of its field.
    """
    if value is None:
        return NULL
    try:
        plain = json_text(value)
        if not _UNSAFE.search(plain) and _is_same(read_cell(plain, types), value):
            return plain
    except (CellError, UnicodeEncodeError):
        pass
    return _JSON + _escaped(value)


def read_cell(cell: str, types: frozenset[str]) -> Any:
    """The JSON value of a cell; `ABSENT` for an empty one.

    Args:
        cell: The cell.
        types: The `cell_types` of its field.

    Raises:
        CellError: It is not JSON after `json:`, or a spreadsheet has lost its value.
    """
    if not cell:
        return ABSENT
    if cell == NULL:
        return None
    if cell.startswith(_JSON):
        return _json(cell.removeprefix(_JSON))
    _require_whole(cell)
    return _by_type(cell, types)


def write_header(name: str) -> str:
    """The header of a record field; never one of `sf__…`, which are not of the record."""
    is_plain = name and not name.startswith(("sf__", _JSON)) and name == name.strip()
    if is_plain and not _UNSAFE.search(name) and "\n" not in name:
        return name
    return _JSON + json.dumps(name)


def read_header(header: str) -> str:
    """The record field of a header.

    Raises:
        CellError: It is not a JSON string after `json:`.
    """
    if not header.startswith(_JSON):
        return header
    name = _json(header.removeprefix(_JSON))
    if not isinstance(name, str):
        raise CellError(f"is not a JSON string after `{_JSON}`")
    return name


def _by_type(cell: str, types: frozenset[str]) -> Any:
    # Spreadsheets write booleans in capitals.
    if "boolean" in types and cell.lower() in {"true", "false"}:
        return cell.lower() == "true"
    is_number = types & {"number", "integer"} and NUMBER.fullmatch(cell)
    begins = {"{": "object", "[": "array"}.get(cell[0])
    if is_number or begins in types:
        try:
            return read_json(cell.encode())
        except (JsonLineError, UnicodeEncodeError):
            return cell
    return cell


def _require_whole(cell: str) -> None:
    if _ROUNDED.fullmatch(cell):
        raise CellError(
            "has a number as a spreadsheet rounds it (such as 1.2E+17), so its digits are lost."
            " Take them from the rejects file, and open the CSV with this column as text"
        )
    if cell in _ERRORS:
        raise CellError(
            "has an error of a spreadsheet, which has taken the text for a formula. Take the text"
            " from the rejects file, and open the CSV with this column as text"
        )


def _json(text: str) -> Any:
    try:
        return read_json(text.encode("utf-8", "surrogatepass"))
    except JsonLineError as error:
        raise CellError(f"{error}, after `{_JSON}`") from None


def _is_same(read: Any, value: Any) -> bool:
    if isinstance(value, str) or isinstance(read, str):
        return type(read) is type(value) and bool(read == value)
    # By their digits: 1.0 and 1 are equal numbers.
    return not isinstance(read, Absent) and json_line(read) == json_line(value)


def _escaped(value: Any) -> str:
    """JSON in which nothing is left that a spreadsheet might change."""
    text = escaped_json_line(value).decode()
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

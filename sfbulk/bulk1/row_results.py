"""Reads the results of a batch of a load, in CSV, JSON or XML; no I/O.

The results have the order in which the rows were sent (Bulk API guide: View Batch Results;
recordings).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.bulk1.states import ContentType
from sfbulk.bulk1.streams import json_records, xml_records
from sfbulk.csvio import decode_rows
from sfbulk.errors import DataError
from sfbulk.http.safe_xml import children, texts
from sfbulk.http.shapes import Shape
from sfbulk.jobs.row_error import RowError, parse_row_error, row_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class RowResult:
    """The result of one row."""

    id: str | None
    """The record's id; usually None for a rejected row, even for an update."""
    success: bool
    created: bool
    """Whether the row created a record; False for an update or delete."""
    errors: tuple[RowError, ...] = ()

    @property
    def error(self) -> RowError | None:
        """Why Salesforce rejected the row: the first of `errors`; there is usually only one."""
        return self.errors[0] if self.errors else None


def read_row_results(content_type: ContentType, chunks: Iterable[bytes]) -> Iterator[RowResult]:
    """The results in a batch's result file.

    Raises:
        DataError: the file is not valid.
    """
    if content_type is ContentType.CSV:
        return map(_from_csv, decode_rows(chunks))
    if content_type is ContentType.JSON:
        return map(_from_json, json_records(chunks))
    return map(_from_xml, xml_records(chunks))


def _from_csv(row: dict[str, str]) -> RowResult:
    text = row.get("Error")
    return RowResult(
        id=row.get("Id") or None,
        success=_truth(row.get("Success")),
        created=_truth(row.get("Created")),
        errors=(parse_row_error(text),) if text else (),
    )


class _Error(msgspec.Struct, rename="camel"):
    """The reason of one error, as JSON has it."""

    status_code: str | None = None
    message: str | None = None
    fields: list[str] | None = None


class _Result(msgspec.Struct):
    """The result of one row, as JSON has it."""

    success: bool
    created: bool
    id: str | None = None
    errors: list[_Error] | None = None


_RESULT = Shape(_Result, strict=False)


def _from_json(row: dict[str, Any]) -> RowResult:
    try:
        result = _RESULT.read(row)
    except ValueError as error:
        raise DataError(f"A result of a batch is JSON in another form: {error}.") from None
    return RowResult(
        id=result.id or None,
        success=result.success,
        created=result.created,
        errors=tuple(
            row_error(error.status_code, error.message, error.fields or ())
            for error in result.errors or ()
        ),
    )


def _from_xml(result: ET.Element) -> RowResult:
    values = texts(result)
    return RowResult(
        id=values.get("id") or None,
        success=_truth(values.get("success")),
        created=_truth(values.get("created")),
        errors=tuple(_xml_error(error) for error in children(result, "errors")),
    )


def _xml_error(error: ET.Element) -> RowError:
    values = texts(error)
    fields = (field.text for field in children(error, "fields") if field.text)
    return row_error(values.get("statusCode"), values.get("message"), fields)


def _truth(value: str | None) -> bool:
    if value is not None and value.lower() in _TRUTH:
        return _TRUTH[value.lower()]
    raise DataError("The results of a batch have a value that must be true or false and is not.")

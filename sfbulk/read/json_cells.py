"""REST records as the CSV cells that Bulk API 2.0 has for the same values. No I/O.

| value | REST (JSON) | Bulk (CSV) |
|---|---|---|
| datetime | `2026-11-23T09:15:00.000+0000` | `2026-11-23T09:15:00.000Z` |
| number | `9.5E8` or `950000000.0` | `9.5E8`: from 1.0E7 on and below 1.0E-3 with an exponent |
| boolean, null | `true`, `null` | `true`, an empty cell |
| field of a parent | in a nested record, or null | a column with its path as its name |
| text, id, date, time | | the same text |
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.describe.paths import field_at
from sfbulk.errors import DataError
from sfbulk.http.json_text import json_decoder, json_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sfbulk.describe.model import SObjectDescribe

    Record = Mapping[str, Any]
    # Whether a field holds datetimes; None if that is not known.
    IsDatetime = Callable[[str], bool | None]

_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?\+0000", re.ASCII)
_WITHOUT_EXPONENT = re.compile(r"-?\d+\.\d+", re.ASCII)
# Java writes doubles with an exponent from 10^7 on and below 10^-3.
_PLAIN_BELOW, _PLAIN_FROM = Decimal(10) ** 7, Decimal(1) / 1000


class _NumberText(str):
    """The digits of a JSON number; text in JSON is of the type `str` itself."""

    __slots__ = ()


_DECODER = json_decoder(_NumberText)


def parse_json(body: bytes) -> Any:
    """A JSON document whose numbers keep their digits; for `RecordCells` only.

    Raises:
        UnusableJsonError: the body is not JSON.
    """
    return json_value(body, _DECODER)


class RecordCells:
    """Takes the cells of some fields out of REST records.

    Args:
        paths: the fields, such as `Name` or `Account.Owner.Name`; their case may differ from
            that of the records.
        is_datetime: whether a field holds datetimes. Where that is not known, the form of a
            value decides.
    """

    def __init__(self, paths: Sequence[str], is_datetime: IsDatetime) -> None:
        self._columns = [(path.split("."), is_datetime(path)) for path in paths]
        self.header = csv_row(paths)

    def row(self, record: Record) -> bytes:
        """The cells of a record as CSV, without a line end.

        Raises:
            DataError: the record lacks a field, or has a value that no cell can hold.
        """
        return csv_row([_cell(_value(record, names), kind) for names, kind in self._columns])


def text_of(record: Record, name: str) -> str | None:
    """The text or the digits of a field; None if it is empty or not in the record.

    Raises:
        DataError: the field has another value.
    """
    value = record.get(name)
    if value is None or isinstance(value, str):
        return value
    raise DataError(f"A record of a REST query has no text in {name}. Run the query again.")


def csv_row(cells: Iterable[str]) -> bytes:
    """A CSV row as Bulk API writes it, without a line end."""
    text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    # Half a surrogate pair has no UTF-8; Java, and so Bulk API, writes a question mark.
    return text.encode("utf-8", "replace")


def datetime_fields(
    sobject: SObjectDescribe, describe: Callable[[str], SObjectDescribe | None]
) -> IsDatetime:
    """Tells which fields of an object and of its parents hold datetimes.

    Args:
        sobject: the object.
        describe: describes a parent; None if that is not possible.
    """

    def is_datetime(path: str) -> bool | None:
        field = field_at(path, sobject, describe)
        return field.type == "datetime" if field else None

    return is_datetime


def _value(record: Record, names: list[str]) -> Any:
    value: Any = record
    for place, name in enumerate(names):
        if value is None:
            # The lookup is empty, so the parent's fields are.
            return None
        try:
            value = value[name]
        except (KeyError, TypeError):
            # A query may spell a field in another case than its answer does.
            names[place] = _spelled(value, name)
            value = value[names[place]]
    return value


def _spelled(record: Any, name: str) -> str:
    if isinstance(record, dict):
        for key in record:
            if key.lower() == name.lower():
                return str(key)
    raise DataError(
        f"A record of a REST query lacks the selected field {name}. Run the query again."
    )


def _cell(value: Any, kind: bool | None) -> str:
    if value is None:
        return ""
    if type(value) is str:
        return value if kind is False else _bulk_datetime(value)
    if isinstance(value, _NumberText):
        return _bulk_number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    raise DataError(
        "A record of a REST query has a compound value, which no CSV cell can hold. Select its "
        "components, such as BillingCity instead of BillingAddress."
    )


def _bulk_datetime(text: str) -> str:
    match = _DATETIME.fullmatch(text)
    return f"{match[1]}{match[2] or '.000'}Z" if match else text


def _bulk_number(text: str) -> str:
    # Whole numbers have no fraction in either API.
    if not _WITHOUT_EXPONENT.fullmatch(text):
        return str(text)
    number = Decimal(text)
    size = abs(number)
    if not number or _PLAIN_FROM <= size < _PLAIN_BELOW:
        return str(text)
    mantissa, _, power = f"{number:E}".partition("E")
    whole, _, digits = mantissa.partition(".")
    return f"{whole}.{digits.rstrip('0') or '0'}E{int(power)}"

"""Field values: text to the stored form, and the stored form to Bulk CSV and REST JSON.

The stored form is the Bulk CSV form, so that a bulk query copies cells without a conversion (forms:
Bulk API guide, Valid Date Format in Records; recorded results). An empty text is null, stored as
None:

    text, ids         the text; e-mail in lower case; ids in 18 characters
    boolean           "true" / "false"
    int, long         an integer
    double and alike  "23456.0", "1.23456789012345678E17": Java's form, every digit kept
    date, time        "2026-11-23", "18:00:00.000Z"
    datetime          "2026-11-23T09:15:00.000Z": UTC, whole seconds
    address, location never stored; read as a JSON list of the stored components

Numbers are text, because SQLite's doubles would lose digits of a number of 18 digits. The collation
DECIMAL of `store` compares them.
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.schema import ids
from sfbulk_sandbox.schema.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk_sandbox.schema.schema import Field

Stored = str | int | None

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(E[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)Z?", re.ASCII)
_DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_TIME = re.compile(r"(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z?", re.ASCII)
_SHOWN_NUMBER = re.compile(r"-?[1-9]\d{0,6}\.(?:0|\d*[1-9])", re.ASCII)
_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}
# Java uses the exponent form from 10^7 and below 10^-3. The largest double is near 10^308.
_PLAIN_FROM, _PLAIN_BELOW, _DOUBLE_ENDS = -3, 7, 308
# SOAP API guide, Field Types: the years of valid dates.
_YEARS = range(1700, 4001)


def parse_cell(field: Field, text: str) -> Stored:
    """The stored form of a value written as text.

    Raises:
        RowError: The text is not valid for the field's type or length (Salesforce's code and text).
    """
    if not text:
        return "false" if field.kind is Kind.BOOLEAN else None
    return parser(field)(text)


def parser(field: Field) -> Callable[[str], Stored]:
    """A function that converts non-empty texts of a field to stored values."""
    if field.kind is Kind.TEXT:
        return _text_parser(field)
    if field.kind is Kind.ID:
        return _id_parser(field)
    parse = _PARSERS[field.kind]

    def typed(text: str) -> Stored:
        try:
            return parse(text)
        except ValueError:
            raise wrong_type(field, text) from None

    return typed


def wrong_type(field: Field, text: str) -> RowError:
    """The error of a text that is not valid for the field's type."""
    return RowError(
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        f"{field.label}: value not of required type: {text}",
        (field.name,),
    )


def _text_parser(field: Field) -> Callable[[str], Stored]:
    # As live tests of CumulusCI show.
    stored = str.lower if field.type == "email" else str
    limit = field.length
    if not limit:
        return stored

    def text_within(text: str) -> Stored:
        if len(text) > limit:
            raise RowError(
                "STRING_TOO_LONG",
                f"{field.label}: data value too large: {text} (max length={limit})",
                (field.name,),
            )
        return stored(text)

    return text_within


def _id_parser(field: Field) -> Callable[[str], Stored]:
    def record_id(text: str) -> Stored:
        if not ids.is_valid(text):
            raise RowError(
                "MALFORMED_ID",
                f"{field.label}: id value of incorrect type: {text}",
                (field.name,),
            )
        return ids.to18(text)

    return record_id


def _boolean(text: str) -> Stored:
    stored = _BOOLEANS.get(text.lower())
    if stored is None:
        raise ValueError(text)
    return stored


def decimal(text: str) -> Decimal:
    """The exact number of a text in plain or exponent form.

    Raises:
        ValueError: The text is not a number, or the number is too large for a double.
    """
    # Decimal would also accept "NaN", "1_000" and digits of other scripts.
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    number = Decimal(text)
    if number and abs(number.adjusted()) > _DOUBLE_ENDS:
        raise ValueError(text)
    return number


def number_text(number: Decimal) -> str:
    """A number in the form of Java's `Double.toString`, but with all digits."""
    if not number:
        return "0.0"
    mantissa, _, power = f"{number.copy_abs():E}".partition("E")
    shown, exponent = mantissa.replace(".", "").rstrip("0"), int(power)
    minus = "-" if number.is_signed() else ""
    if not _PLAIN_FROM <= exponent < _PLAIN_BELOW:
        return f"{minus}{shown[0]}.{shown[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{minus}0.{'0' * (-exponent - 1)}{shown}"
    whole = shown[: exponent + 1].ljust(exponent + 1, "0")
    return f"{minus}{whole}.{shown[exponent + 1 :] or '0'}"


def _number(text: str) -> Stored:
    # Most numbers already have the stored form. The pattern is faster than arithmetic.
    if _SHOWN_NUMBER.fullmatch(text):
        return text
    return number_text(decimal(text))


def _integer(text: str) -> Stored:
    number = decimal(text)
    whole = int(number)
    # SQLite's integers have 64 bits. The range of the field is checked by `rules.cells`.
    if whole != number or not -(2**63) <= whole < 2**63:
        raise ValueError(text)
    return whole


def _date(text: str) -> Stored:
    match = _DATE.fullmatch(text)
    if not match or date.fromisoformat(match[1]).year not in _YEARS:
        raise ValueError(text)
    return match[1]


def _datetime(text: str) -> Stored:
    return instant(text)[: len("2026-11-23T09:15:00")] + ".000Z"


def instant(text: str) -> str:
    """A datetime in UTC with milliseconds, in a form that can be compared with stored datetimes.

    Raises:
        ValueError: The text is not a datetime, or the year is not between 1700 and 4000.
    """
    match = _DATETIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    zone = match[4] or "Z"
    offset = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[-2:]}"
    moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}")
    if moment.year not in _YEARS:
        raise ValueError(text)
    milliseconds = (match[3] or "")[:3].ljust(3, "0")
    return datetime_text(moment).replace(".000Z", f".{milliseconds}Z")


def datetime_text(moment: datetime) -> str:
    """The stored form of an aware datetime: UTC, whole seconds."""
    utc = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="seconds") + ".000Z"


def moment_of(text: str) -> datetime:
    """The datetime of a stored datetime or of its JSON form, in whole seconds."""
    moment = datetime.fromisoformat(text[: len("2026-11-23T09:15:00")])
    # Not parsed as "+00:00": in Python 3.10 a library may have patched the parser, and its UTC is
    # another object.
    return moment.replace(tzinfo=timezone.utc)


def _time(text: str) -> Stored:
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    # fromisoformat() checks the ranges of hour, minute and second.
    seconds = f"{match[1]}:{match[2] or '00'}"
    datetime.fromisoformat(f"2000-01-01T{seconds}")
    return f"{seconds}.{(match[3] or '').ljust(3, '0')}Z"


_PARSERS: dict[Kind, Callable[[str], Stored]] = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIME: _time,
    Kind.BINARY: str,
}


def bulk_text(field: Field, stored: Stored) -> str:  # noqa: ARG001 - the pair of json_value
    """A stored value as a cell of Bulk CSV. Null is the empty text.

    Stored values already have this form, so a row can also be written without this function.
    """
    return "" if stored is None else str(stored)


def json_value(field: Field, stored: Stored) -> Any:
    """A stored value as REST's JSON has it.

    A number is a `Decimal`, so that no digit is lost; `number_text` gives its JSON text. A base64
    field is the base64 text; REST shows a path instead.
    """
    if stored is None:
        return None
    convert = _TO_JSON.get(field.kind)
    if convert is not None:
        return convert(str(stored))
    return _compound(field, str(stored)) if field.kind is Kind.COMPOUND else stored


_TO_JSON: dict[Kind, Callable[[str], Any]] = {
    Kind.BOOLEAN: lambda stored: stored == "true",
    Kind.NUMBER: Decimal,
    Kind.DATETIME: lambda stored: stored.removesuffix("Z") + "+0000",
}


def _compound(field: Field, stored: str) -> dict[str, Any]:
    values = {
        _part_key(field, part): json_value(part, value)
        for part, value in zip(field.parts, json.loads(stored), strict=True)
    }
    return {key: values[key] for key in sorted(values)}


def _part_key(compound: Field, part: Field) -> str:
    """The JSON key of a component: `BillingPostalCode` is `postalCode` in `BillingAddress`."""
    if part.name.endswith("__s"):
        name = part.name.removeprefix(compound.name.removesuffix("c")).removesuffix("__s")
    else:
        name = part.name.removeprefix(compound.name.removesuffix("Address"))
    return name[0].lower() + name[1:]

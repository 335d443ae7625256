"""Brings a value that was sent, and the value in a result, to one form; no I/O.

Results have values as Salesforce stored them. It trims texts, writes e-mail addresses in lower
case and rounds numbers, and more. Different values may have one form, so these forms are used
only for results that match no row otherwise.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from sfbulk.csvio.cells import NULL
from sfbulk.describe.model import FieldDescribe
from sfbulk.normalize import SHORT_ID, normalizer, one_newline

if TYPE_CHECKING:
    from sfbulk.normalize import Normalize

_TRUE, _FALSE = ("1", "true", "yes", "y", "on"), ("", "0", "false", "no", "n", "off")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:E[+-]?[0-9]+)?", re.ASCII)
_TIME = re.compile(r"(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?Z?", re.ASCII)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ].*)?", re.ASCII | re.DOTALL)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.\d+)?)? ?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_NO_ID = "0" * SHORT_ID
_MOST_DIGITS = 20
_UTC_FORM = normalizer(FieldDescribe("", type="datetime"))
_number = normalizer(FieldDescribe("", type="double"))


def stored_form(field: FieldDescribe | None) -> Normalize:
    """A function that brings cells to one form if Salesforce may store them as one value.

    Args:
        field: the field of the column; None if it is not known.
    """
    form = _FORMS.get(field.type if field else "", str)
    if field and form is _number:
        form = _rounded(field.scale if field.type in _FRACTIONS else 0)
    return lambda cell: form("" if cell == NULL else one_newline(cell).strip())


def _truth(text: str) -> str:
    word = text.lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else word


def _values(text: str) -> str:
    return ";".join(sorted({value.strip().casefold() for value in text.split(";")} - {""}))


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    return found[1] if found else text


def _time(text: str) -> str:
    found = _TIME.fullmatch(text)
    return f"{found[1]:0>2}:{found[2]}:{found[3] or '00'}" if found else text


def _instant(text: str) -> str:
    found = _INSTANT.fullmatch(text)
    if found is None:
        return text
    day, time, seconds, zone = found.groups()
    # A datetime without a zone is one of UTC.
    return _UTC_FORM(f"{day}T{time or '00:00'}{seconds or ':00'}{zone or 'Z'}")


def _record_id(text: str) -> str:
    # The characters after the first 15 only repeat which of these are capital letters.
    return "" if text[:SHORT_ID] == _NO_ID else text[:SHORT_ID]


def _rounded(places: int) -> Normalize:
    def form(text: str) -> str:
        number = _number(text)
        # Rounding a number with more digits than a field has would be an error of `decimal`.
        if not _NUMBER.fullmatch(number) or Decimal(number).adjusted() > _MOST_DIGITS - places:
            return number
        return _number(str(Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)))

    return form


_FRACTIONS = ("currency", "double", "percent")
_FORMS: dict[str, Normalize] = {
    "boolean": _truth,
    "currency": _number,
    "date": _day,
    "datetime": _instant,
    "double": _number,
    "email": str.lower,
    "id": _record_id,
    "int": _number,
    "long": _number,
    "multipicklist": _values,
    "percent": _number,
    "picklist": str.casefold,
    "reference": _record_id,
    "time": _time,
}

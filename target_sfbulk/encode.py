"""Encodes a Singer record value as the CSV cell of its Salesforce field, or says why it cannot.

One encoder per field, chosen once by the field's describe type. A value that Salesforce would
store as another (a time that is cut off, a rounded number, a changed text) is refused with a
reason, so that nothing is altered silently. What Salesforce itself rejects with a row error (a
text that is too long, an unknown picklist value) is left to Salesforce.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.normalize import LONG_ID, SHORT_ID, id_checks
from sfbulk_singer.numbers import NUMBER
from target_sfbulk.json_lines import json_text

if TYPE_CHECKING:
    from sfbulk import FieldDescribe

Encode = Callable[[Any], str]

CLEARS_THE_FIELD = "#N/A"
"""Cell that empties a field; an empty cell would leave it alone (Bulk API guide: Valid CSV
Record Rows)."""

REFUSED_TYPES = {
    "address": "send its parts, such as BillingStreet",
    "location": "send its parts, the fields ending in __Latitude__s and __Longitude__s",
    "base64": "Bulk API 2.0 takes no binary data",
    "complexvalue": "Bulk API 2.0 takes no structured data",
}
"""Types that a CSV column cannot have, with what to do instead (Bulk API guide: Prepare CSV
Files)."""

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?)?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?"
    r"(?: ?(?:Z|([+-])(\d\d):?(\d\d)?))?)?",
    re.ASCII | re.IGNORECASE,
)
_IN_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:Z|[+-]00:?00)?", re.ASCII)
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
# More digits than any number in Salesforce has; the digits of a large exponent would fill the
# memory.
_MOST_DIGITS = 40


class UnconvertibleError(ValueError):
    """A value that its Salesforce field cannot hold unaltered; the message never quotes it."""


def encoder_for(field: FieldDescribe) -> Encode:
    """The encoder of a field, by its describe type; an unknown type takes text.

    The encoder gets any JSON value but null and the empty text, and raises
    `UnconvertibleError` for one that does not fit.
    """
    if field.type in {"double", "currency", "percent"}:
        return _number_encoder(field.scale)
    return _BY_TYPE.get(field.type, _text)


def _text(value: Any) -> str:
    if type(value) is not str:
        return json_text(value)
    if value == CLEARS_THE_FIELD:
        raise UnconvertibleError(
            f"the text {CLEARS_THE_FIELD} cannot be stored: Salesforce reads it as null"
        )
    return value


def _choices(value: Any) -> str:
    if not isinstance(value, list):
        return _text(value)
    if any(choice in (None, "") or isinstance(choice, (list, dict)) for choice in value):
        raise UnconvertibleError("a choice is null, empty, a list or an object")
    choices = [_text(choice) for choice in value]
    if any(";" in choice for choice in choices):
        raise UnconvertibleError("a choice contains the separator `;`")
    return ";".join(choices) or CLEARS_THE_FIELD


def _boolean(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower()
    raise UnconvertibleError("it is neither true nor false")


def _integer(value: Any) -> str:
    if type(value) is int:
        return str(value)
    number = _decimal(value)
    if number != number.to_integral_value():
        raise UnconvertibleError("a whole number is needed and it has a fraction")
    return str(int(number))


def _number_encoder(scale: int) -> Encode:
    def encode(value: Any) -> str:
        if type(value) is int:
            return str(value)
        if type(value) is Decimal:
            text = str(value)
            if "E" not in text and len(text.partition(".")[2]) <= scale:
                return text
        number = _decimal(value)
        if -_last_decimal(number) > scale:
            raise UnconvertibleError(
                f"it has more than the field's {scale} decimals, and Salesforce would round it:"
                " round it first"
            )
        return json_text(value)

    return encode


def _decimal(value: Any) -> Decimal:
    # A stream map may have computed a float; its JSON text has the shortest digits that are exact.
    text = value if type(value) is str else json_text(value)
    if not NUMBER.fullmatch(text):
        raise UnconvertibleError("it is not a number")
    number = Decimal(text)
    if number and not -_MOST_DIGITS <= number.adjusted() <= _MOST_DIGITS:
        raise UnconvertibleError("it is outside the range of Salesforce")
    return number


def _last_decimal(number: Decimal) -> int:
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or not number:
        return 0
    trailing = len(digits) - len(bytes(digits).rstrip(b"\0"))
    return exponent + trailing


def _date(value: Any) -> str:
    text = json_text(value)
    found = _DAY.fullmatch(text)
    if found is None:
        if _INSTANT.fullmatch(text):
            raise UnconvertibleError("a date is needed and its time would be cut off")
        raise UnconvertibleError("it is not a date of the form YYYY-MM-DD")
    _calendar(found[1])
    return found[1]


def _datetime(value: Any) -> str:
    # Most values have this form already, and checking it first is three times as fast.
    if isinstance(value, str) and _IN_UTC.fullmatch(value):
        _calendar(value[:-1])
        return value
    found = _INSTANT.fullmatch(json_text(value))
    if found is None:
        raise UnconvertibleError("it is not a date and time of the form YYYY-MM-DDThh:mm:ssZ")
    day, minute, second, fraction, sign, hours, minutes = found.groups()
    _refuse_fraction(fraction)
    instant = _calendar(f"{day}T{minute or '00:00'}:{second or '00'}")
    if sign:
        _calendar(f"2000-01-01T{hours}:{minutes or '00'}")
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        instant = _in_utc(instant, -offset if sign == "+" else offset)
    return f"{instant.isoformat()}.000Z"


def _refuse_fraction(fraction: str | None) -> None:
    # SOAP API guide, Primitive Data Types: a dateTime has a precision of one second;
    # its three decimals are always zeros. A time of day keeps milliseconds.
    if (fraction or "").strip("0"):
        raise UnconvertibleError(
            "Salesforce keeps whole seconds and would cut off the rest: truncate it first"
        )


def _in_utc(instant: datetime, shift: timedelta) -> datetime:
    try:
        return instant + shift
    except OverflowError:
        raise UnconvertibleError("it is outside the range of Salesforce") from None


def _time(value: Any) -> str:
    found = _TIME.fullmatch(json_text(value))
    if found is None:
        raise UnconvertibleError("it is not a time of the form hh:mm:ss in UTC")
    minute, second, fraction = found.groups()
    of_day = f"{minute}:{second or '00'}"
    _calendar(f"2000-01-01T{of_day}")
    return f"{of_day}.{_milliseconds(fraction)}Z"


def _milliseconds(fraction: str | None) -> str:
    fraction = fraction or ""
    if fraction[3:].strip("0"):
        raise UnconvertibleError(
            "Salesforce keeps milliseconds and would cut off the rest: truncate it first"
        )
    return fraction[:3].ljust(3, "0")


def _calendar(text: str) -> datetime:
    # In Python 3.10 fromisoformat reads only the forms that are built here.
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UnconvertibleError("there is no such date or time") from None


def _record_id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise UnconvertibleError("it is not a Salesforce id of 15 or 18 characters")
    if len(value) == LONG_ID and value[SHORT_ID:] != id_checks(value):
        raise UnconvertibleError("it is a Salesforce id with wrong check characters at its end")
    return value


_BY_TYPE: dict[str, Encode] = {
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "id": _record_id,
    "int": _integer,
    "long": _integer,
    "multipicklist": _choices,
    "reference": _record_id,
    "time": _time,
}

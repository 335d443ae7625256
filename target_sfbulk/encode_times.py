"""Encodes dates, datetimes and times in the forms in which databases write them.

A day is never shifted: a date field gets the day as it is written, whatever its time and zone. A
datetime field gets the instant, in UTC; without a zone it is read as UTC. Years are not checked:
Salesforce itself refuses those before 1700 and after 4000.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from target_sfbulk.json_lines import json_text
from target_sfbulk.losses import UnconvertibleError

if TYPE_CHECKING:
    from target_sfbulk.losses import Encode, OnLoss

# XML Schema has dates with a zone, and Salesforce's documentation prints them with a `Z`.
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:Z|[+-][01]\d:[0-5]\d)?", re.ASCII)
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d{8})"
    r"(?:[T ](?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r" ?(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?"
    r"(?::?(?P<seconds>\d\d))?)?|Z)?",
    re.ASCII | re.IGNORECASE,
)
# Most datetimes of warehouses; none of them needs arithmetic.
_IN_UTC = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00(?::?00)?)?", re.ASCII
)
# Some taps read a time as a datetime of the first day of their calendar.
_TIME = re.compile(
    r"(?:(?:(?:0001|1900|1970|2000)-01-01|1899-12-30)[T ])?"
    r"(?P<minute>\d?\d:\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r" ?(?:Z|UTC|GMT|[+-]00(?::?00)?)?",
    re.ASCII | re.IGNORECASE,
)
_LEAP = "60"


def date_encoder(on_loss: OnLoss) -> Encode:
    """The encoder of a date field; a time other than midnight is cut off."""

    def encode(value: Any) -> str:
        text = _written(value)
        if only := _DAY.fullmatch(text):
            text = only[1]
        else:
            found = _INSTANT.fullmatch(text)
            if found is None:
                raise UnconvertibleError("it is not a date of the form YYYY-MM-DD")
            _instant(found)
            if _has_digits(found, "hour", "minute", "second", "fraction"):
                on_loss("a date is needed and its time would be cut off")
            text = _dashed(found["day"])
        _calendar(text)
        return text

    return encode


def datetime_encoder(on_loss: OnLoss) -> Encode:
    """The encoder of a datetime field; fractions of a second are cut off.

    SOAP API guide, Primitive Data Types: a dateTime has a precision of one second; its three
    decimals are always zeros.
    """

    def encode(value: Any) -> str:
        if type(value) is str and (found := _IN_UTC.fullmatch(value)):
            day, clock, fraction = found.groups()
            written = f"{day}T{clock}"
            if _exists(written):
                if fraction and fraction.strip("0"):
                    on_loss(_FRACTION)
                return f"{written}.000Z"
        return _any_datetime(_written(value), on_loss)

    return encode


_FRACTION = "Salesforce keeps whole seconds and would cut off the rest"


def _any_datetime(text: str, on_loss: OnLoss) -> str:
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise UnconvertibleError("it is not a date and time of the form YYYY-MM-DDThh:mm:ssZ")
    instant = _instant(found)
    if found["second"] == _LEAP:
        on_loss("Salesforce has no leap seconds and would store the next second")
    elif _has_digits(found, "fraction"):
        on_loss(_FRACTION)
    return f"{instant.isoformat()}.000Z"


def time_encoder(on_loss: OnLoss) -> Encode:
    """The encoder of a time field, which has milliseconds and no zone; the rest is cut off."""

    def encode(value: Any) -> str:
        found = _TIME.fullmatch(_written(value))
        if found is None:
            raise UnconvertibleError("it is not a time of the form hh:mm:ss in UTC")
        of_day = f"{found['minute']:0>5}:{found['second'] or '00'}"
        _calendar(f"2000-01-01T{of_day}")
        fraction = found["fraction"] or ""
        if fraction[3:].strip("0"):
            on_loss("Salesforce keeps milliseconds and would cut off the rest")
        return f"{of_day}.{fraction[:3]:0<3}Z"

    return encode


def _written(value: Any) -> str:
    """The text of a date or time; the empty text for other values, such as the number 20260304."""
    return json_text(value).strip() if isinstance(value, (str, date, time)) else ""


def _instant(found: re.Match[str]) -> datetime:
    """The instant of a match of `_INSTANT` in UTC: whole seconds, no zone."""
    # ISO 8601 has 24:00:00, the end of a day, and leap seconds; Python has neither.
    ends_day = found["hour"] == "24" and not _has_digits(found, "minute", "second", "fraction")
    leaps = found["second"] == _LEAP
    hour = "00" if ends_day else found["hour"] or "00"
    second = "59" if leaps else found["second"] or "00"
    instant = _calendar(f"{_dashed(found['day'])}T{hour}:{found['minute'] or '00'}:{second}")
    try:
        return instant + timedelta(days=ends_day, seconds=leaps) - _offset(found)
    except OverflowError:
        raise UnconvertibleError("it is outside the range of Salesforce") from None


def _offset(found: re.Match[str]) -> timedelta:
    hours, minutes, seconds = (found[part] or "00" for part in ("hours", "minutes", "seconds"))
    _calendar(f"2000-01-01T{hours}:{minutes}:{seconds}")
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    return -offset if found["sign"] == "-" else offset


def _has_digits(found: re.Match[str], *parts: str) -> bool:
    """Whether these parts are more than zeros."""
    return any((found[part] or "").strip("0") for part in parts)


def _dashed(day: str) -> str:
    return day if "-" in day else f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _calendar(text: str) -> datetime:
    # In Python 3.10 fromisoformat reads only the forms that are built here.
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise UnconvertibleError("there is no such date or time") from None

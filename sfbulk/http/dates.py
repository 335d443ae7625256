"""Reads dates of HTTP headers and of documents; no I/O."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

# Such as "Mon, 23 Nov 2026 10:00:00 GMT" (RFC 9110, 5.6.7); proxies may write a zone in digits.
_HTTP_DATE = re.compile(
    r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9:]{8} (?:[A-Z]{1,5}|[+-][0-9]{4})"
)
# A server whose clock is further off says nothing about the time.
_YEARS = range(1970, 3000)


def http_date(text: str | None) -> datetime | None:
    """The time in a header such as `Date`, aware; None if it is missing or not a date."""
    if not text or not _HTTP_DATE.fullmatch(text):
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.year not in _YEARS:
        return None
    # "-0000" means an unknown time zone; in HTTP all dates are in UTC.
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def document_date(value: Any) -> datetime:
    """A time such as `2015-08-19T08:17:00.000+0000` (recordings), aware, in UTC.

    Raises:
        ValueError: It is not such a text; the error's text does not quote it.
    """
    if not isinstance(value, str):
        raise ValueError("Expected a time, got no text")  # noqa: TRY004 - one error for any other form
    # Python 3.10 can parse neither "Z" nor a zone without a colon.
    text = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", re.sub(r"Z$", "+00:00", value))
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is not None:
            return instant.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("Expected a time, got another text") from None
    raise ValueError("Expected a time with its time zone")

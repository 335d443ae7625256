"""Reads dates of HTTP headers; no I/O."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


def http_date(text: str | None) -> datetime | None:
    """The time in a header such as `Date`, aware; None if it is missing or not a date."""
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # "-0000" means an unknown time zone; in HTTP all dates are in UTC.
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)

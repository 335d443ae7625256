"""Reads dates of HTTP headers and of documents; no I/O."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any


def http_date(text: str | None) -> datetime | None:
    """The time in a header such as `Date`, aware; None if it is missing or not a date."""
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    # "-0000" means an unknown time zone; in HTTP all dates are in UTC.
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)


def document_date(value: Any) -> datetime:
    """A time such as `2015-08-19T08:17:00.000+0000` (recordings), aware, in UTC.

    Raises:
        ValueError: It is not such a text.
    """
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - one error for every other form
    # Python 3.10 can parse neither "Z" nor a zone without a colon.
    text = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", re.sub(r"Z$", "+00:00", value))
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no time zone")
    try:
        return instant.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("not in the years 1 to 9999") from None

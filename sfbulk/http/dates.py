"""Reads dates of HTTP headers; no I/O."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


def http_date(text: str | None) -> datetime | None:
    """The instant of a header such as `Date`, aware; None when it is absent or is none."""
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    # "-0000" says that the zone is unknown; HTTP knows only UTC.
    return date if date.tzinfo else date.replace(tzinfo=timezone.utc)

"""Conditional requests: Last-Modified, ETag and 304 (REST guide: Conditional Requests)."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.schema.schema import Schema


class DescribesChange:
    """When the org's objects last changed.

    As recorded, all describes of an org have the same ETag and the same date.
    """

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self._schema = schema
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = schema.revision
        self._moment = clock.now()

    @property
    def moment(self) -> datetime:
        """The time of the last change."""
        with self._lock:
            if self._schema.revision != self._seen:
                self._seen, self._moment = self._schema.revision, self._clock.now()
            return self._moment

    @property
    def etag(self) -> str:
        """Eight hexadecimal digits in quotes, which change when an object changes."""
        # The revision alone would be the same in orgs with different objects.
        names = ",".join(sobject.name for sobject in self._schema)
        return f'"{zlib.crc32(f"{names} {self._schema.revision}".encode()):08x}"'


def respond_unless_unchanged(
    request: Request,
    changed: datetime,
    answer: Callable[[], Response],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer with its date, or a 304 without a body if the client has this version.

    Args:
        request: May have If-Modified-Since.
        changed: When the resource last changed.
        answer: Makes the answer.
        headers: More headers for both cases.
    """
    dated = {**(headers or {}), "Last-Modified": format_datetime(changed, usegmt=True)}
    since = _date(request.headers.get("if-modified-since", ""))
    # HTTP dates have whole seconds.
    if since and changed.replace(microsecond=0) <= since:
        return Response(status_code=304, headers=dated)
    full = answer()
    full.headers.update(dated)
    return full


def content_etag(body: bytes) -> str:
    """Return the ETag of a record: a hash of its content, as recorded for an Account."""
    return f'"{base64.b64encode(hashlib.sha256(body).digest()).decode()}"'


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # parsedate_to_datetime() returns a naive datetime for the zone -0000.
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)

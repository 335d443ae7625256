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
    """When the org's objects last changed, as every describe says it.

    As recorded, all describes of an org carry one ETag and one date.
    """

    def __init__(self, schema: Schema, clock: Clock) -> None:
        self._schema = schema
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = schema.revision
        self._moment = clock.now()

    @property
    def moment(self) -> datetime:
        """The moment of the last change."""
        with self._lock:
            if self._schema.revision != self._seen:
                self._seen, self._moment = self._schema.revision, self._clock.now()
            return self._moment

    @property
    def etag(self) -> str:
        """Eight hexadecimal digits that change with the objects, quoted."""
        names = ",".join(sobject.name for sobject in self._schema)
        return f'"{zlib.crc32(f"{names} {self._schema.revision}".encode()):08x}"'


def respond_unless_unchanged(
    request: Request,
    changed: datetime,
    answer: Callable[[], Response],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer, dated, or a 304 without a body to those who know it.

    Args:
        request: May have If-Modified-Since.
        changed: When what is asked for last changed.
        answer: Makes the answer.
        headers: More headers for either of the two.
    """
    dated = {**(headers or {}), "Last-Modified": format_datetime(changed, usegmt=True)}
    since = _date(request.headers.get("if-modified-since", ""))
    if since and changed.replace(microsecond=0) <= since:
        return Response(status_code=304, headers=dated)
    full = answer()
    full.headers.update(dated)
    return full


def content_etag(body: bytes) -> str:
    """Return the ETag that a record has: a hash of its content, as recorded of an Account."""
    return f'"{base64.b64encode(hashlib.sha256(body).digest()).decode()}"'


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)

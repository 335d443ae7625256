"""Bounds what is read of one answer, whatever the server sends: bytes, header lines and time.

Every byte of an answer passes here, also those of its status line, headers and chunk sizes. The
HTTP library bounds some of this itself, but neither the bytes nor the time of an answer: a byte a
second never reaches its read timeout.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from email.errors import MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import PoolManager, ProxyManager

    from sfbulk.clock import Clock

# The parser of headers misses the parts of a body that it is not given.
_DEFECTS_OF_BODIES = (StartBoundaryNotFoundDefect, MultipartInvariantViolationDefect)

MAX_LINE_BYTES = 65_536
"""Of the status line, of a header line, and of the line with a chunk's size."""

MAX_HEADER_LINES = 100
"""Lines without any content between them: a status line with its headers."""

PACE_SECONDS = 600.0
"""A document must end so long after its first byte; data must bring `LEAST_DATA_BYTES` each time
that so much time has passed."""

LEAST_DATA_BYTES = 1_000_000
"""In `PACE_SECONDS`: less than the slowest modem brings."""


@dataclass(frozen=True)
class Bounds:
    """How much of one answer is read."""

    most_bytes: int
    """Bytes of the body, before and after it is decompressed."""
    least_bytes: int | None = None
    """Bytes that must arrive in each `PACE_SECONDS`; None: the answer must end in that time."""


DOCUMENT = Bounds(64_000_000)
"""JSON or XML that is kept in memory."""

RECORDS = Bounds(256_000_000, LEAST_DATA_BYTES)
"""Records in a document: a page of a REST query, with up to 2,000 of them."""

DATA = Bounds(10_000_000_000, LEAST_DATA_BYTES)
"""What is written to disk: pages of results and contents of files."""


class BeyondBoundsError(Exception):
    """An answer is beyond a bound; the text says which one, and quotes nothing of the answer."""

    attempts = 1
    """How often such a request is sent at most: a large answer is as large the next time."""
    advice = "Check what answers there in place of Salesforce"


class SlowAnswerError(BeyondBoundsError):
    """An answer takes too long. Another connection may be faster."""

    attempts = 2
    advice = "Check the network between here and there"


class InvalidHeadersError(BeyondBoundsError):
    """A line among the headers is not a header.

    The HTTP library would go on without the headers after it, such as the one that says how the
    body is divided, and log what it does not read.
    """

    attempts = 3


class Meter:
    """Counts what arrives of one answer.

    Args:
        bounds: What may arrive.
        clock: Tells how long it takes.
    """

    def __init__(self, bounds: Bounds, clock: Clock) -> None:
        self._bounds = bounds
        self._clock = clock
        self._bytes = 0
        self._began: float | None = None
        self._bytes_then = 0

    def count(self, arrived: int) -> None:
        """Take the number of bytes that have arrived.

        Raises:
            BeyondBoundsError: There are too many, or they arrive too slowly.
        """
        if not arrived:
            return
        self._bytes += arrived
        self.check_size(self._bytes)
        now = self._clock.monotonic()
        if self._began is None:
            self._began = now
        elif now - self._began >= PACE_SECONDS:
            self._check_pace()
            self._began, self._bytes_then = now, self._bytes

    def check_size(self, size: int) -> None:
        """Check the size of an answer, or of what it is unpacked to, as far as it has arrived.

        Raises:
            BeyondBoundsError: It is too large.
        """
        if size > self._bounds.most_bytes:
            raise BeyondBoundsError(
                f"the answer has more than {self._bounds.most_bytes:,} bytes, the most that is read"
            )

    def _check_pace(self) -> None:
        least, minutes = self._bounds.least_bytes, int(PACE_SECONDS // 60)
        if least is None:
            raise SlowAnswerError(f"the answer has not ended after {minutes} minutes")
        if self._bytes - self._bytes_then < least:
            raise SlowAnswerError(
                f"less than {least:,} bytes of the answer have arrived in {minutes} minutes"
            )


# The HTTP library makes the object that reads an answer, and hands nothing of ours to it.
_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Count with this meter the answers whose reading begins inside the block."""
    before = _METER.set(meter)
    try:
        yield
    finally:
        _METER.reset(before)


class BoundedAdapter(HTTPAdapter):
    """Reads every answer through the meter of its request."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool for direct connections."""
        super().init_poolmanager(*args, **options)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        """The pool for connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        if is_new:
            _bound(manager)
        return manager


def _bound(manager: PoolManager) -> None:
    pools: Mapping[str, Any] = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: _bounded(pool) for name, pool in pools.items()}


def _bounded(pool: Any) -> Any:
    kind = pool.ConnectionCls
    connection = type(kind.__name__, (kind,), {"response_class": _BoundedResponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": connection})


class _BoundedResponse(HTTPResponse):
    """An answer whose bytes are counted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if (meter := _METER.get()) is not None:
            self.fp = _BoundedLines(_Counted(self.fp.detach(), meter))

    def begin(self) -> None:
        """Read status line and headers.

        Raises:
            BeyondBoundsError: They are not valid, too long, or too many.
        """
        super().begin()
        unread = not self.msg.is_multipart() and self.msg.get_payload()
        if unread or not all(isinstance(each, _DEFECTS_OF_BODIES) for each in self.msg.defects):
            raise InvalidHeadersError(
                "the answer has a line among its headers that is not a header"
            )


class _Counted(io.RawIOBase):
    """The bytes of a socket, counted as they arrive."""

    def __init__(self, source: io.RawIOBase, meter: Meter) -> None:
        self._source = source
        self._meter = meter

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read some bytes; 0 at the end."""
        arrived: int | None = self._source.readinto(buffer)
        self._meter.count(arrived or 0)
        return arrived

    def close(self) -> None:
        """Close the socket's file."""
        self._source.close()
        super().close()


class _BoundedLines(io.BufferedReader):
    """Lines of a bounded length, and not endlessly many of them one after the other."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line with its end.

        Raises:
            BeyondBoundsError: It is too long, or there are too many.
        """
        self._lines += 1
        if self._lines > MAX_HEADER_LINES:
            raise BeyondBoundsError(f"the answer has more than {MAX_HEADER_LINES} header lines")
        most = MAX_LINE_BYTES + 1
        line = super().readline(most if size is None or size < 0 else min(size, most))
        if len(line) > MAX_LINE_BYTES:
            raise BeyondBoundsError(
                f"the answer has a header line of more than {MAX_LINE_BYTES:,} bytes"
            )
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes of the body.

        Raises:
            ProtocolError: Their number is negative: that of a chunk may be, and would mean all.
        """
        self._lines = 0
        if size is not None and size < 0:
            raise ProtocolError("a chunk of a negative size")
        return super().read(size)

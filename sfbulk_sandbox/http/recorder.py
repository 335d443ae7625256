"""The outermost layer: records each request, applies the fault script, dates each answer.

It is plain ASGI, because faults work on bytes and connections, not on response objects.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import deque
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.faults.kinds import (
    Answer,
    Closed,
    ConnectionFault,
    Cut,
    Delay,
    Lost,
    Shortened,
    Stalled,
    WrongLength,
)
from sfbulk_sandbox.http.bodies import REST_LIMIT, gunzip
from sfbulk_sandbox.http.responses import JsonResponse
from sfbulk_sandbox.http.spoiled import WholeAnswer, part

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.faults.kinds import RequestFault
    from sfbulk_sandbox.faults.progress import Progress
    from sfbulk_sandbox.http.server import Connections

CONTROL_PREFIX = "/sandbox"
PAGE_PATH = "/"
PAGE_PREFIX = "/page"
# Recorded requests are shown to anybody on the machine, so they must not have session ids.
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-sfdc-session"})
_SECRET_QUERY = frozenset({"oauth_token"})
_HIDDEN = "(hidden)"
_LONGEST_SECONDS = 3600
_SECURITY_HEADERS = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-xss-protection": "1; mode=block",
    "x-robots-tag": "none",
    "cache-control": "no-cache,must-revalidate,max-age=0,no-store,private",
}
# Header names that `title()` would write differently from the guides and recordings.
_SPELLED = {
    name.lower().encode(): name.encode()
    for name in ("ETag", "Sforce-NumberOfRecords", "WWW-Authenticate", "X-XSS-Protection")
}


@dataclass(frozen=True)
class RecordedRequest:
    """One request. `status` is 0 if the connection was closed without an answer.

    Secrets in headers and query are hidden. `body_bytes` and `body_sha256` (hexadecimal) are those
    of the body as sent, compressed or not.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int
    body_bytes: int
    body_sha256: str


class Latency:
    """How many seconds are added to every answer.

    Attributes:
        resets: The number of resets. Requests that were waiting at a reset are not carried out.
    """

    def __init__(self) -> None:
        self.seconds: float = 0
        self.resets = 0

    def reset(self) -> None:
        """Go back to no latency, and drop the requests that are waiting."""
        self.seconds = 0
        self.resets += 1

    def set(self, seconds: float) -> None:
        """Set the seconds; 0 for none.

        Raises:
            ValueError: The number is below zero, or above an hour.
        """
        if not 0 <= seconds <= _LONGEST_SECONDS:
            raise ValueError(f"latency must be 0 to {_LONGEST_SECONDS} seconds, not {seconds}")
        self.seconds = seconds


class Recorder:
    """ASGI middleware around the whole app.

    Args:
        app: The app.
        script: The scripted faults.
        record: Gets every request, except those to the control plane and the page.
        clock: The time of the Date header.
        connections: The open connections, which faults close or write to.
        latency: How much longer an answer takes.
        progress: Starts jobs whose time has passed, before each request.
        apply_fault: Changes the org as a fault says, before the request; gets its headers.
    """

    def __init__(  # noqa: PLR0913 - faults change requests, connections, jobs and the org
        self,
        app: ASGIApp,
        *,
        script: Script,
        record: Callable[[RecordedRequest], None],
        clock: Clock,
        connections: Connections,
        latency: Latency,
        progress: Progress,
        apply_fault: Callable[[RequestFault, Headers], None],
    ) -> None:
        self._app = app
        self._latency = latency
        self._progress = progress
        self._apply_fault = apply_fault
        self._script = script
        self._record = record
        self._clock = clock
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # The sandbox has no websockets.
        if scope["type"] != "http":
            return
        scope["path"] = _normalized(scope["path"])
        # Before the request, so that it sees jobs that ended before it was sent.
        if self._progress.is_timed:
            await run_in_threadpool(self._progress.start_due)
        if _is_ours(scope["path"]):
            exchange = _Exchange(scope, receive, send, self._clock, lambda _request: None)
            await self._app(scope, receive, exchange.send)
            return
        exchange = _Exchange(scope, receive, send, self._clock, self._record)
        if self._latency.seconds and not await self._is_served_after(self._latency.seconds):
            await self._hang_up(exchange)
            return
        await self._answer(exchange, await self._fault(exchange))
        # The client may have closed the connection before the answer started.
        exchange.leave_unanswered()

    async def _is_served_after(self, seconds: float) -> bool:
        """Wait, and return whether there was no reset meanwhile."""
        resets = self._latency.resets
        await run_in_threadpool(self._clock.sleep, seconds)
        return resets == self._latency.resets

    async def _fault(self, exchange: _Exchange) -> RequestFault | None:
        method, path = exchange.scope["method"], exchange.scope["path"]
        body = b""
        if self._script.tests_body(method, path):
            body = _decompressed(exchange.headers, await exchange.read_ahead())
        return self._script.for_request(method, path, exchange.query, exchange.headers, body)

    async def _answer(self, exchange: _Exchange, fault: RequestFault | None) -> None:
        if isinstance(fault, Answer):
            # A client that is still sending would see an early answer as a broken connection.
            await exchange.read_body()
            await _scripted_response(fault)(exchange.scope, exchange.receive, exchange.send)
        elif isinstance(fault, ConnectionFault):
            await self._break_off(exchange, fault)
        elif isinstance(fault, (Shortened, WrongLength, Stalled)):
            await self._spoil(exchange, fault)
        else:
            await self._answer_after(exchange, fault)

    async def _break_off(self, exchange: _Exchange, fault: ConnectionFault) -> None:
        if isinstance(fault, Closed):
            await exchange.read_body(fault.after_bytes)
            exchange.leave_unanswered()
        elif isinstance(fault, Lost):
            await self._app(exchange.scope, exchange.receive, exchange.discard)
        elif isinstance(fault, Cut):
            exchange.cut_after(fault.after_bytes)
            await self._app(exchange.scope, exchange.receive, exchange.send)
        await self._hang_up(exchange, reset=fault.reset)

    async def _spoil(self, exchange: _Exchange, fault: Shortened | WrongLength | Stalled) -> None:
        # Read the whole request first: it is carried out even if the client disconnects.
        await exchange.read_ahead()
        exchange.accept_no_compression()
        answer = WholeAnswer()
        await self._app(exchange.scope, exchange.receive, answer.keep)
        if isinstance(fault, WrongLength):
            await self._send_with_wrong_length(exchange, answer, fault.by)
        elif isinstance(fault, Stalled):
            await self._send_with_pause(exchange, answer, fault)
        else:
            answer.shorten(fault)
            for message in answer.messages():
                await exchange.send(message)

    async def _send_with_wrong_length(
        self, exchange: _Exchange, answer: WholeAnswer, by: int
    ) -> None:
        length = max(0, len(answer.body) + by)
        answer.declare(length)
        await exchange.send(answer.start)
        await exchange.send(part(answer.body[:length]))
        if by > 0:
            await self._hang_up(exchange)
            return
        self._connections.write(exchange.client, answer.body[length:])
        await exchange.send(part(b"", is_last=True))

    async def _send_with_pause(
        self, exchange: _Exchange, answer: WholeAnswer, fault: Stalled
    ) -> None:
        await exchange.send(answer.start)
        await exchange.send(part(answer.body[: fault.after_bytes]))
        if not await self._is_served_after(fault.seconds):
            await self._hang_up(exchange)
            return
        await exchange.send(part(answer.body[fault.after_bytes :], is_last=True))

    async def _answer_after(self, exchange: _Exchange, fault: RequestFault | None) -> None:
        if isinstance(fault, Delay):
            # As in _spoil.
            await exchange.read_ahead()
            if not await self._is_served_after(fault.seconds):
                await self._hang_up(exchange)
                return
        elif fault is not None:
            self._apply_fault(fault, exchange.headers)
        await self._app(exchange.scope, exchange.receive, exchange.send)

    async def _hang_up(self, exchange: _Exchange, *, reset: bool = False) -> None:
        self._connections.disconnect(exchange.client, reset=reset)
        # uvicorn sends its own 500 if the app returns before it has seen the disconnect.
        while (await exchange.receive())["type"] != "http.disconnect":
            pass


class _Exchange:
    """One request and its answer; counts the bytes and records the request."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        clock: Clock,
        record: Callable[[RecordedRequest], None],
    ) -> None:
        self.scope = scope
        self._record = record
        self._receive = receive
        self._send = send
        self._clock = clock
        self._body_bytes = 0
        self._digest = hashlib.sha256()
        self._ahead: deque[Message] = deque()
        self._left: int | None = None
        self._is_recorded = False
        self.headers = Headers(scope=scope)
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1")))

    @property
    def client(self) -> tuple[str, int]:
        """The client's host and port."""
        host, port = self.scope["client"]
        return host, port

    def accept_no_compression(self) -> None:
        """Let the app answer in plain bytes."""
        self.scope["headers"] = [
            (name, value) for name, value in self.scope["headers"] if name != b"accept-encoding"
        ]

    def cut_after(self, size: int) -> None:
        """Send only this many bytes of the answer's body."""
        self._left = size

    async def receive(self) -> Message:
        """Return the next part of the request."""
        return self._ahead.popleft() if self._ahead else await self._arrived()

    async def _arrived(self) -> Message:
        message = await self._receive()
        part = message.get("body", b"")
        self._body_bytes += len(part)
        self._digest.update(part)
        return message

    async def read_ahead(self) -> bytes:
        """Return the whole body; `receive` still returns it afterwards."""
        more = True
        while more:
            message = await self._arrived()
            self._ahead.append(message)
            more = message.get("more_body", False)
        return b"".join(message.get("body", b"") for message in self._ahead)

    async def read_body(self, most: float = math.inf) -> None:
        """Read the body, or the first `most` bytes of it."""
        more = True
        while more and self._body_bytes < most:
            more = (await self.receive()).get("more_body", False)

    def leave_unanswered(self) -> None:
        """Record the request as unanswered, unless its answer has started."""
        if not self._is_recorded:
            self._keep(status=0)

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            # Before the answer is sent: the client may ask for the list of requests at once.
            self._keep(message["status"])
            self._stamp(message)
        elif self._left is not None:
            message = self._shortened(message)
        await self._send(message)

    async def discard(self, message: Message) -> None:
        """Drop a part of the answer."""
        if message["type"] == "http.response.start":
            self.leave_unanswered()

    def _keep(self, status: int) -> None:
        self._is_recorded = True
        self._record(self._recorded(status))

    def _recorded(self, status: int) -> RecordedRequest:
        headers = {
            name: _HIDDEN if name in _SECRET_HEADERS else value
            for name, value in self.headers.items()
        }
        return RecordedRequest(
            method=self.scope["method"],
            path=self.scope["path"],
            query={
                name: _HIDDEN if name in _SECRET_QUERY else value
                for name, value in self.query.items()
            },
            headers=headers,
            status=status,
            body_bytes=self._body_bytes,
            body_sha256=self._digest.hexdigest(),
        )

    def _stamp(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("date", format_datetime(self._clock.now(), usegmt=True))
        # ASGI writes names in lower case; some clients look for Salesforce's spelling.
        message["headers"] = [(_header_name(name), value) for name, value in message["headers"]]

    def _shortened(self, message: Message) -> Message:
        body = message.get("body", b"")[: self._left]
        self._left = (self._left or 0) - len(body)
        # The end of the body is never sent: the connection closes instead.
        return {"type": message["type"], "body": body, "more_body": True}


def _decompressed(headers: Headers, body: bytes) -> bytes:
    if headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        return gunzip(body, REST_LIMIT.most)
    except Fault:
        return body


def _scripted_response(fault: Answer) -> Response:
    if fault.body is None or isinstance(fault.body, str):
        return Response(fault.encoded(), status_code=fault.status, headers=fault.headers)
    answer = JsonResponse(fault.body, status_code=fault.status)
    answer.headers.update(fault.headers)
    return answer


def _header_name(name: bytes) -> bytes:
    """Return a header name in Salesforce's spelling."""
    return _SPELLED.get(name) or name.title()


def _is_ours(path: str) -> bool:
    """Return whether a path is not Salesforce's, but of the control plane or of the page."""
    return path == PAGE_PATH or path.lower().startswith((CONTROL_PREFIX, f"{PAGE_PREFIX}/"))


def _normalized(path: str) -> str:
    """Return the path with one leading slash and none at the end."""
    return "/" + re.sub(r"^/+|/+$", "", path)

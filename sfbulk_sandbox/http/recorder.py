"""The outermost layer: records each call, applies the script of faults, dates each answer.

It is plain ASGI, because a fault here works on bytes and connections and not on answers.
"""

from __future__ import annotations

import gzip
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

from sfbulk_sandbox.faults.kinds import Answer, Closed, Cut, Delay, Lost
from sfbulk_sandbox.http.responses import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.faults.kinds import RequestFault
    from sfbulk_sandbox.faults.progress import Progress

CONTROL_PREFIX = "/sandbox"
PAGE_PATH = "/"
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
# Names whose parts do not just begin with a capital, as the guides and recordings write them.
_SPELLED = {
    name.lower().encode(): name.encode()
    for name in ("ETag", "Sforce-NumberOfRecords", "WWW-Authenticate", "X-XSS-Protection")
}


@dataclass(frozen=True)
class RecordedRequest:
    """One call that was made. `status` is 0 when the connection was closed without an answer.

    Secrets in headers and query are hidden; `body_bytes` and `body_sha256` (in hexadecimal) are
    those of the body as it was sent, compressed or not.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int
    body_bytes: int
    body_sha256: str


class Latency:
    """How many seconds every answer takes longer than its work.

    Attributes:
        resets: Counts resets, after which calls that wait are not of this org any more.
    """

    def __init__(self) -> None:
        self.seconds: float = 0
        self.resets = 0

    def reset(self) -> None:
        """Go back to no latency, and let no call that waits be served."""
        self.seconds = 0
        self.resets += 1

    def set(self, seconds: float) -> None:
        """Set the seconds; 0 for none.

        Raises:
            ValueError: The number is below zero, or above an hour.
        """
        if not 0 <= seconds <= _LONGEST_SECONDS:
            raise ValueError(f"latency is 0 to {_LONGEST_SECONDS} seconds, not {seconds}")
        self.seconds = seconds


class Recorder:
    """ASGI middleware around the whole app.

    Args:
        app: What answers.
        script: The faults.
        record: Receives every call that is to neither control plane nor page, when it is over.
        clock: Where Date comes from.
        disconnect: Closes the connection of a client's (host, port).
        latency: How long an answer takes.
        progress: Told of each call, since a job's time may have come.
        befall: Does to the org what a fault says, before the call; given its headers.
    """

    def __init__(  # noqa: PLR0913 - it is where the faults meet what they strike
        self,
        app: ASGIApp,
        *,
        script: Script,
        record: Callable[[RecordedRequest], None],
        clock: Clock,
        disconnect: Callable[[tuple[str, int]], None],
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
        self._disconnect = disconnect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        scope["path"] = _normalized(scope["path"])
        if self._progress.is_timed:
            await run_in_threadpool(self._progress.start_due)
        if scope["path"] == PAGE_PATH or scope["path"].startswith(CONTROL_PREFIX):
            exchange = _Exchange(scope, receive, send, self._clock, lambda _request: None)
            await self._app(scope, receive, exchange.send)
            return
        exchange = _Exchange(scope, receive, send, self._clock, self._record)
        if self._latency.seconds and not await self._is_served_after(self._latency.seconds):
            await self._hang_up(exchange)
            return
        await self._answer(exchange, await self._fault(exchange))
        # The client may have hung up before its answer began.
        exchange.leave_unanswered()

    async def _is_served_after(self, seconds: float) -> bool:
        """Wait, and tell whether the org is still the one that was called."""
        resets = self._latency.resets
        await run_in_threadpool(self._clock.sleep, seconds)
        return resets == self._latency.resets

    async def _fault(self, exchange: _Exchange) -> RequestFault | None:
        method, path = exchange.scope["method"], exchange.scope["path"]
        body = b""
        if self._script.asks_for_body(method, path):
            body = _decompressed(exchange.headers, await exchange.read_ahead())
        return self._script.for_request(method, path, exchange.query, exchange.headers, body)

    async def _answer(self, exchange: _Exchange, fault: RequestFault | None) -> None:
        if isinstance(fault, Answer):
            await exchange.read_body()
            await _scripted_response(fault)(exchange.scope, exchange.receive, exchange.send)
        elif isinstance(fault, Closed):
            await exchange.read_body(fault.after_bytes)
            exchange.leave_unanswered()
            await self._hang_up(exchange)
        elif isinstance(fault, Lost):
            await self._app(exchange.scope, exchange.receive, exchange.discard)
            await self._hang_up(exchange)
        elif isinstance(fault, Cut):
            exchange.cut_after(fault.after_bytes)
            await self._app(exchange.scope, exchange.receive, exchange.send)
            await self._hang_up(exchange)
        else:
            await self._answer_after(exchange, fault)

    async def _answer_after(self, exchange: _Exchange, fault: RequestFault | None) -> None:
        if isinstance(fault, Delay):
            # The whole request first: a client that hangs up meanwhile does not take it back.
            await exchange.read_ahead()
            if not await self._is_served_after(fault.seconds):
                await self._hang_up(exchange)
                return
        elif fault is not None:
            self._apply_fault(fault, exchange.headers)
        await self._app(exchange.scope, exchange.receive, exchange.send)

    async def _hang_up(self, exchange: _Exchange) -> None:
        host, port = exchange.scope["client"]
        self._disconnect((host, port))
        # The server sends an error of its own unless it has seen the connection close.
        while (await exchange.receive())["type"] != "http.disconnect":
            pass


class _Exchange:
    """One call and its answer on their way through, counted."""

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

    def cut_after(self, size: int) -> None:
        """Let only so many bytes of the body through."""
        self._left = size

    async def receive(self) -> Message:
        """Hand on a part of the request."""
        return self._ahead.popleft() if self._ahead else await self._arrived()

    async def _arrived(self) -> Message:
        message = await self._receive()
        part = message.get("body", b"")
        self._body_bytes += len(part)
        self._digest.update(part)
        return message

    async def read_ahead(self) -> bytes:
        """Return the whole body, which `receive` still hands on afterwards."""
        more = True
        while more:
            message = await self._arrived()
            self._ahead.append(message)
            more = message.get("more_body", False)
        return b"".join(message.get("body", b"") for message in self._ahead)

    async def read_body(self, most: float = math.inf) -> None:
        """Take the request, as a server that answers it must, or so many bytes of its body."""
        more = True
        while more and self._body_bytes < most:
            more = (await self.receive()).get("more_body", False)

    def leave_unanswered(self) -> None:
        """Keep the call as one that gets no answer, unless it has got one."""
        if not self._is_recorded:
            self._keep(status=0)

    async def send(self, message: Message) -> None:
        """Hand on a part of the answer."""
        if message["type"] == "http.response.start":
            # Before the client can know the answer: it may ask for the list at once.
            self._keep(message["status"])
            self._stamp(message)
        elif self._left is not None:
            message = self._shortened(message)
        await self._send(message)

    async def discard(self, message: Message) -> None:
        """Take a part of the answer and tell nobody."""
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
        # ASGI has names in lower case; there are clients that look for Salesforce's spelling.
        message["headers"] = [
            (_as_salesforce_writes(name), value) for name, value in message["headers"]
        ]

    def _shortened(self, message: Message) -> Message:
        body = message.get("body", b"")[: self._left]
        self._left = (self._left or 0) - len(body)
        # The end is never announced: the connection closes instead.
        return {"type": message["type"], "body": body, "more_body": True}


def _decompressed(headers: Headers, body: bytes) -> bytes:
    if headers.get("content-encoding", "").lower() != "gzip":
        return body
    try:
        return gzip.decompress(body)
    except (OSError, EOFError):
        return body


def _scripted_response(fault: Answer) -> Response:
    if fault.body is None or isinstance(fault.body, str):
        return Response(fault.body, status_code=fault.status, headers=fault.headers)
    answer = JsonResponse(fault.body, status_code=fault.status)
    answer.headers.update(fault.headers)
    return answer


def _as_salesforce_writes(name: bytes) -> bytes:
    """Return a header's name as Salesforce writes it."""
    return _SPELLED.get(name) or name.title()


def _normalized(path: str) -> str:
    """Return the path as routes know it: one leading slash and none at the end."""
    return "/" + re.sub(r"^/+|/+$", "", path)

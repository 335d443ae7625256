"""The outermost layer: records each call, applies the script of faults, dates each answer.

It is plain ASGI, because a fault here works on bytes and connections and not on answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from sfbulk_sandbox.answers import JsonAnswer
from sfbulk_sandbox.script import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.script import Script, ScriptedFault

CONTROL_PREFIX = "/sandbox"
PAGE_PATH = "/"
_SECRET_HEADERS = frozenset({"authorization", "cookie", "x-sfdc-session"})
_SECRET_QUERY = frozenset({"oauth_token"})
_HIDDEN = "(hidden)"
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

    Secrets in headers and query are hidden; `body_bytes` counts the body as it was sent.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int
    body_bytes: int


class Wire:
    """ASGI middleware around the whole app.

    Args:
        app: What answers.
        script: The faults.
        record: Receives every call that is to neither control plane nor page, when it is over.
        clock: Where Date comes from.
        disconnect: Closes the connection of a client's (host, port).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        script: Script,
        record: Callable[[RecordedRequest], None],
        clock: Clock,
        disconnect: Callable[[tuple[str, int]], None],
    ) -> None:
        self._app = app
        self._script = script
        self._record = record
        self._clock = clock
        self._disconnect = disconnect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        scope["path"] = _tidy(scope["path"])
        if scope["path"] == PAGE_PATH or scope["path"].startswith(CONTROL_PREFIX):
            exchange = _Exchange(scope, receive, send, self._clock, lambda _request: None)
            await self._app(scope, receive, exchange.send)
            return
        exchange = _Exchange(scope, receive, send, self._clock, self._record)
        await self._answer(exchange, self._script.for_call(scope["method"], scope["path"]))

    async def _answer(self, exchange: _Exchange, fault: ScriptedFault | None) -> None:
        if fault is None:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        elif fault.kind is FaultKind.ANSWER:
            await exchange.read_body()
            await _scripted(fault)(exchange.scope, exchange.receive, exchange.send)
        elif fault.kind is FaultKind.DELAY:
            await run_in_threadpool(self._clock.sleep, fault.seconds)
            await self._app(exchange.scope, exchange.receive, exchange.send)
        elif fault.kind is FaultKind.LOST:
            await self._app(exchange.scope, exchange.receive, exchange.swallow)
            await self._hang_up(exchange)
        else:
            exchange.cut_after(fault.after_bytes)
            await self._app(exchange.scope, exchange.receive, exchange.send)
            await self._hang_up(exchange)

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
        self._left: int | None = None

    def cut_after(self, size: int) -> None:
        """Let only so many bytes of the body through."""
        self._left = size

    async def receive(self) -> Message:
        """Hand on a part of the request."""
        message = await self._receive()
        self._body_bytes += len(message.get("body", b""))
        return message

    async def read_body(self) -> None:
        """Take the whole request, as a server that answers it must."""
        while (await self.receive()).get("more_body"):
            pass

    async def send(self, message: Message) -> None:
        """Hand on a part of the answer."""
        if message["type"] == "http.response.start":
            # Before the client can know the answer: it may ask for the list at once.
            self._record(self._recorded(message["status"]))
            self._stamp(message)
        elif self._left is not None:
            message = self._shortened(message)
        await self._send(message)

    async def swallow(self, message: Message) -> None:
        """Take a part of the answer and tell nobody."""
        if message["type"] == "http.response.start":
            self._record(self._recorded(status=0))

    def _recorded(self, status: int) -> RecordedRequest:
        headers = {
            name: _HIDDEN if name in _SECRET_HEADERS else value
            for name, value in Headers(scope=self.scope).items()
        }
        query = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        return RecordedRequest(
            method=self.scope["method"],
            path=self.scope["path"],
            query={name: _HIDDEN if name in _SECRET_QUERY else query[name] for name in query},
            headers=headers,
            status=status,
            body_bytes=self._body_bytes,
        )

    def _stamp(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("date", format_datetime(self._clock.now(), usegmt=True))
        # ASGI has names in lower case; there are clients that look for Salesforce's spelling.
        message["headers"] = [(_spelled(name), value) for name, value in message["headers"]]

    def _shortened(self, message: Message) -> Message:
        body = message.get("body", b"")[: self._left]
        self._left = (self._left or 0) - len(body)
        # The end is never announced: the connection closes instead.
        return {"type": message["type"], "body": body, "more_body": True}


def _scripted(fault: ScriptedFault) -> Response:
    if fault.body is None or isinstance(fault.body, str):
        return Response(fault.body, status_code=fault.status, headers=fault.headers)
    answer = JsonAnswer(fault.body, status_code=fault.status)
    answer.headers.update(fault.headers)
    return answer


def _spelled(name: bytes) -> bytes:
    """Return a header's name as Salesforce writes it."""
    return _SPELLED.get(name) or name.title()


def _tidy(path: str) -> str:
    """Return the path as routes know it: one leading slash and none at the end."""
    return "/" + re.sub(r"^/+|/+$", "", path)

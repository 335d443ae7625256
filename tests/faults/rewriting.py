"""A server between a command and a sandbox: it changes single answers, and acts at single requests.

A sandbox's own faults replace whole answers. Much of Salesforce's trouble is one wrong value in an
answer that is right otherwise, or what someone else does between two requests.
"""

from __future__ import annotations

import json
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk_sandbox import Sandbox

# Not for the next hop, or counted anew.
_LEFT_OUT = {"connection", "host", "accept-encoding", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class Answer:
    """An answer on its way to the command."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """Its JSON document."""
        return json.loads(self.body)

    def with_text(self, change: Callable[[str], str]) -> Answer:
        """The answer with another body."""
        return replace(self, body=change(self.body.decode()).encode())

    def with_json(self, **values: Any) -> Answer:
        """The answer with other values in its JSON object; what is None is left out."""
        document = json.loads(self.body) | values
        return replace(
            self, body=json.dumps({k: v for k, v in document.items() if v is not None}).encode()
        )

    def with_headers(self, **values: str) -> Answer:
        """The answer with other headers, by their names with `_` for `-`."""
        names = {name.replace("_", "-").lower(): value for name, value in values.items()}
        return replace(self, headers={**self.headers, **names})


@dataclass
class Edit:
    """What happens to the answers of some requests.

    Attributes:
        method: A glob.
        path: A glob of the path.
        change: Makes the answer that the command gets.
        before: What happens before the request is passed on, given its path.
        after: What happens before its answer is.
        skip: How many of them are passed over first.
        times: Of how many it happens; None for all.
        struck: Of how many it has happened.
    """

    method: str = "*"
    path: str = "*"
    change: Callable[[Answer], Answer] | None = None
    before: Callable[[str], object] | None = None
    after: Callable[[str], object] | None = None
    skip: int = 0
    times: int | None = 1
    struck: int = field(default=0, init=False)

    def given(self) -> dict[str, Any]:
        """What it was made of, for another one that has not happened yet."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def takes(self, method: str, path: str) -> bool:
        """Whether it is for this request, which is counted."""
        if not (fnmatchcase(method, self.method) and fnmatchcase(path, self.path)):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.struck += 1
        return self.times is None or self.struck <= self.times


class Rewriting(LoopbackServer):
    """Passes requests on to a sandbox, and changes answers on their way back.

    Args:
        sandbox: Where requests go. Its address in JSON answers becomes that of this server.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.edits: list[Edit] = []
        self._lock = threading.Lock()
        super().__init__(_handler(self))

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request, as the command gets it."""
        path = urlsplit(target).path
        with self._lock:
            edits = [edit for edit in self.edits if edit.takes(method, path)]
        for edit in edits:
            if edit.before:
                edit.before(path)
        answer = self._passed_on(method, target, headers, body)
        for edit in edits:
            if edit.after:
                edit.after(path)
            if edit.change:
                answer = edit.change(answer)
        return answer

    def _passed_on(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        address = urlsplit(self.sandbox.url).netloc
        passed = {name: it for name, it in headers.items() if name.lower() not in _LEFT_OUT}
        with closing(HTTPConnection(address, timeout=60)) as connection:
            connection.request(method, target, body or None, passed)
            reply = connection.getresponse()
            found = {name.lower(): it for name, it in reply.getheaders()}
            kept = {name: it for name, it in found.items() if name not in _LEFT_OUT}
            text = reply.read()
        if "json" in kept.get("content-type", ""):
            text = text.replace(self.sandbox.url.encode(), self.url.encode())
        return Answer(reply.status, text, kept)


def _handler(server: Rewriting) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            try:
                answer = server.answer(
                    self.command, self.path, dict(self.headers.items()), self._body()
                )
            except (HTTPException, OSError):
                self.close_connection = True
                return
            self._write(answer)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _write(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    return Handler

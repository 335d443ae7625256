"""A server that answers from a script, with answers that the sandbox never sends."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from itertools import repeat
from typing import TYPE_CHECKING, Any

from tests.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from io import BufferedIOBase


@dataclass(frozen=True)
class Answer:
    """One answer; `cut` closes the connection after that many bytes of the body.

    An `endless` one sends its body again and again until the client has gone.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    endless: bool = False
    pieces: Callable[[], Iterable[bytes]] | None = None
    """All bytes of the answer, its status line too, one after the other until the client has gone;
    the connection is then closed."""


DROP = Answer(status=0)
"""Close the connection without a word."""


def as_json(document: Any, status: int = 200, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status, json.dumps(document).encode(), {"Content-Type": "application/json"} | names
    )


def error(status: int, code: str, message: str = "no luck", **headers: str) -> Answer:
    return as_json([{"errorCode": code, "message": message}], status, **headers)


@dataclass(frozen=True)
class Seen:
    """A request as it was received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


class ScriptedServer(LoopbackServer):
    """Answers each request with the next line of the script; one too many gets a 418."""

    def __init__(self, script: Iterable[Answer] = ()) -> None:
        self.script = deque(script)
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        super().__init__(self._handler())

    @property
    def lines(self) -> list[str]:
        return [seen.line for seen in self.seen]

    def answer(self, seen: Seen) -> Answer:
        with self._lock:
            self.seen.append(seen)
            return self.script.popleft() if self.script else Answer(418, b"not in the script")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline()
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen = Seen(self.command, self.path, dict(self.headers.items()), body)
                self._write(server.answer(seen))

            def _write(self, answer: Answer) -> None:
                if answer is DROP:
                    self.close_connection = True
                    return
                if answer.pieces:
                    self.close_connection = True
                    _write_all(self.wfile, answer.pieces())
                    return
                self.send_response_only(answer.status)
                if "Date" not in answer.headers:
                    self.send_header("Date", self.date_time_string())
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header(
                    "Content-Length", str(len(answer.body) * (10**9 if answer.endless else 1))
                )
                self.end_headers()
                if answer.endless:
                    _write_all(self.wfile, repeat(answer.body))
                self.wfile.write(answer.body[: answer.cut])
                self.close_connection = self.close_connection or answer.cut is not None

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        return Handler


def _write_all(file: BufferedIOBase, pieces: Iterable[bytes]) -> None:
    """Write until the client has gone."""
    with suppress(OSError):
        file.writelines(pieces)


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=timezone.utc)

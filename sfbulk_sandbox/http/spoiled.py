"""Answers that a fault spoils: without their end, with a wrong length, or with a pause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message

    from sfbulk_sandbox.faults.kinds import Shortened

_LENGTH = "content-length"


@dataclass
class WholeAnswer:
    """Keeps an answer back until all of it is there."""

    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def keep(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")

    def shorten(self, fault: Shortened) -> None:
        """Remove the end of the body; a Content-Length agrees with what is left."""
        lines = self.body.splitlines(keepends=True)
        kept = b"".join(lines[: max(0, len(lines) - fault.lines)])
        self.body = kept[: max(0, len(kept) - fault.bytes)]
        if _LENGTH in MutableHeaders(scope=self.start):
            self.declare(len(self.body))

    def declare(self, length: int) -> None:
        """Set the Content-Length."""
        MutableHeaders(scope=self.start)[_LENGTH] = str(length)

    def messages(self) -> Iterator[Message]:
        """Return the whole answer as messages."""
        yield self.start
        yield part(self.body, is_last=True)


def part(body: bytes, *, is_last: bool = False) -> Message:
    """Return a part of a body as a message."""
    return {"type": "http.response.body", "body": body, "more_body": not is_last}

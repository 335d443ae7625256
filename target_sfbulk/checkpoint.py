"""Keeps STATE messages until the outcome of every record before them is known."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A tap may write a STATE after each record, and a job take minutes.
_MOST_BYTES = 16 * 1024 * 1024
_MESSAGE_BYTES = 200
"""What a STATE needs beside its value."""


@dataclass(frozen=True)
class Checkpoint:
    """One STATE message.

    Attributes:
        number: Its number among the STATE messages of the input, from 1.
        line: The number of its line.
        after: The number of the last record before it.
        value: Its value, as it came.
    """

    number: int
    line: int
    after: int
    value: bytes

    def __str__(self) -> str:
        return f"STATE {self.number} (line {self.line} of the input)"


class Checkpoints:
    """The STATE messages that wait.

    Of those that can leave at the same time, only the last one does: a STATE replaces the one
    before. What waits stays within 16 MB, beside the last STATE: if it is more, every second one
    is left out, so that STATE leaves less often but still in order.
    """

    def __init__(self) -> None:
        self._waiting: deque[Checkpoint] = deque()
        self.waiting_bytes = 0
        """What the STATE messages that wait have."""
        self._read = 0
        self.newest: Checkpoint | None = None
        """The STATE that was read last."""
        self.left: Checkpoint | None = None
        """The STATE that was written last; the caller sets it."""

    def add(self, value: bytes, *, line: int, after: int) -> None:
        """Keep a STATE that may leave when the records up to number `after` are settled."""
        self._read += 1
        # Nothing is between them, so they would leave together.
        if self._waiting and self._waiting[-1].after == after:
            self.waiting_bytes -= _size(self._waiting.pop())
        self.newest = Checkpoint(self._read, line, after, value)
        self._waiting.append(self.newest)
        self.waiting_bytes += _size(self.newest)
        if self.waiting_bytes > _MOST_BYTES:
            self._thin_out()

    def due(self, settled_to: float) -> Checkpoint | None:
        """The STATE to write now, since every record up to this number is settled."""
        last = None
        while self._waiting and self._waiting[0].after <= settled_to:
            last = self._waiting.popleft()
            self.waiting_bytes -= _size(last)
        return last

    @property
    def covered(self) -> int:
        """The number of the last record that a STATE covers which was read."""
        return self.newest.after if self.newest else 0

    def position(self, taken: int, *, pending: int, unsent: int) -> str:
        """A text for the log: which STATE was written last, and what became of later records.

        Args:
            taken: How many records were read.
            pending: How many of them were sent and have no outcome.
            unsent: How many were not sent.
        """
        last = f"{self.left} was the last one written" if self.left else "No STATE was written"
        later = taken - (self.left.after if self.left else 0)
        parts = (
            (later - pending - unsent, "loaded or in a rejects file"),
            (unsent, "not sent"),
            (pending, "without an outcome: they may or may not be in Salesforce"),
        )
        told = ", ".join(f"{count} are {what}" for count, what in parts if count)
        what = f"{later} records{' after it' if self.left else ''}"
        return f"{last}. Of {what}, {told}." if told else f"{last}."

    def _thin_out(self) -> None:
        self._waiting = deque(self._every_second())
        self.waiting_bytes = sum(map(_size, self._waiting))

    def _every_second(self) -> Iterator[Checkpoint]:
        kept = len(self._waiting) % 2
        for at, checkpoint in enumerate(self._waiting, start=1):
            # The last one is always kept.
            if at % 2 == kept:
                yield checkpoint


def _size(checkpoint: Checkpoint) -> int:
    return len(checkpoint.value) + _MESSAGE_BYTES


def write_state(value: bytes) -> None:
    """Write the value of a STATE as a line to standard output, at once.

    Raises:
        OSError: It cannot be written.
    """
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        # Standard output is a text in memory, as in the SDK's tests.
        sys.stdout.write(f"{value.decode()}\n")
        return
    try:
        sys.stdout.flush()
        # As bytes: the value is UTF-8 whatever the locale's encoding is.
        buffer.write(value + b"\n")
        buffer.flush()
    except OSError as error:
        # The error of a full disk does not say what could not be written.
        raise OSError(error.errno, error.strerror, "standard output") from error

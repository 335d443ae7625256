"""Reads the lines of the input, and lets the jobs be polled while no line has arrived.

Everything runs in one thread: the loading engine is not made for several, and a thread that waits
in a read cannot be ended. So the wait is `poll`, which a signal interrupts, and the blocks are
read without Python's own buffer, of which `poll` knows nothing.
"""

from __future__ import annotations

import io
import os
import select
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LINE_BYTES = 256_000_000
"""Bytes of a line that is read: a hundred times what Salesforce accepts in a record, with each of
its characters written as an escape."""

_BLOCK_BYTES = 256 * 1024


class LongLineError(Exception):
    """A line is longer than any that can be loaded."""

    def __init__(self) -> None:
        super().__init__(f"it has more than {MAX_LINE_BYTES:,} bytes")


def input_lines(
    file: IO[bytes], while_waiting: Callable[[], float | None] = lambda: None
) -> Iterator[bytes]:
    """The lines of a file, without their line feeds.

    A line is only taken when the one before was used, so a slow target slows its tap.

    Args:
        file: Opened in binary mode, and not read before.
        while_waiting: Called when no input is there; returns after how many seconds it must be
            called again if there still is none, or None for never.

    Raises:
        LongLineError: The line after the last one is too long.
    """
    try:
        descriptor = file.fileno()
    except io.UnsupportedOperation:
        # Only a file in memory has no descriptor; it never waits.
        yield from lines_of(file)
        return
    begun: list[bytes] = []
    size = 0
    for block in _blocks(descriptor, while_waiting):
        first, *others = block.split(b"\n")
        begun.append(first)
        size += len(first)
        if size > MAX_LINE_BYTES:
            raise LongLineError
        if others:
            yield b"".join(begun)
            begun = [others.pop()]
            size = len(begun[0])
            yield from others
    if rest := b"".join(begun):
        yield rest


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file that never waits, without their line feeds.

    Raises:
        LongLineError: The line after the last one is too long.
    """
    while line := file.readline(MAX_LINE_BYTES + 1):
        text = line.removesuffix(b"\n")
        if len(text) > MAX_LINE_BYTES:
            raise LongLineError
        yield text


def _blocks(descriptor: int, while_waiting: Callable[[], float | None]) -> Iterator[bytes]:
    while block := _next_block(descriptor, while_waiting):
        yield block


def _next_block(descriptor: int, while_waiting: Callable[[], float | None]) -> bytes:
    # Windows has no `poll`; there a silent tap delays what is due.
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        seconds: float | None = 0.0
        while not poll.poll(None if seconds is None else seconds * 1000):
            seconds = while_waiting()
    return os.read(descriptor, _BLOCK_BYTES)

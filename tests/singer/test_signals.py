"""A signal that comes while the log is written is answered after the line."""

from __future__ import annotations

import io
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from sfbulk_singer.signals import between_log_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNAL = signal.SIGUSR1


class Command:
    """Logs a line when it is told to end, as tap and target do."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self.answered = threading.Event()

    @between_log_lines
    def handle(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        self._log.warning("told to end")
        self.answered.set()


class Interrupted(io.StringIO):
    """A stream in whose every write of a text something happens between its two halves."""

    def __init__(self, happening: Callable[[], None]) -> None:
        super().__init__()
        self._happening = happening

    def write(self, text: str) -> int:
        half = len(text) // 2
        super().write(text[:half])
        if "working" in text:
            self._happening()
        return half + super().write(text[half:])


def logger(stream: io.StringIO) -> logging.Logger:
    log = logging.Logger("signals")  # noqa: LOG001 - one that the test alone knows
    log.addHandler(logging.StreamHandler(stream))
    return log


@pytest.fixture
def listen() -> Iterator[Callable[[Command], None]]:
    def begin(command: Command) -> None:
        signal.signal(SIGNAL, command.handle)

    before = signal.getsignal(SIGNAL)
    yield begin
    signal.signal(SIGNAL, before)


def test_a_signal_within_a_line_is_answered_after_it(listen: Callable[[Command], None]) -> None:
    stream = Interrupted(lambda: os.kill(os.getpid(), SIGNAL))
    command = Command(logger(stream))
    listen(command)
    command._log.info("working")
    assert command.answered.wait(5)
    assert stream.getvalue() == "working\ntold to end\n"


def test_a_signal_between_lines_is_answered_at_once(listen: Callable[[Command], None]) -> None:
    stream = io.StringIO()
    command = Command(logger(stream))
    listen(command)
    os.kill(os.getpid(), SIGNAL)
    assert command.answered.is_set()
    assert stream.getvalue() == "told to end\n"


def test_a_log_that_nobody_reads_does_not_put_a_signal_off_for_ever(
    listen: Callable[[Command], None],
) -> None:
    def stuck() -> None:
        os.kill(os.getpid(), SIGNAL)
        assert command.answered.wait(30)

    command = Command(logger(Interrupted(stuck)))
    listen(command)
    command._log.info("working")
    assert command.answered.is_set()

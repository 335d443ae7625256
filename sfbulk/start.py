"""Answers termination signals while a command starts, before the command itself can.

Its imports take longer than anything else of a short run. Without a handler Python would end in one
of them with a traceback, or without a word. So this module must import little.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["end_now", "end_on_signals", "ignore_signals"]

_FORMAT = logging.Formatter("%(asctime)s | %(levelname)-8s | %(name)-30s | %(message)s")
"""As the Singer SDK writes log lines, which is not loaded yet."""


def end_on_signals(command: str) -> None:
    """Let SIGINT and SIGTERM end the process with one ERROR line and exit code 1.

    This holds until the command sets its own handlers. Until then nothing was read or written.

    Args:
        command: The name in the log line.
    """

    def end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
        end_now(command, signum)

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, end)


def ignore_signals() -> None:
    """It is decided how the command ends, and that is at once: no signal changes it."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def end_now(command: str, signum: int) -> NoReturn:
    """End the process within whatever it does: an import might catch an exception."""
    text = f"{signal.Signals(signum).name}: stopped while starting. Nothing was read or written."
    record = logging.LogRecord(command, logging.ERROR, "", 0, text, None, None)
    # Without a stderr there is nobody to tell.
    with suppress(OSError):
        os.write(2, f"{_FORMAT.format(record)}\n".encode())
    os._exit(1)

"""Keeps a signal from being answered while a line of the log is being written.

Python runs a signal handler between two steps of the main thread, also between those of
writing a line to stderr. What the handler logs there cannot be written and is lost: for a
command that promises its reason on the last line of the log, the reason itself.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

S = TypeVar("S")

_LATER_SECONDS = 0.01

# A reader that does not take the log must not keep the process from being ended.
_MOST_TIMES = 100


def between_log_lines(
    handler: Callable[[S, int, FrameType | None], None],
) -> Callable[[S, int, FrameType | None], None]:
    """A signal handler, as a method, that is called between two lines of the log only.

    A signal that comes within a line is sent again a little later, for at most a second.
    """
    put_off = 0

    @wraps(handler)
    def answer(self: S, signum: int, frame: FrameType | None) -> None:
        nonlocal put_off
        if put_off < _MOST_TIMES and _is_logging(frame):
            put_off += 1
            _send_again(signum)
            return
        put_off = 0
        handler(self, signum, frame)

    return answer


def _send_again(signum: int) -> None:
    timer = threading.Timer(_LATER_SECONDS, os.kill, (os.getpid(), signum))
    timer.daemon = True
    timer.start()


def _is_logging(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == logging.__file__:
            return True
        frame = frame.f_back
    return False

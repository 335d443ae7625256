"""Delays a signal handler until what is being written to the terminal or the log is complete.

Python runs a signal handler between any two steps of the main thread, also while it writes a line
to stderr. What the handler logs then is lost. For a command that promises its reason on the last
line of the log, that is the reason itself. A table that is drawn or removed is no different.
"""

from __future__ import annotations

import logging
import os
import threading
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from sfbulk_singer import live_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

S = TypeVar("S")

_LATER_SECONDS = 0.01

# If nobody reads the log, the process must end all the same.
_MOST_TIMES = 100

_WRITERS = frozenset((logging.__file__, live_table.__file__))


def between_log_lines(
    handler: Callable[[S, int, FrameType | None], None],
) -> Callable[[S, int, FrameType | None], None]:
    """Make a method a signal handler that is called only between two lines of the log.

    A signal that arrives within a line is sent again a little later, for at most a second.
    """
    delays = 0

    @wraps(handler)
    def answer(self: S, signum: int, frame: FrameType | None) -> None:
        nonlocal delays
        if delays < _MOST_TIMES and _is_writing(frame):
            delays += 1
            send_again(signum, _LATER_SECONDS)
            return
        delays = 0
        handler(self, signum, frame)

    return answer


def send_again(signum: int, seconds: float) -> threading.Timer:
    """Send a signal to this process after so many seconds, unless the timer is cancelled."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signum))
    timer.daemon = True
    timer.start()
    return timer


def _is_writing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename in _WRITERS:
            return True
        frame = frame.f_back
    return False

"""The pace and the words of the log lines by which a connector says how far its run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk.clock import Clock

PACE_SECONDS = 30.0
"""Between two lines about the same thing."""

STREAMS_SHOWN = 10
"""Rows of a live table, so that it fits on a terminal."""


class Pace:
    """Says when the next line is due, at the earliest `PACE_SECONDS` from now.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()

    def is_due(self) -> bool:
        """Whether to write a line now; if so, the next one is due that much later."""
        now = self._clock.monotonic()
        if now - self._last < PACE_SECONDS:
            return False
        self._last = now
        return True


def counted(number: int, noun: str) -> str:
    """A number and a noun, such as `1 job` or `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

"""Waits for a job to end: how long to pause between two looks, and when to stop waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff

if TYPE_CHECKING:
    from sfbulk.clock import Clock

FIRST_PAUSE_SECONDS = 0.2
"""Small jobs end within a second or two."""

LONGEST_PAUSE_SECONDS = 30.0
"""Each poll counts against the org's daily requests; big jobs take minutes to hours."""

_GROWTH = 1.5


class PollTimer:
    """The times at which to look at one job: the pauses between them grow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pauses = backoff.expo(
            base=_GROWTH, factor=FIRST_PAUSE_SECONDS, max_value=LONGEST_PAUSE_SECONDS
        )
        next(self._pauses)  # The generator's first value only starts it.
        self.pause = 0.0
        """Seconds from the last look to the next."""
        self.due = 0.0
        """The monotonic time of the next look."""
        self.looked()

    @property
    def is_due(self) -> bool:
        """Whether it is time to look."""
        return self._clock.monotonic() >= self.due

    def looked(self) -> None:
        """Set the time of the next look, a longer pause from now."""
        self.pause = next(self._pauses)
        self.due = self._clock.monotonic() + self.pause


class Patience:
    """The pauses of one wait that blocks, and its end."""

    def __init__(self, clock: Clock, timeout: float | None) -> None:
        """Start to wait.

        Args:
            clock: the time.
            timeout: seconds after which to stop waiting; None waits without end.
        """
        self._clock = clock
        self._deadline = None if timeout is None else clock.monotonic() + timeout
        self._timer = PollTimer(clock)

    def pause(self) -> bool:
        """Sleep until the next look; False immediately when the timeout has passed."""
        left = None if self._deadline is None else self._deadline - self._clock.monotonic()
        if left is not None and left <= 0:
            return False
        pause = self._timer.pause
        self._clock.sleep(pause if left is None else min(pause, left))
        self._timer.looked()
        return True

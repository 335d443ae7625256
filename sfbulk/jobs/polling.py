"""Waits for a job to end: how long to pause between two polls, and when to stop waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff

from sfbulk.jobs.waiting import JobWait

if TYPE_CHECKING:
    from sfbulk.clock import Clock
    from sfbulk.transport import Transport

FIRST_PAUSE_SECONDS = 0.2
"""Small jobs end within a second or two."""

LONGEST_PAUSE_SECONDS = 30.0
"""Each poll counts against the org's daily requests; big jobs take minutes to hours."""

_GROWTH = 1.25
"""So that a job's end is seen at most a quarter of its time later."""


class PollTimer:
    """The times at which to poll one job: the pauses between them grow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pauses = backoff.expo(
            base=_GROWTH, factor=FIRST_PAUSE_SECONDS, max_value=LONGEST_PAUSE_SECONDS
        )
        next(self._pauses)  # The generator's first value only starts it.
        self.pause = 0.0
        """Seconds from the last poll to the next."""
        self.due = 0.0
        """The monotonic time of the next poll."""
        self.polled()

    @property
    def is_due(self) -> bool:
        """Whether it is time to poll."""
        return self._clock.monotonic() >= self.due

    def polled(self) -> None:
        """Set the time of the next poll, after a longer pause than the last one."""
        self.pause = next(self._pauses)
        self.due = self._clock.monotonic() + self.pause


class PollWait:
    """Waits between polls until a timeout.

    Args:
        clock: the time.
        waiting: how long to wait.
    """

    def __init__(self, clock: Clock, waiting: JobWait) -> None:
        self.waiting = waiting
        self._clock = clock
        self._timer = PollTimer(clock)

    @classmethod
    def for_job(cls, transport: Transport, timeout: float | None) -> PollWait:
        """For a job: until the timeout, or else as long as the setting `job_timeout` allows."""
        if timeout is None:
            return cls(transport.clock, JobWait.for_job(transport))
        return cls(transport.clock, JobWait(transport.clock, timeout))

    def pause(self) -> bool:
        """Sleep until the next poll; False immediately when the timeout has passed."""
        left = self.waiting.left
        if left is not None and left <= 0:
            return False
        pause = self._timer.pause
        self._clock.sleep(pause if left is None else min(pause, left))
        self._timer.polled()
        return True

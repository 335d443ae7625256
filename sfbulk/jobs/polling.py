"""Waits for a job to end, asking ever more seldom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import backoff

from sfbulk.errors import JobTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.clock import Clock
    from sfbulk.jobs.states import JobInfo

FIRST_PAUSE_SECONDS = 0.2
"""Small jobs end within a second or two."""

LONGEST_PAUSE_SECONDS = 30.0
"""Each poll counts against the org's daily requests; big jobs take minutes to hours."""

_GROWTH = 1.5


class Patience:
    """The pauses of one wait, growing, and its end."""

    def __init__(self, clock: Clock, timeout: float | None) -> None:
        """Begin to wait.

        Args:
            clock: the time.
            timeout: seconds of patience; None has no end.
        """
        self._clock = clock
        self._deadline = None if timeout is None else clock.monotonic() + timeout
        self._pauses = backoff.expo(
            base=_GROWTH, factor=FIRST_PAUSE_SECONDS, max_value=LONGEST_PAUSE_SECONDS
        )
        next(self._pauses)  # The generator's first value only starts it.

    def pause(self) -> bool:
        """Sleep until it is time to ask again; False, at once, when the patience has ended."""
        left = None if self._deadline is None else self._deadline - self._clock.monotonic()
        if left is not None and left <= 0:
            return False
        pause = next(self._pauses)
        self._clock.sleep(pause if left is None else min(pause, left))
        return True


def wait_until_ended(
    read: Callable[[], JobInfo], info: JobInfo, clock: Clock, timeout: float | None
) -> JobInfo:
    """API call: `read` the job, now known as `info`, until its state is terminal.

    Args:
        read: asks Salesforce.
        info: what was last known of the job.
        clock: the time.
        timeout: seconds of patience; None has no end.

    Raises:
        JobTimeout: the patience ended first; the job was left running.
    """
    patience = Patience(clock, timeout)
    while not info.state.is_terminal:
        if not patience.pause():
            raise JobTimeout(
                f"The {info.operation} job {info.id} on {info.object} is still {info.state.value} "
                f"after {timeout:g} s. It was left running: wait for it again, or abort it.",
                job_id=info.id,
            )
        info = read()
    return info

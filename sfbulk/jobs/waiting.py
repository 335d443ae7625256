"""How long a job is waited for, and the line that says each minute that it still is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sfbulk.error_text import add_note
from sfbulk.errors import JobTimeout

if TYPE_CHECKING:
    from sfbulk.clock import Clock
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

_PACE_SECONDS = 60.0


class JobWait:
    """The wait for one job, from now on.

    Args:
        clock: the time.
        most: seconds after which it is over; None for no end.
        allowed_by: the setting that says so; empty if the caller of `wait` has.
    """

    def __init__(self, clock: Clock, most: float | None, allowed_by: str = "") -> None:
        self._clock = clock
        self._most = most
        self._allowed_by = allowed_by
        self._begun = self._told = clock.monotonic()

    @property
    def left(self) -> float | None:
        """Seconds until it is over; None for no end."""
        return None if self._most is None else self._begun + self._most - self._clock.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the job is not to be waited for any longer."""
        return self.left is not None and self.left <= 0

    def tell(self, status: str) -> None:
        """Log how far the job is, if the last line about it is a minute old.

        Args:
            status: names the job, its object, its state and its rows so far, as a sentence.
        """
        now = self._clock.monotonic()
        if now - self._told >= _PACE_SECONDS:
            self._told = now
            log.info("%s after %.0f s", status, now - self._begun)

    def timeout(self, status: str, job_id: str) -> JobTimeout:
        """The error for a job that has not ended in time.

        Args:
            status: as for `tell`.
            job_id: its id.
        """
        # What becomes of the job after the setting's time, `disposing` or the loading engine says.
        next_step = (
            f"The setting {self._allowed_by} allows no longer wait"
            if self._allowed_by
            else "It was left running: wait for it again, or abort it"
        )
        return JobTimeout(
            f"{status} after {self._most:,g} s. {next_step}.",
            job_id=job_id,
            by_setting=bool(self._allowed_by),
        )

    def over(self, status: str, job_id: str) -> JobTimeout | None:
        """Log how far a job is that loads rows; its error once it is not waited for any longer."""
        self.tell(status)
        if not self.is_over:
            return None
        error = self.timeout(status, job_id)
        say_left_running(error)
        return error

    @classmethod
    def for_job(cls, transport: Transport) -> JobWait:
        """As long as the setting `job_timeout` allows."""
        return cls(transport.clock, transport.job_timeout, "job_timeout")


def say_left_running(error: JobTimeout) -> None:
    """Add to the error of a job that loads rows what becomes of it."""
    add_note(
        error,
        "The job is left running, since it may have loaded rows: the next run with the same "
        f"journal waits for it again. `sfbulk jobs abort {error.job_id}` stops it, and then that "
        "run sends the rows that it has not loaded. Without a journal, the next run sends all of "
        f"its rows again: wait for its end (`sfbulk jobs show {error.job_id}`), and look which are "
        "in.",
    )


def rows_so_far(rows: int | None) -> str:
    """What follows the state of a job that runs: its processed rows, if Salesforce counts any."""
    return f" ({rows:,} rows so far)" if rows else ""

"""The clock of the sandbox: all of its code gets the time, and sleeps, through it."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """The system's clock. Tests pass their own clock."""

    def now(self) -> datetime:
        """The time as an aware datetime in UTC."""
        return datetime.now(timezone.utc)  # noqa: TID251 - this is the clock itself

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(seconds)  # noqa: TID251 - this is the clock itself


SYSTEM_CLOCK = Clock()

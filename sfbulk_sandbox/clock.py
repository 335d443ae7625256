"""The sandbox's only way to tell and to spend time."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Wall clock and sleep; tests hand over one of their own."""

    def now(self) -> datetime:
        """The time as an aware datetime in UTC."""
        return datetime.now(timezone.utc)  # noqa: TID251 - this is the clock itself

    def sleep(self, seconds: float) -> None:
        """Wait for `seconds`."""
        time.sleep(seconds)  # noqa: TID251 - this is the clock itself


SYSTEM_CLOCK = Clock()

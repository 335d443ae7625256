"""Time, handed in: the only module of the client that reads a clock or sleeps."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """What the client asks of time; tests hand in one that only counts."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines and durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        time.sleep(seconds)  # noqa: TID251 - this module is where the ban points to

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(tz=timezone.utc)  # noqa: TID251 - as above


SYSTEM_CLOCK = SystemClock()

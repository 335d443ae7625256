"""Time as a parameter: the only module of the client that reads a clock or sleeps."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Protocol

__all__ = [
    "SYSTEM_CLOCK",
    "Clock",
    "SystemClock",
]


class Clock(Protocol):
    """The clock of the client; tests use one that does not wait."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes backwards, for deadlines and durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        ...

    def now(self) -> datetime:
        """The current date and time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        time.sleep(seconds)  # noqa: TID251 - the one module that may

    def now(self) -> datetime:
        """The current date and time, aware, in UTC."""
        return datetime.now(tz=timezone.utc)  # noqa: TID251 - as above


SYSTEM_CLOCK = SystemClock()

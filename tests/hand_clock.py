"""A clock for sandboxes: it stands still until a test moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sfbulk_sandbox.clock import Clock

# With a part of a second, which stored datetimes do not have.
_START = datetime(2026, 11, 2, 8, 30, 15, 987_654, tzinfo=timezone.utc)


class HandClock(Clock):
    """Returns the time that the test has set, and records what is slept."""

    def __init__(self, start: datetime = _START) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

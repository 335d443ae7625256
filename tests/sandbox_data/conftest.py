"""Orgs for the tests of the sandbox's data side."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sfbulk_sandbox.clock import Clock
from sfbulk_sandbox.org.org import Org

if TYPE_CHECKING:
    from collections.abc import Iterator


# Each example may make an org; how long that takes says nothing about what is tested, and every
# test has a time limit of its own.
settings.register_profile("sandbox", deadline=None)
settings.load_profile("sandbox")


class HandClock(Clock):
    """A clock that moves when a test moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 2, 8, 30, 15, 987654, tzinfo=timezone.utc)

    def now(self) -> datetime:
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def org(clock: HandClock) -> Iterator[Org]:
    with closing(Org(clock=clock)) as empty:
        yield empty


@pytest.fixture
def sample(clock: HandClock) -> Iterator[Org]:
    with closing(Org(clock=clock)) as filled:
        filled.load_sample()
        yield filled

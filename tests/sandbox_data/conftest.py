"""Orgs for the tests of the sandbox's data side."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sfbulk_sandbox.org.org import Org
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator


# Each example may make an org; how long that takes says nothing about what is tested, and every
# test has a time limit of its own.
settings.register_profile("sandbox", deadline=None)
settings.load_profile("sandbox")


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

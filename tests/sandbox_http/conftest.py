"""A sandbox over a real socket, and a signed-in session that knows its base URL."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox import Sandbox
from tests.hand_clock import HandClock
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def org(sandbox: Sandbox) -> Iterator[Org]:
    org = Org(sandbox)
    yield org
    org.session.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 11, 2, 9, 30, 15, 250_000, tzinfo=timezone.utc))


@pytest.fixture
def timed_org(clock: HandClock) -> Iterator[Org]:
    """An org with the clock of the test."""
    with Sandbox(sample=False, clock=clock) as sandbox:
        org = Org(sandbox)
        yield org
        org.session.close()

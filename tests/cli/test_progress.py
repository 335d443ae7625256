"""Where no terminal is, lines at a fixed pace say how far a command is."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sfbulk.cli.progress import Progress
from tests.client.scripted import FakeClock

if TYPE_CHECKING:
    import pytest


class Lines(logging.Handler):
    """Counts lines, and tells when there are enough."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.are_enough = threading.Event()
        self._wanted = wanted

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())
        if len(self.texts) >= self._wanted:
            self.are_enough.set()


def test_lines_say_rows_rate_and_what_is_done(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    clock, lines = FakeClock(), Lines(2)
    log = logging.getLogger("sfbulk")
    with Progress("Account", clock, pace=0.01) as progress:
        progress.doing = lambda: "reading job 750"
        progress.begin(1_000)
        clock.sleep(10)
        progress.total, progress.rows = 4_000, 3_000
        log.addHandler(lines)
        assert lines.are_enough.wait(30)
    log.removeHandler(lines)
    assert set(lines.texts) == {"Account: 3,000 of 4,000 rows (75%), 200 rows/s, reading job 750"}
    assert "sfbulk-progress" not in {thread.name for thread in threading.enumerate()}

"""Counts what became of each run with a fault: by flow, by fault and by outcome."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Outcome(str, Enum):
    """What became of a run."""

    INSIDE = "right in the run"
    """It ended well, with exactly the right rows."""
    NEXT = "right after the next run"
    """It ended with an error and a state, and with them the next run came to the right rows."""
    SAID = "an error says what is open"
    """A call of the library ended with an error, and nothing is lost or doubled that it does not
    name."""
    WRONG = "wrong"
    NOT_STRUCK = "not struck"


class Tally:
    """The runs of one test process."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def count(self, flow: object, fault: object, outcome: Outcome) -> None:
        """Count one run."""
        self._counts[str(flow), str(fault), outcome.value] += 1

    @contextmanager
    def wrong_if_it_fails(self, flow: object, fault: object) -> Iterator[None]:
        """Count a run as wrong if its judge fails."""
        try:
            yield
        except (AssertionError, pytest.fail.Exception):
            self.count(flow, fault, Outcome.WRONG)
            raise

    def add(self, rows: list[list[str]]) -> None:
        """Add the rows of another process."""
        for flow, fault, outcome, number in rows:
            self._counts[flow, fault, outcome] += int(number)

    @property
    def rows(self) -> list[list[str]]:
        """Flow, fault, outcome and number of runs: texts, which cross from process to process."""
        return [[*key, str(number)] for key, number in sorted(self._counts.items())]

"""Lets a termination signal act between two rows and between two jobs, never within one."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

LOGGER = logging.getLogger("target-sfbulk")


class Interrupts:
    """Answers termination signals; as a context it marks what must not be cut in two.

    The first signal lets the block in progress end, then finishes what was read and stops.
    A second one stops at once.
    """

    def __init__(self, finish: Callable[[], None]) -> None:
        """Be ready for signals.

        Args:
            finish: Loads what was read so far and writes its STATE.
        """
        self._finish = finish
        self._depth = 0
        self._waiting: int | None = None
        self._stopping = False

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._waiting is not None and self._depth == 0 and exc_type is None:
            self._stop(self._waiting)

    def arrived(self, signum: int) -> None:
        """Take a signal.

        Raises:
            SystemExit: With code 1; the reason is logged.
        """
        if self._stopping or self._waiting is not None:
            _end(
                f"{_name(signum)} again: stopped at once. The last STATE written is true; rows"
                " after it may or may not be in Salesforce."
            )
        if self._depth == 0:
            self._stop(signum)
        self._waiting = signum
        LOGGER.warning("%s: finishing the rows read so far; repeat it to stop now", _name(signum))

    def _stop(self, signum: int) -> NoReturn:
        self._stopping = True
        self._waiting = None
        self._finish()
        _end(
            f"{_name(signum)}: stopped. Every row read so far is in Salesforce or in a rejects"
            " file, and its STATE is written."
        )


def _end(reason: str) -> NoReturn:
    # No Exception: a signal can arrive anywhere, and logging, for one, swallows those.
    LOGGER.error("%s", reason)
    raise SystemExit(1)


def _name(signum: int) -> str:
    return signal.Signals(signum).name

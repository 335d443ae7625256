"""Lets a termination signal end the run between two rows or two jobs, never within one."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

LOGGER = logging.getLogger("target-sfbulk")


class Interrupts:
    """Handles termination signals; as a context manager it marks a block that must be completed.

    After the first signal the block in progress is completed, then the rows read so far are loaded
    and the process ends. A second signal ends it immediately.

    Args:
        finish: Loads what must be loaded of the rows read so far, writes STATE, and returns what
            the log must say of both.
        leave: Takes from the terminal what must not stay on it; called before the process ends
            immediately.
    """

    def __init__(self, finish: Callable[[], str], leave: Callable[[], None]) -> None:
        self._finish = finish
        self._leave = leave
        self._depth = 0
        self._waiting: int | None = None
        self._stopping = False
        self._is_complete = False

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

    def complete(self) -> None:
        """The run has ended: a signal no longer changes how, but a second one ends it at once."""
        if not self._is_complete:
            self._is_complete = True
            # As within a block that does not end.
            self._depth += 1

    @property
    def is_waiting(self) -> bool:
        """Whether a signal has arrived that the block in progress delays."""
        return self._waiting is not None

    def arrived(self, signum: int) -> None:
        """Handle a signal.

        Raises:
            SystemExit: With code 1; the reason is logged.
        """
        if self._stopping or self._waiting is not None:
            self._leave()
            _end(
                f"{_name(signum)} again: stopped at once. The last STATE written is correct; rows"
                " after it may or may not be in Salesforce."
            )
        if self._depth == 0:
            self._stop(signum)
        self._waiting = signum
        if not self._is_complete:
            LOGGER.warning(
                "%s: loading the rows read so far; send the signal again to stop immediately",
                _name(signum),
            )

    def _stop(self, signum: int) -> NoReturn:
        self._stopping = True
        self._waiting = None
        _end(f"{_name(signum)}: stopped. {self._finish()}")


def _end(reason: str) -> NoReturn:
    # Not an Exception: a signal can arrive anywhere, and logging, for example, swallows those.
    LOGGER.error("%s", reason)
    raise SystemExit(1)


def _name(signum: int) -> str:
    return signal.Signals(signum).name

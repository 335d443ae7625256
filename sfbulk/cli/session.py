"""One run of the command: its settings, the org, what it writes, and how a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.cli.output import Output, log_handler
from sfbulk.cli.settings import read_settings
from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.start import ignore_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from sfbulk.client import Salesforce
    from sfbulk.clock import Clock

LOGGER = logging.getLogger("sfbulk")


class Stopped(BaseException):
    """SIGINT or SIGTERM has come; like an interrupt it is no `Exception`."""


@dataclass(frozen=True)
class Session:
    """What every command of `sfbulk` gets.

    Attributes:
        config: the settings file; None if there is none.
        output: writes answers to stdout.
        clock: the time.
    """

    config: Path | None
    output: Output
    clock: Clock = SYSTEM_CLOCK

    @contextmanager
    def org(self) -> Iterator[Salesforce]:
        """The org of the settings.

        Raises:
            ConfigError: settings are missing or contradict each other.
        """
        # Only here, so that help and wrong options need not wait for it.
        from sfbulk.client import Salesforce  # noqa: PLC0415 - see above

        settings = read_settings(self.config, os.environ)
        with Salesforce.from_settings(settings, clock=self.clock) as org:
            yield org


def begin_log(*, verbose: bool) -> None:
    """Let log lines go to stderr: in full for a log file, short on a terminal."""
    root = logging.getLogger()
    root.handlers = [log_handler()]
    # What other libraries say of themselves is nothing for a user.
    root.setLevel(logging.WARNING)
    LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped` in the block; a second one ends the process.

    After the block they are ignored.
    """
    try:
        _answer_signals(_stop)
        yield
    finally:
        ignore_signals()


def _answer_signals(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    name = signal.Signals(number).name
    # Jobs are aborted now, which takes requests; somebody may not want to wait for them.
    _answer_signals(_end_now)
    raise Stopped(name)


def _end_now(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    text = (
        f"ERROR {signal.Signals(number).name} again: stopped at once. Jobs may still run in the "
        "org: see `sfbulk jobs list --mine`.\n"
    )
    if sys.stderr is not None:
        os.write(2, text.encode())
    os._exit(1)

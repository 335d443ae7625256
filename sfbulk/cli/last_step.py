"""What the command does last: after it, nothing is left that a kill could interrupt."""

from __future__ import annotations

import atexit
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class _LastStep:
    succeeded: Callable[[], int]
    close: Callable[[], object]


_steps: list[_LastStep] = []


def do_last(succeeded: Callable[[], int], close: Callable[[], object]) -> None:
    """Let the process end with a step.

    Args:
        succeeded: called if the exit code is 0; it returns the exit code.
        close: called after it, and for any other exit code.
    """
    _steps.append(_LastStep(succeeded, close))


def exit_with_last_step(code: object) -> None:
    """Take the step and end the process at once; return if there is none.

    Clearing the memory of Python takes some fifty milliseconds. A kill in them would make somebody
    run a command again that is done, after the step in which it forgets what it has done.
    """
    if not _steps:
        return
    # Python has no public way to do this before the end. A test fails if it moves.
    atexit._run_exitfuncs()  # noqa: SLF001 - see above
    status = 1 if code else 0
    for step in _steps:
        try:
            status = status or step.succeeded()
        finally:
            step.close()
    os._exit(status)

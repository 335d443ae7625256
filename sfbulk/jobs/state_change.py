"""Changes a job's state; if the answer is lost, reads the job to see whether it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sfbulk.errors import ApiError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

Info = TypeVar("Info")

# How often a state change is requested when its answers are lost.
_ATTEMPTS = 3


def change_state(
    ask: Callable[[], Info],
    read: Callable[[], Info],
    *,
    changed: Callable[[Info], bool],
    ended: Callable[[Info], bool],
) -> Info:
    """API call: the job after its state was changed.

    Args:
        ask: requests the change once.
        read: reads the job.
        changed: whether the job's state shows that the change was made.
        ended: whether the job is in a state that it never leaves.

    Raises:
        ApiError: Salesforce refuses the change.
        TransportError: no answer to any attempt.
    """
    lost = False
    for _ in range(_ATTEMPTS):
        try:
            return ask()
        except (ApiError, TransportError) as error:
            # After a lost answer, a refusal may only mean that the change was already made.
            lost = lost or (isinstance(error, TransportError) and error.ambiguous)
            if not lost:
                raise
            failed = error
        info = read()
        if changed(info):
            return info
        # The job ended before the change, so the refusal is final.
        if ended(info) and isinstance(failed, ApiError):
            break
    raise failed

"""Changes a job's state, which Salesforce may have done when its answer is lost: reads the job."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sfbulk.errors import ApiError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

Info = TypeVar("Info")

# A state change whose answer was lost is looked up and asked for again this often.
_ATTEMPTS = 3


def change_state(
    ask: Callable[[], Info],
    read: Callable[[], Info],
    *,
    arrived: Callable[[Info], bool],
    ended: Callable[[Info], bool],
) -> Info:
    """API call: what Salesforce says of the job once its state is changed.

    Args:
        ask: asks for the change once.
        read: reads the job.
        arrived: whether a job looks as it does after the change.
        ended: whether a job is in a state that it never leaves.

    Raises:
        ApiError: Salesforce refuses.
        TransportError: no answer, however often it was tried.
    """
    lost = False
    for _ in range(_ATTEMPTS):
        try:
            return ask()
        except (ApiError, TransportError) as error:
            # Once an answer is lost, a later refusal may only mean "done already".
            lost = lost or (isinstance(error, TransportError) and error.ambiguous)
            if not lost:
                raise
            failed = error
        info = read()
        if arrived(info):
            return info
        # Salesforce has both said no and shown why: it was asked for too late.
        if ended(info) and isinstance(failed, ApiError):
            break
    raise failed

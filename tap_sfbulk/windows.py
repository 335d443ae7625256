"""Finds the window that a stream is read by next, and divides it where one job is not enough.

A window is halved only after Salesforce said that a job is too large, and again until a job
completes or the window is a second long. The step is kept in the state, so that the next run begins
with it. See docs/decisions/0010.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sfbulk.errors import JobFailed, LimitExceeded, SalesforceError
from tap_sfbulk.state import EARLIEST, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk.state import Bookmark

EPOCH = datetime(1999, 2, 3, tzinfo=timezone.utc)
"""Where a window without a lower bound is taken to begin when it is halved: the month in which
Salesforce was founded. Earlier rows, whose dates were imported, are in its first part."""

SECOND = timedelta(seconds=1)
"""The shortest window: system stamps have whole seconds."""

STEP = "window_seconds"
"""The key of the step in a stream's state."""

MOST_ROWS = "window_rows"
"""The key of the most rows that a part had, in a stream's state."""

_TOO_LARGE = (
    # The server's limit for one attempt; REST too (error codes of singer-io/tap-salesforce).
    "query_timeout",
    # Bulk API 2.0 after 15 attempts (Bulk API guide: Query Limits), 1.0 after 30 and 15.
    "retried more than",
    # Bulk API 1.0 (singer-io/tap-salesforce, bulk.py: failures that PK chunking solves).
    "failed to write query result",
    # Too many owners of activities in one query (singer-io/tap-salesforce 98).
    "operation_too_large",
)
"""Words of the failures that a smaller window can avoid, in lower case."""


@dataclass(frozen=True)
class Bounds:
    """What limits the windows of all streams of a run."""

    now: datetime
    """The server's clock."""
    start: datetime | None = None
    end: datetime | None = None

    def window(self, bookmark: Bookmark, lookback: timedelta) -> Window:
        """The window to read next; empty if `end` lies before what was read already."""
        upper = min(self.now, self.end) if self.end else self.now
        if bookmark.read_to is None:
            return Window(self.start, upper)
        # A bookmark in the future is wrong, if only by the difference between two clocks.
        read_to = max(min(bookmark.read_to, self.now), EARLIEST)
        return Window(max(read_to - lookback, EARLIEST), upper)


def is_too_large(error: SalesforceError) -> bool:
    """Whether Salesforce could read less than what was asked for in one query."""
    if isinstance(error, LimitExceeded):
        return False
    said = f"{error.code or ''} {error}".lower()
    return any(words in said for words in _TOO_LARGE)


def step_in(state: Mapping[str, Any]) -> timedelta | None:
    """The step of an earlier run; None if the state has none, or no usable one."""
    seconds = state.get(STEP)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 1:
        return None
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        return None


def may_grow(state: MutableMapping[str, Any], rows: int) -> bool:
    """Note the rows of a part; whether they are so few that the next may be twice as long.

    It would then have about as many rows as a part that was not too large. So a second with the
    rows of a mass update does not leave years to be read second by second.
    """
    kept = state.get(MOST_ROWS)
    most = kept if isinstance(kept, int) else 0
    state[MOST_ROWS] = max(most, rows)
    return 2 * rows <= most and most > 0


def length_of(window: Window) -> timedelta:
    """How long a window is."""
    return window.upper - (window.lower or EPOCH)


def first_part(window: Window, step: timedelta | None) -> Window:
    """The part of a window that is read first: all of it, or as much as the step."""
    if step is None or length_of(window) <= step:
        return window
    return Window(window.lower, (window.lower or EPOCH) + step)


def half(window: Window) -> timedelta | None:
    """Half the length of a window in whole seconds; None if it is a second or shorter."""
    if length_of(window) <= SECOND:
        return None
    return max(timedelta(seconds=length_of(window) // (2 * SECOND)), SECOND)


def cannot_be_divided(name: str, error: SalesforceError, window: Window | None) -> JobFailed:
    """The error for a query that is too large, and for which there is no smaller window."""
    if window is None:
        reason = "The whole table is read at once; read it by windows (INCREMENTAL)"
    else:
        reason = (
            f"Even the rows of one second, up to {window.upper.isoformat()}, are too many; a mass "
            "update may have stamped them. Read the stream by chunks of ids"
        )
    return JobFailed(
        f"{error} {reason}, or with `api_type: BULK` in the `stream_options` of {name}.",
        job_id=error.job_id,
    )

"""Compares the clocks of a run with each other and with the bookmark: none moves it on alone.

The upper bound of a window comes from the `Date` header of an answer. That is the clock of whatever
machine answered, a proxy too, and one wrong header would move the bookmark into the future: the
next runs would read nothing, and the rows stamped meanwhile would be in no window. So the bookmark
does not pass a second clock: `createdDate` of the job, which is the clock of the database, or the
clock of this machine if no job tells it. See docs/decisions/0002.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sfbulk import soql
from sfbulk.errors import ConfigError

TOLERANCE = timedelta(minutes=1)
"""Two clocks of one org may differ by so much: headers have whole seconds, and no two are equal."""


def bookmark_ahead(
    name: str, read_to: datetime | None, now: datetime, lookback: timedelta
) -> str | None:
    """A warning that a stream was read to a later time than now; None if it was not.

    Within the lookback, the window still overlaps the last one.

    Args:
        name: The stream.
        read_to: Where its last window ended.
        now: The org's clock.
        lookback: What is read again before `read_to`.

    Raises:
        ConfigError: It is later by more than the lookback.
    """
    if read_to is None or read_to <= now:
        return None
    what = (
        f"The state says that {name} was read up to {soql.utc_text(read_to)}, but the org's "
        f"clock says {soql.utc_text(now)}, {read_to - now} earlier."
    )
    if read_to - now > max(lookback, TOLERANCE):
        problem = (
            f"{what} One of the two is wrong, and rows that were stamped in between may be in no "
            "window. If the clock is right, set the bookmark of this stream in the state back "
            "to the time of the last run that you trust, or remove it to read the stream from "
            "its start. If the clock is wrong, run again."
        )
        raise ConfigError([problem])
    return f"{what} The next windows start from the earlier one."


def covered_behind(what: str, covered: datetime, end: datetime, lookback: timedelta) -> str | None:
    """A warning that Salesforce covers all changes only up to long ago; None if it does not.

    Args:
        what: The stream, and what of it is read: `Account` or `Account: deletions`.
        covered: Salesforce's `latestDateCovered`.
        end: Up to when the run reads.
        lookback: What the next run reads again in any case.
    """
    if end - covered <= max(lookback, TOLERANCE):
        return None
    return (
        f"{what}: Salesforce has covered all changes only up to {soql.utc_text(covered)} "
        f"(latestDateCovered), {end - covered} before the end of what is read, "
        f"{soql.utc_text(end)}. A long transaction may be open. The bookmark does not pass the "
        "earlier time, so the next run reads again from there."
    )


def date_ahead(name: str, upper: datetime, second_clock: datetime) -> str | None:
    """A warning that the end of a window is in the future by a second clock; None if it is not."""
    if upper - second_clock <= TOLERANCE:
        return None
    return (
        f"{name}: the window ends at {soql.utc_text(upper)} by the Date header of an answer, but a "
        f"second clock says {soql.utc_text(second_clock)}. The bookmark moves to the earlier one. "
        "Check the clocks of the proxies on the way to the org."
    )

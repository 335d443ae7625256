"""Plans what one stream reads in one run: the window, its SOQL, and the bookmark after it.

The contract: a run fixes its upper bound from the server's clock before the job, reads
`lower <= key < upper`, and moves the bookmark to that upper bound only when every row of
the window is out. The next run starts where this window ended, less a lookback, because a
row gets its stamp before it is committed and may become visible late. Where Salesforce says up
to when it has covered all changes, the bookmark does not pass that instant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from sfbulk import soql

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")


@dataclass(frozen=True)
class Window:
    """The instants `lower <= key < upper`; without a lower bound, all history."""

    lower: datetime | None
    upper: datetime

    @property
    def is_empty(self) -> bool:
        """Whether no instant lies inside."""
        return self.lower is not None and self.lower >= self.upper


@dataclass(frozen=True)
class Bookmark:
    """How far a stream has been read by one replication key."""

    key: str
    maximum: datetime | None = None
    window_end: datetime | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any], key: str) -> Bookmark:
        """A stream's bookmark; empty when the state is of another replication key.

        A state without `window_end` was written by another tap.

        Raises:
            ValueError: If an instant in the state is none.
        """
        if state.get("replication_key", key) != key:
            return cls(key)
        value, end = state.get("replication_key_value"), state.get("window_end")
        return cls(key, value and parse_instant(value), end and parse_instant(end))

    def after(
        self, window: Window, maximum: datetime | None, covered: datetime | None = None
    ) -> Bookmark:
        """The bookmark when every row of a window is out.

        It does not pass `covered`, up to when all changes are visible, and moves back to that if
        it must. It never moves back for another reason.
        """
        return Bookmark(
            self.key,
            _not_after(covered, _latest(self.maximum, maximum)),
            _not_after(covered, _latest(self.window_end, window.upper)),
        )

    def write(self, state: MutableMapping[str, Any]) -> None:
        """Put the bookmark into the stream's state."""
        state["replication_key"] = self.key
        state["window_end"] = self.window_end and soql.utc_text(self.window_end)
        if self.maximum:
            state["replication_key_value"] = soql.utc_text(self.maximum)


@dataclass(frozen=True)
class Bounds:
    """What the settings and the server's clock say about the window of a run."""

    now: datetime
    start: datetime | None
    end: datetime | None
    lookback: timedelta

    def window(self, bookmark: Bookmark) -> Window:
        """The window to read next; empty when `end_date` lies before what was read."""
        upper = min(self.now, self.end) if self.end else self.now
        read_to = bookmark.window_end or bookmark.maximum
        return Window(read_to - self.lookback if read_to else self.start, upper)


def query(
    sobject: str,
    fields: Sequence[str],
    *,
    key: str | None = None,
    window: Window | None = None,
    where: str | None = None,
) -> str:
    """SOQL for one job, without ORDER BY or LIMIT.

    Either switches off Salesforce's own splitting of the job by primary key (Bulk API
    guide: Query Jobs) and invites timeouts.
    """
    conditions = [where] if where else []
    if key and window:
        if window.lower:
            conditions.append(f"{key} >= {soql.datetime_literal(window.lower)}")
        conditions.append(f"{key} < {soql.datetime_literal(window.upper)}")
    return soql.select(fields, sobject, where=conditions)


def parse_instant(text: str) -> datetime:
    """An aware instant in UTC from ISO 8601 text; without a zone it is UTC.

    Raises:
        ValueError: If the text is no date and no instant.
    """
    spelled = _OFFSET_WITHOUT_COLON.sub(r"\1:\2", re.sub(r"[Zz]$", "+00:00", text))
    instant = datetime.fromisoformat(spelled)
    return (instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)).astimezone(
        timezone.utc
    )


def _not_after(bound: datetime | None, instant: datetime | None) -> datetime | None:
    return min(bound, instant) if bound and instant else instant


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each), default=None)

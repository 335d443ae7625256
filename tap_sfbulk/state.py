"""What a stream keeps from run to run: how far it has been read, and the windows it is read by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

# The SDK offers the class of its state manager nowhere else, though the property that
# returns one is public and meant to be overridden.
from singer_sdk.streams._state import StreamStateManager

from sfbulk import soql
from tap_sfbulk.state_forms import NOT_UNDERSTOOD, UNCONFIRMED

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_UNFINISHED_JOB = ("JobID", "BatchIDs", "JobHighestBookmarkSeen")
"""What singer-io's and MeltanoLabs' tap-salesforce keep of a job with PK chunking."""

UNFINISHED = "unfinished_job"
"""Under this name the state of a stream keeps a job that a run could not read to its end."""

DELETES_COVERED = "deletes_covered"
"""The key in a stream's state: up to when deletions were found."""

SHORTEST_SEARCH = timedelta(minutes=1)
"""Salesforce answers which rows were deleted for whole minutes (REST API guide: Get Deleted)."""

_BESIDE_A_BOOKMARK = frozenset(
    {
        "window_seconds",
        "window_rows",
        "formulas_refreshed",
        DELETES_COVERED,
        "ids_swept",
        UNFINISHED,
    }
)
"""What this tap may have written for a stream that has no bookmark yet."""

_OFFSET_WITHOUT_COLON = re.compile(r"([+-]\d{2})(\d{2})$")


@dataclass(frozen=True)
class Window:
    """The rows with `lower <= key < upper`; without a lower bound, all history."""

    lower: datetime | None
    upper: datetime

    @property
    def is_empty(self) -> bool:
        """Whether no date-time lies inside."""
        return self.lower is not None and self.lower >= self.upper


@dataclass(frozen=True)
class Bookmark:
    """How far a stream has been read by one replication key.

    The state keeps `replication_key_value`, which other tools expect, and `window_end`, which
    the next window starts from: see docs/decisions/0002.
    """

    key: str
    maximum: datetime | None = None
    window_end: datetime | None = None

    @property
    def read_to(self) -> datetime | None:
        """Where the last window ended, or the maximum in the state of another tap."""
        return self.window_end or self.maximum

    @classmethod
    def read(cls, state: Mapping[str, Any], key: str) -> Bookmark:
        """A stream's bookmark; empty if the state has none of this replication key.

        A state without `window_end` was written by another tap: the SDK's keep the value as
        `replication_key_value`, singer-io's and MeltanoLabs' by the name of the key. What those
        keep of an unfinished job (`JobID`, `JobHighestBookmarkSeen`) is not used: the rows of the
        job had no order, so only the value from before it is safe.

        Raises:
            ValueError: If a value in the state is not a date-time.
        """
        if NOT_UNDERSTOOD in state:
            raise ValueError("not an object")
        if not _is_of(state, key):
            return cls(key)
        kept = (state.get("replication_key_value"), *(state[name] for name in _spelled(state, key)))
        value = next((each for each in kept if each is not None), None)
        end = state.get("window_end")
        return cls(key, _parse_if_given(value), _parse_if_given(end))

    def after(
        self, window: Window, maximum: datetime | None, covered: datetime | None = None
    ) -> Bookmark:
        """The bookmark once every row of a window is out.

        It does not pass `covered`, the time up to which all changes are visible, and moves back
        to it if it must. It never moves back for another reason, and no row moves it past the
        window: a row that was not asked for says nothing about the others.
        """
        return Bookmark(
            self.key,
            _not_after(covered, _latest(self.maximum, _not_after(window.upper, maximum))),
            _not_after(covered, _latest(self.window_end, window.upper)),
        )

    def write(self, state: MutableMapping[str, Any]) -> None:
        """Put the bookmark into the stream's state, in place of another tap's."""
        for name in (*_spelled(state, self.key), *_UNFINISHED_JOB, UNCONFIRMED):
            state.pop(name, None)
        state["replication_key"] = self.key
        state["window_end"] = self.window_end and soql.utc_text(self.window_end)
        if self.maximum:
            state["replication_key_value"] = soql.utc_text(self.maximum)


class WindowState(StreamStateManager):
    """A stream's state that moves by whole windows, never by single records."""

    def increment_state(self, *args: Any, **kwargs: Any) -> None:
        """Leave the bookmark alone: the rows of a job have no order."""

    def write_starting_replication_value(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the plan of a run decides where its window starts."""


def starts_over(state: Mapping[str, Any], bookmark: Bookmark) -> str | None:
    """Why a stream that has a state is nevertheless read from its start; None if it is not."""
    if bookmark.read_to:
        return None
    kept = state.get("replication_key")
    if kept and not _is_of(state, bookmark.key):
        return f"its state is of {kept}, and it is read by {bookmark.key} now"
    if state.keys() - _BESIDE_A_BOOKMARK:
        return f"its state has no bookmark of {bookmark.key}"
    return None


EARLIEST = datetime(1700, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(4000, 12, 31, tzinfo=timezone.utc)
"""The date-times that Salesforce has (SOQL guide: Date Formats and Date Literals)."""


class OutOfRangeError(ValueError):
    """A date-time of the year 1 or 9999 that is in none of the years 1 to 9999 of UTC."""


def parse_instant(text: str) -> datetime:
    """An aware date-time in UTC from ISO 8601 text; text without a zone is in UTC.

    Raises:
        OutOfRangeError: If it is not in the years 1 to 9999 of UTC.
        ValueError: If the text is neither a date nor a date-time.
    """
    spelled = _OFFSET_WITHOUT_COLON.sub(r"\1:\2", re.sub(r"[Zz]$", "+00:00", text))
    instant = datetime.fromisoformat(spelled)
    aware = instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)
    try:
        return aware.astimezone(timezone.utc)
    except OverflowError:
        raise OutOfRangeError("not in the years 1 to 9999") from None


def _is_of(state: Mapping[str, Any], key: str) -> bool:
    kept = state.get("replication_key")
    return kept is None or str(kept).lower() == key.lower()


def _spelled(state: Mapping[str, Any], key: str) -> list[str]:
    """The names in a state that are a field's, in any case."""
    return [name for name in state if name.casefold() == key.casefold()]


def _parse_if_given(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - one error for every other form
    return parse_instant(value)


def _not_after(bound: datetime | None, instant: datetime | None) -> datetime | None:
    return min(bound, instant) if bound and instant else instant


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each), default=None)


def deletes_covered(state: Mapping[str, Any]) -> datetime | None:
    """Up to when deletions of a stream were found; None if that is not known."""
    try:
        return parse_instant(state[DELETES_COVERED])
    except (KeyError, TypeError, ValueError):
        return None


def deletions_are_due(state: Mapping[str, Any], end: datetime | None) -> bool:
    """Whether deletions before the end of a run may be unknown though all its rows were read.

    An earlier run may have failed between the two.
    """
    covered = deletes_covered(state)
    return covered is not None and end is not None and end - covered >= SHORTEST_SEARCH

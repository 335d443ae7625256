"""What a stream keeps from run to run: how far it has been read, and the windows it is read by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

# The SDK offers the class of its state manager nowhere else, though the property that
# returns one is public and meant to be overridden.
from singer_sdk.streams._state import StreamStateManager

from sfbulk import soql

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

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

    @classmethod
    def read(cls, state: Mapping[str, Any], key: str) -> Bookmark:
        """A stream's bookmark; empty if the state is of another replication key.

        A state without `window_end` was written by another tap.

        Raises:
            ValueError: If a value in the state is not a date-time.
        """
        if state.get("replication_key", key) != key:
            return cls(key)
        value, end = state.get("replication_key_value"), state.get("window_end")
        return cls(key, value and parse_instant(value), end and parse_instant(end))

    def after(
        self, window: Window, maximum: datetime | None, covered: datetime | None = None
    ) -> Bookmark:
        """The bookmark once every row of a window is out.

        It does not pass `covered`, the time up to which all changes are visible, and moves back
        to it if it must. It never moves back for another reason.
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


class WindowState(StreamStateManager):
    """A stream's state that moves by whole windows, never by single records."""

    def increment_state(self, *args: Any, **kwargs: Any) -> None:
        """Leave the bookmark alone: the rows of a job have no order."""

    def write_starting_replication_value(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the plan of a run decides where its window starts."""


def parse_instant(text: str) -> datetime:
    """An aware date-time in UTC from ISO 8601 text; text without a zone is in UTC.

    Raises:
        ValueError: If the text is neither a date nor a date-time.
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

"""Keeps in a stream's state the page up to which its rows are out, so that a next run reads on.

Salesforce keeps a finished job and its result pages for seven days. A run that is interrupted in
the middle of a large table leaves behind which page comes next; the next run opens the job and
reads the rest, and its window is that of the interrupted run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk import soql
from sfbulk.read import ReadApi
from tap_sfbulk.state import UNFINISHED, Window, parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from datetime import datetime


class CannotResume(Exception):  # noqa: N818 - not an error: the stream is planned again
    """The job of an interrupted run cannot be read on; the text says why."""


@dataclass(frozen=True)
class ResumePoint:
    """The place in a finished job after which no row is out yet."""

    job_id: str
    """Empty for a REST query, which has no job."""
    locator: str
    """Of the next page."""
    api_version: str
    query: str
    """The fingerprint of the query."""
    rows: int
    """How many rows the pages before have."""
    window: Window | None = None
    """What the job reads; None for a whole table."""
    maximum: datetime | None = None
    """The latest replication key of the rows that are out."""
    covered: datetime | None = None
    """What the bookmark may not pass once all rows are out."""
    version: int | None = None
    """What the rows of a whole table carry, if they carry a version."""
    api: ReadApi = ReadApi.BULK2

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> ResumePoint | None:
        """What the state of a stream keeps; None if there is nothing.

        Raises:
            CannotResume: If it is not in this form.
        """
        if UNFINISHED not in state:
            return None
        kept = state[UNFINISHED]
        try:
            return cls(
                **{name: str(kept[name]) for name in ("job_id", "locator", "api_version", "query")},
                rows=int(kept["rows"]),
                window=_window(kept),
                maximum=_instant(kept, "maximum"),
                covered=_instant(kept, "covered"),
                version=int(kept["version"]) if kept.get("version") else None,
                api=ReadApi(kept.get("api", ReadApi.BULK2)),
            )
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            raise CannotResume("the state has it in an unknown form") from None

    def write(self, state: MutableMapping[str, Any]) -> None:
        """Put it into the stream's state; `remove` takes it out."""
        window = self.window
        instants = {
            "lower": window and window.lower,
            "upper": window and window.upper,
            "maximum": self.maximum,
            "covered": self.covered,
        }
        kept: dict[str, Any] = {
            "api": self.api.value,
            "job_id": self.job_id,
            "locator": self.locator,
            "api_version": self.api_version,
            "query": self.query,
            "rows": self.rows,
            **{name: soql.utc_text(at) for name, at in instants.items() if at},
        }
        if self.version is not None:
            kept["version"] = self.version
        state[UNFINISHED] = kept

    @staticmethod
    def remove(state: MutableMapping[str, Any]) -> None:
        """Take it out of the stream's state."""
        state.pop(UNFINISHED, None)


def _window(kept: Mapping[str, Any]) -> Window | None:
    upper = _instant(kept, "upper")
    return Window(_instant(kept, "lower"), upper) if upper else None


def _instant(kept: Mapping[str, Any], name: str) -> datetime | None:
    text = kept.get(name)
    return None if text is None else parse_instant(str(text))

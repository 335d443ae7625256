"""Decides when the formulas of a stream are read again, and which columns that takes. No I/O.

A formula's value changes without a change of its row: with the time, or with a row of another
object. So windows never find it. The same is true of a field of a parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_sfbulk.state import parse_instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Any

    from tap_sfbulk.columns import PageColumn
    from tap_sfbulk.sources import StreamSource
    from tap_sfbulk.state import Window

REFRESHED = "formulas_refreshed"
"""The key in a stream's state: up to when the formulas of all rows were read."""


@dataclass(frozen=True)
class FormulaRefresh:
    """When and how the formulas of a stream are read again."""

    every: timedelta
    takes_parts: bool = True
    """Whether rows with only some of the properties can be written."""

    def is_due(self, state: Mapping[str, Any], window: Window | None) -> bool:
        """Whether the last time is so long ago, or not known, or the window has all rows anyway."""
        if window is None or window.lower is None:
            return window is not None
        try:
            return window.upper - parse_instant(state[REFRESHED]) >= self.every
        except (KeyError, TypeError, ValueError):
            return True

    def columns(
        self, source: StreamSource, columns: tuple[PageColumn, ...]
    ) -> tuple[PageColumn, ...]:
        """What is read: the key and what changes without a change of the row; none if none does.

        Where rows need all properties, it is all columns.
        """
        changing = [
            column
            for column in columns
            if any(_is_formula(source, part.source) for part in column.selected)
        ]
        keys = [column for column in columns if column.name in source.key_properties]
        if not (changing and keys):
            return ()
        return tuple(dict.fromkeys([*keys, *changing])) if self.takes_parts else columns


def _is_formula(source: StreamSource, path: str) -> bool:
    field = source.sobject.field(path)
    return "." in path or bool(field and field.calculated)

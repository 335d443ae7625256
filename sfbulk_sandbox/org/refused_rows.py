"""Refusing rows before any rule of the org sees them: those that do not fit, those of a tester."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules.chunk import UNSET, Given, RowResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk_sandbox.faults.saved_rows import SavedRows
    from sfbulk_sandbox.rules.saving import Saver


class RowFaults(Protocol):
    """What knows the rows to refuse."""

    def refused_rows(self, saved: SavedRows) -> Mapping[int, RowError]:
        """Return the errors of rows by their place."""


class PrecheckedSaver:
    """Saves rows, without those that are to be refused.

    Args:
        saver: Saves the others.
        refusals: Knows which; None for no row.
        load: What is saved; its rows and their first number are those of each `save`.
    """

    def __init__(self, saver: Saver, row_faults: RowFaults | None, load: SavedRows) -> None:
        self._saver = saver
        self._row_faults = row_faults
        self._load = load
        self._seen = 0

    def save(
        self, rows: Sequence[Sequence[Given]], unread: Mapping[int, RowError] | None = None
    ) -> list[RowResult]:
        """Save rows of one transaction; one result per row, in order.

        A row with more or fewer cells than there are columns is refused, and no other with it.

        Args:
            rows: One cell per column.
            unread: The errors of rows that could not be read, by their place.
        """
        width = len(self._load.names)
        ragged = {
            place: _wrong_width(row, width) for place, row in enumerate(rows) if len(row) != width
        }
        rows = [_with_width(row, width) for row in rows] if ragged else rows
        refused = {**(unread or {}), **ragged}
        saved = replace(self._load, first=self._seen + 1, rows=rows)
        if self._row_faults:
            refused = {**refused, **self._row_faults.refused_rows(saved)}
        self._seen += len(rows)
        if not refused:
            return self._saver.save(rows)
        others = [row for place, row in enumerate(rows) if place not in refused]
        results = iter(self._saver.save(others))
        return [
            self._refusal(row, refused[place]) if place in refused else next(results)
            for place, row in enumerate(rows)
        ]

    def _refusal(self, row: Sequence[Given], error: RowError) -> RowResult:
        cells = zip(self._load.names, row, strict=True)
        ids = [cell for name, cell in cells if name.lower() == "id" and isinstance(cell, str)]
        return RowResult(ids[0] if ids else None, success=False, created=False, errors=(error,))


def _wrong_width(row: Sequence[Given], width: int) -> RowError:
    return RowError("INVALID_FIELD", f"A row of {len(row)} field(s) under a header of {width}")


def _with_width(row: Sequence[Given], width: int) -> Sequence[Given]:
    return [*row[:width], *[UNSET] * (width - len(row))]

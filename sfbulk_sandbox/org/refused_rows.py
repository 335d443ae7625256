"""Rejects rows before the save rules: rows of the wrong width, and rows that a fault applies to."""

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
    """The scripted faults of rows."""

    def refused_rows(self, saved: SavedRows) -> Mapping[int, RowError]:
        """Return the errors of rejected rows by their index."""


class PrecheckedSaver:
    """Saves rows, except those that are rejected before the save rules.

    Args:
        saver: Saves the other rows.
        row_faults: The scripted faults of rows; None for none.
        load: Object, operation and columns; its rows and their first number are set by `save`.
    """

    def __init__(self, saver: Saver, row_faults: RowFaults | None, load: SavedRows) -> None:
        self._saver = saver
        self._row_faults = row_faults
        self._load = load
        self._seen = 0

    def save(
        self, rows: Sequence[Sequence[Given]], unread: Mapping[int, RowError] | None = None
    ) -> list[RowResult]:
        """Save rows in one transaction, and return one result per row, in order.

        A row with more or fewer cells than columns is rejected. Other rows are not affected.

        Args:
            rows: One cell per column.
            unread: The errors of rows that could not be read, by their index.
        """
        width = len(self._load.names)
        ragged = {
            place: _wrong_width(row, width) for place, row in enumerate(rows) if len(row) != width
        }
        rows = [_with_width(row, width) for row in rows] if ragged else rows
        refused = {**(unread or {}), **ragged}
        saved = replace(self._load, first=self._seen + 1, rows=rows)
        # A scripted fault replaces other errors of a row: the test asked for it.
        if self._row_faults:
            refused = {**refused, **self._row_faults.refused_rows(saved)}
        # Rejected rows count too: faults select rows by their number in the job.
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

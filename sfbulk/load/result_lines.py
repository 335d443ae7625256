"""Outcomes of rows as lines of a CSV file with their keys; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.csvio import quote_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.load.outcomes import RowOutcome


def results_header(keys: Sequence[str]) -> bytes:
    """The header row: these columns, then `sf__Id`, `sf__Created` and `job_id`."""
    return _line([*keys, "sf__Id", "sf__Created", "job_id"])


def result_line(keys: Sequence[str], row: RowOutcome) -> bytes:
    """The line of a row with these key cells."""
    return _line([*keys, row.id or "", str(row.created).lower(), row.job_id or ""])


def _line(cells: Sequence[str]) -> bytes:
    return f"{quote_row(cells)}\n".encode()

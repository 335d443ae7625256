"""The first rejected rows of a load, with their reasons: the page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sfbulk_sandbox.faults.errors import RowError

# Kept in memory, also after the job is deleted: few rows, and only the start of long cells.
_MOST_ROWS = 50
_MOST_CHARACTERS = 300


@dataclass(frozen=True)
class Refusal:
    """One rejected row.

    Attributes:
        cells: The cells as they were sent, by column; without the empty ones.
        errors: Why the row was rejected.
        batch_id: The batch of Bulk API 1.0; None in Bulk API 2.0.
    """

    cells: dict[str, str]
    errors: tuple[RowError, ...]
    batch_id: str | None = None


class FirstRefusals:
    """Keeps the first rejected rows of one job, in the order in which they were processed."""

    def __init__(self) -> None:
        self._kept: list[Refusal] = []

    def __iter__(self) -> Iterator[Refusal]:
        # A copy: the worker may add rows meanwhile.
        return iter(list(self._kept))

    def add(
        self,
        header: Sequence[str],
        row: Sequence[str],
        errors: tuple[RowError, ...],
        batch_id: str | None = None,
    ) -> None:
        """Keep a rejected row, if there is room."""
        if len(self._kept) < _MOST_ROWS:
            self._kept.append(Refusal(_cells(header, row), errors, batch_id))


def _cells(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    # Not strict: a row of a CSV file can be too short.
    return {
        name: cell if len(cell) <= _MOST_CHARACTERS else cell[:_MOST_CHARACTERS] + "…"
        for name, cell in zip(header, row, strict=False)
        if cell
    }

"""The rows that are saved together, by column, and what became of each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.values import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.faults.errors import RowError
    from sfbulk_sandbox.schema.schema import Field


class Unset(Enum):
    """A cell that says nothing: an update leaves the field alone, an insert its default."""

    UNSET = "unset"


UNSET = Unset.UNSET

Cell = Stored | Unset
# A cell as it is handed over: None clears the field.
Given = str | None | Unset


@dataclass(frozen=True)
class RowResult:
    """What became of one row.

    Attributes:
        id: The record's id; None when an insert failed.
        created: Whether the row made a new record.
        errors: Why it was refused; empty on success.
    """

    id: str | None
    success: bool
    created: bool
    errors: tuple[RowError, ...] = ()


@dataclass
class Chunk:
    """Rows on their way through the rules; a row with errors is passed over by later rules.

    Attributes:
        size: Number of rows.
        columns: Cells by field, one per row.
        ids: The record each row is about; None for one to be made.
        errors: Errors by row number.
    """

    size: int
    columns: dict[Field, list[Cell]] = field(default_factory=dict)
    ids: list[str | None] = field(default_factory=list)
    errors: dict[int, list[RowError]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = [None] * self.size
        self._inserts: frozenset[int] = frozenset()

    def fail(self, row: int, error: RowError) -> None:
        """Refuse a row."""
        self.errors.setdefault(row, []).append(error)

    def live(self) -> Iterator[int]:
        """Numbers of the rows that are still to be saved."""
        return (row for row in range(self.size) if row not in self.errors)

    def given(self, column: Field) -> Iterator[tuple[int, Stored]]:
        """Live rows that set a field to something, and the value."""
        cells = self.columns[column]
        for row in self.live():
            cell = cells[row]
            if cell is not None and cell is not UNSET:
                yield row, cell

    def mark_inserts(self) -> None:
        """Take the rows without an id as new records, whatever id they get."""
        self._inserts = frozenset(row for row in self.live() if self.ids[row] is None)

    def inserts(self) -> list[int]:
        """Live rows that make a record."""
        return [row for row in self.live() if row in self._inserts]

    def updates(self) -> list[int]:
        """Live rows that change a record."""
        return [row for row in self.live() if row not in self._inserts]

    def results(self) -> list[RowResult]:
        """What became of each row, in order."""
        return [self._result(row) for row in range(self.size)]

    def _result(self, row: int) -> RowResult:
        errors = self.errors.get(row)
        if errors:
            # A refused insert has no record, even if it had been given a number.
            record_id = None if row in self._inserts else self.ids[row]
            return RowResult(record_id, success=False, created=False, errors=tuple(errors))
        return RowResult(self.ids[row], success=True, created=row in self._inserts)

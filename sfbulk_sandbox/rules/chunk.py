"""A chunk: the rows that are saved together, by column, and the result of each row."""

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
    """A cell without a value: an update leaves the field alone, an insert uses the default."""

    UNSET = "unset"


UNSET = Unset.UNSET

Cell = Stored | Unset
# A cell as the client gave it. None clears the field.
Given = str | None | Unset


@dataclass(frozen=True)
class RowResult:
    """The result of one row.

    Attributes:
        id: The record's id; None if an insert failed.
        success: Whether the row was saved.
        created: Whether the row created a record.
        errors: Why the row was rejected; empty on success.
    """

    id: str | None
    success: bool
    created: bool
    errors: tuple[RowError, ...] = ()


@dataclass
class Chunk:
    """The rows of one transaction while the rules are applied. Later rules skip a row with errors.

    Attributes:
        size: The number of rows.
        columns: The cells by field, one per row.
        ids: The id of each row's record; None for a new record.
        errors: The errors by row index.
    """

    size: int
    columns: dict[Field, list[Cell]] = field(default_factory=dict)
    ids: list[str | None] = field(default_factory=list)
    errors: dict[int, list[RowError]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ids = [None] * self.size
        self._inserts: frozenset[int] = frozenset()

    def fail(self, row: int, error: RowError) -> None:
        """Reject a row."""
        self.errors.setdefault(row, []).append(error)

    def live(self) -> Iterator[int]:
        """The indexes of the rows without errors."""
        return (row for row in range(self.size) if row not in self.errors)

    def given(self, column: Field) -> Iterator[tuple[int, Stored]]:
        """The live rows that give a field a value that is not null, and the value."""
        cells = self.columns[column]
        for row in self.live():
            cell = cells[row]
            if cell is not None and cell is not UNSET:
                yield row, cell

    def mark_inserts(self) -> None:
        """Mark the rows without an id as new records, before they get their ids."""
        self._inserts = frozenset(row for row in self.live() if self.ids[row] is None)

    def inserts(self) -> list[int]:
        """The live rows that create a record."""
        return [row for row in self.live() if row in self._inserts]

    def updates(self) -> list[int]:
        """The live rows that change a record."""
        return [row for row in self.live() if row not in self._inserts]

    def results(self) -> list[RowResult]:
        """The result of each row, in order."""
        return [self._result(row) for row in range(self.size)]

    def _result(self, row: int) -> RowResult:
        errors = self.errors.get(row)
        if errors:
            # A rejected insert has no record, even if it already got an id.
            record_id = None if row in self._inserts else self.ids[row]
            return RowResult(record_id, success=False, created=False, errors=tuple(errors))
        return RowResult(self.ids[row], success=True, created=row in self._inserts)

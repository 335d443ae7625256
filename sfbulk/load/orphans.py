"""Keeps rows whose parents were not found, until the other rows are loaded; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk.load.follow_ups import missing_parents
from sfbulk.load.outcomes import Counts, FileOutcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from sfbulk.load.outcomes import RowOutcome
    from sfbulk.load.row_file import RowFile

# In one pass, a chain of new records usually grows by one.
_MANY_PASSES = 2


@dataclass(frozen=True)
class Waiting:
    """What happens to the rows of a file that has waited."""

    file: RowFile
    reported: FileOutcome | None
    """The rows that are not sent again."""
    left: list[int]
    """The numbers of the others."""


class Orphans:
    """The files whose rows wait for parents; false while no row waits.

    Memory: one outcome for each row that waits.

    Args:
        more_objects: whether loads of other objects may join later.
    """

    def __init__(self, *, more_objects: bool) -> None:
        self.objects: set[str] = set()
        """The objects that are loaded, casefolded."""
        self._more_objects = more_objects
        self._rows: dict[RowFile, tuple[FileOutcome, list[RowOutcome]]] = {}
        self._before: float = 0
        self._passes = 0

    def __bool__(self) -> bool:
        return bool(self._rows)

    def is_hopeless(self, parents: AbstractSet[str]) -> bool:
        """Whether no load can bring a parent of one of these objects."""
        return not self._more_objects and parents.isdisjoint(self.objects)

    def add(self, file: RowFile, outcome: FileOutcome, rows: list[RowOutcome]) -> None:
        """Let rows of a file wait.

        Args:
            file: the file, which has only these rows.
            outcome: the outcomes of its last job.
            rows: the outcomes that they have for now.
        """
        self._rows[file] = (outcome, rows)

    def last_chance(self) -> Iterator[Waiting]:
        """Take out all files; their rows do not wait again."""
        for one in self._take(final=False):
            one.file.may_wait = False
            yield one

    def start_passes(self) -> None:
        """Begin to send rows again, now that all others are loaded."""
        self._before = float("inf")
        self._passes = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the last pass brought no row in, or a long chain needs too many passes."""
        return self._count >= self._before or self._passes >= _MANY_PASSES

    def waiting(self) -> dict[tuple[RowFile, int], RowOutcome]:
        """The outcome for now of each row that waits."""
        return {(file, row.number): row for file, (_, rows) in self._rows.items() for row in rows}

    @property
    def _count(self) -> int:
        return sum(len(rows) for _, rows in self._rows.values())

    def next_pass(self) -> Iterator[Waiting]:
        """Take out all files.

        Their rows are sent again as long as this brings some of them in: they may be parents of
        others.
        """
        count = self._count
        self._passes += 1
        final = count >= self._before
        self._before = float("inf") if final else count
        yield from self._take(final=final)

    def _may_come(self, file: RowFile, row: RowOutcome) -> bool:
        """Whether the parent of a row is of an object that is loaded."""
        return not self.objects.isdisjoint(missing_parents(row, file.columns))

    def _take(self, *, final: bool) -> Iterator[Waiting]:
        taken, self._rows = self._rows, {}
        for file, (outcome, waited) in taken.items():
            # Some may have been dropped meanwhile, by `Loader.drop_after`.
            kept = frozenset(() if file.settled else file.numbers)
            rows = [row for row in waited if row.number in kept]
            if not rows:
                continue
            left = [] if final else [row.number for row in rows if self._may_come(file, row)]
            sent = set(left)
            others = [row for row in rows if row.number not in sent]
            yield Waiting(file, _outcome(outcome, others) if others else None, left)


def _outcome(of_job: FileOutcome, rows: list[RowOutcome]) -> FileOutcome:
    counts = Counts()
    counts.count(rows)
    return replace(of_job, counts=counts, rows=rows, failure=None, unmatched=[], unplaced=[])

"""A file of rows on disk: the upload of one job or batch."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sfbulk.jobs.files import GrowingFile
from sfbulk.load.versions import Replaced

if TYPE_CHECKING:
    Columns = tuple[str, ...]


class FileOwner(Protocol):
    """What makes files and takes them back: `RowSpool`."""

    def end(self, file: RowFile) -> None:
        """Add no more rows to a file that is still being filled."""

    def unblock(self, file: RowFile) -> None:
        """A file that is still being filled waits for no other file any more."""


class _Nobody:
    """The owner of a file that no load fills, such as one of an earlier run."""

    def end(self, file: RowFile) -> None:
        """Do nothing."""

    def unblock(self, file: RowFile) -> None:
        """Do nothing."""


@dataclass(eq=False)
class RowFile(GrowingFile):
    """The rows of one upload."""

    columns: Columns
    level: int
    """Higher than that of each file in `after`, so that files never wait for each other."""
    owner: FileOwner = field(default_factory=_Nobody, repr=False)
    number: int = 0
    """Counts the files of all loads of a group, in the order of their first rows."""
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    """For each row, the number of its record; ascending."""
    sizes: array[int] = field(default_factory=lambda: array("I"), repr=False)
    """For each row, its bytes without separators."""
    starts: array[int] = field(default_factory=lambda: array("Q"), repr=False)
    """Where each row begins, as long as rows are added."""
    replaced: Replaced = field(default_factory=Replaced, repr=False)
    """The rows in whose place a later row of the file is sent."""
    has_replaced: bool = True
    """Whether it still has these rows; see `RowSpool.remove_replaced`."""
    digests: bytearray = field(default_factory=bytearray, repr=False)
    """What the journal keeps of the rows, one after the other; empty without a journal."""
    after: set[RowFile] = field(default_factory=set, repr=False)
    """Unsettled files, also of other loads, that must be settled before this one is sent."""
    before: list[RowFile] = field(default_factory=list, repr=False)
    """Files that wait for this one."""
    attempt: int = 0
    """How often its rows were sent again because they had failed for a passing reason."""
    may_wait: bool = True
    """Whether rows without a parent may wait until other rows are loaded."""
    sealed: bool = False
    """Whether it takes no more rows."""
    sent: bool = False
    """Whether it was sent, in this run and perhaps again."""
    settled: bool = False
    job_id: str | None = None
    """The job that may have loaded rows of this file; None until that is possible."""
    origin: RowFile | None = None
    """The file instead of which this one is sent, with fewer rows or other cells."""
    entry: int | None = None
    """Its entry in the journal."""

    def __lt__(self, other: RowFile) -> bool:
        return self.number < other.number

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    @property
    def records(self) -> int:
        """The number of its rows, and of those in whose place they were sent."""
        return self.rows + (0 if self.has_replaced else len(self.replaced))

    @property
    def first(self) -> int:
        """The lowest number of its rows, and of those that they replace."""
        lowest = self.numbers[0]
        return min(lowest, min(self.replaced, default=lowest))

    def spelled(self, name: str) -> str:
        """The column's name as the file spells it, for a name in upper or lower case."""
        wanted = name.lower()
        return next((column for column in self.columns if column.lower() == wanted), name)

    def wait_for(self, earlier: RowFile) -> None:
        """Send this file only after `earlier` is settled."""
        if earlier not in self.after:
            self.after.add(earlier)
            earlier.before.append(self)

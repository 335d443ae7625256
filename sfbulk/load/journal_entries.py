"""What a journal has of a load and of a file, as a later run finds it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class LoadName(NamedTuple):
    """Which rows are the same load in every run."""

    name: str
    """A name that is unique among the loads of a run, such as a stream."""
    sobject: str
    operation: str
    key: str
    """The column by which Salesforce finds records; empty for an insert."""


class Phase(str, Enum):
    """How far a file is."""

    BEGUN = "begun"
    """A job for it may have been created; it has loaded nothing."""
    UPLOADED = "uploaded"
    """Its rows may be in the job, which has not been closed."""
    ADDED = "added"
    """Bulk API 1.0: its rows may be a batch, which Salesforce loads."""
    CLOSED = "closed"
    """Salesforce may have loaded its rows."""
    READ = "read"
    """Its job has ended, and its results may have been read."""
    RESULTS = "results"
    """Its outcomes are known; the rows that are not loaded may not have been reported."""
    SETTLED = "settled"
    """The outcome of each row is known and was reported."""


@dataclass
class LostFile:
    """A file of a run that ended before its rows were settled and covered."""

    entry: int
    load: int
    name: LoadName
    phase: Phase
    begun: str
    """When its last step was recorded."""
    job_id: str | None
    batch_id: str | None
    path: Path
    columns: tuple[str, ...]
    folder: str
    """The folder of its load."""
    covered: int
    """The highest row number that a STATE has covered."""
    numbers: array[int] = field(default_factory=lambda: array("Q"))
    digests: list[bytes] = field(default_factory=list)
    left_out: frozenset[int] = frozenset()
    """In the phases `results` and `settled`: the rows that are not loaded and not reported."""

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """The number and the digest of each row."""
        return zip(self.numbers, self.digests, strict=True)

    @property
    def is_batch(self) -> bool:
        """Whether it was sent with Bulk API 1.0."""
        return self.phase is Phase.ADDED or self.batch_id is not None

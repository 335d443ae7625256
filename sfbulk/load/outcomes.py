"""What became of the records of a load, whichever bulk API carried them; no connection."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk.errors import SalesforceError
    from sfbulk.jobs.row_error import RowError
    from sfbulk.load.spool import RowFile


class RowStatus(str, Enum):
    """What became of a record."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Salesforce rejected it; `errors` says why."""
    UNPROCESSED = "unprocessed"
    """Salesforce never tried it: its job or batch ended first, or it was not sent because
    Salesforce took no more."""
    UNKNOWN = "unknown"
    """It may be in or not: its job or batch ended without any result for it. Query it before it
    is sent again."""


UNKNOWN_CODE = "UNKNOWN"
"""Our code for a row that has no result."""


class Detail(Enum):
    """Of which rows a load hands out an outcome of their own."""

    REJECTED = "rejected"
    """Those that are not in; the others are counted by the counts of their job."""
    CREATED = "created"
    """Those that are not in; the others are counted in the results, new records apart."""
    EVERY_ROW = "every row"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one record of a load."""

    number: int
    """Which record it is, from 1."""
    status: RowStatus
    id: str | None
    """The record's id; of a rejected row mostly None, even where one was meant."""
    created: bool
    """Whether the record is new."""
    errors: tuple[RowError, ...]
    """Why it is not in, in Salesforce's words."""
    job_id: str | None
    """The job that carried it; None when it was not sent."""
    batch_id: str | None = None
    """Its batch in Bulk API 1.0; 2.0 shows none."""

    @property
    def success(self) -> bool:
        """Whether it is in."""
        return self.status is RowStatus.SUCCEEDED

    @property
    def error(self) -> RowError | None:
        """The first of `errors`, and mostly the only one."""
        return self.errors[0] if self.errors else None


@dataclass
class Counts:
    """How many rows had which outcome."""

    succeeded: int = 0
    created: int = 0
    """Of those that succeeded, the new records; only where results say it."""
    failed: int = 0
    unprocessed: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All rows."""
        return self.succeeded + self.failed + self.unprocessed + self.unknown

    def add(self, other: Counts) -> None:
        """Add the counts of other rows."""
        self.succeeded += other.succeeded
        self.created += other.created
        self.failed += other.failed
        self.unprocessed += other.unprocessed
        self.unknown += other.unknown

    def count(self, outcomes: Iterable[RowOutcome]) -> None:
        """Add the rows of these outcomes."""
        for outcome in outcomes:
            name = outcome.status.value
            setattr(self, name, getattr(self, name) + 1)
            self.created += outcome.created

    def __str__(self) -> str:
        parts = [
            f"{self.succeeded:,} succeeded",
            f"{self.failed:,} failed",
            f"{self.unprocessed:,} not processed",
        ]
        if self.unknown:
            parts.append(f"{self.unknown:,} unknown")
        return f"Of {self.total:,} rows, {', '.join(parts)}."


@dataclass
class FileOutcome:
    """What became of the rows of one file, which is one job or batch."""

    file: RowFile
    job_id: str | None
    counts: Counts
    rows: list[RowOutcome]
    """The rows that are not in, or every row: see `Detail`. In no order."""
    state: str = ""
    """How the job or batch ended, in Salesforce's word; empty when the file was not sent."""
    failure: SalesforceError | None = None
    """Why the job as a whole is not as it should be; the rows are accounted for all the same."""


@dataclass
class IngestSummary:
    """What became of the records of one call; the counts add up to its records."""

    job_ids: list[str] = field(default_factory=list)
    """The jobs. One of which all rows are in is deleted from the org; the others can be opened
    for seven days."""
    succeeded: int = 0
    failed: int = 0
    unprocessed: int = 0
    unknown: int = 0
    """Records that no result list has: query them before they are sent again."""
    fitted: Counter[str] = field(default_factory=Counter)
    """Values that were sent as Salesforce stores them, line breaks as LF, by column."""
    nulls_kept: Counter[str] = field(default_factory=Counter)
    """Nulls of fields that cannot be null, by column: the field was left as it is."""
    failures: list[RowOutcome] = field(default_factory=list, repr=False)
    """The records that are not in, or not certainly, in their order, with Salesforce's reason."""

    def add(self, outcome: FileOutcome) -> None:
        """Add what became of the rows of one file."""
        if outcome.job_id and outcome.job_id not in self.job_ids:
            self.job_ids.append(outcome.job_id)
        self.succeeded += outcome.counts.succeeded
        self.failed += outcome.counts.failed
        self.unprocessed += outcome.counts.unprocessed
        self.unknown += outcome.counts.unknown
        self.failures += (row for row in outcome.rows if not row.success)

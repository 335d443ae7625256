"""The outcomes of a load, row by row and as counts, for both bulk APIs; no I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.jobs.row_error import RowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from sfbulk.errors import SalesforceError
    from sfbulk.load.job_summary import JobSummary
    from sfbulk.load.row_file import RowFile


class RowStatus(str, Enum):
    """The outcome of a record."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Salesforce rejected it; `errors` says why."""
    UNPROCESSED = "unprocessed"
    """Salesforce did not process it: its job or batch ended before, or it was not sent."""
    UNKNOWN = "unknown"
    """It may be loaded or not: its job or batch ended without a result for it. Query the record
    before you send it again."""
    SKIPPED = "skipped"
    """It was not sent: its record exists and the load creates records only, or an earlier load
    with the same journal has loaded it."""
    REPLACED = "replaced"
    """It was not sent: a later record of the same load has its key and sets all of its fields. That
    one has an outcome of its own."""


UNKNOWN_CODE = "UNKNOWN"
"""The client's own error code for a row without a result."""


class Detail(Enum):
    """Which rows have a `RowOutcome` of their own."""

    REJECTED = "rejected"
    """Rows that are not loaded. The number of loaded rows comes from the counts of the job."""
    CREATED = "created"
    """Rows that are not loaded. The loaded rows are counted in the results, so that created
    records can be counted too."""
    EVERY_ROW = "every row"
    """All rows."""


_NO_REJECT = frozenset((RowStatus.SUCCEEDED, RowStatus.SKIPPED, RowStatus.REPLACED))


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """The outcome of one record of a load."""

    number: int
    """The number of the record, from 1."""
    status: RowStatus
    id: str | None
    """The record's id; usually None for a rejected row, even for an update."""
    created: bool
    """Whether the load created the record."""
    errors: tuple[RowError, ...]
    """Why it was not loaded, in Salesforce's words."""
    job_id: str | None
    """Its job; None if it was not sent."""
    batch_id: str | None = None
    """Its batch in Bulk API 1.0; always None for 2.0."""
    returned: Mapping[str, str] | None = field(default=None, repr=False)
    """The row as Salesforce returned it, if it has other values than the row that was sent; None
    if the result was recognised."""

    @property
    def success(self) -> bool:
        """Whether it was loaded."""
        return self.status is RowStatus.SUCCEEDED

    @property
    def is_reject(self) -> bool:
        """Whether it failed, was not processed, or is unknown."""
        return self.status not in _NO_REJECT

    @property
    def error(self) -> RowError | None:
        """The first of `errors`; there is usually only one."""
        return self.errors[0] if self.errors else None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row of the results of a job."""

    status: RowStatus
    id: str | None
    created: bool
    error: RowError | None
    row: Mapping[str, str] = field(repr=False)
    """The row as Salesforce returned it; its values may have another form than those sent."""

    @property
    def success(self) -> bool:
        """Whether it was loaded."""
        return self.status is RowStatus.SUCCEEDED


@dataclass
class Counts:
    """How many rows had which outcome."""

    succeeded: int = 0
    created: int = 0
    """How many of the successful rows created a record; only with a `Detail` that counts them."""
    failed: int = 0
    unprocessed: int = 0
    unknown: int = 0
    skipped: int = 0
    """Rows whose record exists, in a load that creates records only."""
    replaced: int = 0
    """Rows that were not sent, as later ones of the load replace them."""

    @property
    def total(self) -> int:
        """The number of all rows that were not replaced."""
        return self.succeeded + self.failed + self.unprocessed + self.unknown + self.skipped

    def add(self, other: Counts) -> None:
        """Add the counts of other rows."""
        self.succeeded += other.succeeded
        self.created += other.created
        self.failed += other.failed
        self.unprocessed += other.unprocessed
        self.unknown += other.unknown
        self.skipped += other.skipped
        self.replaced += other.replaced

    def count(self, outcomes: Iterable[RowOutcome | ResultRow]) -> None:
        """Add these rows."""
        for outcome in outcomes:
            # The attributes of this class have the values of `RowStatus` as their names.
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
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped")
        if self.replaced:
            parts.append(f"{self.replaced:,} replaced by later ones")
        return f"Of {self.total:,} rows, {', '.join(parts)}."


_UNPLACED = (
    "The results of {:,} rows have other values than were sent, so it is not known which of these "
    "rows are loaded. Query the records before you send them again."
)


@dataclass(frozen=True)
class WrittenFile:
    """A file that a dry run wrote instead of sending it."""

    path: Path
    rows: int
    bytes: int
    columns: tuple[str, ...]


@dataclass
class FileOutcome:
    """The outcomes of the rows of one file, which is one job or batch."""

    file: RowFile
    job_id: str | None
    counts: Counts
    rows: list[RowOutcome]
    """The rows that were not loaded, or all rows: see `Detail`. They have no order."""
    state: str = ""
    """The state in which the job or batch ended; empty if the file was not sent."""
    failure: SalesforceError | None = None
    """Why the job failed or was aborted; `counts` and `rows` are complete nevertheless."""
    entry: int | None = None
    """The entry of the file in the journal when its job was read."""
    written: WrittenFile | None = None
    """In a dry run: what was written."""
    unmatched: list[ResultRow] = field(default_factory=list)
    """Results that may belong to several of the rows in `unplaced`. They are in `counts`."""
    unplaced: list[int] = field(default_factory=list)
    """The numbers of the rows whose outcome is one of `unmatched`; they are not in `rows`."""
    mismatch: SalesforceError | None = None
    """Why the rows of the file are not settled: the results are not as many as the rows that were
    sent. Then `counts` and `rows` have what is known."""
    job: JobSummary | None = None
    """The job or batch as a whole; None if nothing was sent."""

    def not_loaded(self) -> list[int]:
        """The numbers of the rows that are not loaded, or perhaps not.

        Of rows in `unplaced` it is not known which results are theirs. They stand here unless all
        are loaded: a journal that counted them as loaded would skip rows that are not, and one
        that left them out of the file would let an insert send loaded rows again.
        """
        rows = (*self.rows, *self.unplaced_rows())
        return [row.number for row in rows if row.is_reject]

    def unplaced_rows(self) -> list[RowOutcome]:
        """The outcomes of the rows in `unplaced`: what their results have in common.

        If all results have one status, it is the rows' status; else it is unknown. `errors` has
        every reason that may be theirs.
        """
        statuses = {one.status for one in self.unmatched}
        status = statuses.pop() if len(statuses) == 1 else RowStatus.UNKNOWN
        created = all(one.created for one in self.unmatched)
        errors = tuple(dict.fromkeys(one.error for one in self.unmatched if one.error))
        if status is RowStatus.UNKNOWN:
            errors = (RowError(UNKNOWN_CODE, _UNPLACED.format(len(self.unplaced))), *errors)
        return [RowOutcome(n, status, None, created, errors, self.job_id) for n in self.unplaced]


@dataclass
class IngestSummary:
    """The outcome of one call; the counts add up to the number of records."""

    job_ids: list[str] = field(default_factory=list)
    """The jobs. A 2.0 job with only successful rows is deleted from the org; Salesforce keeps the
    others for seven days."""
    succeeded: int = 0
    failed: int = 0
    unprocessed: int = 0
    unknown: int = 0
    """Records that are in no result list: query them before you send them again."""
    skipped: int = 0
    """Records that exist, in a load with `new_only`, or that an earlier load with the same journal
    has loaded."""
    replaced: int = 0
    """Records that were not sent: a later record of the call has the same key and sets all their
    fields."""
    fitted: Counter[str] = field(default_factory=Counter)
    """How many values of each column were sent as Salesforce stores them: line breaks as LF."""
    nulls_kept: Counter[str] = field(default_factory=Counter)
    """How many nulls of each column were not sent, since the field cannot be null."""
    failures: list[RowOutcome] = field(default_factory=list, repr=False)
    """The records that failed, were not processed or are unknown, in their order.

    Salesforce may return a record with other values, so that its result could be that of several
    records. If some of these are loaded, all of them are here as unknown, with every reason."""

    def add(self, outcome: FileOutcome | RowOutcome) -> None:
        """Add the outcomes of one file, or of one record that was not sent."""
        if isinstance(outcome, RowOutcome):
            self.skipped += outcome.status is RowStatus.SKIPPED
            self.unknown += outcome.status is RowStatus.UNKNOWN
            self.failures += [outcome] if outcome.is_reject else []
            return
        if outcome.job_id and outcome.job_id not in self.job_ids:
            self.job_ids.append(outcome.job_id)
        self.succeeded += outcome.counts.succeeded
        self.failed += outcome.counts.failed
        self.unprocessed += outcome.counts.unprocessed
        self.unknown += outcome.counts.unknown
        self.skipped += outcome.counts.skipped
        self.replaced += outcome.counts.replaced
        rows = [*outcome.rows, *outcome.unplaced_rows()]
        self.failures += (row for row in rows if row.is_reject)

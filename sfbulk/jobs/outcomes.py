"""What became of each record of a load, whichever bulk API carried it; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sfbulk.jobs.states import JobState

if TYPE_CHECKING:
    from sfbulk.jobs.results import RowError
    from sfbulk.jobs.states import JobInfo


class RowStatus(str, Enum):
    """What became of a record."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Salesforce refused it; `errors` says why."""
    UNPROCESSED = "unprocessed"
    """Salesforce never tried it: its job or batch ended first, or it was not sent because
    Salesforce took no more."""
    UNKNOWN = "unknown"
    """It may be in or not: its job or batch ended without any result for it. Query it before it
    is sent again."""


UNKNOWN_CODE = "UNKNOWN"
"""Our code for a row that has no result."""


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of one record of a load."""

    number: int
    """Which record it is, from 1."""
    status: RowStatus
    id: str | None
    """The record's id; of a refused row mostly None, even where one was meant."""
    created: bool
    """Whether the record is new."""
    errors: tuple[RowError, ...]
    """Why it is not in, in Salesforce's words."""
    job_id: str | None
    """The job that carried it; None when it was not sent."""
    batch_id: str | None = None
    """Its batch in Bulk API 1.0; 2.0 tells of none."""

    @property
    def success(self) -> bool:
        """Whether it is in."""
        return self.status is RowStatus.SUCCEEDED

    @property
    def error(self) -> RowError | None:
        """The first of `errors`, and mostly the only one."""
        return self.errors[0] if self.errors else None


def unlisted_status(info: JobInfo, listed: int) -> RowStatus:
    """What became of the rows of an ended 2.0 job that none of its result lists has.

    "Results are not recorded for batches that exceed the daily batch allocation" (Bulk API
    guide), so such a row may be in. It is surely not where the job failed before its first
    row: then Salesforce counts none, and lists none as unprocessed either (recorded).

    Args:
        info: the ended job.
        listed: rows that its lists have.
    """
    untouched = info.state is JobState.FAILED and info.records_processed == 0 and not listed
    return RowStatus.UNPROCESSED if untouched else RowStatus.UNKNOWN

"""What became of each record of a load, whichever bulk API carried it; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk.jobs.results import RowError


class RowStatus(str, Enum):
    """What became of a record."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Salesforce refused it; `errors` says why."""
    UNPROCESSED = "unprocessed"
    """Salesforce never tried it: its job or batch ended first, or it was not sent because
    Salesforce took no more."""
    UNKNOWN = "unknown"
    """Its job or batch ended half done, and Salesforce does not tell which rows are in."""


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

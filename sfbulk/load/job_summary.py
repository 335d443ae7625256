"""What Salesforce says of one ended job or batch as a whole, for reports; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class JobSummary:
    """An ended job or batch.

    Attributes:
        operation: In Salesforce's words.
        rows: How many rows it had.
        succeeded: How many of them it loaded; rows that are sent again later are not among them.
        created: When it was created, by Salesforce's clock; None if that is not known.
        ended: When it changed for the last time, which is its end; likewise.
        processing_ms: How long Salesforce worked on it, in milliseconds, without waiting.
    """

    operation: str
    rows: int
    succeeded: int
    created: datetime | None
    ended: datetime | None
    processing_ms: int | None

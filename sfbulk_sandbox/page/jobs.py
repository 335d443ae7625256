"""One bulk job as the page shows it, whichever API it is of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sfbulk_sandbox.org.first_refusals import Refusal

_LOOKS = {
    "JobComplete": "good",
    "Completed": "good",
    "Closed": "good",
    "Failed": "bad",
    "Aborted": "bad",
    "NotProcessed": "bad",
    "InProgress": "busy",
}


@dataclass(frozen=True)
class State:
    """A state in Salesforce's words, and how it looks."""

    word: str

    @property
    def look(self) -> str:
        """The CSS class of the state."""
        return _LOOKS.get(self.word, "wait")


@dataclass(frozen=True, kw_only=True)
class BatchLine:
    """One batch of Bulk API 1.0.

    Attributes:
        soql: The statement of a query batch; None for a load.
        seconds: The processing time; None before it has started.
    """

    id: str
    state: State
    message: str | None
    processed: int
    failed: int
    seconds: float | None
    soql: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobLine:
    """One job.

    Attributes:
        kind: The jobType of the job lists: V2Query, V2Ingest or Classic.
        ended: Whether the job has ended.
        deleted: When a client deleted it; None if it is still there.
        done: The processed part, from 0 to 1; None if it is unknown.
        total: The number of rows; None if it is unknown.
        seconds: How long it has been processed; None before it has started.
        created: The creation time. Lists are sorted by it, newest first.
        started: When it was started, if that is known.
        changed: The last change of its state.
        message: The reason of a failure.
        settings: More settings, by the names in job documents.
        soql: The statement of a query of Bulk API 2.0.
        refusals: The first rejected rows.
        batches: The batches of Bulk API 1.0; None for Bulk API 2.0.
    """

    id: str
    kind: str
    operation: str
    object: str
    state: State
    ended: bool
    deleted: datetime | None = None
    done: float | None
    processed: int
    failed: int
    total: int | None = None
    seconds: float | None
    created: datetime
    started: datetime | None = None
    changed: datetime
    message: str | None
    settings: dict[str, str | None]
    soql: str | None = None
    refusals: Sequence[Refusal] = field(default_factory=list)
    batches: Sequence[BatchLine] | None = None

    @property
    def percent(self) -> str:
        """How far it is, or came, as text; empty if that says nothing."""
        if self.done is None or (self.ended and self.done == 0):
            return ""
        return f"{self.done:.0%}"

    @property
    def rate(self) -> float | None:
        """Processed rows in a second."""
        return self.processed / self.seconds if self.seconds and self.processed else None

    @property
    def unprocessed(self) -> int:
        """The rows that were left when the job ended."""
        return self.total - self.processed if self.ended and self.total else 0

    @property
    def batches_ended(self) -> int:
        """The number of batches that have ended."""
        ended = ("Completed", "Failed", "NotProcessed")
        return sum(batch.state.word in ended for batch in self.batches or ())

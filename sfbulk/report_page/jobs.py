"""Collects the jobs of a run with their times: those that did not load all their rows, and others.

Memory is bounded, however many jobs a run has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk.load.outcomes import FileOutcome

MOST_JOBS = 300
"""Of those with rows that were not loaded, and of the others."""

_GOOD = frozenset({"JobComplete", "Completed"})


@dataclass
class PageJob:
    """One job; the batches of a job of Bulk API 1.0 are added up.

    Attributes:
        state: How it ended; of several batches, how the first that did not end well did.
        succeeded: Rows that it loaded.
        batches: How many batches it had; 1 in Bulk API 2.0.
    """

    job_id: str
    stream: str
    operation: str
    state: str = ""
    rows: int = 0
    succeeded: int = 0
    created: datetime | None = None
    ended: datetime | None = None
    processing_ms: int = 0
    batches: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it ended well, with all rows loaded."""
        return self.has_completed and self.rows == self.succeeded

    @property
    def has_completed(self) -> bool:
        """Whether it ended well; single rows may have failed."""
        return self.state in _GOOD

    @property
    def seconds(self) -> float | None:
        """From its creation to its end."""
        if self.created is None or self.ended is None:
            return None
        # Both are Salesforce's times, but of two of its servers.
        return max((self.ended - self.created).total_seconds(), 0.0)


class Jobs:
    """The jobs of a run."""

    def __init__(self) -> None:
        self._jobs: dict[str, PageJob] = {}
        self._kept = {True: 0, False: 0}
        self.left_out = 0
        """How many files were sent in jobs that are not kept."""

    def add(self, stream: str, outcome: FileOutcome) -> None:
        """Add the job of a file, or a further batch of it; nothing for a file that was not sent."""
        summary = outcome.job
        if outcome.job_id is None or summary is None:
            return
        job = self._jobs.get(outcome.job_id)
        if job is None:
            # Good jobs must not take the places of those that somebody looks for.
            is_good = outcome.state in _GOOD and summary.rows == summary.succeeded
            if self._kept[is_good] == MOST_JOBS:
                self.left_out += 1
                return
            self._kept[is_good] += 1
            job = PageJob(outcome.job_id, stream, summary.operation)
            self._jobs[job.job_id] = job
        # Of several batches, the first that did not end well has the state that a reader looks for.
        if not job.state or job.has_completed:
            job.state = outcome.state
        job.rows += summary.rows
        job.succeeded += summary.succeeded
        job.batches += 1
        job.processing_ms += summary.processing_ms or 0
        job.created = min(filter(None, (job.created, summary.created)), default=None)
        job.ended = max(filter(None, (job.ended, summary.ended)), default=None)

    def listed(self) -> list[PageJob]:
        """The jobs in the order of their creation; those without a time last."""
        known = [job for job in self._jobs.values() if job.created]
        known.sort(key=lambda job: (job.created, job.job_id))
        return known + [job for job in self._jobs.values() if not job.created]

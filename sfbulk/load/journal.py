"""The steps of a load that a journal records; each is recorded before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sfbulk.load.spool import RowFile


class Journal(Protocol):
    """Records each step before it is done, so that a later run can find out what this run did.

    The steps of a file have a fixed order: begin, upload, close, read, settled. A file that is
    sent to another job starts again with begin. With Bulk API 1.0 a file is one batch: it is
    uploaded when it is added to its job, and it has no close of its own.
    """

    def begin(self, file: RowFile) -> None:
        """A job will be created for the rows of `file`, or an open one will be used."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """The rows will be sent to this job."""

    def close(self, file: RowFile, job_id: str) -> None:
        """The job will be closed; from then on Salesforce may load the rows."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """The job, or the batch, has ended; its results will be read."""

    def settled(self, file: RowFile) -> None:
        """The outcome of every row of `file` is known and will be returned."""


class NoJournal:
    """A journal that records nothing."""

    def begin(self, file: RowFile) -> None:
        """Record nothing."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """Record nothing."""

    def close(self, file: RowFile, job_id: str) -> None:
        """Record nothing."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """Record nothing."""

    def settled(self, file: RowFile) -> None:
        """Record nothing."""


NO_JOURNAL = NoJournal()

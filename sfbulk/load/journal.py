"""The steps of a load that a journal records, each before it is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sfbulk.load.spool import RowFile


class Journal(Protocol):
    """Is called before each step, so that a later run can find out what this one did.

    The order of a file's steps is fixed: begin, upload, close, read, settled. A file that goes
    into another job begins again. With Bulk API 1.0 a file is one batch: it is uploaded when it
    is added to its job, and nothing is closed for it alone.
    """

    def begin(self, file: RowFile) -> None:
        """A job is going to be created for the rows of `file`, or one that is open is used."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """The rows are going to be sent to this job."""

    def close(self, file: RowFile, job_id: str) -> None:
        """The job is going to be closed; from then on Salesforce may load the rows."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """The job, or the batch, has ended; its results are going to be read."""

    def settled(self, file: RowFile) -> None:
        """The outcome of every row of `file` is known and will be handed out."""


class NoJournal:
    """A journal that keeps nothing."""

    def begin(self, file: RowFile) -> None:
        """Keep nothing."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """Keep nothing."""

    def close(self, file: RowFile, job_id: str) -> None:
        """Keep nothing."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """Keep nothing."""

    def settled(self, file: RowFile) -> None:
        """Keep nothing."""


NO_JOURNAL = NoJournal()

"""The steps of a load that a journal records; each is recorded before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from sfbulk.load.outcomes import RowStatus
    from sfbulk.load.row import Row
    from sfbulk.load.row_file import RowFile


class Journal(Protocol):
    """Records each step before it is done, so that a later run can find out what this run did.

    The steps of a file have a fixed order: begin, upload, close, read, settled. With Bulk API 1.0
    a file is one batch, and its steps are begin, add, added, read, settled. A file that is sent to
    another job starts again with begin.

    Rows that are sent again in another file are in that file's steps under their own numbers.
    A file that is sent instead of another one names it in `RowFile.origin`.
    """

    def digest(self, row: Row) -> bytes:
        """What the journal keeps of a row, so that it is known when it comes again."""

    def known(self, number: int, digest: bytes) -> RowStatus | None:
        """The outcome of a row that an earlier run has sent; None for a row that must be sent."""

    def begin(self, file: RowFile) -> None:
        """A job will be created for the rows of `file`, or an open one will be used."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """The rows will be sent to this job."""

    def add(self, file: RowFile, job_id: str) -> None:
        """Bulk API 1.0: the rows will be a batch of this job; Salesforce may load them."""

    def added(self, file: RowFile, job_id: str, batch_id: str) -> None:
        """Bulk API 1.0: the rows became this batch of the job."""

    def close(self, file: RowFile, job_id: str) -> None:
        """The job will be closed; from then on Salesforce may load the rows."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """The job, or the batch, has ended; its results will be read."""

    def settled(self, file: RowFile, not_loaded: Collection[int]) -> None:
        """Every row of `file` is loaded, except those with these numbers.

        If another file was sent instead of it, this is the one with all rows, sent or not.
        Called again for the same file, it changes nothing.
        """


class NoJournal:
    """A journal that records nothing."""

    def digest(self, row: Row) -> bytes:  # noqa: ARG002 - the port's signature
        """Keep nothing of a row."""
        return b""

    def known(self, number: int, digest: bytes) -> RowStatus | None:  # noqa: ARG002 - as above
        """Know no row."""
        return None

    def begin(self, file: RowFile) -> None:
        """Record nothing."""

    def upload(self, file: RowFile, job_id: str) -> None:
        """Record nothing."""

    def add(self, file: RowFile, job_id: str) -> None:
        """Record nothing."""

    def added(self, file: RowFile, job_id: str, batch_id: str) -> None:
        """Record nothing."""

    def close(self, file: RowFile, job_id: str) -> None:
        """Record nothing."""

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        """Record nothing."""

    def settled(self, file: RowFile, not_loaded: Collection[int]) -> None:
        """Record nothing."""


NO_JOURNAL = NoJournal()

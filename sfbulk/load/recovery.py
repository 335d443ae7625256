"""Settles what earlier runs have left in a journal: jobs, outcomes of rows, and folders."""

from __future__ import annotations

import logging
import shutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Protocol

from sfbulk.load.follow_ups import is_passing, missing_parents
from sfbulk.load.journal_digest import is_keyed
from sfbulk.load.journal_entries import Phase
from sfbulk.load.lost_job import LostJobs
from sfbulk.load.outcomes import RowStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sfbulk.load.columns import Describe
    from sfbulk.load.journal_entries import LostFile
    from sfbulk.load.journal_file import JournalFile
    from sfbulk.load.outcomes import RowOutcome
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


class Report(Protocol):
    """Writes down rows of an earlier run that Salesforce has rejected, or that are unknown."""

    def __call__(self, file: LostFile, rows: Sequence[RowOutcome], state: str) -> None:
        """Write them, ascending by their numbers; on return they are on disk.

        A row that the earlier run has written already is not written again.
        """


class Reported(Protocol):
    """Finds the rejected rows that an earlier run has written down, and did not live to note."""

    def __call__(self, file: LostFile, numbers: Collection[int]) -> Collection[int]:
        """Which of these rows they are."""


class Recovery:
    """Finds out what became of the rows that earlier runs have sent.

    Args:
        transport: the org.
        journal: the journal of the earlier runs.
        org: names the org; what was sent to other orgs stays in the journal.
        describe: describes an object.
        report: writes down rejected rows; without it they are sent again.
        reported: finds those that are written down already; they are not sent again.
    """

    def __init__(  # noqa: PLR0913 - all that a caller can say of lost rows
        self,
        transport: Transport,
        journal: JournalFile,
        org: str,
        *,
        describe: Describe,
        report: Report | None,
        reported: Reported | None = None,
    ) -> None:
        self._journal = journal
        self._org = org
        self._report = report
        self._reported = reported
        self._jobs = LostJobs(transport, journal.batches(org), describe)
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def run(self) -> None:
        """API calls: settle all files of earlier runs, and remove their folders.

        Waits for jobs that still run. A job that was never closed is aborted.

        Raises:
            SalesforceError: Salesforce does not answer; what was settled before stays settled.
            JournalError: the journal cannot be written.
        """
        for file in self._journal.lost(self._org):
            self._settle(file)
        self._jobs.close_jobs()
        self._journal.forget_batches(self._org)
        self._journal.known.keep_the_last(self._org)
        for folder in self._journal.folders(self._org):
            shutil.rmtree(folder, ignore_errors=True)
            self._journal.forget_folder(folder)
        for name, counts in self._counts.items():
            log.warning(
                "%s: the last run did not end well. Of its rows, %d are loaded or it has reported "
                "them, and %d others are rejected or unknown; these are not sent again. %d are not "
                "loaded, and are sent when they are in the input again",
                name,
                counts[RowStatus.SUCCEEDED],
                counts[RowStatus.FAILED] + counts[RowStatus.UNKNOWN],
                counts[""],
            )

    def _settle(self, file: LostFile) -> None:
        if file.phase is Phase.SETTLED:
            self._keep(file, dict.fromkeys(file.left_out))
            return
        found = self._jobs.read(file)
        known = self._known(file, found.rows, found.state)
        rows = sorted((row for row in found.rows if known[row.number]), key=lambda row: row.number)
        # Before the entry goes: if this run is killed in between, the next one does it again.
        if rows and self._report:
            self._report(file, rows, found.state)
        self._keep(file, known | self._written(file, known))
        # Any other job is kept, so that a user can look at its rows in Setup.
        if not found.rows:
            found.delete()

    def _known(
        self, file: LostFile, rows: Collection[RowOutcome], state: str
    ) -> dict[int, RowStatus | None]:
        """How each row that is not loaded is known from now on; None if it may be sent again."""
        if not rows:
            return {}
        later = self._journal.sent_later(file)
        keyed = {number: digest for number, digest in file.rows() if is_keyed(digest)}
        known: dict[int, RowStatus | None] = dict.fromkeys(row.number for row in rows)
        for row in rows:
            # A lock or a missing parent: another file has the row, and its outcome counts.
            if row.number in later or is_passing(row, state):
                continue
            if missing_parents(row, file.columns):
                continue
            if row.status is RowStatus.FAILED and self._report:
                known[row.number] = RowStatus.FAILED
            elif row.status is RowStatus.UNKNOWN and row.number not in keyed:
                known[row.number] = RowStatus.UNKNOWN
        # To send a row with a key again changes nothing if it is loaded. What was known of its
        # record before may no longer be what Salesforce has.
        unclear = [row.number for row in rows if row.status is RowStatus.UNKNOWN]
        self._journal.known.forget_keys(self._org, (keyed[one] for one in unclear if one in keyed))
        return known

    def _written(
        self, file: LostFile, known: Mapping[int, RowStatus | None]
    ) -> dict[int, RowStatus | None]:
        """The rows that would be sent again, although the earlier run gave them up."""
        again = [number for number, status in known.items() if status is None]
        if not again or self._reported is None:
            return {}
        return dict.fromkeys(self._reported(file, again), RowStatus.FAILED)

    def _keep(self, file: LostFile, not_loaded: Mapping[int, RowStatus | None]) -> None:
        """Keep the rows that need not be sent again, instead of the file's entry."""
        kept: dict[RowStatus, list[bytes]] = defaultdict(list)
        counts = self._counts[file.name.name]
        for number, digest in file.rows():
            if number > file.covered:
                status = not_loaded.get(number, RowStatus.SUCCEEDED)
                counts[status or ""] += 1
                if status:
                    kept[status].append(digest)
        for status, digests in kept.items():
            self._journal.known.add(file.load, digests, status)
        self._journal.forget(file.entry)

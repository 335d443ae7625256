"""The journal of a target's run: where it lies, what it has, and the rejects of earlier runs."""

from __future__ import annotations

import logging
import weakref
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.cli import add_note
from sfbulk.errors import JournalError
from sfbulk.load import LoadName, journal_status
from sfbulk_singer.run_folder import RunFolder, remove_abandoned
from target_sfbulk.records import lost_lines
from target_sfbulk.rejects import append_rejects, reject_of
from target_sfbulk.settings import journal_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sfbulk import RowOutcome, Salesforce
    from sfbulk.load import LoadJournal, LostFile, RunJournal
    from target_sfbulk.output import RunOutput
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.records import RecordLines
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

_PREFIX = "target-sfbulk-"


class TargetJournal:
    """The journal of a run, and the folder for its rows.

    API calls, when it is made: what earlier runs have left is settled, and their rejects are
    written. Without a journal, only the folders that killed runs have left are removed.

    Args:
        config: Settings without problems, `with_defaults`.
        salesforce: The org.
        output: The files that the run writes.

    Raises:
        JournalError: Another run uses the journal, it is damaged, or it cannot be written.
        SalesforceError: What earlier runs have left cannot be read.
    """

    def __init__(
        self, config: Mapping[str, Any], salesforce: Salesforce, output: RunOutput
    ) -> None:
        self._output = output
        self.rejects: dict[str, Counter[str]] = defaultdict(Counter)
        """By stream, why rows of earlier runs were rejected that this run has written down."""
        spool = Path(config["spool_dir"]) if config["spool_dir"] else None
        path = journal_path(config)
        self._run: RunJournal | None = None
        if path:
            try:
                self._run = salesforce.open_journal(path, parent=spool, report=self._report)
            except JournalError as error:
                add_note(error, "The setting is journal_path.")
                raise
            self.folder = self._run.folder
            # The SDK has no hook that is called however a target's run ends.
            self.close = weakref.finalize(self, self._run.close)
            return
        if found := remove_abandoned(_PREFIX, spool):
            LOGGER.info("Files of runs that were killed are removed: %d folders.", found)
        # Kept by this object, and removed with it.
        self._folder = RunFolder(_PREFIX, spool)
        self.folder = self._folder.path
        self.close = weakref.finalize(self, self._folder.remove)

    def load(self, plan: StreamPlan, folder: Path, lines: RecordLines) -> LoadJournal | None:
        """The journal of a stream; None without a journal.

        Args:
            plan: How the stream is loaded.
            folder: Where its files are.
            lines: Its records; they are written to the disk before their rows are sent.
        """
        if self._run is None:
            return None
        key = plan.key.header if plan.key else ""
        name = LoadName(plan.stream, plan.sobject, plan.operation.value, key)
        return self._run.load(name, folder, before_sending=lines.write_out)

    def end(self) -> None:
        """The run has ended well: forget all rows of its streams."""
        if self._run:
            self._run.end()

    def _report(self, file: LostFile, rows: Sequence[RowOutcome], state: str) -> None:
        name = file.name
        path = self._output.rejects_file(name.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = _written(path, {row.job_id for row in rows})
        rejects: list[tuple[bytes, Reject]] = []
        lines = lost_lines(Path(file.folder), [row.number for row in rows])
        for row, line in zip(rows, lines, strict=True):
            if written[row.job_id, line]:
                written[row.job_id, line] -= 1
                continue
            rejects.append((line, reject_of(row, state, name.sobject, name.key or None)))
        append_rejects(path, rejects, self._output.stamp(name.name))
        self.rejects[name.name].update(reject.reason for _, reject in rejects)


class _Written(msgspec.Struct):
    """What identifies a line of a rejects file."""

    record: msgspec.Raw
    job_id: str | None = None


def _written(path: Path, jobs: set[str | None]) -> Counter[tuple[str | None, bytes]]:
    """How often the rejects file has each record of these jobs, by job and record."""
    found: Counter[tuple[str | None, bytes]] = Counter()
    if not path.exists():
        return found
    with path.open("rb") as file:
        for line in file:
            try:
                reject = msgspec.json.decode(line, type=_Written)
            except msgspec.DecodeError:
                # The line that the lost run was writing when it was killed.
                continue
            if reject.job_id in jobs:
                found[reject.job_id, bytes(reject.record)] += 1
    return found


def status_lines(config: Mapping[str, Any]) -> list[str]:
    """What the journal has, one sentence a line.

    Args:
        config: Settings without problems, `with_defaults`.

    Raises:
        JournalError: It cannot be read.
    """
    path = journal_path(config)
    return journal_status(path) if path else ["There is no journal: journal_path is off."]

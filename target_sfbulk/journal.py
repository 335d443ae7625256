"""The journal of a target's run: where it lies, what it has, and the rejects of earlier runs."""

from __future__ import annotations

import logging
import weakref
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk.error_text import add_note
from sfbulk.errors import JournalError
from sfbulk.load import LoadName, journal_status
from sfbulk.private_files import private_folder
from sfbulk.run_folder import RunFolder, remove_abandoned
from target_sfbulk.json_lines import JsonLineError
from target_sfbulk.records import lost_lines, row_name
from target_sfbulk.reject_schema import read_schema, schema_file
from target_sfbulk.rejects import RejectKind, read_reject, reject_of
from target_sfbulk.settings import FOLDER_PREFIX, journal_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from sfbulk import RowOutcome, Salesforce
    from sfbulk.load import LoadJournal, LostFile, RunJournal
    from target_sfbulk.output import RunOutput
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.records import RecordLines
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")


class TargetJournal:
    """The journal of a run, and the folder for its rows.

    API calls, when it is made: what earlier runs have left is settled, and their rejects are
    written. Without a journal, only the temporary folders of killed runs are removed.

    Args:
        config: Settings without problems, `with_defaults`.
        salesforce: The org.
        output: The files that the run writes.
        fed_run: For a run that loads rejects again: returns the run that rejected the records of a
            stream.

    Raises:
        JournalError: Another run uses the journal, it is damaged, or it cannot be written.
        SalesforceError: What earlier runs have left cannot be read.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        salesforce: Salesforce,
        output: RunOutput,
        fed_run: Callable[[str], str] | None = None,
    ) -> None:
        self._output = output
        self._fed_run = fed_run
        self.rejects: dict[str, Counter[str]] = defaultdict(Counter)
        """By stream, why rows of earlier runs were rejected that this run has written down."""
        spool = Path(config["spool_dir"]) if config["spool_dir"] else None
        path = journal_path(config)
        if path and fed_run:
            path = feed_journal(path)
        self._run: RunJournal | None = None
        if found := remove_abandoned(FOLDER_PREFIX, spool):
            LOGGER.info("Files of runs that were killed are removed: %d folders.", found)
        if path:
            try:
                self._run = salesforce.open_journal(
                    path, parent=spool, report=self._report, reported=self._reported
                )
            except JournalError as error:
                add_note(error, "The setting is journal_path.")
                raise
            self.folder = self._run.folder
            # The SDK has no hook that is called however a target's run ends.
            self.close = weakref.finalize(self, self._run.close)
            return
        # Kept by this object, and removed with it.
        self._folder = RunFolder(FOLDER_PREFIX, spool)
        self.folder = self._folder.path
        self.close = weakref.finalize(self, self._folder.remove)

    @property
    def recovered(self) -> int:
        """How many rows of earlier runs were rejected that this run has written down."""
        return sum(counts.total() for counts in self.rejects.values())

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
        stream = plan.stream
        if self._fed_run:
            # A record that is rejected again, and comes again with the rejects of this run, must
            # be sent, while those of an interrupted run are known when the same file comes again.
            stream = f"{stream}@{self._fed_run(stream)}"
        name = LoadName(stream, plan.sobject, plan.operation.value, key)
        return self._run.load(name, folder, before_sending=lines.write_out)

    def end(self) -> None:
        """The run has ended well: forget all rows of its streams."""
        if self._run:
            # If the settings of a stream change, what it has sent before is known no more.
            self._run.end(one_load_a_name=True)

    def _report(self, file: LostFile, rows: Sequence[RowOutcome], state: str) -> None:
        name = file.name
        stream = self._stream_of(name)
        folder = Path(file.folder)
        # The rows of a load without a SCHEMA are records of the org that a mirror would delete.
        if schema := read_schema(schema_file(folder)):
            self._output.rejects.describe(stream, schema)
        path = self._output.rejects.path(stream)
        private_folder(path.parent)
        written = _written(path, {row_name(folder, row.number) for row in rows})
        rejects: list[tuple[bytes, Reject]] = []
        lines = lost_lines(folder, [row.number for row in rows])
        for row, line in zip(rows, lines, strict=True):
            if (named := row_name(folder, row.number)) in written:
                continue
            reject = reject_of(row, state, name.sobject, name.key or None)
            kind = reject.kind if schema or line == b"null" else RejectKind.NOT_DELETED
            rejects.append((line, replace(reject, kind=kind, row=named)))
        self._output.rejects.append(stream, rejects)
        self.rejects[stream].update(reject.reason for _, reject in rejects)

    def _reported(self, file: LostFile, numbers: Collection[int]) -> Collection[int]:
        names = {row_name(Path(file.folder), number): number for number in numbers}
        path = self._output.rejects.path(self._stream_of(file.name))
        return [names[name] for name in _written(path, names.keys())]

    def _stream_of(self, name: LoadName) -> str:
        return name.name.rpartition("@")[0] if self._fed_run else name.name


def _written(path: Path, rows: AbstractSet[str]) -> set[str]:
    """Which of these rows the rejects file has."""
    found: set[str] = set()
    if not path.exists():
        return found
    with path.open("rb") as file:
        for line in file:
            # The last line may be one that the lost run was writing when it was killed.
            with suppress(JsonLineError):
                row = read_reject(line).row
                found.update({row} & rows if row else ())
    return found


def status_lines(config: Mapping[str, Any]) -> list[str]:
    """What the journal has, one sentence a line.

    Args:
        config: Settings without problems, `with_defaults`.

    Raises:
        JournalError: It cannot be read.
    """
    path = journal_path(config)
    if path is None:
        return ["There is no journal: journal_path is off."]
    fed = feed_journal(path)
    return [*journal_status(path), *(journal_status(fed) if fed.exists() else ())]


def feed_journal(path: Path) -> Path:
    """The journal of runs that load rejects again, beside that of the other runs.

    A journal of its own: in that of the run that rejected the records, they are known, and would
    not be sent.
    """
    return path.with_name(f"{path.stem}-rejects{path.suffix}")

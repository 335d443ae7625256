"""The files that a run writes into the output folder: rejects, results and reports."""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk.errors import ConfigError
from sfbulk.load import Counts
from sfbulk.private_files import open_private, private_folder
from sfbulk_singer.file_names import file_name
from target_sfbulk.dry_run import DryRun
from target_sfbulk.reject_files import RejectFiles
from target_sfbulk.rejects import reject_of, reject_of_unmatched
from target_sfbulk.report import StreamReport
from target_sfbulk.report_page import ReportPage
from target_sfbulk.required_fields import named
from target_sfbulk.results_file import ResultsFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from sfbulk import RowOutcome
    from sfbulk.clock import Clock
    from sfbulk.load import FileOutcome
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.records import RecordLines
    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import Reject, RejectKind

LOGGER = logging.getLogger("target-sfbulk")

# A delete of an account deletes its contacts too.
_GONE = frozenset({"ENTITY_IS_DELETED"})

REPORTS = "reports"
"""The folder, in the output folder, that has the reports of all runs."""


class RunOutput:
    """What one run writes into the output folder.

    Args:
        folder: The output folder; it is created if it does not exist.
        clock: The time.
        dry_run: Whether nothing is sent; all files are then in a folder of their own.
        write_results: Whether each row that is in is written into a results file.
        is_feed: Whether rejects are loaded again, and not what a source has now.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        dry_run: bool = False,
        write_results: bool = False,
        is_feed: bool = False,
    ) -> None:
        self.is_feed = is_feed
        self.write_results = write_results and not dry_run
        self.dry_run = DryRun(folder) if dry_run else None
        self.folder = self.dry_run.folder if self.dry_run else folder
        self.clock = clock
        # The time first, so that files sort by it; two runs may begin in the same second.
        self.run_id = f"{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        self.rejects = RejectFiles(self.folder, self.run_id, self.time)
        self.page = ReportPage(self.folder, self.run_id, clock, is_dry=dry_run)

    def new_stream(self, plan: StreamPlan, keys: Sequence[str]) -> StreamOutput:
        """The files of a stream.

        Args:
            plan: How the stream is loaded.
            keys: The `key_properties` of its SCHEMA.

        Raises:
            ConfigError: The folder cannot be created or written.
        """
        return StreamOutput(self, plan, keys)

    def time(self) -> str:
        """The time, in UTC, as the files have it."""
        return _utc(self.clock.now())


class StreamOutput:
    """The files of one stream in the output folder: its rejects and its report.

    Rejects are appended: after a run wrote its STATE, the next run must not remove its rejects.

    Args:
        run: The run.
        plan: How the stream is loaded.
        keys: The `key_properties` of its SCHEMA.

    Raises:
        ConfigError: The folder cannot be created or written.
    """

    results: ResultsFile | None = None
    """The rows that are in; None if they are not written."""

    def __init__(self, run: RunOutput, plan: StreamPlan, keys: Sequence[str] = ()) -> None:
        self._run = run
        self._plan = plan
        name = file_name(plan.stream)
        self._name = name
        self._report_files = (
            run.folder / REPORTS / f"{name}.{run.run_id}.json",
            run.folder / f"{name}.report.json",
        )
        self.report = StreamReport(
            plan.stream,
            plan.sobject,
            "mirror" if plan.mirror else plan.operation.value,
            run_id=run.run_id,
            time=run.time(),
            rejects_file=str(run.rejects.path(plan.stream)),
            dry_run=run.dry_run is not None,
        )
        self.dry_run: Path | None = None
        if run.dry_run:
            self.dry_run = run.dry_run.begin(name)
            # Those that are loaded again may be the ones that are read.
            if not run.is_feed:
                run.rejects.remove(plan.stream)
        self._require_folder()
        if run.write_results:
            columns = (plan.key.source,) if plan.key else keys
            self.results = ResultsFile(run.folder / f"{name}.results.csv", columns)

    def _count(self, outcome: FileOutcome) -> None:
        self.report.add(outcome)

    def _require_folder(self) -> None:
        """Write the first report, so that a folder that cannot be written is an error early."""
        folder = self._run.folder
        try:
            private_folder(folder)
            private_folder(folder / REPORTS)
            self.write_report()
        except OSError as error:
            problem = f"output_dir: {folder} cannot be written ({error.strerror})."
            raise ConfigError([f"{problem} Name a folder that can."]) from error

    def warn_of_unfilled(self, plan: StreamPlan) -> None:
        """Note and log required fields that nothing fills; a preflight lets only an upsert go on.

        Args:
            plan: The stream's plan, of its latest SCHEMA.
        """
        if plan.unfilled and list(plan.unfilled) != self.report.required_not_filled:
            LOGGER.warning(
                "%s: nothing fills %s, which a new record of %s must have: this upsert can update"
                " records, and its new ones will be rejected",
                plan.stream,
                named(plan.unfilled),
                plan.sobject,
            )
        self.report.required_not_filled = list(plan.unfilled)

    def keys_file(self, spool: Path) -> Path:
        """The file with the keys of a mirror, which the next run may need."""
        # A dry run leaves nothing that another run takes for its own. Rejects are of no version.
        folder = spool if self._run.dry_run or self._run.is_feed else self._run.folder
        return folder / f"{self._name}.keys.sqlite"

    def describe(self, schema: SourceSchema) -> None:
        """Note the SCHEMA of the stream; a later one adds to it."""
        self._run.rejects.describe(self._plan.stream, schema)

    def take(self, outcome: FileOutcome, records: RecordLines) -> None:
        """Count the outcomes of a file, and file its results; on return they are on the disk.

        Args:
            outcome: The outcomes of the file's rows.
            records: The records (as JSON) of the stream's rows.

        Raises:
            OSError: A file cannot be written; names it.
        """
        self._count(outcome)
        self._run.page.sent(self._plan.stream, outcome)
        # Results are in any order, and lines are read in one pass over their files.
        rows = sorted(outcome.rows, key=lambda row: row.number)
        if self.results and (done := [row for row in rows if row.success]):
            self.results.append(zip(records.lines(row.number for row in done), done, strict=True))
        if rows := [row for row in rows if row.is_reject]:
            rejects = (self._reject_of(row, outcome.state, records) for row in rows)
            self.reject(zip(records.lines(row.number for row in rows), rejects, strict=True))
        if unmatched := [one for one in outcome.unmatched if not one.success]:
            self.reject(reject_of_unmatched(one, outcome.job_id) for one in unmatched)

    def reject(self, rejects: Iterable[tuple[bytes, Reject]]) -> None:
        """Append records (as JSON) with their reasons; on return they are flushed to the disk.

        Raises:
            OSError: They cannot be written; names the file.
        """
        self._run.rejects.append(self._plan.stream, map(self._counted, rejects))

    def _reject_of(self, row: RowOutcome, state: str, records: RecordLines) -> Reject:
        key = self._plan.key.header if self._plan.key else None
        reject = reject_of(row, state, self._plan.sobject, key)
        return replace(reject, row=records.row_name(row.number))

    def write_report(self) -> None:
        """Replace the report of this run, and the latest report, by the report so far.

        Raises:
            OSError: One cannot be written; names it.
        """
        text = json.dumps(self.report.as_json(), ensure_ascii=False, indent=2) + "\n"
        for path in self._report_files:
            # A reader, or another run, must never see half of it.
            new = path.with_name(f"{path.name}.{self._run.run_id}")
            try:
                with open_private(new, "wb") as file:
                    file.write(text.encode())
                new.replace(path)
            except OSError:
                new.unlink(missing_ok=True)
                raise

    def _counted(self, rejected: tuple[bytes, Reject]) -> tuple[bytes, Reject]:
        record, reject = rejected
        self.report.count_reject(reject.kind.value, reject.reason)
        self._run.page.refused(self._plan.stream, record, reject)
        return rejected


class DeletesOutput(StreamOutput):
    """The part of a mirror's output that is about its deletes, in the files of its stream.

    Args:
        whole: The stream's files.
        plan: How its records are deleted.
        dry_run_name: How the files of a dry run are named, after the stream.
        deleted: The name of the report's number of deleted records.
        kind: The kind of their rejects; None for that of other rejects.
    """

    def __init__(
        self,
        whole: StreamOutput,
        plan: StreamPlan,
        *,
        dry_run_name: str,
        deleted: str,
        kind: RejectKind | None = None,
    ) -> None:
        self.__dict__.update(whole.__dict__)
        self._plan = plan
        self._deleted = deleted
        self._kind = kind
        if self._run.dry_run:
            name = f"{self._name}.{dry_run_name}"
            self.dry_run = self._run.dry_run.begin(name)

    def take(self, outcome: FileOutcome, records: RecordLines) -> None:
        """As `StreamOutput.take`; a record that is gone already is no reject."""
        super().take(_without_gone(outcome), records)

    def _reject_of(self, row: RowOutcome, state: str, records: RecordLines) -> Reject:
        reject = super()._reject_of(row, state, records)
        return replace(reject, kind=self._kind or reject.kind)

    def _count(self, outcome: FileOutcome) -> None:
        # What is common to all jobs; their rows are no loaded ones.
        self.report.add(replace(outcome, counts=Counts(replaced=outcome.counts.replaced)))
        counts = outcome.counts
        self.report.already_gone += counts.skipped
        number = getattr(self.report, self._deleted) + counts.succeeded
        setattr(self.report, self._deleted, number)


def _without_gone(outcome: FileOutcome) -> FileOutcome:
    """The outcome of a delete, with the records that another delete took along as skipped."""
    left = [row for row in outcome.rows if not (row.error and row.error.code in _GONE)]
    gone = len(outcome.rows) - len(left)
    counts = replace(
        outcome.counts,
        failed=outcome.counts.failed - gone,
        skipped=outcome.counts.skipped + gone,
    )
    return replace(outcome, rows=left, counts=counts)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

"""Loads one stream: encodes records as rows, passes them to the loading engine, files rejects."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from sfbulk import DataError
from sfbulk.load import NO_JOURNAL, Detail, Row
from target_sfbulk.json_lines import json_line
from target_sfbulk.records import RecordLines
from target_sfbulk.rows import RejectedRecordError, RowEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from sfbulk import Concurrency, Salesforce
    from sfbulk.load import FileLimits, FileOutcome, LoadGroup, LoadOptions
    from target_sfbulk.journal import TargetJournal
    from target_sfbulk.output import StreamOutput
    from target_sfbulk.preflight import Schema, StreamPlan
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

# A little less than a job: the last row that does not fit would become a job of its own.
_FULL = 0.95

# A buffered row costs about 200 bytes of memory, most of it for its key.
_MOST_ROWS = 500_000


@dataclass
class LoadContext:
    """What the streams of a run share.

    Attributes:
        folder: For rows until they are loaded; the caller removes it.
        limits: The limits of one job.
        group: The loads of all streams.
        bulk1_mode: The mode of Bulk API 1.0; None for Bulk API 2.0.
        journal: Records each step of the run.
    """

    salesforce: Salesforce
    folder: Path
    limits: FileLimits
    group: LoadGroup
    bulk1_mode: Concurrency | None
    journal: TargetJournal
    _numbers: Iterator[int] = field(default_factory=count)

    def new_folder(self) -> Path:
        """A new, empty folder for the files of one stream."""
        folder = self.folder / str(next(self._numbers))
        folder.mkdir()
        return folder


class StreamLoad:
    """The rows of one stream.

    Args:
        plan: How the stream is loaded.
        output: The stream's rejects and report.
        context: What all streams share.
        replan: Makes a plan for this SCHEMA; called for a record with fields that are not
            in its SCHEMA.
    """

    def __init__(
        self,
        plan: StreamPlan,
        output: StreamOutput,
        context: LoadContext,
        *,
        replan: Callable[[Schema], StreamPlan],
    ) -> None:
        self._output = output
        self._context = context
        self._replan = replan
        folder = context.new_folder()
        self._lines = RecordLines(folder)
        self._journal = context.journal.load(plan, folder, self._lines)
        options: LoadOptions = {**plan.options, "journal": self._journal or NO_JOURNAL}
        self._loader = context.salesforce.loader(
            plan.sobject,
            plan.operation,
            folder,
            group=context.group,
            external_id=plan.external_id,
            # The report has the number of created records, which only this detail counts.
            detail=Detail.CREATED,
            limits=context.limits,
            bulk1_mode=context.bulk1_mode,
            # The rows of a failed job are rejects; `max_rejects` decides whether the run goes on.
            stop_on_failure=False,
            dry_run=output.dry_run,
            **options,
        )
        self._rejects: list[tuple[bytes, Reject]] = []
        self._rejected_bytes = 0
        self._taken = 0
        self._marked = 0
        self.use(plan)

    def use(self, plan: StreamPlan) -> None:
        """Encode later records by this plan, as after another SCHEMA."""
        self._plan = plan
        self._encoder = RowEncoder(plan, self._output.report)

    @property
    def pending(self) -> int:
        """Records without an outcome."""
        return self._loader.pending_rows + len(self._rejects)

    @property
    def is_full(self) -> bool:
        """Whether the buffered rows fill a job, or the memory that they may use."""
        size = self._loader.pending_bytes + self._rejected_bytes
        return size >= _FULL * self._context.limits.bytes or self.pending >= _MOST_ROWS

    def add(self, record: Mapping[str, Any]) -> None:
        """Encode and buffer a record, or keep the reason why it cannot be sent.

        Raises:
            PreflightError: The record has a field that the stream cannot load.
        """
        if not self._encoder.knows(record):
            self.use(self._replan(_with_fields(self._plan.schema, record)))
        self._output.report.read += 1
        line = json_line(record)
        try:
            self._take(record)
        except RejectedRecordError as error:
            self._rejects.append((line, error.reject))
            self._rejected_bytes += len(line)
        else:
            self._lines.add(line)

    def write_rejects(self) -> None:
        """Write the records that cannot be sent into the rejects file."""
        # Before STATE can leave; a reject that only memory has would be lost.
        if self._rejects:
            self._output.reject(self._rejects)
        self._rejects.clear()
        self._rejected_bytes = 0

    def collect(self, seconds: float) -> None:
        """Count the outcomes that are new, and write their rejects and the report.

        Args:
            seconds: How long the rows were loaded.
        """
        for outcome in self._loader.settled():
            self._record(outcome)
        self._lines.forget(self._loader.settled_to)
        self._output.report.seconds += seconds
        self._output.write_report()

    def mark(self) -> None:
        """A STATE was read: remember which rows are before it."""
        self._marked = self._taken

    def covered(self) -> None:
        """The STATE that was read last has been written."""
        if self._journal:
            self._journal.covered(self._marked)

    def _take(self, record: Mapping[str, Any]) -> None:
        row = self._encoder.encode(record)
        try:
            known = self._loader.add(
                self._taken + 1,
                Row(row.headers, row.cells, row.key, after=row.parents, known_as=row.known_as),
            )
        except DataError as error:
            raise RejectedRecordError(row.why_unsendable(error)) from None
        # Counted only now: rows are numbered without gaps, as their lines are.
        self._taken += 1
        if known:
            self._output.report.skipped += 1

    def _record(self, outcome: FileOutcome) -> None:
        if written := outcome.written:
            LOGGER.info(
                "%s: %s would be a job of %d rows and %d bytes with the columns %s",
                self._plan.stream,
                written.path,
                written.rows,
                written.bytes,
                ", ".join(written.columns),
            )
        else:
            job = f"job {outcome.job_id} is {outcome.state}" if outcome.job_id else "nothing sent"
            LOGGER.info("%s: %s. %s", self._plan.stream, job, outcome.counts)
        self._output.take(outcome, self._lines.lines)
        if self._journal and outcome.entry is not None:
            rejected = [row.number for row in outcome.rows if row.is_reject]
            self._journal.reported(outcome.entry, rejected)


def _with_fields(schema: Schema, names: Iterable[str]) -> Schema:
    # The fields of the SCHEMA keep their place, so that their columns keep theirs.
    return {**schema, **{name: {} for name in names if name not in schema}}

"""Loads one stream: encodes records as rows, passes them to the loading engine, files rejects."""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sfbulk import DataError, Operation
from sfbulk.load import NO_JOURNAL, Detail, Row
from target_sfbulk.json_lines import escaped_json_line, json_line, read_json
from target_sfbulk.marks import Marks
from target_sfbulk.preflight import require_filled
from target_sfbulk.record_checks import lone_surrogate, require_properties
from target_sfbulk.records import RecordLines
from target_sfbulk.reject_schema import schema_file
from target_sfbulk.rows import RejectedRecordError, RowEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sfbulk.load import FileOutcome, LoadOptions
    from target_sfbulk.load_context import LoadContext
    from target_sfbulk.output import StreamOutput
    from target_sfbulk.preflight import Schema, StreamPlan
    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import Reject

LOGGER = logging.getLogger("target-sfbulk")

# Rejects of a stream that are not written yet.
_MOST_REJECTS = 500
_MOST_REJECTED_BYTES = 1024 * 1024


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
        folder = self._folder = context.new_folder()
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
            detail=Detail.EVERY_ROW if output.results else Detail.CREATED,
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
        self._marks = Marks()
        self._is_unfilled = False
        self._begun = context.clock.monotonic()
        self.use(plan)

    def use(self, plan: StreamPlan) -> None:
        """Encode later records by this plan, as after another SCHEMA."""
        self._plan = plan
        self._encoder = RowEncoder(plan)

    def describe(self, schema: SourceSchema) -> None:
        """Keep the SCHEMA of the stream, also for a later run that writes its rejects."""
        self._is_unfilled = bool(self._plan.unfilled)
        self._output.describe(schema)
        schema.write(schema_file(self._folder))

    @property
    def stream(self) -> str:
        """The name of the stream."""
        return self._plan.stream

    @property
    def settled_to(self) -> float:
        """Every record of this stream up to this one of the input has its outcome.

        Without a record that waits, infinity.
        """
        self._marks.settle(self._loader.settled_to)
        return self._marks.settled_to if self._loader.pending_rows else math.inf

    def add(self, record: Mapping[str, Any], required: Sequence[str]) -> Reject | None:
        """Encode and buffer a record, or keep and return the reason why it cannot be sent.

        Args:
            record: The record.
            required: The properties that it must have.

        Raises:
            PreflightError: The record has a field that the stream cannot load.
        """
        self._output.report.read += 1
        return self.buffer(record, required)

    def buffer(self, record: Mapping[str, Any], required: Sequence[str]) -> Reject | None:
        """As `add`, but the record is not one of the input."""
        try:
            line = json_line(record)
        except UnicodeEncodeError:
            return self._keep_reject(escaped_json_line(record), lone_surrogate(record))
        if not self._encoder.knows(record):
            self.use(self._replan(_with_fields(self._plan.schema, record)))
        if self._is_unfilled:
            self._check_required()
        try:
            require_properties(record, required)
            self._take(record)
        except RejectedRecordError as error:
            return self._keep_reject(line, error.reject)
        self._lines.add(line)
        return None

    def mark(self, number: int) -> None:
        """Remember that the records so far are among the first ones of the input.

        Args:
            number: How many records of all streams were read.
        """
        self._marks.add(number, self._taken)

    def cover(self, number: int) -> None:
        """Note in the journal that a STATE was written which covers the first records.

        Args:
            number: How many records of all streams it covers.
        """
        covered = self._marks.cover(number)
        if self._journal and covered is not None:
            self._journal.covered(covered)

    def drop_uncovered(self) -> int:
        """Drop the rows after the last mark that are not sent.

        Returns:
            How many they are.
        """
        return self._loader.drop_after(self._marks.rows)

    @property
    def is_mirror(self) -> bool:
        """Whether records that the source has deleted are deleted too."""
        return self._plan.mirror is not None

    @property
    def is_repeatable(self) -> bool:
        """Whether its rows can be loaded again without making records twice."""
        return self._plan.operation is not Operation.INSERT

    @property
    def pending_rows(self) -> int:
        """Rows without an outcome."""
        return self._loader.pending_rows

    @property
    def without_outcome(self) -> tuple[int, int]:
        """How many records of the input were sent and have no outcome, and how many not sent."""
        untried = self._loader.untried_rows
        return self._loader.pending_rows - untried, untried

    @property
    def sent_rows(self) -> int:
        """Rows that were sent, each counted once."""
        return self._loader.sent_rows

    @property
    def running(self) -> list[str]:
        """Its jobs that run, each with its state."""
        return self._loader.running

    @property
    def unwritten_rejects(self) -> int:
        """Rejects that are in no report yet."""
        return len(self._rejects)

    def collect(self) -> None:
        """Count the outcomes that are new, and write their rejects and the report."""
        outcomes = list(self._loader.settled())
        for outcome in outcomes:
            self._record(outcome)
        if outcomes:
            self._lines.forget(self._loader.settled_to)
            self._output.report.seconds = self._context.clock.monotonic() - self._begun
            self._output.write_report()

    def activate_version(self, version: int, *, number: int, is_incremental: bool) -> None:  # noqa: ARG002 - a mirror needs all of it
        """Nothing, as only a mirror deletes what a version of a full table does not have.

        Args:
            version: The version that the source has sent.
            number: How many records of all streams were read.
            is_incremental: Whether its SCHEMA names bookmark properties.
        """
        LOGGER.warning(
            "%s: ACTIVATE_VERSION is ignored: records that the source no longer has are deleted"
            " only if the operation is mirror",
            self.stream,
        )

    def find_missing(self) -> None:
        """Nothing: only a mirror deletes what the source does not have."""

    def delete_missing(self) -> bool:
        """Nothing; False says that no row was added."""
        return False

    def mirrored(self) -> None:
        """Nothing, as nothing waits for deletes."""

    def end(self) -> None:
        """Nothing: the journal of the run forgets its rows."""

    def close(self) -> None:
        """Nothing: the files of its rows are removed with their folder."""

    def write_rejects(self) -> None:
        """Write the records that cannot be sent into the rejects file."""
        # Before STATE can leave; a reject that only memory has would be lost.
        if self._rejects:
            self._output.reject(self._rejects)
        self._rejects.clear()
        self._rejected_bytes = 0

    def _check_required(self) -> None:
        # With the first record, as it may have fields beyond its SCHEMA.
        self._is_unfilled = False
        require_filled(self._plan)
        self._output.warn_of_unfilled(self._plan)

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
        elif row.fitted or row.nulls_kept:
            self._output.report.count_changes(row)

    def _keep_reject(self, line: bytes, reject: Reject) -> Reject:
        self._rejects.append((line, reject))
        self._rejected_bytes += len(line)
        if len(self._rejects) >= _MOST_REJECTS or self._rejected_bytes > _MOST_REJECTED_BYTES:
            self.write_rejects()
        return reject

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
        self._output.take(outcome, self._lines)
        self._uncount_changes(outcome)
        if self._journal and outcome.entry is not None:
            self._journal.reported(outcome.entry, outcome.not_loaded())

    def _uncount_changes(self, outcome: FileOutcome) -> None:
        """Take the changes of rows that are not in Salesforce out of the report.

        They are found once more from the record, so that a row that is in costs nothing.
        """
        report = self._output.report
        numbers = sorted(row.number for row in outcome.rows if row.is_reject)
        if not numbers or not (report.fitted or report.nulls_kept):
            return
        for line in self._lines.lines(numbers):
            with suppress(RejectedRecordError):
                report.uncount_changes(self._encoder.encode(read_json(line)))


def _with_fields(schema: Schema, names: Iterable[str]) -> Schema:
    # The fields of the SCHEMA keep their place, so that their columns keep theirs.
    return {**schema, **{name: {} for name in names if name not in schema}}

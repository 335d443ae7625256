"""Runs the jobs of one stream: spools its rows, loads them, and writes down what became of them.

Jobs run one after the other, in the order that keeps versions of a record and parents in the
same object apart (`sfbulk.jobs.spool`): one key is never in two jobs at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from sfbulk import DataError
from sfbulk.jobs.submit import submit
from target_sfbulk.numbers import json_line
from target_sfbulk.results import read_outcome
from target_sfbulk.rows import RejectedRecordError, RowEncoder
from target_sfbulk.spool import RowSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sfbulk import IngestJob, Salesforce
    from sfbulk.clock import Clock
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.rejects import Reject, StreamOutput
    from target_sfbulk.results import Outcome
    from target_sfbulk.spool import JobRows

LOGGER = logging.getLogger("target-sfbulk")

# The row that no longer fits, with the header, would make a job of its own.
_FULL = 0.95

# A row on the way costs about 200 bytes of memory, most of it for its key.
_MOST_ROWS = 500_000


@dataclass
class Workplace:
    """What every load of a run shares.

    Attributes:
        folder: For rows on their way; the caller removes it.
        job_bytes: Most bytes of a job's CSV.
    """

    salesforce: Salesforce
    folder: Path
    job_bytes: int
    clock: Clock
    _numbers: Iterator[int] = field(default_factory=count)

    def spool(self) -> RowSpool:
        """A new, empty spool."""
        return RowSpool(self.folder / str(next(self._numbers)), self.job_bytes)


class StreamLoad:
    """Rows of one stream, under one SCHEMA, on their way to Salesforce."""

    def __init__(
        self,
        plan: StreamPlan,
        output: StreamOutput,
        workplace: Workplace,
        replan: Callable[[Sequence[str]], StreamPlan],
    ) -> None:
        """Begin with nothing on the way.

        Args:
            plan: How the stream is loaded.
            output: The stream's rejects and report.
            workplace: What all loads share.
            replan: Makes the plan for these record fields; used when a record has fields that its
                SCHEMA lacks.
        """
        self._plan = plan
        self._output = output
        self._workplace = workplace
        self._replan = replan
        self._encoder = RowEncoder(plan, output.report)
        self._spool = workplace.spool()
        self._rejects: list[tuple[bytes, Reject]] = []
        self._rejected_bytes = 0
        self.pending = 0
        """Records added since the last `flush`."""

    def add(self, record: Mapping[str, Any]) -> None:
        """Spool a record, or note why it cannot be sent.

        Raises:
            PreflightError: The record has a field that the stream cannot load.
        """
        if not self._encoder.knows(record):
            self._plan = self._replan(list({**self._plan.columns, **record}))
            self._encoder = RowEncoder(self._plan, self._output.report)
        self.pending += 1
        self._output.report.read += 1
        line = json_line(record)
        try:
            self._spool_row(record, line)
        except RejectedRecordError as error:
            self._rejects.append((line, error.reject))
            self._rejected_bytes += len(line)

    @property
    def is_full(self) -> bool:
        """Whether what is on the way is as much as one job or the memory takes."""
        size = self._spool.size + self._rejected_bytes
        return size >= _FULL * self._workplace.job_bytes or self.pending >= _MOST_ROWS

    def flush(self) -> None:
        """API call: load what is on the way; then each record is confirmed or a written reject.

        Raises:
            SalesforceError: Of some records neither is so.
        """
        begun = self._workplace.clock.monotonic()
        if self._rejects:
            self._output.reject(self._rejects)
        for rows in self._spool.drain():
            self._run(rows)
        self._rejects.clear()
        self._rejected_bytes = self.pending = 0
        self._output.report.seconds += self._workplace.clock.monotonic() - begun
        self._output.write_report()

    def _spool_row(self, record: Mapping[str, Any], line: bytes) -> None:
        row = self._encoder.encode(record)
        try:
            self._spool.add(row, line)
        except DataError as error:
            raise RejectedRecordError(row.why_unsendable(error)) from None

    def _run(self, rows: JobRows) -> None:
        job = self._submit(rows)
        info = job.wait()
        outcome = read_outcome(self._plan, rows, job, info)
        self._record(rows, outcome)
        LOGGER.info(
            "%s: job %s ended %s: %d rows, %d loaded, %d rejected",
            self._plan.stream,
            job.id,
            info.state.value,
            rows.count,
            outcome.loaded,
            len(outcome.rejects),
        )

    def _submit(self, rows: JobRows) -> IngestJob:
        return submit(self._create, rows.file.path, partial(self._closing, rows))

    def _create(self) -> IngestJob:
        plan = self._plan
        return self._workplace.salesforce.ingest_job(
            plan.sobject,
            plan.operation,
            external_id=plan.external_id,
        )

    def _closing(self, rows: JobRows, job: IngestJob) -> None:
        self._output.report.job_ids.append(job.id)
        LOGGER.info("%s: job %s takes %d rows", self._plan.stream, job.id, rows.count)

    def _record(self, rows: JobRows, outcome: Outcome) -> None:
        report = self._output.report
        report.loaded += outcome.loaded
        report.created += outcome.created
        if outcome.rejects:
            records = self._spool.records_of(rows, outcome.rejects)
            self._output.reject((record, outcome.rejects[at]) for at, record in records)

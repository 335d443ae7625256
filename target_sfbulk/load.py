"""Spools rows into coming jobs and runs the jobs: streams in order, one version of a key at a time.

Jobs run one after the other. A row goes into the wave after the wave of an earlier version of
its key, and after that of a parent in the same object; waves run in order. So one key is never
in two jobs at once, and never twice in one job.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sfbulk import SalesforceError
from target_sfbulk.jobfile import JobFile
from target_sfbulk.numbers import json_line
from target_sfbulk.results import read_outcome
from target_sfbulk.rows import RejectedRecordError, RowEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sfbulk import IngestJob, LineEnding, Salesforce
    from sfbulk.clock import Clock
    from target_sfbulk.mapping import Column
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.rejects import Reject, StreamOutput
    from target_sfbulk.results import Outcome
    from target_sfbulk.rows import Row

LOGGER = logging.getLogger("target-sfbulk")

_Group = tuple[int, "tuple[Column, ...]", "LineEnding"]


@dataclass
class Workplace:
    """What every load of a run shares.

    Attributes:
        spool: Folder for rows on their way; its content is the caller's to delete.
        job_bytes: The largest CSV of one job.
    """

    salesforce: Salesforce
    spool: Path
    job_bytes: int
    clock: Clock
    numbers: Iterator[int] = field(default_factory=count)

    def job_file(self, columns: tuple[Column, ...], line_ending: LineEnding) -> JobFile:
        """A new, empty file for a job."""
        number = next(self.numbers)
        return JobFile(
            self.spool / f"{number}.csv", self.spool / f"{number}.jsonl", columns, line_ending
        )


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
        self._encoder = RowEncoder(plan)
        self._waves: dict[str, int] = {}
        self._files: dict[_Group, JobFile] = {}
        self._coming: list[tuple[int, JobFile]] = []
        self._rejects: list[tuple[bytes, Reject]] = []
        self._size = 0
        self.pending = 0
        """Records added since the last `flush`."""

    def add(self, record: Mapping[str, Any]) -> None:
        """Spool a record, or note why it cannot be sent.

        Raises:
            PreflightError: The record has a field that the stream cannot load.
        """
        if not self._encoder.knows(record):
            self._plan = self._replan(list({**self._plan.columns, **record}))
            self._encoder = RowEncoder(self._plan)
        self.pending += 1
        self._output.report.read += 1
        line = json_line(record)
        try:
            row = self._encoder.encode(record)
        except RejectedRecordError as error:
            self._rejects.append((line, error.reject))
            self._size += len(line)
            return
        self._file_for(row).add(row, line)
        self._size += len(row.line)

    @property
    def is_full(self) -> bool:
        """Whether what is on the way is as much as one job takes."""
        return self._size >= self._workplace.job_bytes

    def flush(self) -> None:
        """API call: load what is on the way; then each record is confirmed or a written reject.

        Raises:
            SalesforceError: Of some records neither is so.
        """
        begun = self._workplace.clock.monotonic()
        if self._rejects:
            self._output.reject(self._rejects)
        for _, file in sorted(self._coming, key=itemgetter(0)):
            self._run(file)
        self._coming.clear()
        self._files.clear()
        self._waves.clear()
        self._rejects.clear()
        self._size = self.pending = 0
        self._output.report.seconds += self._workplace.clock.monotonic() - begun
        self._output.write_report()

    def _file_for(self, row: Row) -> JobFile:
        wave = self._wave(row)
        group = (wave, row.columns, row.line_ending)
        file = self._files.get(group)
        if file is None or file.size + len(row.line) > self._workplace.job_bytes:
            file = self._files[group] = self._workplace.job_file(row.columns, row.line_ending)
            self._coming.append((wave, file))
        return file

    def _wave(self, row: Row) -> int:
        if row.key is None:
            return 0
        before = (row.key, *row.parents)
        wave = 1 + max(self._waves.get(key, -1) for key in before)
        self._waves[row.key] = wave
        return wave

    def _run(self, file: JobFile) -> None:
        job = self._submit(file)
        info = job.wait()
        outcome = read_outcome(self._plan, file, job, info)
        self._record(file, outcome)
        LOGGER.info(
            "%s: job %s ended %s: %d rows, %d loaded, %d rejected",
            self._plan.stream,
            job.id,
            info.state.value,
            file.rows,
            outcome.loaded,
            len(outcome.rejects),
        )
        file.remove()

    def _submit(self, file: JobFile) -> IngestJob:
        plan = self._plan
        file.flush()
        job = self._workplace.salesforce.ingest_job(
            plan.sobject,
            plan.operation,
            external_id=plan.external_id,
            line_ending=file.line_ending,
        )
        self._output.report.job_ids.append(job.id)
        with _aborted_on_error(job):
            job.upload(file.csv)
        job.close()
        return job

    def _record(self, file: JobFile, outcome: Outcome) -> None:
        report = self._output.report
        report.loaded += outcome.loaded
        report.created += outcome.created
        if outcome.rejects:
            records = file.records_at(outcome.rejects)
            self._output.reject((record, outcome.rejects[at]) for at, record in records)


@contextmanager
def _aborted_on_error(job: IngestJob) -> Iterator[None]:
    """Leave no job open that will never be closed; one that was closed may be committing."""
    try:
        yield
    except BaseException:
        with suppress(SalesforceError):
            job.abort()
        raise

"""Finds out what became of each row of an ended job.

Bulk API 2.0 returns results in no particular order, without row numbers, and with values as
they were typed (Bulk API guide: Get Job Successful Record Results). So rows are matched by
their key, or by all their values in one form where they have none; never by position. The
three results together must account for every row that was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk import CsvDecoder, JobState, ResultsMismatch
from sfbulk.jobs.matching import KeyMatcher, ValueMatcher
from sfbulk.jobs.outcomes import UNKNOWN_CODE, RowStatus, unlisted_status
from sfbulk.values import key_form, typed_form
from target_sfbulk.rejects import Kind, Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk import IngestJob, JobInfo
    from target_sfbulk.preflight import StreamPlan
    from target_sfbulk.spool import JobRows

_CHUNK = 1 << 20


@dataclass
class Outcome:
    """What became of a job's rows.

    Attributes:
        loaded: Rows in Salesforce.
        created: Those of them that are new records.
        rejects: The others, by their number in the file.
    """

    loaded: int
    created: int
    rejects: dict[int, Reject]


def read_outcome(plan: StreamPlan, rows: JobRows, job: IngestJob, info: JobInfo) -> Outcome:
    """API call: the fate of each row of an ended job, whatever its end state.

    Raises:
        ResultsMismatch: A result belongs to no row that was sent, or there are more than rows.
    """
    reader = _Reader(plan, rows, job, info)
    loaded, created = reader.successful()
    rejects = {**reader.failed(), **reader.unprocessed()}
    if loaded + len(rejects) < rows.count:
        rejects.update(reader.unlisted(loaded + len(rejects)))
    if loaded + len(rejects) != rows.count:
        raise ResultsMismatch(
            f"Job {job.id} was sent {rows.count} rows of stream `{plan.stream}`, but its results"
            f" hold {loaded} successful and {len(rejects)} other rows.{_end(info)} Compare the job"
            " in Salesforce Setup, Bulk Data Load Jobs, before running again; no STATE is written"
            " for these rows.",
            job_id=job.id,
        )
    return Outcome(loaded, created, rejects)


class _Reader:
    def __init__(self, plan: StreamPlan, rows: JobRows, job: IngestJob, info: JobInfo) -> None:
        self._plan = plan
        self._stream = plan.stream
        self._sent = rows
        self._job = job
        self._info = info
        self._matcher = _matcher(plan, rows)
        self._has_keys = plan.key is not None

    def successful(self) -> tuple[int, int]:
        loaded = created = 0
        for row in self._job.successful(counted=False):
            loaded += 1
            created += row.created
            # Without keys a success needs no match: the failed rows are found, the rest counted.
            if self._has_keys:
                self._number(row.row, "successful")
        return loaded, created

    def failed(self) -> dict[int, Reject]:
        return {
            self._number(row.row, "failed"): Reject(
                Kind.REJECTED, row.error.code, row.error.message, row.error.fields, self._job.id
            )
            for row in self._job.failed(counted=False)
        }

    def unprocessed(self) -> dict[int, Reject]:
        reject = self._unprocessed()
        return {self._number(row, "unprocessed"): reject for row in self._job.unprocessed()}

    def unlisted(self, listed: int) -> dict[int, Reject]:
        """Rows that no result list has."""
        if not self._has_keys:
            for row in self._job.successful(counted=False):
                self._number(row.row, "successful")
        untried = unlisted_status(self._info, listed) is RowStatus.UNPROCESSED
        reject = self._unprocessed() if untried else self._unknown()
        return dict.fromkeys(self._matcher.left(), reject)

    def _unknown(self) -> Reject:
        key = self._plan.key.header if self._plan.key else None
        by = f"`{key}`" if key else "its values"
        message = (
            "no result list of the job has this row, so it may be in Salesforce or not: query"
            f" `{self._plan.sobject}` by {by} before sending it again.{_end(self._info)}"
        )
        fields = (key,) if key else ()
        return Reject(Kind.UNKNOWN, UNKNOWN_CODE, message, fields, self._job.id)

    def _unprocessed(self) -> Reject:
        said = self._info.error_message or "no reason given"
        message = f"the job ended {self._info.state.value} before this row: {said}"
        return Reject(Kind.UNPROCESSED, "UNPROCESSED", message, job_id=self._job.id)

    def _number(self, row: Mapping[str, str], result: str) -> int:
        try:
            return self._matcher.take(row)
        except ResultsMismatch as error:
            raise ResultsMismatch(
                f"Job {self._job.id} lists a {result} row of stream `{self._stream}` that cannot"
                f" be accounted for. {error.message} Compare the job in Salesforce Setup, Bulk"
                " Data Load Jobs, before running again; no STATE is written for these rows.",
                job_id=self._job.id,
            ) from error


def _matcher(plan: StreamPlan, rows: JobRows) -> KeyMatcher | ValueMatcher:
    if plan.key:
        return KeyMatcher(rows.keys, plan.key.header, key_form(plan.key.field))
    forms = {column.header: typed_form(column.field) for column in rows.columns}
    return ValueMatcher(forms, lambda: _cells(rows))


def _end(info: JobInfo) -> str:
    """How a job ended that was not completed, with Salesforce's reason; else nothing."""
    if info.state is JobState.JOB_COMPLETE:
        return ""
    return f" The job ended {info.state.value}: {info.error_message or 'no reason given'}."


def _cells(rows: JobRows) -> Iterator[list[str]]:
    decoder = CsvDecoder()
    with rows.file.path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            yield from decoder.feed(chunk)

"""Reads what became of the rows of one ended 2.0 job, each with the record it was made from."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder
from sfbulk.errors import ResultsMismatch
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.forms import column_forms, key_column_form
from sfbulk.jobs.matching import KeyMatcher, ValueMatcher
from sfbulk.jobs.outcomes import UNKNOWN_CODE, RowOutcome, RowStatus, unlisted_status
from sfbulk.jobs.results import RowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfbulk.jobs.columns import Describe
    from sfbulk.jobs.ingest2 import IngestJob
    from sfbulk.jobs.spool import JobFile
    from sfbulk.jobs.states import JobInfo


class JobOutcomes:
    """The outcomes of one job's rows.

    Memory: one outcome for each row that is asked for, and a key or the values of each row.
    """

    def __init__(self, job: IngestJob, info: JobInfo, sent: SentRows, describe: Describe) -> None:
        self._job = job
        self._info = info
        self._sent = sent
        self._describe = describe
        self._matcher: KeyMatcher | ValueMatcher | None = None

    def all(self) -> list[RowOutcome]:
        """API call: what became of every row; of one that is in no result list, that it is unknown.

        Raises:
            ResultsMismatch: a result belongs to no row that was sent, or to any of several.
        """
        told = self._succeeded() + self.refused()
        if len(told) < len(self._sent.numbers):
            told += self._unprocessed()
        return told + self._unlisted(told)

    def refused(self) -> list[RowOutcome]:
        """API call: the rows that Salesforce refused.

        Raises:
            ResultsMismatch: a result belongs to no row that was sent, or to any of several.
        """
        with closing(self._job.failed(counted=False)) as rows:
            return [self._outcome(row.row, RowStatus.FAILED, row.id, row.error) for row in rows]

    def _succeeded(self) -> list[RowOutcome]:
        with closing(self._job.successful(counted=False)) as rows:
            return [
                self._outcome(row.row, RowStatus.SUCCEEDED, row.id, created=row.created)
                for row in rows
            ]

    def _unprocessed(self) -> list[RowOutcome]:
        reason = self._reason()
        with closing(self._job.unprocessed()) as rows:
            return [self._outcome(row, RowStatus.UNPROCESSED, None, reason) for row in rows]

    def _unlisted(self, told: list[RowOutcome]) -> list[RowOutcome]:
        known = {outcome.number for outcome in told}
        left = [number for number in self._sent.numbers if number not in known]
        status = unlisted_status(self._info, len(told))
        reasons = [self._reason()]
        if status is RowStatus.UNKNOWN:
            ended = f"The job ended {self._info.state.value}, and no result list has this row"
            text = f"{ended}, so it may be in or not: query it before it is sent again."
            reasons.insert(0, RowError(UNKNOWN_CODE, text))
        return [RowOutcome(n, status, None, False, tuple(reasons), self._job.id) for n in left]

    def _outcome(
        self,
        row: Mapping[str, str],
        status: RowStatus,
        record_id: str | None,
        error: RowError | None = None,
        *,
        created: bool = False,
    ) -> RowOutcome:
        errors = (error,) if error else ()
        number = self._sent.numbers[self._position(row)]
        return RowOutcome(number, status, record_id, created, errors, self._job.id)

    def _position(self, row: Mapping[str, str]) -> int:
        if self._matcher is None:
            self._matcher = self._sent.matcher(self._job.object_name, self._describe)
        try:
            return self._matcher.take(row)
        except ResultsMismatch as error:
            raise ResultsMismatch(
                f"The results of job {self._job.id} on {self._job.object_name} cannot be matched. "
                f"{error.message} Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=self._job.id,
            ) from error

    def _reason(self) -> RowError:
        """Why rows were not tried: the job's `Code : text`."""
        code, colon, text = (self._info.error_message or "").partition(" : ")
        return RowError(code, text) if colon else RowError("", code or self._info.state.value)


class SentRows:
    """The rows of one job as they were sent."""

    def __init__(self, file: JobFile, numbers: Sequence[int], key: str | None) -> None:
        """Take the rows.

        Args:
            file: the CSV that was uploaded; it must still be there.
            numbers: the number of the record that each row was made from.
            key: the column by which Salesforce finds records; None for an insert.
        """
        self.numbers = numbers
        self._file = file
        columns = file.group.columns
        wanted = (key or "").lower()
        self._key = next((at for at, name in enumerate(columns) if name.lower() == wanted), None)

    def matcher(self, sobject: str, describe: Describe) -> KeyMatcher | ValueMatcher:
        """API call, if the object has not been described yet: what finds the row of a result."""
        columns = self._file.group.columns
        if self._key is not None:
            form = key_column_form(sobject, columns[self._key], describe)
            positions = {form(cells[self._key]): at for at, cells in enumerate(self._cells())}
            if len(positions) == len(self.numbers):
                return KeyMatcher(positions, columns[self._key], form)
            # Two spellings of one key, as of a number: the other values tell them apart.
        return ValueMatcher(column_forms(sobject, columns, describe), self._cells)

    def _cells(self) -> Iterator[list[str]]:
        decoder = CsvDecoder()
        for chunk in read_chunks(self._file.path):
            yield from decoder.feed(chunk)
        yield from decoder.flush()

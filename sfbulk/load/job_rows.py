"""Reads the results of one ended 2.0 job and matches them with the rows that were sent."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sfbulk.bulk2.states import JobState, failure
from sfbulk.csvio import CsvDecoder
from sfbulk.errors import ResultsMismatch, RowCountMismatch, SalesforceError
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.row_error import RowError, parse_reason
from sfbulk.load.matching import KeyMatcher, ValueMatcher, column_normalizers, key_column_normalizer
from sfbulk.load.outcomes import UNKNOWN_CODE, Counts, Detail, FileOutcome, RowOutcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk.bulk2.ingest import IngestJob
    from sfbulk.bulk2.states import JobInfo
    from sfbulk.load.columns import Describe
    from sfbulk.load.row_file import RowFile

_UNKNOWN = (
    "The job ended in the state {}, and no result list has this row, so it may be loaded or not. "
    "Query the record before you send it again."
)


class JobRows:
    """The outcomes of one job's rows.

    Memory: one object for each outcome that is returned. If any result must be matched, also the
    key or the values of each row.
    """

    def __init__(self, job: IngestJob, sent: SentRows, describe: Describe, detail: Detail) -> None:
        self._job = job
        self._info = job.info
        self._sent = sent
        self._describe = describe
        self._detail = detail
        self._matcher: KeyMatcher | ValueMatcher | None = None
        # One byte for each row that was sent: 1 if a result was matched with it.
        self._matched = bytearray(sent.count)

    def read(self) -> FileOutcome:
        """API call: the outcomes of all rows. A row that is in no result list is unknown.

        Raises:
            ResultsMismatch: a result belongs to no row that was sent, or to any of several.
            RowCountMismatch: the job has more rows than were sent.
        """
        counts = Counts()
        # Failed rows first: with their number, the job's counts may prove that the others are
        # loaded, and the longest result file is not downloaded.
        rows = self._failed()
        rows += self._successes(counts, len(rows))
        counts.count(row for row in rows if not row.success)
        if counts.total < self._sent.count:
            rest = self._unprocessed()
            counts.count(rest)
            if counts.total < self._sent.count:
                unlisted = self._unlisted(counts.total)
                counts.count(unlisted)
                rest += unlisted
            rows += rest
        self._refuse_more_than_was_sent(counts)
        state, failed = self._info.state.value, self._failure(counts)
        return FileOutcome(self._sent.file, self._job.id, counts, rows, state, failed)

    def _successes(self, counts: Counts, failed: int) -> list[RowOutcome]:
        if self._detail is Detail.EVERY_ROW:
            rows = self._succeeded()
            counts.count(rows)
            return rows
        if self._detail is Detail.REJECTED and self._adds_up(failed):
            counts.succeeded = self._sent.count - failed
        else:
            self._count_successes(counts)
        return []

    def _adds_up(self, failed: int) -> bool:
        """Whether the job's counts prove that all rows but the failed ones are loaded."""
        info = self._info
        return (
            info.state is JobState.JOB_COMPLETE
            and info.records_processed == self._sent.count
            and info.records_failed in (None, failed)
        )

    def _count_successes(self, counts: Counts) -> None:
        with closing(self._job.successful(counted=False)) as rows:
            for row in rows:
                counts.succeeded += 1
                counts.created += row.created
                # Without keys, matching a row is expensive, and the count is all that is needed.
                if self._sent.has_keys:
                    self._position(row.row)

    def _succeeded(self) -> list[RowOutcome]:
        with closing(self._job.successful(counted=False)) as rows:
            return [
                self._outcome(row.row, RowStatus.SUCCEEDED, row.id, created=row.created)
                for row in rows
            ]

    def _failed(self) -> list[RowOutcome]:
        with closing(self._job.failed(counted=False)) as rows:
            return [self._outcome(row.row, RowStatus.FAILED, row.id, row.error) for row in rows]

    def _unprocessed(self) -> list[RowOutcome]:
        reason = self._reason()
        with closing(self._job.unprocessed()) as rows:
            return [self._outcome(row, RowStatus.UNPROCESSED, None, reason) for row in rows]

    def _unlisted(self, listed: int) -> list[RowOutcome]:
        """The rows that are in no result list."""
        if self._detail is not Detail.EVERY_ROW and not self._sent.has_keys:
            # Successful rows were only counted so far; match them, to know the ones that are left.
            self._succeeded()
        status = unlisted_status(self._info, listed)
        reasons = [self._reason()]
        if status is RowStatus.UNKNOWN:
            reasons.insert(0, RowError(UNKNOWN_CODE, _UNKNOWN.format(self._info.state.value)))
        left = (self._sent.numbers[at] for at, matched in enumerate(self._matched) if not matched)
        return [RowOutcome(n, status, None, False, tuple(reasons), self._job.id) for n in left]

    def _refuse_more_than_was_sent(self, counts: Counts) -> None:
        most = max(counts.total, self._info.records_processed or 0)
        if most > self._sent.count:
            raise RowCountMismatch(
                f"Job {self._job.id} on {self._job.object_name} has {most:,} rows, but "
                f"{self._sent.count:,} were sent. {counts} Look at the job in Setup, Bulk Data "
                "Load Jobs.",
                job_id=self._job.id,
            )

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
            position = self._matcher.take(row)
        except ResultsMismatch as error:
            raise ResultsMismatch(
                f"The results of job {self._job.id} on {self._job.object_name} cannot be matched. "
                f"{error.message} Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=self._job.id,
            ) from error
        self._matched[position] = 1
        return position

    def _reason(self) -> RowError:
        """Why rows were not processed."""
        return parse_reason(self._info.error_message or self._info.state.value)

    def _failure(self, counts: Counts) -> SalesforceError | None:
        error = failure(self._info)
        return error and type(error)(f"{error.message} {counts}", job_id=self._job.id)


def unlisted_status(info: JobInfo, listed: int) -> RowStatus:
    """The status of the rows of an ended job that are in none of its result lists.

    "Results are not recorded for batches that exceed the daily batch allocation" (Bulk API
    guide), so such a row may be loaded. But if the job failed before its first row, no row is
    loaded: then Salesforce counts none and lists none, not even as unprocessed (recorded).

    Args:
        info: the ended job.
        listed: how many rows its result lists have.
    """
    untouched = info.state is JobState.FAILED and info.records_processed == 0 and not listed
    return RowStatus.UNPROCESSED if untouched else RowStatus.UNKNOWN


class SentRows:
    """The rows of one job as they were sent.

    Args:
        file: the CSV that was uploaded; it must still exist.
        key: the column by which Salesforce finds records; None for an insert.
    """

    def __init__(self, file: RowFile, key: str | None) -> None:
        self.file = file
        self.numbers = file.numbers
        spelled = file.spelled(key) if key else None
        self._key = file.columns.index(spelled) if spelled in file.columns else None

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.numbers)

    @property
    def has_keys(self) -> bool:
        """Whether each row has a key."""
        return self._key is not None

    def matcher(self, sobject: str, describe: Describe) -> KeyMatcher | ValueMatcher:
        """API call, if the object has not been described yet: finds the row of a result."""
        columns = self.file.columns
        if self._key is not None:
            normalize = key_column_normalizer(sobject, columns[self._key], describe)
            positions = {normalize(cells[self._key]): at for at, cells in enumerate(self._cells())}
            if len(positions) == len(self.numbers):
                return KeyMatcher(positions, columns[self._key], normalize)
            # Two rows have forms of one key, such as 1 and 1.0; the other values may differ.
        return ValueMatcher(column_normalizers(sobject, columns, describe), self._cells)

    def _cells(self) -> Iterator[list[str]]:
        decoder = CsvDecoder()
        for chunk in read_chunks(self.file.path):
            yield from decoder.feed(chunk)
        yield from decoder.flush()

"""Reads the results of one ended 2.0 job and matches them with the rows that were sent."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sfbulk.bulk2.states import JobState, failure
from sfbulk.csvio import CsvDecoder
from sfbulk.errors import ResultsMismatch, RowCountMismatch, SalesforceError
from sfbulk.jobs.download import NOT_READY_PAUSES
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.row_error import RowError, parse_reason
from sfbulk.load.job_summary import JobSummary
from sfbulk.load.matching import (
    KeyMatcher,
    ValueMatcher,
    column_normalizers,
    key_column_normalizer,
    stored_forms,
)
from sfbulk.load.outcomes import (
    UNKNOWN_CODE,
    Counts,
    Detail,
    FileOutcome,
    ResultRow,
    RowOutcome,
    RowStatus,
)
from sfbulk.load.unmatched import pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

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
        self._begin()

    def _begin(self) -> None:
        self._matcher: KeyMatcher | ValueMatcher | None = None
        # One byte for each row that was sent: 1 if a result was matched with it.
        self._matched = bytearray(self._sent.count)
        self._successes_are_matched = False
        self._counts = Counts()
        self._rows: list[RowOutcome] = []
        self._unmatched: list[ResultRow] = []

    def read(self, pause: Callable[[], object] | None = None) -> FileOutcome:
        """API call: the outcomes of all rows. A row that is in no result list is unknown.

        If the results are not those of the rows that were sent, or contradict the job's counts,
        the outcome has a `mismatch`.

        Args:
            pause: waits before results are read again that do not fit the counts: both may be
                late. None reads them once.
        """
        self._read_lists()
        for _ in range(NOT_READY_PAUSES if pause else 0):
            if self._fits_counts() or not pause:
                break
            pause()
            self._info = self._job.refresh()
            self._begin()
            self._read_lists()
        if self._mismatch() is None:
            self._take_the_rest()
        return self._outcome_of_all()

    def _fits_counts(self) -> bool:
        """Whether the results are as many as the counts of a job that has completed."""
        info, counts = self._info, self._counts
        processed, failed = info.records_processed, info.records_failed
        if info.state is not JobState.JOB_COMPLETE or processed is None:
            return True
        listed = counts.succeeded + counts.failed
        return listed == min(processed, self._sent.count) and failed in (None, counts.failed)

    def _contradicts_counts(self) -> bool:
        """Whether the counts have fewer rows than the results, or too many failed ones.

        Rows without a result are not meant: they are reported as unknown.
        """
        info, counts = self._info, self._counts
        if info.state is not JobState.JOB_COMPLETE or info.records_processed is None:
            return False
        # A row without a result may have failed.
        most_failed = max(self._sent.count - counts.succeeded, counts.failed)
        listed = counts.succeeded + counts.failed
        return info.records_processed < listed or (info.records_failed or 0) > most_failed

    def _read_lists(self) -> None:
        # Failed rows first: with their number, the job's counts may prove that the others are
        # loaded, and the longest result file is not downloaded.
        self._take(self._failed())
        self._take_successes()
        if self._counts.total < self._sent.count:
            self._take(self._unprocessed())
        if self._unmatched and not self._successes_are_matched:
            self._match_successes()

    def _outcome_of_all(self) -> FileOutcome:
        mismatch = self._mismatch()
        # Of results that are not as many as the rows, none is any row's for certain.
        placeable = bool(self._unmatched) and mismatch is None
        return FileOutcome(
            self._sent.file,
            self._job.id,
            self._counts,
            self._rows,
            self._info.state.value,
            self._failure(),
            unmatched=self._unmatched,
            unplaced=self._left() if placeable else [],
            mismatch=mismatch,
            job=self._summary(),
        )

    def _summary(self) -> JobSummary:
        info = self._info
        # The number of rows that were sent: the job's own count lacks those not processed.
        return JobSummary(
            info.operation,
            self._sent.count,
            self._counts.succeeded,
            info.created,
            info.changed,
            info.processing_ms,
        )

    def _take_successes(self) -> None:
        counts = self._counts
        if self._detail is Detail.EVERY_ROW:
            self._successes_are_matched = True
            self._take(self._successful())
        elif self._detail is Detail.REJECTED and self._adds_up():
            counts.succeeded = self._sent.count - counts.failed
        else:
            # Without keys, matching a row is expensive, and the count is all that is needed.
            self._successes_are_matched = self._sent.has_keys
            for result in self._successful():
                counts.count((result,))
                if self._successes_are_matched:
                    self._match(result)

    def _adds_up(self) -> bool:
        """Whether the job's counts prove that all rows but the failed ones are loaded."""
        info, failed = self._info, self._counts.failed
        return (
            info.state is JobState.JOB_COMPLETE
            and info.records_processed == self._sent.count
            and info.records_failed in (None, failed)
        )

    def _match_successes(self) -> None:
        """API call: match the successful rows, which were only counted, to know what is left."""
        self._successes_are_matched = True
        self._counts.succeeded = self._counts.created = 0
        for result in self._successful():
            self._counts.count((result,))
            self._match(result)

    def _take(self, results: Iterable[ResultRow]) -> None:
        """Count results, and make the outcomes of their rows."""
        for result in results:
            self._counts.count((result,))
            position = self._match(result)
            if position is not None:
                self._rows.append(self._outcome(position, result))

    def _match(self, result: ResultRow) -> int | None:
        """The position of the row of a result; a result that matches none is kept."""
        if self._matcher is None:
            self._matcher = self._sent.matcher(self._job.object_name, self._describe)
        position = self._matcher.take(result.row)
        if position is None:
            self._unmatched.append(result)
        else:
            self._matched[position] = 1
        return position

    def _take_the_rest(self) -> None:
        """Find the rows of results that matched none, or else the rows that have no result."""
        if self._unmatched:
            self._pair()
        elif self._counts.total < self._sent.count:
            rest = self._unlisted()
            self._counts.count(rest)
            self._rows += rest

    def _pair(self) -> None:
        forms = stored_forms(self._job.object_name, self._sent.file.columns, self._describe)
        left = {at for at, matched in enumerate(self._matched) if not matched}
        pairs, self._unmatched = pair(self._unmatched, self._sent.rows(left), forms)
        for position, result in pairs:
            self._matched[position] = 1
            if not result.success or self._detail is Detail.EVERY_ROW:
                self._rows.append(self._outcome(position, result, returned=result.row))

    def _unlisted(self) -> list[RowOutcome]:
        """The rows that are in no result list."""
        if not self._successes_are_matched:
            self._match_successes()
        status = unlisted_status(self._info, self._counts.total)
        reasons = [self._reason()]
        if status is RowStatus.UNKNOWN:
            reasons.insert(0, RowError(UNKNOWN_CODE, _UNKNOWN.format(self._info.state.value)))
        return [
            RowOutcome(n, status, None, False, tuple(reasons), self._job.id) for n in self._left()
        ]

    def _left(self) -> list[int]:
        """The numbers of the rows without a result."""
        numbers = self._sent.numbers
        return [numbers[at] for at, matched in enumerate(self._matched) if not matched]

    def _successful(self) -> Iterator[ResultRow]:
        with closing(self._job.successful(counted=False)) as rows:
            for one in rows:
                yield ResultRow(RowStatus.SUCCEEDED, one.id, one.created, None, one.row)

    def _failed(self) -> Iterator[ResultRow]:
        with closing(self._job.failed(counted=False)) as rows:
            for one in rows:
                yield ResultRow(
                    RowStatus.FAILED, one.id, created=False, error=one.error, row=one.row
                )

    def _unprocessed(self) -> Iterator[ResultRow]:
        reason = self._reason()
        with closing(self._job.unprocessed()) as rows:
            for row in rows:
                yield ResultRow(RowStatus.UNPROCESSED, None, created=False, error=reason, row=row)

    def _mismatch(self) -> SalesforceError | None:
        """The error of results that are not as many as the rows that were sent."""
        job, counts, sent = self._job, self._counts, self._sent.count
        most = max(counts.total, self._info.records_processed or 0)
        if most > sent:
            return RowCountMismatch(
                f"Job {job.id} on {job.object_name} has {most:,} rows, but {sent:,} were sent. "
                f"{counts} Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=job.id,
            )
        if self._contradicts_counts():
            processed, failed = self._info.records_processed, self._info.records_failed
            return ResultsMismatch(
                f"The results of job {job.id} on {job.object_name} contradict its counts. {counts} "
                f"But Salesforce counts {processed:,} processed, {failed or 0:,} of them failed. "
                "Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=job.id,
            )
        if self._unmatched and counts.total < sent:
            return ResultsMismatch(
                f"{len(self._unmatched):,} of the results of job {job.id} on {job.object_name} "
                f"belong to no row that was sent, and {sent - counts.total:,} of {sent:,} rows "
                f"have no result. {counts} Look at the job in Setup, Bulk Data Load Jobs.",
                job_id=job.id,
            )
        return None

    def _outcome(
        self, position: int, result: ResultRow, returned: Mapping[str, str] | None = None
    ) -> RowOutcome:
        return RowOutcome(
            self._sent.numbers[position],
            result.status,
            result.id,
            result.created,
            (result.error,) if result.error else (),
            self._job.id,
            returned=returned,
        )

    def _reason(self) -> RowError:
        """Why rows were not processed."""
        return parse_reason(self._info.error_message or self._info.state.value)

    def _failure(self) -> SalesforceError | None:
        error = failure(self._info)
        return error and type(error)(f"{error.message} {self._counts}", job_id=self._job.id)


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

    def rows(self, positions: AbstractSet[int]) -> dict[int, dict[str, str]]:
        """The cells of some rows, by position."""
        columns = self.file.columns
        return {
            at: dict(zip(columns, cells, strict=True))
            for at, cells in enumerate(self._cells())
            if at in positions
        }

    def _cells(self) -> Iterator[list[str]]:
        decoder = CsvDecoder()
        for chunk in read_chunks(self.file.path):
            yield from decoder.feed(chunk)
        yield from decoder.flush()

"""Downloads the result files of queries to disk, several at a time, in their order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sfbulk.bulk1.job import rows_missing
from sfbulk.bulk1.query_rows import NO_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.bulk1.states import BatchInfo
    from sfbulk.jobs.page_folder import PageFolder

FILES_AHEAD = 4
"""Files downloaded at a time while one is read."""


@dataclass(frozen=True)
class Result:
    """A result file of a completed batch, on the server."""

    job: Bulk1Job
    batch: BatchInfo
    result_id: str
    is_only: bool
    """Whether it has all rows of its batch."""
    is_last: bool
    """Whether it has the last rows of its batch."""
    can_be_resumed: bool
    """Whether a later run finds it in the same job."""

    @property
    def locator(self) -> str:
        """Names the file in its job."""
        return f"{self.batch.id}/{self.result_id}"


@dataclass(frozen=True)
class ResultFile:
    """A result file on disk."""

    result: Result
    path: Path
    size: int
    is_empty: bool
    """Whether it is the text that Salesforce sends for no rows, instead of a file of the form."""
    following: Result | None
    """The next file; None after the last one."""


class BatchCounts:
    """Compares the rows that were read of each batch with Salesforce's count."""

    def __init__(self) -> None:
        self._rows: dict[str, int | None] = {}

    def begin(self, batch: BatchInfo) -> None:
        """A batch is read from its first row on."""
        self._rows[batch.id] = 0

    def add(self, result: Result, rows: int | None) -> None:
        """The rows of a result file; None if they were not counted.

        Raises:
            RowCountMismatch: the batch has another number of rows.
        """
        known = self._rows.get(result.batch.id)
        counted = None if known is None or rows is None else known + rows
        self._rows[result.batch.id] = counted
        announced = result.batch.number_records_processed
        if result.is_last and counted is not None and announced not in (None, counted):
            raise rows_missing(result.job, result.batch, counted)


def batch_results(job: Bulk1Job, batch: BatchInfo, *, can_be_resumed: bool) -> Iterator[Result]:
    """API call: the result files of a completed batch."""
    listed = job.result_ids(batch.id)
    for place, result_id in enumerate(listed, start=1):
        yield Result(
            job,
            batch,
            result_id,
            is_only=len(listed) == 1,
            is_last=place == len(listed),
            can_be_resumed=can_be_resumed,
        )


def fetch(result: Result, folder: PageFolder) -> tuple[Path, int]:
    """API call: download a result file; its path and bytes."""
    path = folder.new_path()
    result.job.download_result(
        result.batch.id,
        result.result_id,
        lambda chunks: folder.save(chunks, path),
        rows=result.batch.number_records_processed if result.is_only else None,
    )
    return path, path.stat().st_size if path.exists() else 0


class FilesAhead:
    """Result files on disk in their order, while the next ones are downloaded.

    Args:
        folder: where they are.
        pool: downloads them.
    """

    def __init__(self, folder: PageFolder, pool: Executor) -> None:
        self._folder = folder
        self._pool = pool
        self._coming: deque[tuple[Result, Future[tuple[Path, int]]]] = deque()

    def read(self, results: Iterable[Result]) -> Iterator[ResultFile]:
        """API call: each file; it is removed when the next one is taken."""
        left = iter(results)
        self._fill(left)
        while self._coming:
            result, future = self._coming.popleft()
            path, size = future.result()
            self._fill(left)
            following = self._coming[0][0] if self._coming else None
            yield ResultFile(result, path, size, _has_no_rows(path, size), following)
            self._folder.remove(path, size)

    def _fill(self, left: Iterator[Result]) -> None:
        # One is always needed: it is the next to be read.
        room = 1 if self._folder.is_full else FILES_AHEAD
        for result in islice(left, max(room - len(self._coming), 0)):
            self._coming.append((result, self._pool.submit(fetch, result, self._folder)))


def _has_no_rows(path: Path, size: int) -> bool:
    if not size:
        return True
    with path.open("rb") as file:
        return file.read(len(NO_ROWS)) == NO_ROWS.encode()
